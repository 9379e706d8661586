//! How far a folder's journal had come at a moment.
//!
//! Clocks may step back, numbers never do: a commit made while the clock is behind an earlier commit's time counts as
//! made at that time. So later moments never show earlier states.

use crate::error::Result;
use model::{FolderId, Seq, Timestamp};

/// The end of a commit, or of several of one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// The newest number then.
    pub seq: Seq,
}

/// Reads of moments.
pub trait ReadMoments {
    /// The last commit at or before a moment; none if that is before the first.
    fn moment(&self, folder: FolderId, at: Timestamp) -> Result<Option<Moment>>;
}

/// Changes of moments.
pub trait WriteMoments {
    /// Notes that the journal has come to `seq`; at the latest moment noted, if the clock is behind it.
    fn put_moment(&self, folder: FolderId, moment: Moment) -> Result<()>;
}
