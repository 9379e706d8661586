//! Manifests: the list of a content's chunks, and the name that follows from it.
//!
//! ## The hashed form (frozen)
//!
//! The id of a content of two chunks or more is BLAKE3 in key-derivation mode with the context string
//! `driftless 2026-11-21 manifest v1` over the concatenation, for each chunk in order, of
//!
//! | bytes | what |
//! | --- | --- |
//! | 32 | the chunk's id |
//! | 4 | its length in plain bytes, unsigned, little-endian |
//!
//! with nothing before, between or after. (The number of chunks follows from the length; a context of its own keeps
//! manifests and chunks apart.) A content of one chunk is named by the chunk's id, the empty content by
//! [`ContentId::EMPTY`].

use crate::chunker::MAX_BYTES;
use model::{ChunkId, ContentId};

const CONTEXT: &str = "driftless 2026-11-21 manifest v1";

/// The most chunks of one content: a file of 4 TiB in chunks of the least length.
pub const ENTRIES_MAX: usize = (1 << 42) / crate::chunker::MIN_BYTES;

/// A chunk of a content. Its bytes follow those of the entry before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its length in plain bytes: 1 to [`MAX_BYTES`].
    pub length: u32,
}

impl Entry {
    /// The entry of a chunk with these bytes.
    pub fn of(chunk: ChunkId, bytes: &[u8]) -> Self {
        Self { chunk, length: u32::try_from(bytes.len()).expect("a chunk has at most MAX_BYTES") }
    }
}

/// The chunks of a content, in order. 36 bytes a chunk: 2.4 GB for 4 TiB at the least length, 0.6 at the average;
/// use [`ManifestHasher`] where entries can be passed on as they come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
}

/// Why a manifest is not that of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A chunk of no bytes or of too many.
    #[error("a chunk's length is out of bounds")]
    ChunkLength,
    /// More than [`ENTRIES_MAX`] chunks.
    #[error("too many chunks")]
    TooManyChunks,
    /// Its lengths do not add up to the content's.
    #[error("the chunks' lengths do not add up to the size of the content")]
    Size,
    /// It hashes to another content id.
    #[error("the manifest is that of another content")]
    Hash,
}

impl Manifest {
    /// A manifest of these entries.
    #[must_use]
    pub fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// Adds the next chunk.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The chunks in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The chunks in order, taken out.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The size of the content in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries.iter().map(|entry| u64::from(entry.length)).sum()
    }

    /// The name of the content.
    #[must_use]
    pub fn content_id(&self) -> ContentId {
        let mut hasher = ManifestHasher::new();
        self.entries.iter().for_each(|entry| hasher.push(*entry));
        hasher.finish().0
    }

    /// Whether this is the manifest of that content, every length within bounds.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self, content: ContentId, size: u64) -> Result<(), ManifestError> {
        if self.entries.len() > ENTRIES_MAX {
            return Err(ManifestError::TooManyChunks);
        }
        if self.entries.iter().any(|entry| entry.length == 0 || entry.length as usize > MAX_BYTES) {
            return Err(ManifestError::ChunkLength);
        }
        if self.size() != size {
            return Err(ManifestError::Size);
        }
        if self.content_id() == content { Ok(()) } else { Err(ManifestError::Hash) }
    }
}

impl FromIterator<Entry> for Manifest {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

/// Names a content from its entries as they come, without keeping them.
#[derive(Debug, Clone)]
pub struct ManifestHasher {
    hasher: blake3::Hasher,
    first: Option<ChunkId>,
    chunks: u64,
    size: u64,
}

impl Default for ManifestHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl ManifestHasher {
    /// No entry yet.
    #[must_use]
    pub fn new() -> Self {
        Self { hasher: blake3::Hasher::new_derive_key(CONTEXT), first: None, chunks: 0, size: 0 }
    }

    /// Takes the next chunk.
    pub fn push(&mut self, entry: Entry) {
        let mut form = [0; 36];
        form[..32].copy_from_slice(&entry.chunk.0);
        form[32..].copy_from_slice(&entry.length.to_le_bytes());
        self.hasher.update(&form);
        self.first.get_or_insert(entry.chunk);
        self.chunks += 1;
        self.size += u64::from(entry.length);
    }

    /// The content's name and size.
    #[must_use]
    pub fn finish(&self) -> (ContentId, u64) {
        let content = match (self.first, self.chunks) {
            (None, _) => ContentId::EMPTY,
            (Some(chunk), 1) => ContentId::of_single_chunk(chunk),
            _ => ContentId(*self.hasher.finalize().as_bytes()),
        };
        (content, self.size)
    }
}
