//! The disk of this machine: Linux.
//!
//! [`OsDisk`] is the port [`filesystem::Disk`] on a directory, [`OsWatcher`] the port [`filesystem::Watcher`] by
//! fanotify or inotify. Invariants:
//! - every path is resolved from the root's open directory with `openat2`, beneath it, through no symbolic link and
//!   into no other file system; no directory stays open from one call to the next, so what a user moves elsewhere is
//!   never written to by its old path;
//! - a node's identity is its file handle (`name_to_handle_at`), so that a reused inode number is another node;
//! - the private directory `.driftless` holds `marker` (which replica this is; locked while a disk is open), `stage`,
//!   `trash` and `cookies`.
//!
//! Unsafe code is only in `system`, for the calls that no safe wrapper covers.

mod beneath;
mod disk;
mod dress;
mod error;
mod file;
mod listing;
mod node;
mod private;
mod probe;
mod system;
mod watch;

pub use disk::OsDisk;
pub use watch::{OsWatcher, UnknownWatchMode, WatchMode, WatchOptions, WatchQueue};
