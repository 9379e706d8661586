//! Deletions so many that a person must be asked.
//!
//! A tree that goes away slowly is planned piece by piece, so what counts is not one plan but a *burst*: what was
//! deleted in the last minutes together with what is planned, each direction by itself. The burst is kept in the
//! pair's memory (a dozen numbers, never lists), so that a restart neither forgets it nor decides.

use crate::store::{PairStore, StoreError};
use model::{NodeKey, Timestamp};
use planner::{LocalOperation, Plan, RemoteOperation};
use std::collections::BTreeSet;

/// How long deletions count together. A removal that somebody started pauses for seconds at most (the next directory,
/// a disk that is busy, a settling watcher); ten minutes are beyond any of these, and short enough that a day's
/// ordinary tidying up does not add up.
const WINDOW_MS: u64 = 600_000;
/// How finely the window slides.
const MINUTE_MS: u64 = 60_000;
const MINUTES_MAX: usize = (WINDOW_MS / MINUTE_MS) as usize + 1;
/// Emptying the pair altogether is asked about from this part of the limit on.
const EVERYTHING_PART: u64 = 10;
const FORMAT: i64 = 1;

/// The two directions, as indexes.
pub(crate) const HERE: usize = 0;
pub(crate) const THERE: usize = 1;

/// Deletions that wait for a person: here, there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held(pub(crate) [BTreeSet<NodeKey>; 2]);

/// What was deleted lately, and what a person said about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Burst {
    minutes: Vec<Minute>,
    /// Since when something is held: until it is decided, the window stands still.
    held_since: Option<Timestamp>,
    approval: Option<Approval>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Minute {
    start: Timestamp,
    /// Nodes of smaller keys were there when it began.
    before: NodeKey,
    deleted: [u64; 2],
}

/// A person agreed: to what goes on being deleted for a window, and to what was held then however long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Approval {
    until: Timestamp,
    left: [u64; 2],
}

/// Takes deletions out of the plan if they are so many that a person must be asked.
pub(crate) fn hold_back<S: PairStore>(
    store: &mut S,
    now: Timestamp,
    most: u64,
    plan: &mut Plan,
) -> Result<Option<Held>, StoreError> {
    let planned = planned(plan);
    let before = Burst::read(store)?;
    let mut burst = before.clone();
    burst.slide(now);
    burst.approval_lasts(now, [planned[HERE].len(), planned[THERE].len()]);
    let mut held = Held::default();
    for (side, keys) in planned.into_iter().enumerate() {
        if burst.is_too_much(store, now, most, side, &keys)? {
            held.0[side] = keys;
        }
    }
    let is_held = held.0.iter().any(|keys| !keys.is_empty());
    burst.held_since = is_held.then_some(burst.held_since.unwrap_or(now));
    if burst != before {
        store.set_guard(&burst.to_bytes())?;
    }
    if !is_held {
        return Ok(None);
    }
    take_out(plan, &held);
    Ok(Some(held))
}

/// Notes deletions that were carried out.
pub(crate) fn carried_out<S: PairStore>(
    store: &mut S,
    now: Timestamp,
    side: usize,
    keys: &[NodeKey],
) -> Result<(), StoreError> {
    let mut burst = Burst::read(store)?;
    burst.slide(now);
    for key in keys {
        if burst.spend_approval(now, side) {
            continue;
        }
        burst.open_minute(store, now)?;
        let counts = burst.counts(*key);
        if let Some(minute) = burst.minutes.last_mut().filter(|_| counts) {
            minute.deleted[side] += 1;
        }
    }
    store.set_guard(&burst.to_bytes())
}

/// A person decided. An approval settles what was counted; after an undoing, the rest of the burst is as unwanted as
/// what was held.
pub(crate) fn decided<S: PairStore>(
    store: &mut S,
    now: Timestamp,
    approved: Option<&Held>,
) -> Result<(), StoreError> {
    let left = |held: &Held| [HERE, THERE].map(|side| held.0[side].len() as u64);
    let approval = approved.map(|held| Approval { until: now.plus_ms(WINDOW_MS), left: left(held) });
    let minutes = if approved.is_some() { Vec::new() } else { Burst::read(store)?.minutes };
    store.set_guard(&Burst { minutes, held_since: None, approval }.to_bytes())
}

