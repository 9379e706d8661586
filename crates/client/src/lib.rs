//! The daemon: engines, the server over HTTP, and a control socket.
//!
//! One [`Home`] directory is one device: its account, its token, its pairs. [`daemon::run`] keeps every pair in step:
//! each has a thread that owns engine and memory (`pair`), and a thread that looks at and changes the disk; the
//! network runs on the async runtime (`remote`). Commands talk to the daemon over the socket ([`control`]).
//!
//! Which disk and watcher are used is the binary's choice ([`OpenReplica`]).
//!
//! Who handles failures: the network retries nothing by itself but connecting; the engine decides when to try again.

pub mod control;
pub mod daemon;
pub mod home;
mod pair;
mod progress;
pub mod remote;

pub use home::{Home, HomeError};

use filesystem::{Disk, Watcher};
use std::path::Path;
use std::sync::Arc;

/// A directory of this device, opened as a replica.
#[derive(Debug, Clone)]
pub struct Replica {
    /// To look at and change it.
    pub disk: Arc<dyn Disk>,
    /// To be told where to look; none where nothing can be watched.
    pub watcher: Option<Arc<dyn Watcher>>,
}

/// Opens replicas: the one thing a client needs from the system that the binary provides.
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

    /// Removes what makes a directory a replica; the files stay.
    fn release(&self, directory: &Path) -> Result<(), filesystem::Error>;
}

/// The time now, from the system's clock. Only for records and pauses: clocks never decide between two versions.
#[must_use]
pub fn now() -> model::Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    model::Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
