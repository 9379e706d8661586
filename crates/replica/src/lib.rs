//! A directory as one side of a pair, at work.
//!
//! A [`Pair`] has two threads: one owns the engine and its memory and waits for events; the other looks at and changes
//! the disk. The far side is a [`Remote`]: a client's is a server over HTTP, that of the server's own file-system
//! monitor is the shared folder in the same process. Everything between disk and engine is the same for both, and is
//! here once.
//!
//! Which disk and watcher are used is the binary's choice ([`OpenReplica`]).
//!
//! Invariants: what the engine notes is durable before its effects are carried out; one job is at work on the disk at a
//! time; nothing is installed before it is whole and durable in the stage; a replica that is not there is offline, never
//! empty.
//!
//! Start with [`pair`]; then `look` (listings and hashes), `apply` (changes of the disk), [`remote`]; [`wipe()`] takes all copies
//! away again.

mod apply;
mod look;
mod manifests;
pub mod pair;
pub mod progress;
pub mod remote;
pub mod wipe;

pub use pair::{Pair, PairSettings, Question, Reply, WaitEnd};
pub use remote::{CommitJob, Inbox, Remote, Unavailable};
pub use wipe::{Copies, WipeError, Wiped, wipe};

use filesystem::{Disk, Watcher};
use std::path::Path;
use std::sync::Arc;

/// A directory of this machine, opened as a replica.
#[derive(Debug, Clone)]
pub struct Replica {
    /// To look at and change it.
    pub disk: Arc<dyn Disk>,
    /// To be told where to look; none where nothing can be watched.
    pub watcher: Option<Arc<dyn Watcher>>,
}

/// Opens replicas: the one thing a pair needs from the system that the binary provides.
pub trait OpenReplica: Send + Sync + std::fmt::Debug {
    /// Makes a directory a replica with this marker, if it is not one yet. It may hold files already.
    fn prepare(&self, directory: &Path, marker: &str) -> Result<(), filesystem::Error>;

    /// Opens a replica with this marker. `wake` is called when the watcher has something to tell.
    fn open(
        &self,
        directory: &Path,
        marker: &str,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Result<Replica, filesystem::Error>;

    /// Opens the disk of a replica with this marker; nobody is told of changes.
    fn open_disk(&self, directory: &Path, marker: &str) -> Result<Arc<dyn Disk>, filesystem::Error>;

    /// Removes what makes a directory a replica; the files stay.
    fn release(&self, directory: &Path) -> Result<(), filesystem::Error>;
}

/// The time now, from the system's clock. Only for records and pauses: clocks never decide between two versions.
#[must_use]
pub fn now() -> model::Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    model::Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
