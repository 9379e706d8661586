//! Being told where to look.
//!
//! Every event is a hint: it may come late, twice, or for nothing. What may not happen is that something changed
//! and neither its entry, nor its directory, nor a subtree that holds it was named.

use crate::error::Result;
use model::RelativePath;
use std::fmt;

/// A hint where to look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchEvent {
    /// This one entry may have appeared, vanished or changed. It may also be treated as `Dirty` of its directory.
    Entry(RelativePath),
    /// Something directly in this directory may have changed: list it again.
    Dirty(RelativePath),
    /// Anything in this subtree may have changed: list all of it again. The first event is this one for the root,
    /// once everything is watched.
    Lost(RelativePath),
    /// Everything that happened before this barrier was asked for has been told, in this batch or earlier.
    Passed(Barrier),
    /// [`Watcher::status`] changed.
    Status,
}

/// Names a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Barrier(pub u64);

/// What tells of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WatchMethod {
    /// Nothing does: everything is looked at now and then.
    #[default]
    Scan,
    /// Linux: a watch on every directory.
    Inotify,
    /// Linux: one mark on the whole file system.
    Fanotify,
    /// A disk that is not real tells by itself.
    Simulated,
}

impl fmt::Display for WatchMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scan => "scan",
            Self::Inotify => "inotify",
            Self::Fanotify => "fanotify",
            Self::Simulated => "simulated",
        })
    }
}

/// How well the replica is watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchStatus {
    /// What is at work.
    pub method: WatchMethod,
    /// Why it is not the method that would have been better, if one was tried.
    pub instead: Option<String>,
    /// How many directories are watched.
    pub watched: u64,
    /// How many are not, because the system's limit is reached: to be scanned often, and told to the user.
    pub unwatched: u64,
    /// The system's limit of watches, where it is known.
    pub limit: Option<u64>,
    /// Set once watching has ended for good, with the reason: only scanning is left.
    pub stopped: Option<String>,
}

/// A replica being watched. It calls the `wake` it was made with when there is something to take, and keeps
/// what it has to tell in bounded memory: what is not taken in time becomes coarser, at worst `Lost` of the root.
pub trait Watcher: Send + Sync + fmt::Debug {
    /// What has happened since the last call, each hint once; empty if nothing.
    fn take(&self) -> Vec<WatchEvent>;

    /// Asks for a [`WatchEvent::Passed`] behind everything that has happened so far.
    fn barrier(&self) -> Result<Barrier>;

    /// How well the replica is watched.
    fn status(&self) -> WatchStatus;

    /// The directories that are not watched, to be scanned often instead.
    fn unwatched(&self) -> Vec<RelativePath> {
        Vec::new()
    }

    /// A scan has found a change in a directory that is not watched: watch it from now on, with what is below it,
    /// rather than one where nothing has happened for long.
    fn attend(&self, directory: &RelativePath) {
        let _ = directory;
    }
}
