//! Which rows of one node go: a pure decision.
//!
//! Rows are decided about by *version*: the row that began it and those that only changed its attributes. The
//! invariants, each a property in `tests/it/retention_properties.rs`:
//!
//! - what a living node holds now stays, and so does the last state of a removed node until the node is purged;
//! - a pinned or labelled version stays whole, and keeps its node in the trash;
//! - within the safe window the version that was current when it began stays, and each hour's last by each author;
//!   nothing younger than an hour goes;
//! - nothing that was current within an hour of a mass change goes while that is held, not with its node either;
//! - beyond that at most `versions` stay, the dense and old going first;
//! - the plan does not depend on the order of what it is given, and carrying it out leaves nothing more to do.
//!
//! A row that goes leaves its time to the row before it, which is marked with the first number that it does not
//! really answer for; without a row before it the folder's coverage begins after it. So a look at any moment still
//! covered finds a row for each node, and knows whether it is the very one.

use model::{DeviceId, Seq, Timestamp, UserId, VersionNumber};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet};

/// An hour.
pub const HOUR_NS: i64 = 3_600_000_000_000;
/// A day.
pub const DAY_NS: i64 = 24 * HOUR_NS;

/// By what a folder's history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The most versions of a node; at least one.
    pub versions: u32,
    /// For how many days what is no longer current is kept; none: for ever.
    pub days: Option<u32>,
    /// The safe window in days.
    pub safe_days: u32,
}

impl Rules {
    fn safe_ns(&self) -> i64 {
        i64::from(self.safe_days) * DAY_NS
    }

    /// For how long a removed node stays in the trash; none: for ever.
    pub(crate) fn trash_ns(&self) -> Option<i64> {
        self.days.map(|days| i64::from(days.max(self.safe_days)) * DAY_NS)
    }
}

/// A row of a node's versions, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// From when in the journal.
    pub seq: Seq,
    /// Which version.
    pub number: VersionNumber,
    /// When.
    pub at: Timestamp,
    /// Who made it.
    pub user: UserId,
    /// From which device.
    pub device: Option<DeviceId>,
    /// Whether it only changed the attributes of its version.
    pub is_attributes: bool,
    /// Whether somebody pinned or labelled its version.
    pub is_pinned: bool,
}

/// A time in which one author changed or removed very much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// Until when nothing next to it goes.
    pub until: Timestamp,
}

/// What is to become of a node's rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Rows that go.
    pub remove: Vec<Seq>,
    /// Rows that stay and answer for others too: each with the first number from which it is not the very one.
    pub thinned: Vec<(Seq, Seq)>,
    /// From where on the folder's past can be shown, as far as this node is concerned.
    pub covered_since: Option<Seq>,
    /// Whether the node is a removed one whose time in the trash is over.
    pub purge: bool,
    /// When to look again; none: not before something changes.
    pub next: Option<Timestamp>,
}

/// A version: the row that began it, and those that followed with other attributes.
struct Version {
    rows: Vec<Row>,
    at: i64,
    /// When the next version took its place; for the last: when the node was removed, or never.
    end: i64,
    /// Until when it is protected; [`FOREVER`] if it is for good.
    protected_until: i64,
}

impl Version {
    fn is_pinned(&self) -> bool {
        self.rows.iter().any(|row| row.is_pinned)
    }
}

const FOREVER: i64 = i64::MAX;

/// Decides about one node. `removed`: its number and moment, if it is in the trash.
#[must_use]
pub fn plan(
    rows: &[Row],
    removed: Option<(Seq, Timestamp)>,
    rules: Rules,
    now: Timestamp,
    held: &[Held],
) -> Plan {
    let mut rows = rows.to_vec();
    rows.sort_unstable_by_key(|row| row.seq);
    if let Some((seq, at)) = removed {
        let over = purge_from(&rows, at, rules, held);
        if over.is_some_and(|over| over <= now.0) {
            let remove = rows.iter().map(|row| row.seq).collect();
            return Plan { remove, covered_since: Some(seq), purge: true, ..Plan::default() };
        }
        let mut plan = plan_kept(&rows, Some(at), rules, now.0, held);
        plan.next = earliest(plan.next, over.map(Timestamp), now.0);
        return plan;
    }
    plan_kept(&rows, None, rules, now.0, held)
}

/// When a removed node's time in the trash is over; none: never, as things are.
fn purge_from(rows: &[Row], removed_at: Timestamp, rules: Rules, held: &[Held]) -> Option<i64> {
    if rows.iter().any(|row| row.is_pinned) {
        return None;
    }
    let over = removed_at.0.saturating_add(rules.trash_ns()?);
    // With the node goes what it was before: held too, if any of that was current next to a mass change.
    let versions = versions(rows, Some(removed_at));
    let from = versions.first().map_or(removed_at.0, |first| first.at.min(removed_at.0));
    let held = held.iter().filter(|held| is_next_to(held, from, removed_at.0));
    // An hour's grace, as for everything else.
    Some(held.map(|held| held.until.0).fold(over.max(removed_at.0.saturating_add(HOUR_NS)), i64::max))
}

