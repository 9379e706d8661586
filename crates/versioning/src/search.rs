//! Names that hold a text, in every folder that one may read.
//!
//! *Always:* each folder passes a permit of its own, looked at again in the unit that searches; removed nodes are not found; what
//! one call looks at is bounded, and the next goes on from there.

use crate::Error;
use crate::access::recheck;
use crate::history::path;
use metadata::folder::Folder;
use metadata::node::{NamePlace, NameSearch, NodeRow};
use metadata::{Database, Snapshot, read};
use model::permit::Read;
use model::{Action, FolderId, Kind, Name, NameRule, NodeId, Permit, Timestamp};

/// How many names one call looks at.
pub const LOOK: u64 = 100_000;

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Search {
    /// The folders, in the order of their ids.
    pub permits: Vec<Permit<Read>>,
    /// Part of the name, in any case.
    pub text: String,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only of so many bytes or more.
    pub size_min: u64,
    /// Only what was modified at this moment or later.
    pub modified_since: Option<Timestamp>,
    /// Where the call before stopped.
    pub after: Option<Place>,
    /// The most nodes.
    pub limit: usize,
    /// Now.
    pub now: Timestamp,
}

/// Where a search stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// In which folder,
    pub folder: FolderId,
    /// after which name; none: before all.
    pub name: Option<NamePlace>,
}

/// A node that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its folder.
    pub folder: FolderId,
    /// The node.
    pub node: NodeRow,
    /// Its names from the root down.
    pub path: Vec<Name>,
}

/// What was found, and where to go on; nowhere if all was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// By folder, directory and name.
    pub hits: Vec<Hit>,
    /// For the next call.
    pub next: Option<Place>,
}

/// Searches.
///
/// # Errors
/// `Database`. A folder that one may not read any more holds nothing.
pub fn search(database: &dyn Database, search: Search) -> Result<Hits, Error> {
    read(database, move |snapshot| {
        let mut found = Hits::default();
        let mut look = LOOK;
        let begun = search.after.as_ref().map_or(FolderId(0), |place| place.folder);
        for permit in search.permits.iter().filter(|permit| permit.folder() >= begun) {
            let folder = match recheck(snapshot, permit, Action::List, search.now) {
                Err(Error::Denied(_)) => continue,
                folder => folder?,
            };
            if look == 0 || found.hits.len() == search.limit {
                found.next = Some(Place { folder: folder.id, name: None });
                break;
            }
            let after = search.after.as_ref().filter(|place| place.folder == folder.id);
            let after = after.and_then(|place| place.name.as_ref());
            let next = in_folder(snapshot, &folder, &search, after, look, &mut found.hits)?;
            look = look.saturating_sub(folder.counters.nodes.max(1));
            if next.is_some() {
                found.next = Some(Place { folder: folder.id, name: next });
                break;
            }
        }
        Ok(found)
    })
}

fn in_folder(
    snapshot: &dyn Snapshot,
    folder: &Folder,
    search: &Search,
    after: Option<&NamePlace>,
    look: u64,
    hits: &mut Vec<Hit>,
) -> Result<Option<NamePlace>, Error> {
    let names = NameSearch {
        text: model::name::fold(&search.text),
        exact: folder.names == NameRule::Exact,
        kind: search.kind,
        size_min: search.size_min,
        modified_since: search.modified_since,
    };
    let found = snapshot.search_names(folder.id, &names, after, look, search.limit - hits.len())?;
    let ids: Vec<NodeId> = found.nodes.iter().map(|node| node.id).collect();
    let above = snapshot.nodes_and_ancestors(folder.id, &ids)?;
    let paths = found.nodes.into_iter().map(|node| {
        let path = path(&above, node.id);
        Hit { folder: folder.id, node, path }
    });
    hits.extend(paths);
    Ok(found.next)
}
