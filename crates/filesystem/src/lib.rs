//! Port: a disk, how it is changed safely, and a fake disk with faults.
//!
//! A [`Disk`] is one replica's directory: everything is named relative to its root, resolved beneath it, never
//! through a link and never into another file system. It offers small primitives only; the subtle part, how a
//! download takes the place of a file that a user may be saving at that very moment, is written once on top of
//! them in [`change`] and holds for every disk.
//!
//! Invariants:
//! - nothing in the tree can be unlinked or overwritten through the port: nodes leave it by being renamed to the
//!   trash, and enter it by a rename that refuses to replace, or by an exchange;
//! - "nothing is there" is said only where that is certain; a missing mount or marker is [`ErrorKind::Offline`];
//! - what a [`Watcher`] tells is a hint where to look; only looking is the truth.
//!
//! Start with [`disk`], then [`change`]. [`fake`] is the disk of tests and of the simulator; [`conformance`] is
//! what every disk has to pass.

pub mod change;
pub mod conformance;
pub mod disk;
pub mod error;
pub mod fake;
pub mod place;
pub mod touched;
pub mod watch;

pub use change::{Aside, Expected, Outcome, Proof};
pub use disk::{
    Capabilities, Disk, Identity, Listing, ReadFile, Staged, StagedFile, SyncCounts, Unseen, Writers,
};
pub use error::{Error, ErrorKind, Operation, Result, Retry};
pub use place::{Place, Removal, StagedId, TrashedId};
pub use watch::{Barrier, WatchEvent, WatchMethod, WatchStatus, Watcher};
