//! Restoring to a moment: a folder, or what is below a directory, becomes as it was — as a new state with placements and
//! versions of its own, so that it can be undone by restoring to the number before it. No content is copied or sent.
//!
//! Nodes made since go to the trash, removed ones come back with their ids, moves are undone, old contents become new
//! versions. With [`Only`] just the changes of one person or device are undone, where nobody else has changed the same half
//! of the same node (its place, or its content) after.
//!
//! A whole folder becomes exactly as it was. Elsewhere the rest of the tree may be in the way: directories above that are
//! gone come back (or another living one of the name is used), a name that is taken gets a mark as in
//! [`restore`](crate::restore), and what cannot be done at all is left as it is and said so ([`Kept`]).
//!
//! Reading order: this file (one transaction, or a preview), `rewind/targets.rs` (what is to become of which node),
//! `rewind/apply.rs` (doing it in a workspace), `rewind/answer.rs` (how the answer is stored).

mod answer;
mod apply;
mod targets;

use crate::Error;
use crate::access::recheck;
use crate::commit::workspace::{Author, Workspace};
use crate::commit::{caller, stored_row};
use crate::identity::epoch;
use crate::past::{PastTree, Point, When, point};
use metadata::folder::Folder;
use metadata::operation::OperationRow;
use metadata::{Database, Snapshot, read, write};
use model::permit::Write;
use model::{Action, DeviceId, IdempotencyKey, Limits, Name, NodeId, Permit, Seq, Timestamp, UserId};
use std::collections::HashSet;
use targets::Plan;

/// The most nodes that one restore changes: about a kilobyte of memory each.
pub const NODES_MAX: usize = 1_000_000;

/// How many kept nodes an answer lists; beyond that they are only counted.
pub const KEPT_LISTED: usize = 1_000;

/// Whose changes are undone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Only {
    /// Everybody's.
    #[default]
    Everybody,
    /// One person's; of these devices alone, if any are named.
    By {
        /// The person.
        user: Option<UserId>,
        /// The devices.
        devices: Option<Vec<DeviceId>>,
    },
}

impl Only {
    fn is_theirs(&self, by: UserId, from: Option<DeviceId>) -> bool {
        match self {
            Self::Everybody => true,
            Self::By { user, devices } => {
                user.is_none_or(|user| user == by)
                    && devices.as_ref().is_none_or(|devices| from.is_some_and(|from| devices.contains(&from)))
            }
        }
    }
}

/// A restore to a moment, ready to run.
#[derive(Debug)]
pub struct Rewind {
    /// Who may write where.
    pub permit: Permit<Write>,
    /// Which attempt this is.
    pub key: IdempotencyKey,
    /// Digest of the whole request.
    pub digest: [u8; 32],
    /// To when.
    pub to: When,
    /// From this node down,
    pub node: NodeId,
    /// along these names as they were then, or else as they are now.
    pub path: Vec<Name>,
    /// Whose changes are undone.
    pub only: Only,
    /// What the server takes.
    pub limits: Limits,
    /// Now.
    pub now: Timestamp,
}

/// Why a node was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Somebody else has changed it after.
    ChangedByOthers,
    /// It is a directory that was made since, and something in it stays.
    InUse,
    /// The tree of today does not allow it: a directory would be below itself, a path too long.
    Impossible,
}

/// A node that was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The node.
    pub node: NodeId,
    /// Why.
    pub reason: Reason,
}

/// What a restore has done, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewound {
    /// The place in the journal that was restored.
    pub to: Point,
    /// The newest number before it: restoring to that undoes it.
    pub before: Seq,
    /// The newest number after it; of a preview, as before.
    pub head: Seq,
    /// Nodes that went to the trash.
    pub removed: u64,
    /// Nodes that came back.
    pub returned: u64,
    /// Nodes that stand elsewhere now.
    pub moved: u64,
    /// Nodes with another content or other attributes now.
    pub changed: u64,
    /// Those that got a mark in their name, because it was taken.
    pub renamed: u64,
    /// Nodes of which the very version of then was thinned out: the one kept from before it stands in.
    pub thinned: u64,
    /// The first [`KEPT_LISTED`] that were left as they are.
    pub kept: Vec<Kept>,
    /// How many were.
    pub kept_count: u64,
    /// Whether this is the stored answer of an earlier attempt.
    pub repeated: bool,
}

