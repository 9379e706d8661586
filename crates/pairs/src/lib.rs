//! The server's own pairs: the file-system monitor.
//!
//! A shared folder may have a plain directory on the server. Whatever changes there, by Samba, FTP, NFS or a shell, is
//! committed like a client's change, and what clients commit appears there: a [`replica::Pair`] whose far side is the
//! folder in the same process ([`folder`]).
//!
//! Invariants: what a monitor commits passes the same permit, preconditions, quota and history as a client's commit, as
//! [`model::Principal::SERVER`]; a directory that is not there (unmounted, replaced, unreadable) is offline, never empty;
//! a directory is prepared once, when the folder gets it, and never again, so that a missing mount is not taken for a
//! new beginning.
//!
//! Start with [`monitor`]; then [`folder`] and `folder/commit.rs`.

pub mod folder;
pub mod monitor;

pub use folder::SharedFolder;
pub use monitor::{Monitor, MonitorError, MonitorSettings, MonitorStatus, PlainDirectories};

use metadata::Database;
use model::{Epoch, FolderId, Limits, Seq, Timestamp, UserId};
use std::fmt;
use std::sync::Arc;

/// The server's state and what it lends to its own pairs.
#[derive(Clone)]
pub struct Surroundings {
    /// The versioning database.
    pub database: Arc<dyn Database>,
    /// The chunk store.
    pub chunks: Arc<dyn content::ChunkStore>,
    /// What the server takes.
    pub limits: Limits,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The server's lineage.
    pub epoch: Arc<dyn Fn() -> Epoch + Send + Sync>,
    /// To be told that a folder has a new head.
    pub changed: Arc<dyn Fn(FolderId, Seq) + Send + Sync>,
    /// The account of the owner of a file, if one is known.
    pub account: Arc<dyn Fn(u32) -> Option<UserId> + Send + Sync>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("limits", &self.limits).finish_non_exhaustive()
    }
}
