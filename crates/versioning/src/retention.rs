//! What of a folder's past is kept, and for how long.
//!
//! [`plan`](plan::plan) decides about one node, without any database. [`round`] carries it out for whichever nodes
//! are due: nodes that changed are put into a queue, and every look says when to look again; so the cost follows
//! what changes, never what the folder holds. Each step is a transaction of its own and bounded, so that commits
//! wait for none of them long, and what was done stays done.
//!
//! What goes are rows only: versions, then nodes in the trash, then tombstones. The chunks that nothing names any
//! more are left to the collection of the store. Placements go with their tombstone and not before.
//!
//! Honest about the past: [`RetentionRow::covered_since`] is the first number of which the folder's tree can still be
//! shown; a row that answers for others, thinned out after it, says from where on.

pub mod plan;

use crate::Error;
use crate::access::recheck;
use metadata::folder::Folder;
use metadata::retention::{BusyHour, DueNode, KeptRow, PinRow, RetentionRow};
use metadata::{Database, Snapshot, Transaction, read, write};
use model::permit::Write;
use model::{Action, FolderId, NodeId, Permit, Seq, Timestamp, VersionNumber};
use plan::{DAY_NS, HOUR_NS, Held, Plan, Row, Rules, plan};
use std::collections::{BTreeMap, BTreeSet};

/// For how many days a tombstone stays at least: for so long a device may be away and go on from where it was.
pub const TOMBSTONE_DAYS: i64 = 180;
/// For how many days at least what is next to a mass change stays, unless somebody acknowledges it.
pub const HOLD_DAYS: i64 = 90;
/// A mass change: more nodes than this, and more than a fifth of the folder, changed or removed within an hour.
pub const MASS_NODES: u64 = 1000;
/// The longest label of a version, in bytes.
pub const LABEL_BYTES_MAX: usize = 200;

/// Nodes looked at in one transaction.
const NODES: usize = 500;
/// Rows looked at in one transaction.
const ROWS: usize = 20_000;
/// Changed nodes queued in one transaction.
const QUEUED: usize = 5000;
/// Bursts are looked for in the hours that begin at these places of the clock's.
const SHIFTS_NS: [i64; 2] = [0, HOUR_NS / 2];

/// What a step has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Nodes looked at.
    pub looked: u64,
    /// Rows of versions that went.
    pub versions: u64,
    /// Bytes that they named, each counted in full.
    pub bytes: u64,
    /// Removed nodes that can be brought back no more.
    pub purged: u64,
    /// Tombstones that went.
    pub tombstones: u64,
}

impl Done {
    fn add(&mut self, other: Self) {
        self.looked += other.looked;
        self.versions += other.versions;
        self.bytes += other.bytes;
        self.purged += other.purged;
        self.tombstones += other.tombstones;
    }
}

/// Everything that is due in a folder now, step by step. `go_on` is asked before each step.
///
/// # Errors
/// `NotFound` (the folder), `Database`. What was done before stays done.
pub fn round(
    database: &dyn Database,
    folder: FolderId,
    now: Timestamp,
    go_on: &dyn Fn() -> bool,
) -> Result<Done, Error> {
    let mut done = Done::default();
    if !go_on() {
        return Ok(done);
    }
    watch(database, folder, now)?;
    // What has just changed has nothing to give for an hour; from the beginning everything is looked at now.
    let is_anew =
        read::<_, Error>(database, move |snapshot| Ok(snapshot.retention(folder)?.queued_to == Seq(0)))?;
    let at = if is_anew { now } else { Timestamp(now.0.saturating_add(HOUR_NS)) };
    while go_on() && queue(database, folder, at)? {}
    while go_on() {
        let step = look(database, folder, now)?;
        done.add(step);
        if step.looked == 0 {
            break;
        }
    }
    Ok(done)
}

/// A folder and its retention.
fn load(snapshot: &dyn Snapshot, folder: FolderId) -> Result<(Folder, RetentionRow), Error> {
    let row = snapshot.folder(folder)?.ok_or(Error::NotFound("folder"))?;
    Ok((row, snapshot.retention(folder)?))
}

