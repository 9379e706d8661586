//! A content's list of chunks, verified.
//!
//! This crate knows no hash function: whoever makes a [`Manifest`] passes in the one that names contents
//! (`chunker`), and only a manifest that it confirms comes to exist.

use model::location::RECORD_BYTES_MAX;
use model::{ChunkId, ContentId};

/// The chunks of a content of several chunks, known to be what its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    content: ContentId,
    size: u64,
    chunks: Vec<(ChunkId, u32)>,
}

/// Why a list of chunks is not a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadManifest {
    /// Fewer than two chunks: such a content has no manifest.
    #[error("a manifest has at least two chunks")]
    TooFew,
    /// A chunk is empty or too long.
    #[error("a chunk's length is out of bounds")]
    Length,
    /// The list is that of another content.
    #[error("the manifest is that of another content")]
    Name,
}

impl Manifest {
    /// Checks that the chunks are those of the content, which `name_of` computes from them.
    pub fn verified(
        content: ContentId,
        chunks: Vec<(ChunkId, u32)>,
        name_of: impl FnOnce(&[(ChunkId, u32)]) -> ContentId,
    ) -> Result<Self, BadManifest> {
        if chunks.len() < 2 {
            return Err(BadManifest::TooFew);
        }
        if chunks.iter().any(|(_, length)| *length == 0 || *length > RECORD_BYTES_MAX) {
            return Err(BadManifest::Length);
        }
        if name_of(&chunks) != content {
            return Err(BadManifest::Name);
        }
        let size = chunks.iter().map(|(_, length)| u64::from(*length)).sum();
        Ok(Self { content, size, chunks })
    }

    /// The content.
    #[must_use]
    pub fn content(&self) -> ContentId {
        self.content
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its chunks in order, each with its length.
    #[must_use]
    pub fn chunks(&self) -> &[(ChunkId, u32)] {
        &self.chunks
    }

    /// Its chunks, taken out.
    #[must_use]
    pub(crate) fn into_chunks(self) -> Vec<(ChunkId, u32)> {
        self.chunks
    }
}
