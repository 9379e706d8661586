//! What strangers see and download.

use super::recheck;
use crate::Error;
use crate::fetch::{self, File};
use metadata::node::NodeRow;
use metadata::{Database, Snapshot, Transaction, read, write};
use model::permit::Read;
use model::{
    Action, Content, ContentId, FolderId, Kind, LinkDenied, LinkPermit, Name, NameKey, NodeId, Timestamp,
};

/// For how long who has begun to download something may go on with it.
pub const GO_ON_HOURS: u64 = 24;

/// A node as strangers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub node: NodeId,
    /// Its name; the folder's for a whole folder.
    pub name: String,
    /// What it is: never a symbolic link, which could say something of what is elsewhere.
    pub kind: Kind,
    /// A file's bytes.
    pub size: u64,
    /// The modification time.
    pub mtime: Timestamp,
    /// Where the next page after it begins.
    pub key: NameKey,
}

/// A place that a link opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// From the link's own node down to the one asked for.
    pub way: Vec<Seen>,
    /// What is in it, by name, if it is a directory.
    pub entries: Vec<Seen>,
    /// Whether there are more after the last.
    pub more: bool,
}

fn seen(row: &NodeRow, folder_name: &str) -> Option<Seen> {
    let kind = row.content.kind();
    (kind != Kind::Link && !row.deleted).then(|| Seen {
        node: row.id,
        name: if row.id == NodeId::ROOT { folder_name.to_owned() } else { row.name.as_str().to_owned() },
        kind,
        size: row.content.size(),
        mtime: row.mtime,
        key: row.name_key.clone(),
    })
}

/// Opens a node: the way to it, and a page of what is in it.
///
/// # Errors
/// `Link`, `Database`.
pub fn open(
    database: &dyn Database,
    permit: LinkPermit<Read>,
    after: Option<NameKey>,
    limit: usize,
    now: Timestamp,
) -> Result<Opened, Error> {
    read(database, move |snapshot| {
        let (link, folder) = recheck(snapshot, &permit, Action::List, now)?;
        let name = &folder.settings.name;
        let line = snapshot.nodes_and_ancestors(folder.id, &[permit.node()])?;
        let mut way = Vec::new();
        let mut at = permit.node();
        loop {
            let row = line.iter().find(|row| row.id == at).ok_or(LinkDenied::Hidden)?;
            way.push(seen(row, name).ok_or(LinkDenied::Hidden)?);
            if at == link.node {
                break;
            }
            at = row.parent;
        }
        way.reverse();
        let is_directory = way.last().is_some_and(|seen| seen.kind == Kind::Directory);
        let (entries, more) = match is_directory {
            true => page(snapshot, folder.id, permit.node(), after.as_ref(), limit)?,
            false => (Vec::new(), false),
        };
        Ok(Opened { way, entries, more })
    })
}

fn page(
    snapshot: &dyn Snapshot,
    folder: FolderId,
    directory: NodeId,
    after: Option<&NameKey>,
    limit: usize,
) -> Result<(Vec<Seen>, bool), Error> {
    let mut rows = snapshot.children_by_name(folder, directory, after, limit + 1)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok((rows.iter().filter_map(|row| seen(row, "")).collect(), more))
}

/// A file that can be downloaded: what it is called and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub name: Name,
    /// What it holds.
    pub content: ContentId,
    /// Its size in bytes.
    pub size: u64,
}

/// What a download would give, without counting one.
///
/// # Errors
/// `Link`, `NotFound` (it is no file), `Database`.
pub fn offer(database: &dyn Database, permit: LinkPermit<Read>, now: Timestamp) -> Result<Offer, Error> {
    read(database, move |snapshot| {
        let (_, folder) = recheck(snapshot, &permit, Action::Read, now)?;
        offered(snapshot, folder.id, permit.node())
    })
}

fn offered(snapshot: &dyn Snapshot, folder: FolderId, node: NodeId) -> Result<Offer, Error> {
    let row = snapshot.nodes(folder, &[node])?.pop().ok_or(LinkDenied::Hidden)?;
    let Content::File { id, size } = row.content else { return Err(Error::NotFound("file")) };
    Ok(Offer { name: row.name, content: id, size })
}

/// Who downloads, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// From where.
    pub visitor: String,
    /// Whether the request is for the beginning. One for a later range goes on with a download that this visitor has begun.
    pub from_the_start: bool,
}

/// A file on its way to a stranger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// What it is called and what it holds.
    pub offer: Offer,
    /// Where it lies.
    pub file: File,
    /// Whether it was counted, or goes on with one that was.
    pub counted: bool,
}

/// Counts a download and gives the file: a link that is used up gives nothing more, but to who goes on with a download that
/// was counted. The count and the look at the file are one transaction, so that of strangers who come at once no more get
/// something than may.
///
/// # Errors
/// `Link`, `NotFound`, `Database`.
pub fn download(
    database: &dyn Database,
    permit: LinkPermit<Read>,
    visit: Visit,
    now: Timestamp,
) -> Result<Download, Error> {
    write(database, move |transaction| {
        let snapshot = transaction.as_snapshot();
        let (link, folder) = recheck(snapshot, &permit, Action::Read, now)?;
        let offer = offered(snapshot, folder.id, permit.node())?;
        let file = fetch::located(snapshot, offer.content, offer.size, now)?;
        let counted = count(transaction, link.id, offer.content, &visit, now)?;
        Ok(Download { offer, file, counted })
    })
}

fn count(
    transaction: &dyn Transaction,
    link: model::LinkId,
    content: ContentId,
    visit: &Visit,
    now: Timestamp,
) -> Result<bool, Error> {
    let begun = transaction.link_download(link, &visit.visitor, content)?;
    let goes_on = begun.is_some_and(|at| at.plus_ms(GO_ON_HOURS * 3_600_000) > now);
    if goes_on && !visit.from_the_start {
        return Ok(false);
    }
    if !transaction.use_link(link, now)? {
        return Err(LinkDenied::Hidden.into());
    }
    transaction.put_link_download(link, &visit.visitor, content, now)?;
    Ok(true)
}
