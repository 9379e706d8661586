//! What a download of several nodes holds: those nodes and all below them, as of one number of the journal.
//!
//! *Always:* however long it takes, what is read belongs to one state of the folder; the permit is looked at anew for every
//! page. *Never:* the whole tree is held. The caller goes from directory to directory and keeps what it needs of the way.

use crate::Error;
use crate::access::recheck;
use crate::fetch;
use crate::past::{PastTree, Point, When, point};
use metadata::placement::PastNode;
use metadata::{Database, Snapshot, read};
use model::location::Located;
use model::permit::Read;
use model::{Action, Content, ContentId, NodeId, Permit, Seq, Timestamp};
use std::collections::HashMap;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The state that all of it belongs to.
    pub point: Point,
    /// The folder's name.
    pub folder: String,
    /// The nodes, in the order asked, each once; none if the folder's root was asked for, and nothing else.
    pub nodes: Vec<PastNode>,
}

/// The most children of one page.
pub const PAGE: usize = 1_000;

/// Looks up the nodes that are asked for.
///
/// # Errors
/// `Denied`, `NotFound` (one of them was not there), `NotCovered`, `Database`.
pub fn begin(
    database: &dyn Database,
    permit: Permit<Read>,
    when: When,
    wanted: Vec<NodeId>,
    now: Timestamp,
) -> Result<Begun, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, action(when), now)?;
        let point = point(snapshot, &folder, when)?;
        let mut tree = PastTree::new(snapshot, folder.id, point.seq);
        let name = folder.settings.name;
        if wanted == [NodeId::ROOT] {
            return Ok(Begun { point, folder: name, nodes: Vec::new() });
        }
        let mut ids = wanted;
        let mut seen = std::collections::HashSet::new();
        ids.retain(|id| seen.insert(*id));
        tree.load(ids.iter().copied())?;
        let found = ids.iter().map(|id| tree.node(*id).cloned().ok_or(Error::NotFound("node then")));
        Ok(Begun { point, folder: name, nodes: found.collect::<Result<_, _>>()? })
    })
}

fn action(when: When) -> Action {
    if when == When::Now { Action::Read } else { Action::History }
}

/// What was in a directory at that number, by id after one of them, and where to go on.
///
/// # Errors
/// `Denied`, `NotCovered`, `Database`.
pub fn children(
    database: &dyn Database,
    permit: Permit<Read>,
    seq: Seq,
    directory: NodeId,
    after: NodeId,
    now: Timestamp,
) -> Result<(Vec<PastNode>, Option<NodeId>), Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::Read, now)?;
        let point = point(snapshot, &folder, When::Seq(seq))?;
        PastTree::new(snapshot, folder.id, point.seq).children(directory, after, PAGE)
    })
}

/// Where the bytes of these nodes' contents lie, in the order asked. Contents that the node never held are `NotFound`.
///
/// # Errors
/// `Denied`, `NotFound`, `Database`.
pub fn contents(
    database: &dyn Database,
    permit: Permit<Read>,
    wanted: Vec<(NodeId, ContentId)>,
    now: Timestamp,
) -> Result<Vec<Vec<Located>>, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::Read, now)?;
        let held = snapshot.versions_holding(folder.id, &wanted)?;
        let held: std::collections::HashSet<_> = held.into_iter().collect();
        if wanted.iter().any(|pair| !held.contains(pair)) {
            return Err(Error::NotFound("content"));
        }
        let ids: Vec<ContentId> = wanted.iter().map(|(_, content)| *content).collect();
        let chunks = fetch::chunks_of(snapshot, &ids)?;
        let places = places(snapshot, chunks.values().flatten().map(|(id, _)| *id))?;
        let one =
            |id: &ContentId| chunks.get(id).into_iter().flatten().map(|(chunk, _)| find(&places, *chunk));
        ids.iter().map(|id| one(id).collect()).collect()
    })
}

type Places = HashMap<model::ChunkId, model::location::Location>;

fn places(snapshot: &dyn Snapshot, chunks: impl Iterator<Item = model::ChunkId>) -> Result<Places, Error> {
    let rows = snapshot.chunks(&chunks.collect::<Vec<_>>())?;
    Ok(rows.into_iter().map(|row| (row.id, row.location)).collect())
}

fn find(places: &Places, chunk: model::ChunkId) -> Result<Located, Error> {
    let lost = || metadata::Error::new(metadata::ErrorKind::Corrupt, "chunks", chunk.to_string());
    Ok(Located { chunk, location: places.get(&chunk).copied().ok_or_else(lost)? })
}

/// The bytes that a node adds to a download.
#[must_use]
pub fn content_of(node: &PastNode) -> Option<(NodeId, ContentId)> {
    match node.content {
        Content::File { id, size } if size > 0 => Some((node.id, id)),
        _ => None,
    }
}
