//! Putting small chunks together into blocks.

use crate::record::{Entry, StoredRecord, chunk_id};
use model::ChunkId;
use model::location::{Codec, RECORD_BYTES_MAX, RECORD_CHUNKS_MAX};

/// Chunks up to this length are worth sharing a block: compressed alone they come out nearly twice as long, and each
/// would carry a header of its own.
pub const SMALL_CHUNK_BYTES: usize = 64 << 10;

/// Gathers small chunks into plain blocks of at most [`RECORD_BYTES_MAX`]; the store compresses them.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

impl BlockBuilder {
    /// Nothing gathered yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a chunk of 1 to [`RECORD_BYTES_MAX`] bytes, and returns its id and the block that was full before it.
    pub fn push(&mut self, bytes: &[u8]) -> (ChunkId, Option<StoredRecord>) {
        let chunk = chunk_id(bytes);
        let full = self.entries.len() == RECORD_CHUNKS_MAX
            || self.bytes.len() + bytes.len() > RECORD_BYTES_MAX as usize;
        let block = if full { self.finish() } else { None };
        // A chunk over the bound makes a record that no store takes; the store says so.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.entries.push(Entry { chunk, length });
        self.bytes.extend_from_slice(bytes);
        (chunk, block)
    }

    /// The last block, if anything is left.
    pub fn finish(&mut self) -> Option<StoredRecord> {
        if self.entries.is_empty() {
            return None;
        }
        let entries = std::mem::take(&mut self.entries);
        let bytes = std::mem::take(&mut self.bytes);
        Some(StoredRecord { entries, codec: Codec::Raw, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_fill_blocks_in_order_and_none_is_lost() {
        let mut builder = BlockBuilder::new();
        let mut blocks = Vec::new();
        let chunks: Vec<Vec<u8>> = (0..100_u8).map(|seed| vec![seed; 30_000]).collect();
        for chunk in &chunks {
            let (id, block) = builder.push(chunk);
            assert_eq!(id, chunk_id(chunk));
            blocks.extend(block);
        }
        blocks.extend(builder.finish());
        assert_eq!(builder.finish(), None);
        assert_eq!(blocks.len(), 3);
        let mut scratch = Vec::new();
        let plain: Vec<u8> = blocks
            .iter()
            .flat_map(|block| block.as_record().verify(&mut scratch).unwrap().to_vec())
            .collect();
        assert_eq!(plain, chunks.concat());
    }
}
