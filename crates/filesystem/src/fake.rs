//! A disk in memory, with a user, faults, crashes and lost events; deterministic, without a clock.
//!
//! It behaves like ext4 where that is hard on a sync program: inode numbers are reused at once (handles tell), only
//! what was synced survives a crash for sure, and an open file goes on being written to wherever its name has gone.
//! A [`User`] works on it past the port. With a [hook](FakeDisk::set_hook) users act between any two primitives of a
//! procedure, and with [`Fault`]s any primitive fails, or the machine stops before or after it.
//!
//! [`FakeDisk::fork`] copies a disk cheaply: contents are shared.

mod durable;
mod faults;
mod port;
mod state;
mod user;
mod watcher;

pub use faults::{Fault, FaultRates};
pub use user::{Seen, User, WriterId};
pub use watcher::{FakeWatcher, WatchFaults};

use faults::Faults;
use model::Timestamp;
use state::State;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What kind of disk it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FakeOptions {
    /// `a` and `A`, and composed and decomposed characters, are one name.
    pub insensitive: bool,
    /// Two names can be exchanged in one step.
    pub exchange: bool,
    /// The disk can tell whether a file is being written to.
    pub writers: bool,
    /// Moments closer than this are not told apart.
    pub mtime_granularity_ns: u64,
    /// How many bytes of files fit.
    pub capacity: u64,
    /// Its first moment.
    pub start: Timestamp,
}

impl Default for FakeOptions {
    fn default() -> Self {
        Self {
            insensitive: false,
            exchange: true,
            writers: true,
            mtime_granularity_ns: 1,
            capacity: 1 << 40,
            start: Timestamp::from_parts(1_700_000_000, 0),
        }
    }
}

/// A disk in memory. Clones are the same disk; [`FakeDisk::fork`] makes another.
#[derive(Clone)]
pub struct FakeDisk {
    inner: Arc<Mutex<Inner>>,
}

/// Acts as a user before the primitive of this number.
pub type Hook = Box<dyn FnMut(u64, &mut User<'_>) + Send>;

struct Inner {
    state: State,
    faults: Faults,
    hook: Option<Hook>,
    wake: Option<Box<dyn Fn() + Send>>,
}

impl fmt::Debug for FakeDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeDisk({:?})", self.lock().state.options)
    }
}

impl FakeDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(options: FakeOptions) -> Self {
        Self::with(State::new(options), Faults::default())
    }

    fn with(state: State, faults: Faults) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { state, faults, hook: None, wake: None })) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked while it held the lock has failed anyway.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another disk that is now just like this one, without its hook.
    #[must_use]
    pub fn fork(&self) -> Self {
        let inner = self.lock();
        Self::with(inner.state.clone(), inner.faults.clone())
    }

    /// Lets a user do something on the disk, past the port.
    pub fn user<T>(&self, act: impl FnOnce(&mut User<'_>) -> T) -> T {
        let mut inner = self.lock();
        let result = act(&mut User::new(&mut inner.state));
        inner.wake();
        result
    }

    /// Lets time go by. Every primitive takes a microsecond by itself.
    pub fn advance_ms(&self, milliseconds: u64) {
        let mut inner = self.lock();
        inner.state.now = inner.state.now.plus_ms(milliseconds);
    }

    /// What kind of disk it is.
    #[must_use]
    pub fn options(&self) -> FakeOptions {
        self.lock().state.options
    }

    /// The disk's moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.lock().state.now
    }

    /// Acts before each primitive from now on.
    pub fn set_hook(&self, hook: Option<Hook>) {
        self.lock().hook = hook;
    }

    /// How many primitives were called so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.lock().faults.step
    }

    /// Lets the primitive of this number fail.
    pub fn fail_at(&self, step: u64, fault: Fault) {
        self.lock().faults.schedule.insert(step, fault);
    }

    /// Lets primitives fail by chance.
    pub fn set_fault_rates(&self, rates: FaultRates, seed: u64) {
        let mut inner = self.lock();
        inner.faults.rates = rates;
        inner.faults.random = faults::Random(seed);
    }

    /// Whether a fault has stopped the machine.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.lock().faults.halted
    }

    /// Takes the mount away, or brings it back.
    pub fn set_offline(&self, offline: bool) {
        self.lock().state.offline = offline;
    }

    /// Puts another marker in the root.
    pub fn set_marker(&self, marker: &str) {
        self.lock().state.marker = marker.into();
    }

    /// The program was killed and starts again: nothing of the disk is lost, but what the program had open is.
    pub fn restart_program(&self) {
        let mut inner = self.lock();
        inner.faults.halted = false;
        inner.faults.schedule.clear();
    }

    /// The machine lost its power and starts again. Of what was not synced some is there and some is not, by `seed`.
    pub fn restart_machine(&self, seed: u64) {
        let mut inner = self.lock();
        inner.faults.halted = false;
        inner.faults.schedule.clear();
        inner.state.crash(seed);
    }

    /// The system has written everything out by itself.
    pub fn write_back(&self) {
        self.lock().state.sync_everything();
    }

    /// A watcher of this disk. A disk has at most one: an older one is told nothing any more.
    pub fn watch(&self, faults: WatchFaults, wake: Option<Box<dyn Fn() + Send>>) -> FakeWatcher {
        let mut inner = self.lock();
        inner.state.watch.start(faults);
        inner.wake = wake;
        inner.wake();
        FakeWatcher { disk: self.clone() }
    }
}

impl Inner {
    fn wake(&self) {
        if let Some(wake) = self.wake.as_ref().filter(|_| self.state.watch.has_something()) {
            wake();
        }
    }
}