/// Restores in one transaction.
///
/// # Errors
/// `Denied`, `KeyReused`, `NotFound` (no such moment; nothing at that path), `NotCovered`, `Quota`, `Limit`, `Database`.
pub fn rewind(database: &dyn Database, rewind: Rewind) -> Result<Rewound, Error> {
    write(database, move |transaction| {
        let snapshot = transaction.as_snapshot();
        let folder = recheck(snapshot, &rewind.permit, Action::Restore, rewind.now)?;
        let principal = rewind.permit.principal();
        if let Some(row) = stored_row(snapshot, principal, rewind.key, &rewind.digest)? {
            let damaged = || metadata::Error::new(metadata::ErrorKind::Corrupt, "operation", "not an answer");
            return Ok(answer::read(&row.result).ok_or_else(damaged)?);
        }
        let (workspace, mut rewound) = prepare(snapshot, folder, &rewind)?;
        rewound.head = workspace.write(transaction)?;
        let row = OperationRow { digest: rewind.digest, result: answer::write(&rewound), at: rewind.now };
        transaction.put_operation(caller(principal), rewind.key, &row)?;
        Ok(rewound)
    })
}

/// What a restore would do. Nothing is changed.
///
/// # Errors
/// As [`rewind`].
pub fn preview(database: &dyn Database, rewind: Rewind) -> Result<Rewound, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &rewind.permit, Action::Restore, rewind.now)?;
        Ok(prepare(snapshot, folder, &rewind)?.1)
    })
}

/// Does it in memory.
fn prepare(snapshot: &dyn Snapshot, folder: Folder, rewind: &Rewind) -> Result<(Workspace, Rewound), Error> {
    let to = point(snapshot, &folder, rewind.to)?;
    let before = folder.counters.head;
    let tops = tops(snapshot, &folder, to.seq, rewind)?;
    let plan = Plan::make(snapshot, &folder, to.seq, &tops, &rewind.only)?;
    let author = Author::new(rewind.permit.principal(), epoch(snapshot)?, rewind.now);
    let mut workspace = Workspace::load_wanted(snapshot, folder, author, rewind.limits, &plan.to_load())?;
    let done = apply::apply(snapshot, rewind.permit.folder(), &mut workspace, &plan)?;
    let thinned = plan.thinned;
    let mut kept = plan.into_kept();
    kept.extend(done.kept);
    kept.sort_unstable_by_key(|kept| kept.node);
    kept.dedup_by_key(|kept| kept.node);
    let kept_count = kept.len() as u64;
    kept.truncate(KEPT_LISTED);
    let rewound = Rewound {
        to,
        before,
        head: before,
        removed: done.removed,
        returned: done.returned,
        moved: done.moved,
        changed: done.changed,
        renamed: done.renamed,
        thinned,
        kept,
        kept_count,
        repeated: false,
    };
    Ok((workspace, rewound))
}

/// What is restored with all that is, or was, below: the node that the path led to then, and who stands in its place now;
/// else the node that it leads to now.
fn tops(
    snapshot: &dyn Snapshot,
    folder: &Folder,
    then: Seq,
    rewind: &Rewind,
) -> Result<HashSet<NodeId>, Error> {
    let mut then = PastTree::new(snapshot, folder.id, then);
    let now = PastTree::new(snapshot, folder.id, folder.counters.head);
    let mut tops = HashSet::new();
    tops.extend(now.find(folder, rewind.node, &rewind.path)?);
    if let Some(found) = then.find(folder, rewind.node, &rewind.path)? {
        tops.insert(found);
        then.load([found])?;
        if let Some(node) = then.node(found) {
            let place = (node.parent, folder.names.key(&node.name));
            tops.extend(snapshot.nodes_named(folder.id, &[place])?.into_iter().map(|row| row.id));
        }
    }
    if tops.is_empty() { Err(Error::NotFound("path, then or now")) } else { Ok(tops) }
}
