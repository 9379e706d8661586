//! The fake disk's watcher, with lost, doubled, late and unordered events.

use super::FakeDisk;
use super::faults::Random;
use crate::error::Result;
use crate::watch::{Barrier, WatchEvent, WatchMethod, WatchStatus, Watcher};
use model::{Name, RelativePath};

/// How badly a disk is watched; parts of 1,000 events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatchFaults {
    /// Chooses what goes wrong.
    pub seed: u64,
    /// All that is waiting is replaced by `Lost` of the root.
    pub overflow: u32,
    /// Told twice.
    pub double: u32,
    /// Told only with a later batch, or before the next barrier.
    pub late: u32,
    /// Never told, as with changes through a memory map.
    pub silent: u32,
    /// Told as its directory instead of its entry.
    pub coarse: u32,
}

/// So many hints may wait; then they become `Lost` of the root.
const WAITING_MAX: usize = 10_000;

#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    is_on: bool,
    faults: WatchFaults,
    random: Random,
    waiting: Vec<WatchEvent>,
    late: Vec<WatchEvent>,
    barriers: u64,
}

impl Watch {
    pub(super) fn start(&mut self, faults: WatchFaults) {
        let waiting = vec![WatchEvent::Lost(RelativePath::root())];
        *self =
            Self { is_on: true, faults, random: Random(faults.seed), waiting, late: Vec::new(), barriers: 0 };
    }

    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    pub(super) fn has_something(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// An entry of a directory of the tree changed.
    pub(super) fn tell(&mut self, directory: RelativePath, name: Option<Name>) {
        if !self.is_on {
            return;
        }
        let is_coarse = self.chance(self.faults.coarse);
        let event = match name {
            Some(name) if !is_coarse => WatchEvent::Entry(directory.join(&name)),
            _ => WatchEvent::Dirty(directory),
        };
        self.push(event);
    }

    /// A subtree may have changed unseen.
    pub(super) fn lose(&mut self, subtree: RelativePath) {
        if self.is_on {
            self.push(WatchEvent::Lost(subtree));
        }
    }

    fn push(&mut self, event: WatchEvent) {
        if self.chance(self.faults.overflow) || self.waiting.len() >= WAITING_MAX {
            self.waiting = vec![WatchEvent::Lost(RelativePath::root())];
            self.late.clear();
            return;
        }
        if self.chance(self.faults.silent) {
            return;
        }
        if self.chance(self.faults.double) {
            self.waiting.push(event.clone());
        }
        if self.chance(self.faults.late) {
            self.late.push(event);
        } else {
            self.waiting.push(event);
        }
    }

    fn chance(&mut self, parts: u32) -> bool {
        self.random.is_one_of(parts, 1000)
    }

    fn take(&mut self) -> Vec<WatchEvent> {
        let mut taken = std::mem::take(&mut self.waiting);
        // What was late comes with the next batch, in another order.
        self.waiting.extend(std::mem::take(&mut self.late).into_iter().rev());
        taken.dedup();
        taken
    }

    fn barrier(&mut self) -> Barrier {
        self.barriers += 1;
        let barrier = Barrier(self.barriers);
        self.waiting.append(&mut self.late);
        self.waiting.push(WatchEvent::Passed(barrier));
        barrier
    }
}

/// Watches a [`FakeDisk`].
#[derive(Debug)]
pub struct FakeWatcher {
    pub(super) disk: FakeDisk,
}

impl Watcher for FakeWatcher {
    fn take(&self) -> Vec<WatchEvent> {
        self.disk.lock().state.watch.take()
    }

    fn barrier(&self) -> Result<Barrier> {
        let mut inner = self.disk.lock();
        let barrier = inner.state.watch.barrier();
        inner.wake();
        Ok(barrier)
    }

    fn status(&self) -> WatchStatus {
        let inner = self.disk.lock();
        let watched = if inner.state.watch.is_on { inner.state.nodes.len() as u64 } else { 0 };
        let stopped =
            (!inner.state.watch.is_on).then(|| "another watcher or a restart took its place".to_owned());
        WatchStatus { method: WatchMethod::Simulated, watched, stopped, ..WatchStatus::default() }
    }
}