fn rules(folder: &Folder, retention: &RetentionRow) -> Rules {
    Rules {
        versions: folder.settings.keep_versions,
        days: folder.settings.keep_days,
        safe_days: retention.safe_days,
    }
}

/// Looks for mass changes among what is new.
fn watch(database: &dyn Database, folder: FolderId, now: Timestamp) -> Result<(), Error> {
    let (found, watched_to) = read::<_, Error>(database, move |snapshot| {
        let (row, retention) = load(snapshot, folder)?;
        if row.counters.head <= retention.watched_to {
            return Ok((Vec::new(), None));
        }
        let (mut found, mut open) = (Vec::new(), None);
        // Hours that may not be over are looked at again, whole.
        let closed = now.0.saturating_sub(2 * HOUR_NS);
        for shift in SHIFTS_NS {
            for hour in snapshot.busy_hours(folder, retention.watched_to, shift)? {
                if is_mass(&hour, row.counters.nodes) {
                    found.push(hour);
                }
                if hour.last_at.0 > closed {
                    open = Some(open.map_or(hour.first, |open: Seq| open.min(hour.first)));
                }
            }
        }
        let to = open.map_or(row.counters.head, |first| Seq(first.0.saturating_sub(1)));
        Ok((found, Some(to.max(retention.watched_to)).filter(|to| *to != retention.watched_to)))
    })?;
    if found.is_empty() && watched_to.is_none() {
        return Ok(());
    }
    write(database, move |transaction| {
        let retention = transaction.retention(folder)?;
        for hour in &found {
            transaction.put_mass_change(folder, hour)?;
        }
        let watched_to = watched_to.unwrap_or(retention.watched_to);
        Ok(transaction.put_retention(folder, &RetentionRow { watched_to, ..retention })?)
    })
}

/// More than a thousand nodes, and more than a fifth of those that lived before.
fn is_mass(hour: &BusyHour, living: u64) -> bool {
    hour.nodes > MASS_NODES && hour.nodes.saturating_mul(5) > living.saturating_add(hour.removed)
}

/// Puts changed nodes into the queue, to be looked at then. Says whether there may be more.
fn queue(database: &dyn Database, folder: FolderId, at: Timestamp) -> Result<bool, Error> {
    let ready = read::<_, Error>(database, move |snapshot| {
        let (row, retention) = load(snapshot, folder)?;
        Ok(row.counters.head > retention.queued_to)
    })?;
    if !ready {
        return Ok(false);
    }
    write(database, move |transaction| {
        let (row, retention) = load(transaction.as_snapshot(), folder)?;
        let to = transaction.queue_changed(folder, retention.queued_to, QUEUED, at)?;
        let queued_to = to.unwrap_or(row.counters.head);
        transaction.put_retention(folder, &RetentionRow { queued_to, ..retention })?;
        Ok(to.is_some())
    })
}

/// What a look at some nodes found.
#[derive(Debug, Default)]
struct Look {
    rows: Vec<(NodeId, Seq)>,
    bytes: u64,
    thinned: Vec<(NodeId, Seq, Seq)>,
    purge: Vec<NodeId>,
    tombstones: Vec<NodeId>,
    covered_since: Option<Seq>,
    floor: Option<Seq>,
    due: Vec<(NodeId, Option<Timestamp>)>,
}

/// Looks at the nodes that are due, and carries out what was decided.
fn look(database: &dyn Database, folder: FolderId, now: Timestamp) -> Result<Done, Error> {
    let waiting =
        read::<_, Error>(database, move |snapshot| Ok(!snapshot.due_nodes(folder, now, 1)?.is_empty()))?;
    if !waiting {
        return Ok(Done::default());
    }
    write(database, move |transaction| {
        let nodes = transaction.due_nodes(folder, now, NODES)?;
        let look = Look::at(transaction.as_snapshot(), folder, &nodes, now)?;
        look.carry_out(transaction, folder)
    })
}

