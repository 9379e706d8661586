//! Manifests, where chunks lie, and which folder holds which chunk.

use crate::error::Result;
use model::location::{Location, PackId};
use model::{ChunkId, ContentId, FolderId, Timestamp};

/// A content of several chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentRow {
    /// Its name.
    pub id: ContentId,
    /// How many bytes.
    pub size: u64,
    /// Its chunks in order, each with its plain length.
    pub manifest: Vec<(ChunkId, u32)>,
}

/// A chunk's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRow {
    /// Its name.
    pub id: ChunkId,
    /// Where it lies in the chunk store, and how long it is.
    pub location: Location,
    /// The folder in which a version first named it as its only chunk: there, and only there, it may be named again
    /// without being sent. None while only uploads or manifests name it, and again once collection finds no version
    /// there that does: then its hash gives nobody its bytes.
    pub folder: Option<FolderId>,
}

/// A pack, as the database counts it. The truth is what reachable rows say, never these counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackRow {
    /// Its id.
    pub id: PackId,
    /// How many chunks in it have a row.
    pub chunks: u64,
    /// Plain bytes of those chunks.
    pub live_bytes: u64,
    /// Since when nothing lies in it; none: it is in use.
    pub condemned_at: Option<Timestamp>,
}

/// Reads of contents and chunks. Rows come back by id, each once, absent ones left out.
pub trait ReadContents {
    /// Contents of several chunks, with their manifests.
    fn contents(&self, ids: &[ContentId]) -> Result<Vec<ContentRow>>;

    /// Sizes of contents of several chunks, without their manifests.
    fn content_sizes(&self, ids: &[ContentId]) -> Result<Vec<(ContentId, u64)>>;

    /// Chunks.
    fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<ChunkRow>>;

    /// Those of `chunks` that are part of contents of several chunks in this folder.
    fn folder_chunks(&self, folder: FolderId, chunks: &[ChunkId]) -> Result<Vec<ChunkId>>;

    /// All chunks by id, after one of them.
    fn scan_chunks(&self, after: Option<ChunkId>, limit: usize) -> Result<Vec<ChunkRow>>;

    /// All contents of several chunks by id, after one of them.
    fn scan_contents(&self, after: Option<ContentId>, limit: usize) -> Result<Vec<ContentRow>>;

    /// The names of all contents of several chunks, after one of them.
    fn scan_content_ids(&self, after: Option<ContentId>, limit: usize) -> Result<Vec<ContentId>>;

    /// All packs by id.
    fn packs(&self) -> Result<Vec<PackRow>>;
}

/// Changes of contents and chunks.
pub trait WriteContents {
    /// Adds contents; those that are there stay.
    fn put_contents(&self, rows: &[ContentRow]) -> Result<()>;

    /// Adds chunks; one that is there keeps its place and takes the folder if it has none. Counts them to their packs.
    fn put_chunks(&self, rows: &[ChunkRow]) -> Result<()>;

    /// Gives chunks that have no folder this one.
    fn own_chunks(&self, folder: FolderId, chunks: &[ChunkId]) -> Result<()>;

    /// Notes that the folder holds these chunks.
    fn put_folder_chunks(&self, folder: FolderId, chunks: &[ChunkId]) -> Result<()>;
}
