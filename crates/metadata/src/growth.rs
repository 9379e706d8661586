//! What each folder took, day by day.

use crate::error::Result;
use model::{FolderId, Seq, Timestamp};

/// What a folder took at the last count of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowthRow {
    /// Which folder.
    pub folder: FolderId,
    /// Which day, counted from 1970-01-01 in UTC.
    pub day: u32,
    /// When it was counted.
    pub at: Timestamp,
    /// The newest number of the journal then.
    pub head: Seq,
    /// Bytes of what was there.
    pub current_bytes: u64,
    /// Bytes of older versions of it.
    pub history_bytes: u64,
    /// Bytes of removed files and their versions.
    pub trash_bytes: u64,
    /// Versions, current ones too.
    pub versions: u64,
}

/// What all folders took on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowthDay {
    /// Which day.
    pub day: u32,
    /// Bytes of what was there.
    pub current_bytes: u64,
    /// Bytes of older versions.
    pub history_bytes: u64,
    /// Bytes of removed files and their versions.
    pub trash_bytes: u64,
}

/// Reads of growth.
pub trait ReadGrowth {
    /// The days from one on, by day: of one folder, or of all together.
    fn growth(&self, folder: Option<FolderId>, since_day: u32) -> Result<Vec<GrowthDay>>;

    /// The newest count of each folder that was counted, by folder.
    fn newest_growth(&self) -> Result<Vec<GrowthRow>>;
}

/// Changes of growth.
pub trait WriteGrowth {
    /// Notes counts; a later one of the same day takes the place of the one before.
    fn put_growth(&self, rows: &[GrowthRow]) -> Result<()>;

    /// Forgets days before one; says how many rows went.
    fn forget_growth(&self, before_day: u32) -> Result<u64>;
}