impl Look {
    fn at(
        snapshot: &dyn Snapshot,
        folder: FolderId,
        nodes: &[DueNode],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let (row, retention) = load(snapshot, folder)?;
        let rules = rules(&row, &retention);
        let held = held(snapshot, folder, rules, now)?;
        let ids: Vec<NodeId> = nodes.iter().filter(|node| !node.purged).map(|node| node.node).collect();
        let mut rows = snapshot.kept_rows(folder, &ids, ROWS)?;
        // The last node's rows may not be all. It is looked at in the next step; if it is alone, as far as it was read.
        let cut = rows.last().map(|row| row.node).filter(|_| rows.len() == ROWS);
        let is_alone = cut.is_some_and(|cut| rows.first().is_some_and(|row| row.node == cut));
        if let (Some(cut), false) = (cut, is_alone) {
            rows.retain(|row| row.node < cut);
        }
        let mut by_node: BTreeMap<NodeId, Vec<KeptRow>> = BTreeMap::new();
        for row in rows {
            by_node.entry(row.node).or_default().push(row);
        }
        let mut look = Self::default();
        for node in nodes {
            match cut {
                Some(cut) if !node.purged && (node.node > cut || (node.node == cut && !is_alone)) => {}
                _ if node.purged => look.tombstone(node, now),
                _ => {
                    let is_cut = cut == Some(node.node);
                    let rows = by_node.remove(&node.node).unwrap_or_default();
                    look.node(node, &rows, is_cut, rules, &held, now);
                }
            }
        }
        Ok(look)
    }

    /// A purged node: its tombstone goes when its time is over and nothing names it as its directory.
    fn tombstone(&mut self, node: &DueNode, now: Timestamp) {
        let over = node.removed_at.map_or(i64::MAX, |at| at.0.saturating_add(TOMBSTONE_DAYS * DAY_NS));
        if over > now.0 {
            self.due.push((node.node, Some(Timestamp(over))));
        } else if node.has_removed_children {
            self.due.push((node.node, Some(Timestamp(now.0.saturating_add(DAY_NS)))));
        } else {
            self.tombstones.push(node.node);
            self.floor = self.floor.max(Some(node.seq));
        }
    }

    fn node(
        &mut self,
        node: &DueNode,
        rows: &[KeptRow],
        is_cut: bool,
        rules: Rules,
        held: &[Held],
        now: Timestamp,
    ) {
        let removed = node.removed_at.filter(|_| !is_cut).map(|at| (node.seq, at));
        let Plan { remove, thinned, covered_since, purge, next } =
            plan(&rows.iter().map(pure).collect::<Vec<_>>(), removed, rules, now, held);
        let goes: BTreeSet<Seq> = remove.iter().copied().collect();
        let gone = rows.iter().filter(|row| goes.contains(&row.seq) && !row.is_attributes);
        self.bytes += gone.map(|row| row.size).sum::<u64>();
        self.thinned.extend(thinned.into_iter().map(|(seq, from)| (node.node, seq, from)));
        self.covered_since = self.covered_since.max(covered_since);
        let next = match (purge, is_cut && !remove.is_empty()) {
            (true, _) => {
                self.purge.push(node.node);
                let over = node.removed_at.map_or(now.0, |at| at.0.saturating_add(TOMBSTONE_DAYS * DAY_NS));
                Some(Timestamp(over.max(now.0.saturating_add(HOUR_NS))))
            }
            // There is more of it.
            (false, true) => Some(now),
            (false, false) if is_cut => Some(Timestamp(now.0.saturating_add(HOUR_NS))),
            (false, false) => next,
        };
        self.rows.extend(remove.into_iter().map(|seq| (node.node, seq)));
        self.due.push((node.node, next));
    }

    fn done(&self) -> Done {
        Done {
            looked: (self.due.len() + self.tombstones.len()) as u64,
            versions: self.rows.len() as u64,
            bytes: self.bytes,
            purged: self.purge.len() as u64,
            tombstones: self.tombstones.len() as u64,
        }
    }

    fn carry_out(self, transaction: &dyn Transaction, folder: FolderId) -> Result<Done, Error> {
        transaction.drop_versions(folder, &self.rows)?;
        transaction.mark_thinned(folder, &self.thinned)?;
        transaction.purge_nodes(folder, &self.purge)?;
        transaction.drop_tombstones(folder, &self.tombstones)?;
        if let Some(floor) = self.floor {
            transaction.raise_journal_floor(folder, floor)?;
        }
        if let Some(covered_since) = self.covered_since {
            let retention = transaction.retention(folder)?;
            transaction.put_retention(folder, &RetentionRow { covered_since, ..retention })?;
        }
        transaction.put_due(folder, &self.due)?;
        Ok(self.done())
    }
}

