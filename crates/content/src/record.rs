//! Records: what is appended, and what is checked before and after.

use crate::codec;
use model::ChunkId;
use model::location::{Codec, RECORD_BYTES_MAX, RECORD_CHUNKS_MAX};

/// A chunk of a record. Its bytes follow those of the entry before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its length in plain bytes: at least 1.
    pub length: u32,
}

/// A record to append: one chunk, or one block of several. Made freely, checked by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its chunks, in the order of their bytes: 1 to [`RECORD_CHUNKS_MAX`].
    pub entries: &'a [Entry],
    /// How `bytes` are packed.
    pub codec: Codec,
    /// The plain bytes of all entries (at most [`RECORD_BYTES_MAX`]), or their compressed form.
    pub bytes: &'a [u8],
}

/// A record with bytes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its chunks, in the order of their bytes.
    pub entries: Vec<Entry>,
    /// How `bytes` are packed.
    pub codec: Codec,
    /// The stored bytes.
    pub bytes: Vec<u8>,
}

/// Why a record is not what it claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadRecord {
    /// No chunks, or more than [`RECORD_CHUNKS_MAX`].
    #[error("it holds no chunk, or too many")]
    ChunkCount,
    /// A chunk of no bytes, or more than [`RECORD_BYTES_MAX`] in all.
    #[error("its chunks are empty or too long")]
    Length,
    /// Compressed bytes that are not one frame of the announced length, or longer than the plain ones may be.
    #[error("its bytes cannot be unpacked to the length announced")]
    Packing,
    /// Stored bytes whose checksum differs from the one kept with them.
    #[error("its checksum differs")]
    Checksum,
    /// Bytes that are not those of the chunk.
    #[error("its bytes are not those of chunk {0}")]
    Hash(ChunkId),
}

impl BadRecord {
    /// The chunk whose bytes differ, where it is known.
    #[must_use]
    pub fn chunk(&self) -> Option<ChunkId> {
        match self {
            Self::Hash(chunk) => Some(*chunk),
            _ => None,
        }
    }
}

impl<'a> Record<'a> {
    /// The length of its plain bytes, if its entries are within bounds.
    ///
    /// # Errors
    /// `ChunkCount`, `Length`.
    pub fn plain_length(&self) -> Result<u32, BadRecord> {
        if self.entries.is_empty() || self.entries.len() > RECORD_CHUNKS_MAX {
            return Err(BadRecord::ChunkCount);
        }
        let mut sum = 0_u32;
        for entry in self.entries {
            sum = sum.checked_add(entry.length).ok_or(BadRecord::Length)?;
            if entry.length == 0 || sum > RECORD_BYTES_MAX {
                return Err(BadRecord::Length);
            }
        }
        Ok(sum)
    }

    /// Its plain bytes: `bytes` themselves, or unpacked into `scratch`.
    ///
    /// # Errors
    /// `ChunkCount`, `Length`, `Packing`.
    pub fn unpack<'s>(&self, scratch: &'s mut Vec<u8>) -> Result<&'s [u8], BadRecord>
    where
        'a: 's,
    {
        let length = self.plain_length()?;
        unpack(self.codec, self.bytes, length, scratch)
    }

    /// Unpacks it and hashes every chunk.
    ///
    /// # Errors
    /// Any [`BadRecord`] but `Checksum`.
    pub fn verify<'s>(&self, scratch: &'s mut Vec<u8>) -> Result<&'s [u8], BadRecord>
    where
        'a: 's,
    {
        let plain = self.unpack(scratch)?;
        let mut rest = plain;
        for entry in self.entries {
            let (chunk, after) = rest.split_at(entry.length as usize);
            verify_chunk(entry.chunk, chunk)?;
            rest = after;
        }
        Ok(plain)
    }
}

impl StoredRecord {
    /// The same record, borrowed.
    #[must_use]
    pub fn as_record(&self) -> Record<'_> {
        Record { entries: &self.entries, codec: self.codec, bytes: &self.bytes }
    }
}

/// The id of a chunk of these bytes.
#[must_use]
pub fn chunk_id(bytes: &[u8]) -> ChunkId {
    ChunkId(*blake3::hash(bytes).as_bytes())
}

/// Whether these are the bytes of the chunk.
///
/// # Errors
/// `Hash`.
pub fn verify_chunk(chunk: ChunkId, bytes: &[u8]) -> Result<(), BadRecord> {
    if chunk_id(bytes) == chunk { Ok(()) } else { Err(BadRecord::Hash(chunk)) }
}

/// The plain form of stored bytes; `length` is what it must come to.
///
/// # Errors
/// `Packing`.
pub fn unpack<'s>(
    codec: Codec,
    stored: &'s [u8],
    length: u32,
    scratch: &'s mut Vec<u8>,
) -> Result<&'s [u8], BadRecord> {
    // Nobody has a reason to send a frame longer than what it holds.
    if stored.len() > length as usize || length > RECORD_BYTES_MAX {
        return Err(BadRecord::Packing);
    }
    match codec {
        Codec::Raw if stored.len() == length as usize => Ok(stored),
        Codec::Raw => Err(BadRecord::Packing),
        Codec::Zstd => {
            codec::decompress(stored, length, scratch).ok_or(BadRecord::Packing)?;
            Ok(scratch)
        }
    }
}
