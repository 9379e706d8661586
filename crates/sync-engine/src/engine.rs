//! The cycle: resend what was open, take in what was observed, plan, carry out, record; again until nothing is left.
//!
//! Each side has one lane. On the local lane there is either a round of looking or a batch of changes, on the remote
//! lane either a pull or a commit, so that nothing is observed in the middle of our own doing.

mod planning;
mod status;

pub use status::Status;

use planning::{PORTION, Portion};

use crate::activity::{tell_local, tell_refused, tell_remote};
use crate::effect::{Commit, Effect};
use crate::event::{CommitAnswer, CommitFailure, Cursor, Event, LocalOutcome, PullFailure};
use crate::fault::Fault;
use crate::holds::{self, HERE, Held, THERE};
use crate::ingest_remote::{self, Extent};
use crate::local::LocalSide;
use crate::paths::{Overlay, path_of, places_of};
use crate::record;
use crate::retry::{Retries, delay_ms};
use crate::store::{Frozen, Intent, IntentOperation, PairStore, StoreError};
use crate::view::{self, PairView};
use crate::work::Work;
use model::conflict::Author;
use model::{Epoch, GroupOutcome, IdempotencyKey, Kind, NodeKey, Refusal, RelativePath, Seq, Timestamp};
use planner::{Direction, LocalOperation, RemoteOperation};
use std::collections::{BTreeMap, BTreeSet};

/// How often something may be found otherwise than expected before a person is told: mostly it has changed again, and
/// the next plan fits.
const TRIES_BEFORE_TELLING: u32 = 4;
/// How often a removal is refused before it is believed that there is more than this device knows.
const TRIES_BEFORE_REVIVING: u32 = 3;

/// What is told of a node whose name something has that the pair does not sync.
pub const HIDDEN_NAME: &str = "something that this device does not sync has its name";

/// How a pair is to be kept in step.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Named in conflict copies.
    pub author: Author,
    /// Which way changes travel, as long as the account may write.
    pub direction: Direction,
    /// Deletions of more nodes than this within ten minutes, if they are more than a fifth of all, wait for a person;
    /// none: never.
    pub hold_deletes: Option<u64>,
    /// 128 random bits of this run, the root of its idempotency keys.
    pub seed: [u8; 16],
    /// What of the folder is wanted.
    pub view: PairView,
}

/// One pair's engine. What it must not forget is in the store; losing the engine costs a new look at everything.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    started: bool,
    paused: bool,
    online: bool,
    no_access: bool,
    may_write: bool,
    root_gone: bool,
    /// Of a pair that wants a part: what its own commits did past the cursor. The pull to come shows all of it that is
    /// still in the view; of what left the view meanwhile a server cannot know that it was ever known here.
    ahead: BTreeSet<NodeKey>,
    local: LocalSide,
    head: Seq,
    pull_wanted: bool,
    /// A full listing is needed, and what its absences mean.
    listing_wanted: bool,
    pulling: Option<Extent>,
    /// What was pulled while local actions were under way: taken in when they are recorded.
    pulled: Option<(Cursor, Epoch)>,
    pull_failures: u32,
    retry_remote_at: Option<Timestamp>,
    commit: Option<IdempotencyKey>,
    work: Option<Work>,
    retries: Retries,
    /// When what the last plan left waiting is due.
    due_at: Option<Timestamp>,
    refusals: BTreeMap<NodeKey, &'static str>,
    /// Where nothing is sent: what is new here, each with the reason.
    unsent: Vec<(RelativePath, String)>,
    /// What the disk did not permit, and the directories that it was to be done in.
    unpermitted: BTreeMap<NodeKey, Vec<RelativePath>>,
    held: Option<Held>,
    keys_made: u64,
    /// How many operations the remote side takes in a commit.
    commit_bound: usize,
    /// What the last plan left waiting.
    waiting: usize,
    planned_clean: bool,
    portion: Portion,
    timer: Option<Timestamp>,
    rules: planner::Trace,
    fault: Option<Fault>,
}

