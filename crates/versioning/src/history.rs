//! What a folder and its nodes looked like.

use crate::Error;
use crate::access::recheck;
use metadata::node::NodeRow;
use metadata::placement::{PastNode, PlacementRow};
use metadata::version::{VersionOrigin, VersionRow};
use metadata::{Database, Snapshot, read};
use model::permit::Read;
use model::{
    Action, Content, DeviceId, FolderId, Name, NodeId, Permit, RemoteNode, Seq, Timestamp, UserId,
    VersionNumber,
};

/// A version as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Counted from 1.
    pub number: VersionNumber,
    /// From when in the journal.
    pub seq: Seq,
    /// The content.
    pub content: Content,
    /// The newest attributes that it had.
    pub executable: bool,
    /// The same.
    pub mtime: Timestamp,
    /// Who made it.
    pub user: UserId,
    /// From which device.
    pub device: Option<DeviceId>,
    /// When.
    pub at: Timestamp,
    /// How it came to be.
    pub origin: VersionOrigin,
    /// The version it copies or brings back.
    pub of: Option<VersionNumber>,
    /// Whether it is kept for ever.
    pub pinned: bool,
    /// What somebody called it; that keeps it too.
    pub label: Option<String>,
}

/// The most rows read for one node.
const VERSIONS_MAX: usize = 100_000;

/// A node's versions, newest first. A directory has none.
///
/// # Errors
/// `Denied`, `NotFound`, `Database`.
pub fn versions(
    database: &dyn Database,
    permit: Permit<Read>,
    node: NodeId,
    now: Timestamp,
) -> Result<Vec<Version>, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::History, now)?;
        if snapshot.nodes(folder.id, &[node])?.is_empty() {
            return Err(Error::NotFound("node"));
        }
        let rows = snapshot.versions(folder.id, node, Seq(0), VERSIONS_MAX)?;
        let mut versions: Vec<Version> = Vec::new();
        for row in rows {
            match versions.last_mut() {
                Some(last) if last.number == row.number => {
                    last.executable = row.executable;
                    last.mtime = row.mtime;
                }
                _ => versions.push(version(row)),
            }
        }
        for pin in snapshot.pins(folder.id, &[node])? {
            if let Ok(index) = versions.binary_search_by_key(&pin.number, |version| version.number) {
                versions[index].pinned = pin.pinned;
                versions[index].label = pin.label;
            }
        }
        versions.reverse();
        Ok(versions)
    })
}

fn version(row: VersionRow) -> Version {
    Version {
        number: row.number,
        seq: row.seq,
        content: row.content,
        executable: row.executable,
        mtime: row.mtime,
        user: row.user,
        device: row.device,
        at: row.at,
        origin: row.origin,
        of: row.of,
        pinned: false,
        label: None,
    }
}

/// Where a node stood, oldest first.
///
/// # Errors
/// `Denied`, `NotFound`, `Database`.
pub fn placements(
    database: &dyn Database,
    permit: Permit<Read>,
    node: NodeId,
    now: Timestamp,
) -> Result<Vec<PlacementRow>, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::History, now)?;
        let rows = snapshot.placements(folder.id, node)?;
        if rows.is_empty() { Err(Error::NotFound("node")) } else { Ok(rows) }
    })
}

/// The tree as it was at a number of the journal, without the root, by node after one of them.
///
/// # Errors
/// `Denied`, `RolledBack` (a number that has not been given yet), `NotCovered`, `Database`.
pub fn tree_at(
    database: &dyn Database,
    permit: Permit<Read>,
    seq: Seq,
    after: NodeId,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<PastNode>, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::History, now)?;
        if seq > folder.counters.head {
            return Err(Error::RolledBack);
        }
        let since = snapshot.retention(folder.id)?.covered_since;
        if seq < since {
            return Err(Error::NotCovered { since });
        }
        Ok(snapshot.tree_at(folder.id, seq, after, limit)?)
    })
}

