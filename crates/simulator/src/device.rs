//! A device: a disk, somebody's hands on it, and the program, which lives and dies.

use crate::apply::ApplyRun;
use crate::deed::{Act, Hands, Tree, resolve};
use crate::memory::Memory;
use crate::oracle::Oracle;
use filesystem::fake::{FakeDisk, FakeWatcher, User};
use model::conflict::Author;
use model::{IdempotencyKey, Timestamp, View};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sync_engine::Engine;

/// A device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) name: String,
    /// Which way changes travel.
    pub(crate) direction: planner::Direction,
    /// What was last heard: the account may only read.
    pub(crate) reads_only: bool,
    pub(crate) disk: FakeDisk,
    /// How far its clock is ahead of the world's, in nanoseconds.
    pub(crate) skew: i64,
    pub(crate) memory: Memory,
    /// What of the folder it wants.
    pub(crate) view: View,
    /// The program, while it runs.
    pub(crate) engine: Option<Engine>,
    pub(crate) watcher: Option<FakeWatcher>,
    /// Counts the program's lives: what was planned for an earlier one is void.
    pub(crate) life: u64,
    /// Counts connections.
    pub(crate) link: u64,
    pub(crate) linked: bool,
    pub(crate) cut_off: u32,
    /// The machine is on and the replica mounted: somebody can work on it.
    pub(crate) usable: bool,
    pub(crate) pending: BTreeMap<u64, Pending>,
    pub(crate) apply: Option<ApplyRun>,
    pub(crate) doom: Option<Doom>,
    pub(crate) watch_planned: bool,
    pub(crate) somebody: Somebody,
    pub(crate) counts: Counts,
}

/// When the program dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doom {
    /// Before the next transaction is durable.
    BeforeCommit { for_ms: u64 },
    /// Just after.
    AfterCommit { for_ms: u64 },
    /// When the disk has halted.
    OnDisk { for_ms: u64, power: Option<u64> },
}

/// A request without an answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pending {
    Pull,
    Commit(IdempotencyKey),
    Fetch { index: usize },
}

/// What the engine did here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commits sent.
    pub commits: u64,
    /// Changes of the local side asked for.
    pub applies: u64,
    /// Files' contents fetched.
    pub downloads: u64,
    /// Files' contents sent.
    pub uploads: u64,
    /// Operations that the server took.
    pub changes: u64,
}

/// Somebody at a device: shared with the hook that acts within disk procedures.
#[derive(Debug, Clone)]
pub(crate) struct Somebody {
    device: usize,
    inner: Arc<Mutex<Working>>,
    oracle: Arc<Mutex<Oracle>>,
}

#[derive(Debug, Default)]
struct Working {
    hands: Hands,
    /// Acts to be done before the primitive of this number.
    hidden: VecDeque<(u64, Act)>,
    notes: Vec<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Somebody {
    pub(crate) fn new(device: usize, oracle: Arc<Mutex<Oracle>>) -> Self {
        Self { device, inner: Arc::default(), oracle }
    }

    /// Does one act, in sight of the oracle.
    pub(crate) fn perform(&self, user: &mut User<'_>, act: &Act) -> bool {
        let before = user.tree();
        let done = act.perform(user, &mut lock(&self.inner).hands);
        lock(&self.oracle).acted(self.device, &before, &user.tree(), act.copies());
        done
    }

    /// What was open is closed by a loss of power.
    pub(crate) fn drop_everything(&self) {
        let mut inner = lock(&self.inner);
        inner.hands = Hands::default();
        inner.hidden.clear();
    }

    /// Will act before primitives of these numbers.
    pub(crate) fn lie_in_wait(&self, disk: &FakeDisk, acts: Vec<(u64, Act)>) {
        lock(&self.inner).hidden.extend(acts);
        let somebody = self.clone();
        disk.set_hook(Some(Box::new(move |step, user| somebody.act_before(step, user))));
    }

    fn act_before(&self, step: u64, user: &mut User<'_>) {
        loop {
            let act = {
                let mut inner = lock(&self.inner);
                match inner.hidden.front() {
                    Some((at, _)) if *at <= step => inner.hidden.pop_front(),
                    _ => None,
                }
            };
            let Some((_, act)) = act else { return };
            let done = self.perform(user, &act);
            let mark = if done { "" } else { " (not possible)" };
            lock(&self.inner).notes.push(format!("within: {act:?}{mark}"));
        }
    }

    /// What was done within a procedure, and what was not done in time.
    pub(crate) fn come_out(&self, disk: &FakeDisk) -> (Vec<String>, Vec<Act>) {
        disk.set_hook(None);
        let mut inner = lock(&self.inner);
        let left = std::mem::take(&mut inner.hidden).into_iter().map(|(_, act)| act).collect();
        (std::mem::take(&mut inner.notes), left)
    }

    /// What was done within a procedure so far.
    pub(crate) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.inner).notes)
    }

    pub(crate) fn power_lost(&self, before: &Tree, after: &Tree) {
        lock(&self.oracle).power_lost(self.device, before, after);
    }
}

impl Device {
    /// The device's moment when the world's is `now`; its disk never lags behind.
    pub(crate) fn clock(&self, now: Timestamp) -> Timestamp {
        let wanted = now.0.saturating_add(self.skew);
        let behind_ms = wanted.saturating_sub(self.disk.now().0) / 1_000_000;
        if let Ok(behind_ms) = u64::try_from(behind_ms)
            && behind_ms > 0
        {
            self.disk.advance_ms(behind_ms);
        }
        Timestamp(wanted.max(self.disk.now().0))
    }

    pub(crate) fn author(&self) -> Author {
        Author { user: "alice".to_owned(), device: self.name.clone() }
    }

    pub(crate) fn tree(&self) -> Tree {
        self.disk.user(|user| user.tree())
    }

    pub(crate) fn act(&self, act: &Act) -> bool {
        self.disk.user(|user| self.somebody.perform(user, act))
    }

    pub(crate) fn resolve(&self, deed: &crate::deed::Deed) -> Vec<(u64, Act)> {
        resolve(deed, &self.tree())
    }
}