impl Engine {
    /// An engine that has not begun; its first event is [`Event::Started`].
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut local = LocalSide::default();
        local.filter.set_view(settings.view.filter());
        Self {
            settings,
            started: false,
            paused: false,
            online: false,
            no_access: false,
            may_write: true,
            root_gone: false,
            ahead: BTreeSet::new(),
            local,
            head: Seq(0),
            pull_wanted: true,
            listing_wanted: false,
            pulling: None,
            pulled: None,
            pull_failures: 0,
            retry_remote_at: None,
            commit: None,
            work: None,
            retries: Retries::default(),
            due_at: None,
            refusals: BTreeMap::new(),
            unsent: Vec::new(),
            unpermitted: BTreeMap::new(),
            held: None,
            keys_made: 0,
            commit_bound: usize::MAX,
            waiting: 0,
            planned_clean: false,
            portion: Portion::new(PORTION),
            timer: None,
            rules: planner::Trace::default(),
            fault: None,
        }
    }

    /// How often each rule of the planner decided something.
    #[must_use]
    pub fn rules(&self) -> &planner::Trace {
        &self.rules
    }

    /// How many steps the plan under way holds: what planning costs in memory, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn planned_at_once(&self) -> usize {
        self.work.as_ref().map_or(0, Work::len)
    }

    /// Plans so many new nodes of either side at a time.
    #[doc(hidden)]
    pub fn plan_in_portions_of(&mut self, nodes: usize) {
        self.portion = Portion::new(nodes.max(1));
    }

    /// Breaks a rule on purpose, to show that a test would notice.
    #[doc(hidden)]
    pub fn break_rule(&mut self, fault: Fault) {
        self.fault = Some(fault);
        self.local.fault = Some(fault);
    }

    /// Takes in what happened and says what to do next. If it fails, nothing it changed in the store may be kept, and
    /// the engine must be made anew.
    pub fn handle<S: PairStore>(
        &mut self,
        event: Event,
        now: Timestamp,
        store: &mut S,
    ) -> Result<Vec<Effect>, StoreError> {
        let mut out = Vec::new();
        self.take(event, now, store, &mut out)?;
        self.advance(now, store, &mut out)?;
        self.set_timer(now, &mut out);
        Ok(out)
    }

    fn take<S: PairStore>(
        &mut self,
        event: Event,
        now: Timestamp,
        store: &mut S,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        match event {
            Event::Started => {
                view::adopt(store, &self.settings.view)?;
                self.ahead = view::ahead_of_cursor(store, &self.settings.view)?;
                self.started = true;
                self.local.want_everything();
            }
            Event::Online => {
                self.online = true;
                self.no_access = false;
                self.root_gone = false;
                self.pull_wanted = true;
                self.pull_failures = 0;
                self.retry_remote_at = None;
            }
            Event::Offline => self.online = false,
            Event::CommitBound(operations) => self.commit_bound = operations,
            Event::Woken(head) => self.head = self.head.max(head),
            Event::Verify => {
                self.pull_wanted = true;
                self.retry_remote_at = None;
                self.try_everything_again();
            }
            Event::ChangesPart(nodes) => {
                if self.pulling.is_some() {
                    store.stage(&nodes)?;
                }
            }
            Event::MayWrite(may) => self.rights_are(may),
            Event::ChangesDone { cursor, epoch } => {
                if self.pulling.is_some() {
                    self.pulled = Some((cursor, epoch));
                }
            }
            Event::PullFailed(failure) => self.pull_failed(failure, now, store)?,
            Event::Committed { key, answer } => self.committed(key, answer, now, store, out)?,
            Event::CommitFailed { key, failure } => self.commit_failed(key, failure, now, store)?,
            Event::Hints { directories, subtrees } => {
                self.hope_for(now, |place| {
                    // A directory's permissions are seen in it or in its parent.
                    let parent = place.split().map(|(parent, _)| parent);
                    directories.iter().any(|seen| seen == place || Some(seen) == parent.as_ref())
                        || subtrees.iter().any(|lost| place.is_within(lost))
                });
                directories.into_iter().for_each(|path| self.local.want(path, false));
                subtrees.into_iter().for_each(|path| self.local.want(path, true));
            }
            Event::Listed(listings) => {
                let was_away = self.local.is_offline();
                if let Some(touched) = self.local.listed(store, now, listings, out)? {
                    self.note_news(touched);
                }
                if was_away && !self.local.is_offline() {
                    self.hope_for(now, |_| true);
                }
            }
            Event::Hashed(results) => {
                if let Some(touched) = self.local.hashed(store, now, results, out)? {
                    self.note_news(touched);
                }
            }
            Event::Applied(results) => self.applied(results, now, store, out)?,
            Event::Paused => self.paused = true,
            Event::Resumed => {
                self.paused = false;
                self.pull_wanted = true;
                self.try_everything_again();
            }
            Event::Tick => self.timer = None,
        }
        Ok(())
    }

    /// Nothing that failed waits any longer.
    fn try_everything_again(&mut self) {
        self.retries.clear();
        self.due_at = None;
    }

    /// The pair changes over to only receiving, or back. What was planned to be sent is planned anew.
    fn rights_are(&mut self, may_write: bool) {
        if std::mem::replace(&mut self.may_write, may_write) == may_write {
            return;
        }
        self.planned_clean = false;
        self.unsent.clear();
        self.try_everything_again();
        if let Some(work) = &mut self.work {
            work.drop_remote();
        }
    }

    /// Which way changes travel; none if they cannot: what only sends may not write.
    fn direction(&self) -> Option<Direction> {
        match (self.settings.direction, self.may_write) {
            (direction, true) => Some(direction),
            (Direction::Both | Direction::Down, false) => Some(Direction::Down),
            (Direction::Up, false) => None,
        }
    }

    /// Takes in what was pulled, unless local actions are under way: should they be cut off before they are recorded,
    /// what they left on the disk must still be known as the remote side's, and not look like a user's edit.
    fn take_in_pulled<S: PairStore>(&mut self, store: &mut S) -> Result<(), StoreError> {
        if self.work.as_ref().is_some_and(Work::local_in_flight) {
            return Ok(());
        }
        let Some((cursor, epoch)) = self.pulled.take() else { return Ok(()) };
        let Some(extent) = self.pulling.take() else { return Ok(()) };
        self.settle_bookkeeping(store)?;
        self.head = self.head.max(cursor.seq);
        let touched = ingest_remote::take_in(store, extent, std::mem::take(&mut self.ahead), cursor, epoch)?;
        if self.local.filter.is_active() {
            for path in view::places_to_look_at(store, &touched)? {
                self.local.want(path, false);
            }
        }
        self.pull_failures = 0;
        self.root_gone = false;
        self.no_access = false;
        self.note_news(touched);
        Ok(())
    }

    /// New observations: steps planned before for these nodes are void, and so are old refusals.
    fn note_news(&mut self, touched: BTreeSet<NodeKey>) {
        if touched.is_empty() {
            return;
        }
        self.planned_clean = false;
        for key in &touched {
            self.refusals.remove(key);
        }
        if let Some(work) = &mut self.work {
            work.touch(touched);
        }
    }

    fn pull_failed<S: PairStore>(
        &mut self,
        failure: PullFailure,
        now: Timestamp,
        store: &mut S,
    ) -> Result<(), StoreError> {
        self.pulling = None;
        self.pulled = None;
        store.drop_staged()?;
        self.pull_wanted = true;
        match failure {
            PullFailure::Unreachable => self.remote_pause(now),
            PullFailure::CursorExpired => self.listing_wanted = true,
            PullFailure::EpochChanged => self.lineage_changed(store)?,
            PullFailure::RootGone => {
                self.root_gone = true;
                self.remote_pause(now);
            }
            PullFailure::NoAccess => {
                self.no_access = true;
                self.remote_pause(now);
            }
        }
        Ok(())
    }

    fn remote_pause(&mut self, now: Timestamp) {
        self.retry_remote_at = Some(now.plus_ms(delay_ms(self.pull_failures)));
        self.pull_failures = self.pull_failures.saturating_add(1);
    }

    fn lineage_changed<S: PairStore>(&mut self, store: &mut S) -> Result<(), StoreError> {
        ingest_remote::forget_lineage(store)?;
        self.work = None;
        self.commit = None;
        self.head = Seq(0);
        self.ahead.clear();
        self.pull_wanted = true;
        self.listing_wanted = false;
        self.planned_clean = false;
        self.held = None;
        holds::forget(store)?;
        self.local.want_everything();
        Ok(())
    }

    fn commit_failed<S: PairStore>(
        &mut self,
        key: IdempotencyKey,
        failure: CommitFailure,
        now: Timestamp,
        store: &mut S,
    ) -> Result<(), StoreError> {
        if self.commit == Some(key) {
            self.commit = None;
        }
        if let Some(work) = &mut self.work {
            work.remote_landed();
            work.drop_remote();
        }
        match failure {
            CommitFailure::Unreachable if self.fault == Some(Fault::NoIntents) => {
                store.take_intent(key)?;
                self.remote_pause(now);
                self.pull_wanted = true;
            }
            CommitFailure::Unreachable => self.remote_pause(now),
            CommitFailure::EpochChanged => self.lineage_changed(store)?,
            CommitFailure::Refused | CommitFailure::NoAccess => {
                self.no_access |= failure == CommitFailure::NoAccess;
                store.take_intent(key)?;
                self.remote_pause(now);
                self.pull_wanted = true;
            }
        }
        Ok(())
    }

    fn committed<S: PairStore>(
        &mut self,
        key: IdempotencyKey,
        answer: CommitAnswer,
        now: Timestamp,
        store: &mut S,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        if self.commit == Some(key) {
            self.commit = None;
        }
        self.pull_failures = 0;
        let Some(intent) = store.take_intent(key)? else { return Ok(()) };
        let keys = intent.groups.iter().flatten().map(|operation| operation.planned.key());
        store.prefetch(&keys.collect::<Vec<_>>())?;
        let (mut removed, mut applied) = (Vec::new(), Vec::new());
        for (index, group) in intent.groups.iter().enumerate() {
            match answer.outcomes.get(index) {
                Some(GroupOutcome::Applied(outcomes)) => {
                    for (operation, outcome) in group.iter().zip(outcomes) {
                        let (key, revision) = (operation.planned.key(), outcome.revision);
                        self.retries.succeeded(key);
                        self.refusals.remove(&key);
                        tell_remote(store, &operation.planned, revision.version, out)?;
                        record::remote_done(store, &operation.planned, *outcome)?;
                        applied.push((key, revision.placement.max(revision.version)));
                        removed.extend(holds::removed_remotely(&operation.planned));
                    }
                }
                Some(GroupOutcome::Refused { reason, .. }) => {
                    self.tell_of_refusals(store, &intent.groups[index], *reason, out)?;
                    self.group_refused(&intent, index, *reason, now);
                    self.revive_what_holds_more(store, group, *reason)?;
                    if *reason == Refusal::ChunkMissing {
                        self.read_again(store, group)?;
                    }
                }
                None => self.group_refused(&intent, index, Refusal::Stale, now),
            }
        }
        self.note_deletions(store, now, THERE, &removed)?;
        if let Some(work) = &mut self.work {
            work.remote_landed();
        }
        let mut state = store.state()?;
        // A move may have taken something out of the view, or into it: the pull tells.
        let retold = self.settings.view.filter().is_some() && has_moves(&intent);
        if !retold && state.cursor.as_ref().is_some_and(|cursor| cursor.seq == answer.before) {
            self.head = self.head.max(answer.after.seq);
            state.cursor = Some(answer.after);
            store.set_state(&state)?;
        } else {
            self.head = self.head.max(answer.after.seq);
            if let (Some(cursor), true) = (&state.cursor, self.settings.view.is_partial()) {
                let ahead = applied.into_iter().filter(|(_, seq)| *seq > cursor.seq);
                self.ahead.extend(ahead.map(|(key, _)| key));
            }
        }
        self.planned_clean = false;
        Ok(())
    }

    /// A directory that was removed here, but that holds what this device does not sync, is not removed there: it comes
    /// back. (What it holds that this device does sync was removed before it.)
    fn revive_what_holds_more<S: PairStore>(
        &mut self,
        store: &mut S,
        group: &[IntentOperation],
        reason: Refusal,
    ) -> Result<(), StoreError> {
        if reason != Refusal::Stale || self.settings.view.filter().is_none() {
            return Ok(());
        }
        for operation in group {
            let key = operation.planned.key();
            let removal = matches!(operation.planned, RemoteOperation::Remove { .. });
            if removal && self.retries.tries(key) >= TRIES_BEFORE_REVIVING {
                record::memory_step(store, &planner::MemoryStep::Revive(key))?;
                self.retries.succeeded(key);
            }
        }
        Ok(())
    }

    /// A node gets a name that no person gave it: it may be one that is not synced.
    fn look_at_made_up_name<S: PairStore>(
        &mut self,
        store: &S,
        operation: &LocalOperation,
    ) -> Result<(), StoreError> {
        let made_up = matches!(operation, LocalOperation::Detach { .. } | LocalOperation::Rename { .. });
        if made_up && self.local.filter.is_active() {
            self.look_around(store, operation)?;
        }
        Ok(())
    }

    /// The bytes that were promised could not be sent: they are no longer on the disk, even if nothing else tells so (a
    /// power cut can leave other bytes behind the same times). Have the files read again.
    fn read_again<S: PairStore>(
        &mut self,
        store: &mut S,
        group: &[IntentOperation],
    ) -> Result<(), StoreError> {
        for key in group.iter().map(|operation| operation.planned.key()) {
            let Some(mut row) = store.row(key)? else { continue };
            let (Some(local), Some(disk)) = (&row.triple.local, &mut row.extra.disk) else { continue };
            if local.content.kind() != Kind::File {
                continue;
            }
            disk.ctime = Timestamp(i64::MIN);
            let path = path_of(store, local.parent, &Overlay::new())?.unwrap_or_default();
            self.local.want(path, false);
            store.put(key, row)?;
        }
        Ok(())
    }

    /// What is refused again for the same reason is not told again.
    fn tell_of_refusals<S: PairStore>(
        &self,
        store: &S,
        group: &[IntentOperation],
        reason: Refusal,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        for key in group.iter().map(|operation| operation.planned.key()) {
            if self.refusals.get(&key) != Some(&refusal_in_words(reason)) {
                tell_refused(store, key, reason, out)?;
            }
        }
        Ok(())
    }

    fn group_refused(&mut self, intent: &Intent, index: usize, reason: Refusal, now: Timestamp) {
        if let Some(work) = &mut self.work {
            work.remote_undone(index);
        }
        for operation in &intent.groups[index] {
            let key = operation.planned.key();
            match reason {
                Refusal::Stale | Refusal::Gone | Refusal::NameTaken => {
                    self.pull_wanted |= self.fault != Some(Fault::NoPullAfterRefusal);
                    self.retries.failed(key, now);
                    let filtered = self.settings.view.filter().is_some();
                    if filtered
                        && reason == Refusal::NameTaken
                        && self.retries.tries(key) >= TRIES_BEFORE_TELLING
                    {
                        self.refusals.insert(key, HIDDEN_NAME);
                    }
                }
                Refusal::ChunkMissing => self.retries.failed(key, now),
                Refusal::Dependency => {}
                Refusal::Forbidden
                | Refusal::Quota
                | Refusal::TooLarge
                | Refusal::BadName
                | Refusal::Held => {
                    self.retries.failed_for_long(key, now);
                    self.refusals.insert(key, refusal_in_words(reason));
                }
            }
        }
    }

    fn applied<S: PairStore>(
        &mut self,
        results: Vec<(usize, LocalOutcome)>,
        now: Timestamp,
        store: &mut S,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let Some(mut work) = self.work.take() else { return Ok(()) };
        let answers = results.len();
        let keys =
            results.iter().filter_map(|(index, _)| work.local_operation(*index)).map(LocalOperation::key);
        store.prefetch(&keys.collect::<Vec<_>>())?;
        let mut removed = Vec::new();
        for (index, outcome) in results {
            let Some(operation) = work.local_operation(index).cloned() else { continue };
            let key = operation.key();
            let outcome = match outcome {
                LocalOutcome::Changed if self.fault == Some(Fault::FailedIsDone) => LocalOutcome::Done(None),
                outcome => outcome,
            };
            if let LocalOutcome::Done(disk) = outcome {
                self.retries.succeeded(key);
                self.refusals.remove(&key);
                tell_local(store, &operation, out)?;
                self.look_at_made_up_name(store, &operation)?;
                record::local_done(store, &operation, disk.clone())?;
                removed.extend(holds::removed_locally(&operation));
                if store.row(key)?.is_some_and(|row| row.extra.disk != disk) {
                    // A user changed it while it was moved.
                    self.look_around(store, &operation)?;
                }
                continue;
            }
            work.local_undone(index);
            self.local_failed(store, &operation, &outcome, now)?;
        }
        self.note_deletions(store, now, HERE, &removed)?;
        work.local_landed(answers);
        self.work = Some(work);
        self.planned_clean = false;
        Ok(())
    }

    fn local_failed<S: PairStore>(
        &mut self,
        store: &mut S,
        operation: &LocalOperation,
        outcome: &LocalOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = operation.key();
        match outcome {
            LocalOutcome::Changed => {
                self.look_around(store, operation)?;
                self.retries.failed(key, now);
                if self.retries.tries(key) >= TRIES_BEFORE_TELLING {
                    self.refusals.insert(key, "something that is not synced, or is in use, is in its place");
                }
            }
            LocalOutcome::ContentUnavailable => {
                self.pull_wanted = true;
                self.retries.failed(key, now);
            }
            LocalOutcome::NoSpace => {
                self.retries.failed_for_long(key, now);
                self.refusals.insert(key, "no space is left on this device's disk");
            }
            LocalOutcome::NotPossible(reason) => {
                if *reason == Frozen::Unwritable {
                    let places = places_of(store, operation)?;
                    self.unpermitted.insert(key, places);
                }
                self.retries.failed_for_long(key, now);
                self.refusals.insert(key, Frozen::as_str(*reason));
            }
            LocalOutcome::Failed => {
                self.retries.failed_for_long(key, now);
                self.refusals.insert(key, "an error of this device's disk; tried again later");
            }
            LocalOutcome::Skipped | LocalOutcome::Done(_) => {}
        }
        Ok(())
    }

    /// Something was seen at some places: what the disk did not permit there may be permitted now.
    fn hope_for(&mut self, now: Timestamp, is_seen: impl Fn(&RelativePath) -> bool) {
        for (key, places) in &self.unpermitted {
            if places.iter().any(&is_seen) && self.retries.hope(*key, now) {
                self.planned_clean = false;
            }
        }
    }

    /// Something else than expected stands where an operation wanted to work: look at both places.
    fn look_around<S: PairStore>(&mut self, store: &S, operation: &LocalOperation) -> Result<(), StoreError> {
        for path in places_of(store, operation)? {
            self.local.want(path, false);
        }
        Ok(())
    }

    /// Goes as far as possible without an answer from outside.
    fn advance<S: PairStore>(
        &mut self,
        now: Timestamp,
        store: &mut S,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        // Every turn either emits an effect on a free lane, records something, or ends; the bound only guards
        // against a planner that never comes to rest.
        for _ in 0..200 {
            self.take_in_pulled(store)?;
            if !self.started || self.paused {
                return Ok(());
            }
            self.fill_local_lane(now, store, out)?;
            self.fill_remote_lane(now, store, out)?;
            if self.work.as_ref().is_some_and(|work| work.is_over() || self.remote_unusable(work)) {
                self.end_work();
                continue;
            }
            if !self.may_plan(store)? {
                return Ok(());
            }
            if !self.plan(now, store)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Work whose rest is for a remote side that cannot be reached waits for a new plan instead.
    fn remote_unusable(&self, work: &Work) -> bool {
        (!self.online || self.root_gone)
            && self.commit.is_none()
            && work.has_remote()
            && !work.local_in_flight()
    }

    fn end_work(&mut self) {
        let Some(work) = &mut self.work else { return };
        if work.is_over() {
            self.work = None;
        } else {
            work.drop_remote();
        }
    }

    fn fill_local_lane<S: PairStore>(
        &mut self,
        now: Timestamp,
        store: &mut S,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        if self.local.round_active() || self.work.as_ref().is_some_and(Work::local_in_flight) {
            return Ok(());
        }
        if self.local.begin(store, now, out)? {
            return Ok(());
        }
        if self.local.is_offline() {
            return Ok(());
        }
        let Some(mut work) = self.work.take() else { return Ok(()) };
        let batch = work.next_local(store, &|key| self.retries.must_wait(key, now))?;
        if let Some(batch) = batch {
            for operation in &batch.memory_only {
                let disk = store.row(operation.key())?.and_then(|row| row.extra.disk);
                record::local_done(store, operation, disk)?;
                self.planned_clean = false;
            }
            self.doubt(store, &batch.outdated, now)?;
            if !batch.actions.is_empty() {
                debug_assert_eq!(batch.actions.len(), work.local_flight_len());
                out.push(Effect::Apply(batch.actions));
            }
        }
        self.work = Some(work);
        Ok(())
    }

    fn fill_remote_lane<S: PairStore>(
        &mut self,
        now: Timestamp,
        store: &mut S,
        out: &mut Vec<Effect>,
    ) -> Result<(), StoreError> {
        let pausing = self.retry_remote_at.is_some_and(|at| at > now);
        if !self.online || pausing || self.pulling.is_some() || self.commit.is_some() {
            return Ok(());
        }
        if let Some(intent) = store.intents()?.into_iter().next() {
            self.commit = Some(intent.key);
            out.push(Effect::Commit(Commit { intent, sends: Vec::new() }));
            return Ok(());
        }
        let state = store.state()?;
        if state.cursor.is_some() && !self.local.is_complete() {
            // What a crash left on the disk is compared with what was known then, before that grows older.
            return Ok(());
        }
        let behind = state.cursor.as_ref().is_none_or(|cursor| cursor.seq < self.head);
        if self.pull_wanted || self.listing_wanted || behind {
            store.drop_staged()?;
            let everything = self.listing_wanted || state.cursor.is_none();
            self.pulling = Some(if everything { Extent::Everything } else { Extent::Changes });
            self.pull_wanted = false;
            self.listing_wanted = false;
            let cursor = if everything { None } else { state.cursor.map(|cursor| cursor.text) };
            out.push(Effect::Pull(cursor));
            return Ok(());
        }
        if self.root_gone {
            return Ok(());
        }
        let Some(mut work) = self.work.take() else { return Ok(()) };
        let (key, bound) = (self.next_key(), self.commit_bound);
        let (commit, outdated) =
            work.next_commit(store, key, bound, &|key| self.retries.must_wait(key, now))?;
        self.work = Some(work);
        self.doubt(store, &outdated, now)?;
        if let Some(commit) = commit {
            store.put_intent(&commit.intent)?;
            self.commit = Some(commit.intent.key);
            out.push(Effect::Commit(commit));
        }
        Ok(())
    }

    /// What was planned for these nodes does not fit what is remembered of them: look at them again, and plan again,
    /// but not for ever at once.
    fn doubt<S: PairStore>(&mut self, store: &S, keys: &[NodeKey], now: Timestamp) -> Result<(), StoreError> {
        for key in keys {
            self.retries.failed(*key, now);
            self.planned_clean = false;
            if let Some(local) = store.row(*key)?.and_then(|row| row.triple.local)
                && let Some(path) = path_of(store, local.parent, &Overlay::new())?
            {
                self.local.want(path, false);
            }
        }
        Ok(())
    }

    /// 64 random bits of this run and 64 that count.
    fn next_key(&mut self) -> IdempotencyKey {
        self.keys_made += 1;
        let mut bytes = self.settings.seed;
        for (byte, count) in bytes[8..].iter_mut().zip(self.keys_made.to_be_bytes()) {
            *byte ^= count;
        }
        IdempotencyKey(bytes)
    }

    /// A person decided about held deletions: carry them out, or bring back what is held.
    pub fn decide_hold<S: PairStore>(
        &mut self,
        approve: bool,
        now: Timestamp,
        store: &mut S,
    ) -> Result<(), StoreError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        self.planned_clean = false;
        holds::decided(store, now, Some(&held).filter(|_| approve))?;
        if approve {
            return Ok(());
        }
        let Held([here, there]) = held;
        // Top down, so that a directory's new key is known before its children's.
        for key in here {
            record::memory_step(store, &planner::MemoryStep::Rekey(key))?;
        }
        for key in there {
            record::memory_step(store, &planner::MemoryStep::Revive(key))?;
        }
        Ok(())
    }

    /// Deletions that were carried out count when the next are judged.
    fn note_deletions<S: PairStore>(
        &self,
        store: &mut S,
        now: Timestamp,
        side: usize,
        keys: &[NodeKey],
    ) -> Result<(), StoreError> {
        if keys.is_empty() || self.settings.hold_deletes.is_none() {
            return Ok(());
        }
        holds::carried_out(store, now, side, keys)
    }

    fn set_timer(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        if std::mem::take(&mut self.portion.pause) {
            self.timer = Some(now);
            out.push(Effect::Timer(now));
            return;
        }
        let wanted =
            [self.local.next_time(now), self.retries.next(now), self.retry_remote_at.filter(|at| *at > now)];
        let Some(at) = wanted.into_iter().flatten().min() else { return };
        if self.timer.is_none_or(|set| at < set) {
            self.timer = Some(at);
            out.push(Effect::Timer(at));
        }
    }
}

fn has_moves(intent: &Intent) -> bool {
    intent.groups.iter().flatten().any(|operation| matches!(operation.planned, RemoteOperation::Move { .. }))
}

fn refusal_in_words(reason: Refusal) -> &'static str {
    match reason {
        Refusal::Forbidden => "you may not change this in the shared folder",
        Refusal::Quota => "the quota is used up",
        Refusal::TooLarge => "the file is larger than the server takes",
        Refusal::BadName => "the server does not take this name or path",
        Refusal::Held => "held by the server until a person approves it",
        Refusal::Stale | Refusal::Gone | Refusal::NameTaken | Refusal::ChunkMissing | Refusal::Dependency => {
            "it changed meanwhile; tried again"
        }
    }
}
