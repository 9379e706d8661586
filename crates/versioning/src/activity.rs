//! What was done in a folder last: for who may read it by name, for who only administers the server by numbers.

use crate::Error;
use crate::access::recheck;
use crate::history::path;
use metadata::activity::ActivityRow;
use metadata::{Database, Snapshot, read};
use model::permit::Read;
use model::{Action, DeviceId, FolderId, Name, NodeId, Permit, Seq, Timestamp, UserId};
use std::collections::BTreeMap;

/// The newest change of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The node, who changed it, when and how.
    pub row: ActivityRow,
    /// Its names from the root down, as it stands or last stood.
    pub path: Vec<Name>,
}

/// The newest changes of a folder below a number (none: from the newest), newest first.
///
/// # Errors
/// `Denied`, `Database`.
pub fn activity(
    database: &dyn Database,
    permit: Permit<Read>,
    before: Option<Seq>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Activity>, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::History, now)?;
        let rows = snapshot.activity(folder.id, before, limit)?;
        let ids: Vec<NodeId> = rows.iter().map(|row| row.node.id).collect();
        let above = snapshot.nodes_and_ancestors(folder.id, &ids)?;
        Ok(rows.into_iter().map(|row| Activity { path: path(&above, row.node.id), row }).collect())
    })
}

/// What one person did in a folder from one device, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Who; none if that is not kept.
    pub user: Option<UserId>,
    /// From which device.
    pub device: Option<DeviceId>,
    /// How many nodes.
    pub nodes: u64,
    /// How many of them were removed.
    pub removed: u64,
    /// When last.
    pub at: Timestamp,
}

/// Who changed how much of a folder last, the last first: among the `limit` newest changes those since a moment. Says
/// nothing of what was changed.
///
/// # Errors
/// `Database`.
pub fn tally(
    snapshot: &dyn Snapshot,
    folder: FolderId,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<Tally>, Error> {
    let mut tallies: BTreeMap<(Option<UserId>, Option<DeviceId>), Tally> = BTreeMap::new();
    for row in snapshot.activity(folder, None, limit)? {
        let Some(at) = row.at.filter(|at| *at >= since) else { continue };
        let (user, device) = (row.user, row.device);
        let tally = tallies.entry((user, device)).or_insert(Tally { user, device, nodes: 0, removed: 0, at });
        tally.nodes += 1;
        tally.removed += u64::from(row.node.deleted);
        tally.at = tally.at.max(at);
    }
    let mut tallies: Vec<Tally> = tallies.into_values().collect();
    tallies.sort_by_key(|tally| std::cmp::Reverse(tally.at));
    Ok(tallies)
}
