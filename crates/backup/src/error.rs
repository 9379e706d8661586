//! Why a backup could not be made, proven or brought back.

use std::io;
use std::path::{Path, PathBuf};

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Somebody else makes a backup there.
    #[error("another backup is being made in {}", .0.display())]
    InUse(PathBuf),
    /// There is no backup, or none of this name.
    #[error("there is no backup in {}", .0.display())]
    NotFound(PathBuf),
    /// A backup that is not what its manifest says.
    #[error("the backup is damaged: {}: {what}", path.display())]
    Damaged {
        /// What of it.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// A directory that cannot be used for this.
    #[error("{}: {what}", path.display())]
    Unfit {
        /// The directory.
        path: PathBuf,
        /// Why not.
        what: &'static str,
    },
    /// The server is told to stop.
    #[error("it was interrupted; the backups that were there are as they were")]
    Interrupted,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] metadata::Error),
    /// The chunk store failed.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// Database or store failed underneath.
    #[error(transparent)]
    Versioning(#[from] versioning::Error),
}

impl Error {
    pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, path: path.to_owned(), source }
    }
}