/// A removed node that can be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The node, with its last place and content.
    pub node: RemoteNode,
    /// Its names from the root down; directories above it may be removed too.
    pub path: Vec<Name>,
    /// Who removed it.
    pub user: UserId,
    /// From which device.
    pub device: Option<DeviceId>,
    /// When.
    pub at: Timestamp,
}

/// The trash: removed nodes, the last removed first, `before` a number of the journal (none: from the newest).
///
/// # Errors
/// `Denied`, `Database`.
pub fn trash(
    database: &dyn Database,
    permit: Permit<Read>,
    before: Option<Seq>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Removed>, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::History, now)?;
        let rows = snapshot.removed_nodes(folder.id, before, limit)?;
        Ok(removals(snapshot, folder.id, &rows)?)
    })
}

/// Removed nodes, with who removed them when.
fn removals(snapshot: &dyn Snapshot, folder: FolderId, rows: &[NodeRow]) -> metadata::Result<Vec<Removed>> {
    let removals: Vec<(NodeId, Seq)> = rows.iter().map(|row| (row.id, row.revision.placement)).collect();
    let removals = snapshot.placements_at(folder, &removals)?;
    let ids: Vec<NodeId> = rows.iter().map(|row| row.id).collect();
    let above = snapshot.nodes_and_ancestors(folder, &ids)?;
    let removed = rows.iter().filter_map(|row| {
        let index = removals.binary_search_by_key(&row.id, |removal| removal.node).ok()?;
        let removal = &removals[index];
        Some(Removed {
            node: row.to_remote(),
            path: path(&above, row.id),
            user: removal.user,
            device: removal.device,
            at: removal.at,
        })
    });
    Ok(removed.collect())
}

/// The names from the root down to a node, of rows by id; through removed directories as they last stood.
pub(crate) fn path(rows: &[NodeRow], id: NodeId) -> Vec<Name> {
    let mut names = Vec::new();
    let mut at = id;
    while at != NodeId::ROOT && names.len() <= rows.len() {
        let Ok(index) = rows.binary_search_by_key(&at, |row| row.id) else { break };
        names.push(rows[index].name.clone());
        at = rows[index].parent;
    }
    names.reverse();
    names
}

/// A removed node, and what of its directory is in the trash with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedTree {
    /// The node.
    pub removed: Removed,
    /// How many removed nodes are below it, at any depth.
    pub nodes: u64,
    /// Its bytes, and those of all removed files below.
    pub bytes: u64,
}

/// What was removed from one directory, which may be removed itself: by id after one of them.
///
/// # Errors
/// `Denied`, `NotFound`, `Database`.
pub fn trash_of(
    database: &dyn Database,
    permit: Permit<Read>,
    directory: NodeId,
    after: NodeId,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<RemovedTree>, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::History, now)?;
        if snapshot.nodes(folder.id, &[directory])?.is_empty() {
            return Err(Error::NotFound("node"));
        }
        let (mut trees, mut after) = (Vec::new(), after);
        while trees.len() < limit {
            let rows = snapshot.removed_children(folder.id, directory, after, limit)?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            trees.extend(removed_trees(snapshot, folder.id, rows)?);
        }
        trees.truncate(limit);
        Ok(trees)
    })
}

/// Removed nodes with what is below them; without those of which nothing can be brought back any more.
fn removed_trees(
    snapshot: &dyn Snapshot,
    folder: FolderId,
    mut rows: Vec<NodeRow>,
) -> metadata::Result<Vec<RemovedTree>> {
    let directories = rows.iter().filter(|row| row.content.is_directory()).map(|row| row.id);
    let below = snapshot.removed_below(folder, &directories.collect::<Vec<_>>())?;
    let found = |id: NodeId| below.binary_search_by_key(&id, |(id, ..)| *id).ok().map(|index| below[index]);
    rows.retain(|row| !row.purged || found(row.id).is_some());
    let trees = removals(snapshot, folder, &rows)?.into_iter().map(|removed| {
        let (_, nodes, bytes) = found(removed.node.id).unwrap_or((removed.node.id, 0, 0));
        let bytes = bytes.saturating_add(removed.node.content.size());
        RemovedTree { removed, nodes, bytes }
    });
    Ok(trees.collect())
}
