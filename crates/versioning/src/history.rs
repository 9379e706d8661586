//! What a folder and its nodes looked like.

use crate::Error;
use crate::access::recheck;
use metadata::placement::{PastNode, PlacementRow};
use metadata::version::{VersionOrigin, VersionRow};
use metadata::{Database, read};
use model::permit::Read;
use model::{Action, Content, DeviceId, NodeId, Permit, RemoteNode, Seq, Timestamp, UserId, VersionNumber};

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
        let removals: Vec<(NodeId, Seq)> = rows.iter().map(|row| (row.id, row.revision.placement)).collect();
        let removals = snapshot.placements_at(folder.id, &removals)?;
        let removed = rows.iter().filter_map(|row| {
            let index = removals.binary_search_by_key(&row.id, |removal| removal.node).ok()?;
            let removal = &removals[index];
            Some(Removed {
                node: row.to_remote(),
                user: removal.user,
                device: removal.device,
                at: removal.at,
            })
        });
        Ok(removed.collect())
    })
}