fn is_next_to(held: &Held, from: i64, to: i64) -> bool {
    from <= held.to.0.saturating_add(HOUR_NS) && to >= held.from.0.saturating_sub(HOUR_NS)
}

fn plan_kept(rows: &[Row], removed: Option<Timestamp>, rules: Rules, now: i64, held: &[Held]) -> Plan {
    let mut versions = versions(rows, removed);
    protect(&mut versions, rules, now, held);
    let mut next: Option<i64> = None;
    let mut goes: HashSet<Seq> = HashSet::new();
    let mut stays = vec![true; versions.len()];
    if let Some(days) = rules.days {
        for (index, version) in versions.iter().enumerate() {
            let over = version.end.saturating_add(i64::from(days) * DAY_NS).max(version.protected_until);
            if over <= now {
                stays[index] = false;
            } else if over != FOREVER {
                next = Some(next.map_or(over, |next| next.min(over)));
            }
        }
    }
    thin(&versions, &mut stays, rules, now);
    let kept = || versions.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(version, _)| version);
    // Too many, but protected: one of them goes as soon as it may.
    if kept().filter(|version| !version.is_pinned()).count() > rules.versions.max(1) as usize {
        let ends =
            kept().map(|version| version.protected_until).filter(|until| (now..FOREVER).contains(until));
        next = ends.chain(next).min();
    }
    for (version, stays) in versions.iter().zip(&stays) {
        if *stays {
            let again = thin_attributes(version, rules, now, held, &mut goes);
            next = again.into_iter().chain(next).min();
        } else {
            goes.extend(version.rows.iter().map(|row| row.seq));
        }
    }
    let mut plan = settle(rows, &goes);
    plan.next = earliest(next.map(Timestamp), None, now);
    plan
}

/// The earlier of two looks, at least an hour from now.
fn earliest(one: Option<Timestamp>, other: Option<Timestamp>, now: i64) -> Option<Timestamp> {
    let next = one.into_iter().chain(other).min()?;
    Some(Timestamp(next.0.max(now.saturating_add(HOUR_NS))))
}

/// Rows by version, each with its time. Clocks may go backwards; the journal does not.
fn versions(rows: &[Row], removed: Option<Timestamp>) -> Vec<Version> {
    let mut versions: Vec<Version> = Vec::new();
    let mut clock = i64::MIN;
    for row in rows {
        clock = clock.max(row.at.0);
        match versions.last_mut() {
            Some(last) if last.rows[0].number == row.number => last.rows.push(*row),
            _ => {
                if let Some(last) = versions.last_mut() {
                    last.end = clock;
                }
                versions.push(Version {
                    rows: vec![*row],
                    at: clock,
                    end: FOREVER,
                    protected_until: i64::MIN,
                });
            }
        }
    }
    if let (Some(last), Some(removed)) = (versions.last_mut(), removed) {
        last.end = removed.0.max(clock);
    }
    versions
}

/// Sets until when each version is protected, apart from the count and the days.
fn protect(versions: &mut [Version], rules: Rules, now: i64, held: &[Held]) {
    let window = now.saturating_sub(rules.safe_ns());
    let mut later: HashSet<(i64, UserId, Option<DeviceId>)> = HashSet::new();
    let count = versions.len();
    for (index, version) in versions.iter_mut().enumerate().rev() {
        let first = version.rows[0];
        let hour = (version.at.div_euclid(HOUR_NS), first.user, first.device);
        let is_hours_last = later.insert(hour);
        let mut until = version.at.saturating_add(HOUR_NS);
        if is_hours_last || version.at < window {
            until = until.max(version.end.saturating_add(rules.safe_ns()));
        }
        let next_to = held.iter().filter(|held| is_next_to(held, version.at, version.end));
        until = next_to.map(|held| held.until.0).fold(until, i64::max);
        // What the node holds, or held when it was removed, goes with the node only.
        let is_last = index + 1 == count;
        version.protected_until = if is_last || version.is_pinned() { FOREVER } else { until };
    }
}

