//! When and how much is planned.

use super::Engine;
use crate::fault::Fault;
use crate::holds;
use crate::one_way;
use crate::record;
use crate::store::{PairStore, StoreError};
use crate::work::Work;
use model::{NodeKey, Timestamp};
use planner::{Direction, Plan, RemoteOperation};
use std::collections::BTreeSet;

/// So many new nodes of either side are planned at a time. A planned node takes a kilobyte or two, so that a plan stays
/// below some 30 MB; five full commits let the remote lane go on while the next portion is planned.
pub(super) const PORTION: usize = 10_000;

/// How much of what is new is planned at a time.
#[derive(Debug)]
pub(super) struct Portion {
    least: usize,
    most: usize,
    /// How many new nodes the last plan left for later.
    left: usize,
    /// The last plan was begun, and so far nothing came of it.
    fruitless: bool,
    /// The shell is to make durable what was noted before more is planned.
    pub(super) pause: bool,
}

impl Portion {
    pub(super) fn new(least: usize) -> Self {
        Self { least, most: least, left: 0, fruitless: false, pause: false }
    }

    /// What was planned must wait, but what was not planned may not have to.
    fn widen(&mut self) {
        self.most = self.most.saturating_mul(2);
    }

    fn planned(&mut self, left: usize) {
        self.left = left;
        self.fruitless = false;
        if left == 0 {
            self.most = self.least;
        }
    }
}

impl Engine {
    /// Planning needs all observations in, nothing under way and no open intent; and a remote side seen at least once.
    pub(super) fn may_plan<S: PairStore>(&self, store: &S) -> Result<bool, StoreError> {
        let free = self.work.is_none() && self.commit.is_none() && self.pulling.is_none();
        let observed = !self.local.round_active() && self.local.is_complete();
        Ok(free && observed && store.intents()?.is_empty() && store.state()?.cursor.is_some())
    }

    /// Plans once. True if there is something to do at once.
    pub(super) fn plan<S: PairStore>(&mut self, now: Timestamp, store: &mut S) -> Result<bool, StoreError> {
        let whole = self.portion.left == 0;
        if self.planned_clean && whole && self.due_at.is_some_and(|at| at > now) && self.waiting > 0 {
            // Nothing new was observed, and all that is left must wait still.
            return Ok(false);
        }
        if self.planned_clean && whole && self.waiting == 0 {
            return Ok(false);
        }
        if self.planned_clean && self.portion.fruitless && self.online {
            self.portion.widen();
        }
        let fault = Fault::of_planner(self.fault);
        let Some(direction) = self.direction() else {
            (self.waiting, self.planned_clean) = (0, true);
            return Ok(false);
        };
        // What is new on the following side of a one-way pair stays so, and would take up every portion.
        let most = if direction == Direction::Both { self.portion.most } else { usize::MAX };
        let (mut plan, rules, left) =
            planner::plan_portion(store, &self.settings.author, direction, fault, most)?;
        self.rules.add(&rules);
        self.portion.planned(left);
        if !plan.memory.is_empty() {
            apply_memory(store, &plan)?;
            if plan.local.is_empty() && plan.remote.is_empty() {
                self.planned_clean = false;
                self.portion.pause = left > 0;
                return Ok(left == 0);
            }
        }
        self.held = match self.settings.hold_deletes {
            Some(most) => holds::hold_back(store, now, most, &mut plan)?,
            None => None,
        };
        if direction == Direction::Down {
            self.unsent = one_way::unsent(store, self.may_write)?;
        }
        let total = plan.local.len() + plan.remote.len() + left;
        let due = plan.local.iter().any(|step| !self.retries.must_wait(step.operation.key(), now))
            || (self.online
                && !self.root_gone
                && plan.remote.iter().any(|group| !self.group_waits(group, now)));
        self.waiting = total;
        self.planned_clean = true;
        self.due_at = self.retries.next(now);
        if left == 0 {
            self.forget_old_refusals(&plan);
        }
        if !due && left > 0 && (self.online || !plan.local.is_empty()) {
            self.portion.widen();
            return Ok(true);
        }
        if !due {
            return Ok(false);
        }
        self.portion.fruitless = true;
        self.work = Some(Work::new(plan));
        Ok(true)
    }

    /// What is not planned any more is no issue any more.
    fn forget_old_refusals(&mut self, plan: &Plan) {
        if self.refusals.is_empty() && self.unpermitted.is_empty() {
            return;
        }
        let local = plan.local.iter().map(|step| step.operation.key());
        let remote = plan.remote.iter().flat_map(|group| &group.operations).map(RemoteOperation::key);
        let planned: BTreeSet<NodeKey> = local.chain(remote).collect();
        self.refusals.retain(|key, _| planned.contains(key));
        self.unpermitted.retain(|key, _| planned.contains(key));
    }

    fn group_waits(&self, group: &planner::RemoteGroup, now: Timestamp) -> bool {
        group.operations.iter().any(|operation| self.retries.must_wait(operation.key(), now))
    }

    /// What both sides agree on by now is recorded before anything new is taken in.
    pub(super) fn settle_bookkeeping<S: PairStore>(&mut self, store: &mut S) -> Result<(), StoreError> {
        if self.planned_clean || self.fault == Some(Fault::NoBookkeepingBeforePull) {
            return Ok(());
        }
        // What is adopted may be agreed on next, and so on down to the deepest directory.
        loop {
            let steps = planner::bookkeeping_steps(store, &self.settings.author)?;
            if steps.is_empty() {
                return Ok(());
            }
            for step in &steps {
                record::memory_step(store, step)?;
            }
        }
    }
}

fn apply_memory<S: PairStore>(store: &mut S, plan: &Plan) -> Result<(), StoreError> {
    plan.memory.iter().try_for_each(|step| record::memory_step(store, step))
}
