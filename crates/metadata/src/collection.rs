//! What collection needs: everything that names contents, what is condemned, and rows that go or move. Which rows go is
//! not decided here.

use crate::content::ChunkRow;
use crate::error::Result;
use model::location::{Location, PackId};
use model::{ChunkId, ContentId, FolderId, Seq, Timestamp};

/// What a row says about the chunk store, to be true as long as something names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// The folder holds the chunk as a part of contents of several chunks.
    Holding(FolderId, ChunkId),
    /// The folder may name the chunk as a content without sending it ([`ChunkRow::folder`]).
    Owner(FolderId, ChunkId),
    /// The content consists of the chunks of its manifest.
    Manifest(ContentId),
    /// The chunk is stored.
    Chunk(ChunkId),
}

impl Claim {
    /// The hash that it is about.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        match self {
            Self::Holding(_, chunk) | Self::Owner(_, chunk) | Self::Chunk(chunk) => chunk.0,
            Self::Manifest(content) => content.0,
        }
    }
}

/// A claim that nothing names any more, and since when that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condemned {
    /// The claim.
    pub claim: Claim,
    /// Since when.
    pub at: Timestamp,
}

/// A chunk that lies elsewhere from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The chunk.
    pub chunk: ChunkId,
    /// Where it lay.
    pub from: Location,
    /// Where it lies.
    pub to: Location,
}

/// Contents with their sizes, and where the next page begins, if there is one.
pub type NamedPage = (Vec<(ContentId, u64)>, Option<Seq>);

/// Reads for collection.
pub trait ReadCollection {
    /// What the next `limit` nodes past `after` in the journal name: now, formerly or from the trash; each content once
    /// with its size. And the last of their numbers; none at the journal's end.
    fn contents_named_since(&self, folder: FolderId, after: Seq, limit: usize) -> Result<NamedPage>;

    /// Those of `chunks` that have arrived for an upload, ended or not.
    fn uploaded_chunks(&self, chunks: &[ChunkId]) -> Result<Vec<ChunkId>>;

    /// All chunks that a folder holds, by id, after one of them.
    fn scan_folder_chunks(
        &self,
        folder: FolderId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<ChunkId>>;

    /// What is condemned about these hashes.
    fn condemned(&self, hashes: &[[u8; 32]]) -> Result<Vec<Condemned>>;

    /// What was condemned at `until` or before, the longest first; of one hash and moment holdings before chunks.
    fn condemned_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Condemned>>;

    /// Chunks condemned at `until` or before: how many, and how many bytes they take in their packs.
    fn condemned_sums(&self, until: Timestamp) -> Result<(u64, u64)>;

    /// Some chunks that lie in a pack.
    fn chunks_in_pack(&self, pack: PackId, limit: usize) -> Result<Vec<ChunkRow>>;
}

/// Changes of collection.
pub trait WriteCollection {
    /// Condemns claims; those that are keep their moment.
    fn condemn(&self, claims: &[Claim], at: Timestamp) -> Result<()>;

    /// Takes claims off the list of what is condemned.
    fn rescue(&self, claims: &[Claim]) -> Result<()>;

    /// Takes back claims, with the rows that make them. Gives the chunks' rows that went.
    fn drop_claims(&self, claims: &[Claim]) -> Result<Vec<Location>>;

    /// Sets where chunks lie; one that does not lie where it is said to come from stays there. Counts them to their packs.
    fn move_chunks(&self, moves: &[Move]) -> Result<()>;

    /// Notes since when nothing lies in a pack; none: it is in use.
    fn condemn_pack(&self, pack: PackId, at: Option<Timestamp>) -> Result<()>;

    /// Forgets a pack that is gone.
    fn forget_pack(&self, pack: PackId) -> Result<()>;
}