/// Takes versions away until at most so many are left, or only protected ones.
///
/// What a version stands for is the time from the one kept before it to the one kept after it; the time in which it
/// was really current counts threefold more. Divided by its age that is what it is worth: saves in quick
/// succession go before the state that somebody stopped at, and old ones become sparse while recent ones are dense.
fn thin(versions: &[Version], stays: &mut [bool], rules: Rules, now: i64) {
    let most = rules.versions.max(1) as usize;
    let counts = |index: usize| !versions[index].is_pinned();
    let mut left = (0..versions.len()).filter(|index| stays[*index] && counts(*index)).count();
    if left <= most {
        return;
    }
    let kept: Vec<usize> = (0..versions.len()).filter(|index| stays[*index]).collect();
    let mut before: BTreeMap<usize, usize> = kept.windows(2).map(|pair| (pair[1], pair[0])).collect();
    let mut after: BTreeMap<usize, usize> = kept.windows(2).map(|pair| (pair[0], pair[1])).collect();
    // The oldest is where a look at the past begins: it goes by count only where nothing but the newest is kept.
    let oldest = kept.first().copied().filter(|_| most > 1);
    let may_go = |index: usize| versions[index].protected_until <= now && Some(index) != oldest;
    let worth = |index: usize, before: Option<&usize>, after: Option<&usize>| {
        let version = &versions[index];
        let from = before.map_or(version.at, |before| versions[*before].at);
        let to = after.map_or(version.end.min(now), |after| versions[*after].at);
        let lived = i128::from(version.end.min(now)) - i128::from(version.at);
        let span = i128::from(to) - i128::from(from) + 3 * lived.max(0);
        let age = (i128::from(now) - i128::from(version.at)).max(1);
        // In billionths: fine enough to tell years apart by seconds.
        (span.max(0) * 1_000_000_000) / age
    };
    let mut queue: BinaryHeap<Reverse<(i128, usize)>> = kept
        .iter()
        .filter(|index| may_go(**index))
        .map(|index| Reverse((worth(*index, before.get(index), after.get(index)), *index)))
        .collect();
    while left > most {
        let Some(Reverse((value, index))) = queue.pop() else { return };
        // What a neighbour's going has changed is in the queue again with its new worth.
        if !stays[index] || value != worth(index, before.get(&index), after.get(&index)) {
            continue;
        }
        stays[index] = false;
        left -= usize::from(counts(index));
        let (one, other) = (before.remove(&index), after.remove(&index));
        match (one, other) {
            (Some(one), Some(other)) => {
                before.insert(other, one);
                after.insert(one, other);
            }
            (Some(one), None) => drop(after.remove(&one)),
            (None, Some(other)) => drop(before.remove(&other)),
            (None, None) => {}
        }
        for neighbour in one.into_iter().chain(other).filter(|index| may_go(*index)) {
            let value = worth(neighbour, before.get(&neighbour), after.get(&neighbour));
            queue.push(Reverse((value, neighbour)));
        }
    }
}

/// Rows that only changed attributes, of a version that stays: its first row and its newest attributes are kept, and
/// of those between what the safe window keeps. Says when to look again.
fn thin_attributes(
    version: &Version,
    rules: Rules,
    now: i64,
    held: &[Held],
    goes: &mut HashSet<Seq>,
) -> Option<i64> {
    let rows = &version.rows;
    if rows.len() <= 2 || version.is_pinned() {
        return None;
    }
    let mut later: HashSet<(i64, UserId, Option<DeviceId>)> = HashSet::new();
    let (mut next, mut end) = (None, rows[rows.len() - 1].at.0);
    for row in rows[1..rows.len() - 1].iter().rev() {
        end = end.max(row.at.0);
        let mut until = row.at.0.saturating_add(HOUR_NS);
        let is_hours_last = later.insert((row.at.0.div_euclid(HOUR_NS), row.user, row.device));
        if is_hours_last || row.at.0 < now.saturating_sub(rules.safe_ns()) {
            until = until.max(end.saturating_add(rules.safe_ns()));
        }
        let next_to = held.iter().filter(|held| is_next_to(held, row.at.0, end));
        until = next_to.map(|held| held.until.0).fold(until, i64::max);
        if until <= now {
            goes.insert(row.seq);
        } else {
            next = Some(next.map_or(until, |next: i64| next.min(until)));
        }
        end = row.at.0;
    }
    next
}

/// Who answers for what goes.
fn settle(rows: &[Row], goes: &HashSet<Seq>) -> Plan {
    let mut plan = Plan::default();
    let mut last_kept: Option<Seq> = None;
    let mut is_open = false;
    for row in rows {
        if goes.contains(&row.seq) {
            plan.remove.push(row.seq);
            match last_kept {
                Some(kept) if !is_open => plan.thinned.push((kept, row.seq)),
                _ => {}
            }
            is_open = true;
        } else {
            if is_open && last_kept.is_none() {
                plan.covered_since = Some(row.seq);
            }
            last_kept = Some(row.seq);
            is_open = false;
        }
    }
    plan
}