fn pure(row: &KeptRow) -> Row {
    Row {
        seq: row.seq,
        number: row.number,
        at: row.at,
        user: row.user,
        device: row.device,
        is_attributes: row.is_attributes,
        is_pinned: row.is_pinned,
    }
}

/// Mass changes that still hold what is next to them.
fn held(snapshot: &dyn Snapshot, folder: FolderId, rules: Rules, now: Timestamp) -> Result<Vec<Held>, Error> {
    let days = HOLD_DAYS.max(i64::from(rules.safe_days)).max(i64::from(rules.days.unwrap_or(0)));
    let rows = snapshot.mass_changes(folder)?.into_iter();
    let held = rows.filter(|row| row.acknowledged_at.is_none()).map(|row| Held {
        from: row.hour.first_at,
        to: row.hour.last_at,
        until: Timestamp(row.hour.last_at.0.saturating_add(days * DAY_NS)),
    });
    Ok(held.filter(|held| held.until > now).collect())
}

/// What would go if everything were looked at now. Changes nothing; reads every node that has a past.
///
/// # Errors
/// `NotFound` (the folder), `Database`.
pub fn preview(database: &dyn Database, folder: FolderId, now: Timestamp) -> Result<Done, Error> {
    let (mut done, mut after) = (Done::default(), NodeId::ROOT);
    loop {
        let (step, last) = read::<_, Error>(database, move |snapshot| {
            let mut nodes = snapshot.nodes_with_history(folder, after, NODES)?;
            let look = Look::at(snapshot, folder, &nodes, now)?;
            let seen = look.due.iter().map(|(node, _)| *node).chain(look.tombstones.iter().copied());
            let seen: BTreeSet<NodeId> = seen.collect();
            // Those left for a next step begin it.
            nodes.retain(|node| seen.contains(&node.node));
            Ok((look.done(), nodes.iter().map(|node| node.node).max()))
        })?;
        done.add(step);
        match last {
            Some(last) => after = last,
            None => return Ok(done),
        }
    }
}

/// Has everything looked at again: after its rules have changed. For the transaction that changes them.
///
/// # Errors
/// `Database`.
pub fn look_again(transaction: &dyn Transaction, folder: FolderId) -> metadata::Result<()> {
    let retention = transaction.retention(folder)?;
    transaction.put_retention(folder, &RetentionRow { queued_to: Seq(0), ..retention })
}

/// Sets what a person says of a version: a pin or a label keeps it. None leaves either as it is; an empty label takes
/// the label away.
///
/// # Errors
/// `Denied`, `NotFound`, `Invalid` (the label), `Database`.
pub fn pin(
    database: &dyn Database,
    permit: Permit<Write>,
    version: (NodeId, VersionNumber),
    pinned: Option<bool>,
    label: Option<String>,
    now: Timestamp,
) -> Result<PinRow, Error> {
    let is_text = |label: &String| label.len() <= LABEL_BYTES_MAX && !label.chars().any(char::is_control);
    if !label.as_ref().is_none_or(is_text) {
        return Err(Error::Invalid("a label"));
    }
    let (node, number) = version;
    write(database, move |transaction| {
        let folder = recheck(transaction.as_snapshot(), &permit, Action::Write, now)?;
        if transaction.versions_numbered(folder.id, &[(node, number)])?.is_empty() {
            return Err(Error::NotFound("version"));
        }
        let old = transaction.pins(folder.id, &[node])?.into_iter().find(|row| row.number == number);
        let (was_pinned, had) = old.map_or((false, None), |row| (row.pinned, row.label));
        let row = PinRow {
            node,
            number,
            pinned: pinned.unwrap_or(was_pinned),
            label: label.or(had).filter(|label| !label.is_empty()),
            user: permit.principal().user,
            at: now,
        };
        transaction.put_pin(folder.id, &row)?;
        // What was kept by it may go now.
        transaction.put_due(folder.id, &[(node, Some(now))])?;
        Ok(row)
    })
}