/// What was counted belongs to another lineage of the remote side.
pub(crate) fn forget<S: PairStore>(store: &mut S) -> Result<(), StoreError> {
    store.set_guard(&[])
}

impl Burst {
    fn read<S: PairStore>(store: &S) -> Result<Self, StoreError> {
        // What cannot be understood is a count that is lost, no more.
        Ok(Self::from_bytes(&store.guard()?).unwrap_or_default())
    }

    /// Forgets what is older than the window, which stands still while something is held.
    fn slide(&mut self, now: Timestamp) {
        let now = self.held_since.map_or(now, |since| since.min(now));
        self.minutes.retain(|minute| minute.start.plus_ms(WINDOW_MS) > now);
    }

    /// A deletion counts if the node was there when the window began: what comes and goes within it (temporary files,
    /// a build) empties nothing.
    fn counts(&self, key: NodeKey) -> bool {
        self.minutes.first().is_none_or(|minute| key < minute.before)
    }

    fn open_minute<S: PairStore>(&mut self, store: &mut S, now: Timestamp) -> Result<(), StoreError> {
        let current = |minute: &Minute| minute.start <= now && now < minute.start.plus_ms(MINUTE_MS);
        if self.minutes.last().is_some_and(current) {
            return Ok(());
        }
        if self.minutes.len() >= MINUTES_MAX {
            // Only a clock that was set back leads here: the two oldest count as one.
            let oldest = self.minutes.remove(0);
            if let Some(next) = self.minutes.first_mut() {
                next.before = oldest.before;
                [HERE, THERE].into_iter().for_each(|side| next.deleted[side] += oldest.deleted[side]);
            }
        }
        self.minutes.push(Minute { start: now, before: store.new_key()?, deleted: [0; 2] });
        Ok(())
    }

    /// Ends an approval whose window is over and whose deletions are done, or are planned no more.
    fn approval_lasts(&mut self, now: Timestamp, planned: [usize; 2]) {
        let Some(approval) = &mut self.approval else { return };
        for (left, planned) in approval.left.iter_mut().zip(planned) {
            *left = (*left).min(planned as u64);
        }
        approval.until = approval.until.min(now.plus_ms(WINDOW_MS));
        if now >= approval.until && approval.left == [0; 2] {
            self.approval = None;
        }
    }

    /// Whether a person agreed to one more deletion.
    fn spend_approval(&mut self, now: Timestamp, side: usize) -> bool {
        let Some(approval) = &mut self.approval else { return false };
        let covered = now < approval.until || approval.left[side] > 0;
        approval.left[side] = approval.left[side].saturating_sub(1);
        covered
    }

