//! Manifests on the wire: as splices of another content's manifest, so that a small edit of a big file sends a
//! few ids. `chunker` tells them apart and puts them together.

use model::ChunkId;

/// A chunk of a content: which bytes, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkRef {
    /// The chunk.
    pub id: ChunkId,
    /// Its plain length.
    pub length: u32,
}

/// The next chunks of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Splice {
    /// `count` chunks of the base's manifest from `start` on.
    Keep {
        /// The first of them.
        start: u32,
        /// How many.
        count: u32,
    },
    /// These.
    New(Vec<ChunkRef>),
}
