//! Where a chunk's bytes lie in the chunk store.
//!
//! Content is stored in *packs*, append-only files of *records*. A record is one chunk or one block of small
//! chunks, stored plain or compressed as a whole. A [`Location`] is flat and small: the versioning database keeps
//! one a chunk, the store (`content`) gives it out and takes it back.
//!
//! Invariant: a location that was given out names the same bytes for as long as its pack lives; pack ids are never
//! used again.

use crate::hash::ChunkId;
use std::fmt;

/// The most plain bytes of one record, and so of one chunk.
pub const RECORD_BYTES_MAX: u32 = 1 << 20;

/// The most chunks of one record.
pub const RECORD_CHUNKS_MAX: usize = 16_384;

/// A pack of the chunk store, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackId(pub u64);

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How a record's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// As they are.
    Raw,
    /// One Zstandard frame (RFC 8878).
    Zstd,
}

impl Codec {
    /// The number that stands for this codec in packs and in the database. Frozen.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Raw => 0,
            Self::Zstd => 1,
        }
    }

    /// The codec that a number stands for, if it is one of ours.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Raw),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Where a chunk lies: which record of which pack, and which part of that record's plain bytes.
///
/// Chunks of one block differ in `start` and `length` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The pack.
    pub pack: PackId,
    /// Where the record begins in the pack, in bytes.
    pub offset: u64,
    /// The length of the record's bytes as stored (without its header).
    pub stored_length: u32,
    /// How the record is stored.
    pub codec: Codec,
    /// The CRC-32 (IEEE) of the record's bytes as stored.
    pub checksum: u32,
    /// The length of the record's plain bytes: at most [`RECORD_BYTES_MAX`].
    pub plain_length: u32,
    /// Where the chunk begins in the record's plain bytes; 0 for a chunk with a record of its own.
    pub start: u32,
    /// The chunk's length in plain bytes: at least 1.
    pub length: u32,
}

impl Location {
    /// Whether the chunk has a record of its own, not a part of a block.
    #[must_use]
    pub fn is_whole_record(&self) -> bool {
        self.start == 0 && self.length == self.plain_length
    }

    /// Whether the other chunk lies in the same record, so that one read serves both.
    #[must_use]
    pub fn shares_record_with(&self, other: &Self) -> bool {
        self.pack == other.pack && self.offset == other.offset
    }
}

/// A chunk and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Located {
    /// The chunk.
    pub chunk: ChunkId,
    /// Where it lies.
    pub location: Location,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_is_read_back_from_its_number() {
        for codec in [Codec::Raw, Codec::Zstd] {
            assert_eq!(Codec::from_number(codec.number()), Some(codec));
        }
        assert_eq!(Codec::from_number(2), None);
    }
}