    fn is_too_much<S: PairStore>(
        &self,
        store: &S,
        now: Timestamp,
        most: u64,
        side: usize,
        planned: &BTreeSet<NodeKey>,
    ) -> Result<bool, StoreError> {
        let approved = match &self.approval {
            Some(approval) if now < approval.until => return Ok(false),
            Some(approval) => approval.left[side],
            None => 0,
        };
        let gone: u64 = self.minutes.iter().map(|minute| minute.deleted[side]).sum();
        let old = planned.iter().filter(|key| self.counts(**key)).count() as u64;
        let open = old.saturating_sub(approved);
        let counted = gone + open;
        if open == 0 || counted <= most / EVERYTHING_PART {
            return Ok(false);
        }
        // No more are counted than are needed to tell.
        let enough = usize::try_from(counted.saturating_mul(5)).unwrap_or(usize::MAX).max(planned.len());
        let nodes = store.all_keys(NodeKey::ROOT, enough.saturating_add(1))?.len();
        let everything = nodes <= planned.len();
        let large_part = nodes as u64 + gone <= counted.saturating_mul(5);
        Ok(everything || (counted > most && large_part))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let time = |time: Option<Timestamp>| time.map_or(i64::MIN, |time| time.0);
        let number = u64::cast_signed;
        let left = self.approval.map_or([0; 2], |approval| approval.left);
        let mut numbers = vec![FORMAT, time(self.held_since), time(self.approval.map(|a| a.until))];
        numbers.extend(left.map(number));
        for minute in &self.minutes {
            numbers.extend([minute.start.0, number(minute.before.0)]);
            numbers.extend(minute.deleted.map(number));
        }
        numbers.into_iter().flat_map(i64::to_be_bytes).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let numbers: Vec<i64> = words.iter().map(|word| i64::from_be_bytes(*word)).collect();
        let ([FORMAT, since, until, here, there], minutes) = numbers.split_first_chunk::<5>()? else {
            return None;
        };
        let (minutes, odd) = minutes.as_chunks::<4>();
        if !rest.is_empty() || !odd.is_empty() || minutes.len() > MINUTES_MAX {
            return None;
        }
        let time = |number: i64| (number != i64::MIN).then_some(Timestamp(number));
        let left = [here.cast_unsigned(), there.cast_unsigned()];
        let minute = |[start, before, here, there]: &[i64; 4]| Minute {
            start: Timestamp(*start),
            before: NodeKey(before.cast_unsigned()),
            deleted: [here.cast_unsigned(), there.cast_unsigned()],
        };
        Some(Self {
            minutes: minutes.iter().map(minute).collect(),
            held_since: time(*since),
            approval: time(*until).map(|until| Approval { until, left }),
        })
    }
}

fn planned(plan: &Plan) -> [BTreeSet<NodeKey>; 2] {
    let here = plan.local.iter().filter_map(|step| removed_locally(&step.operation)).collect();
    let there = plan.remote.iter().flat_map(|group| &group.operations).filter_map(removed_remotely).collect();
    [here, there]
}

fn take_out(plan: &mut Plan, held: &Held) {
    let [here, there] = &held.0;
    let stays = |key: Option<NodeKey>, held: &BTreeSet<NodeKey>| key.is_none_or(|key| !held.contains(&key));
    let keep: Vec<bool> =
        plan.local.iter().map(|step| stays(removed_locally(&step.operation), here)).collect();
    plan.local = filter_steps(std::mem::take(&mut plan.local), &keep, |step| &mut step.needs);
    let keep: Vec<bool> = plan
        .remote
        .iter()
        .map(|group| group.operations.iter().all(|operation| stays(removed_remotely(operation), there)))
        .collect();
    plan.remote = filter_steps(std::mem::take(&mut plan.remote), &keep, |group| &mut group.needs);
}

/// The node that a local operation deletes, if it is a deletion.
pub(crate) fn removed_locally(operation: &LocalOperation) -> Option<NodeKey> {
    matches!(operation, LocalOperation::Remove { .. }).then(|| operation.key())
}

/// The node that a remote operation deletes, if it is a deletion.
pub(crate) fn removed_remotely(operation: &RemoteOperation) -> Option<NodeKey> {
    matches!(operation, RemoteOperation::Remove { .. }).then(|| operation.key())
}

/// Keeps some steps, without those that need a dropped one, and renumbers what they need.
fn filter_steps<T>(steps: Vec<T>, keep: &[bool], needs: impl Fn(&mut T) -> &mut Vec<usize>) -> Vec<T> {
    let mut place: Vec<Option<usize>> = Vec::with_capacity(steps.len());
    let mut kept = Vec::new();
    for (mut step, keep) in steps.into_iter().zip(keep) {
        let moved: Option<Vec<usize>> =
            needs(&mut step).iter().map(|need| place.get(*need).copied().flatten()).collect();
        match moved.filter(|_| *keep) {
            Some(moved) => {
                *needs(&mut step) = moved;
                place.push(Some(kept.len()));
                kept.push(step);
            }
            None => place.push(None),
        }
    }
    kept
}
