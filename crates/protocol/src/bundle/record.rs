//! What a bundle holds.

use super::manifest::Splice;
use crate::Cursor;
use crate::problem::Problem;
use crate::v1::ClientInfo;
use bytes::Bytes;
use model::location::Codec;
use model::{ChunkId, ContentId, GroupOutcome, IdempotencyKey, NodeId, RemoteNode, Seq, UploadId};

/// One record of a bundle.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// What a commit is: the first record of one.
    CommitHead(CommitHead),
    /// Some operations of a commit; [`super::Groups`] puts them together.
    Operations(super::groups::OperationRun),
    /// A manifest or a part of one.
    Manifest(ManifestPart),
    /// One chunk.
    Chunk(Chunk),
    /// Many small chunks.
    Block(Block),
    /// What became of a commit as a whole: the first record of its answer.
    CommitResult(CommitResult),
    /// What became of the next groups, in the order they were sent.
    Outcomes(Outcomes),
    /// Nodes as they are now, in the order of their `seq`.
    Nodes(Vec<RemoteNode>),
    /// The end of a page of changes.
    PageEnd(PageEnd),
    /// Chunks asked for or asked about.
    WantedChunks(Vec<WantedChunk>),
    /// Those of them that the server does not have, or not for the caller.
    MissingChunks(Vec<ChunkId>),
    /// Contents whose manifests are asked for.
    WantedManifests(Vec<NodeContent>),
    /// What stopped a stream that had begun well; nothing but the end follows.
    Problem(Box<Problem>),
    /// The end, and how many records came before.
    End(u64),
}

/// What a commit is. It comes first, so that what may not be done is refused before its bytes are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitHead {
    /// Names the attempt; sent again with the same body, it is answered with the same result.
    pub key: IdempotencyKey,
    /// The open uploads whose chunks the commit uses.
    pub uploads: Vec<UploadId>,
    /// How many groups follow.
    pub groups: u32,
    /// How many operations they have together.
    pub operations: u32,
    /// How many plain bytes of chunks follow.
    pub chunk_bytes: u64,
    /// Which program sends it, for the log.
    pub client: ClientInfo,
}

/// What became of a commit as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitResult {
    /// The folder's newest change before it: whoever had pulled that far has missed nothing but the commit itself.
    pub before: Seq,
    /// The folder's newest change after it.
    pub head: Seq,
    /// A cursor at `head`.
    pub cursor: Cursor,
    /// Whether the commit had been done before, and this is its stored result.
    pub replayed: bool,
}

/// Outcomes of consecutive groups, written as runs; [`Outcomes::expand`] gives them one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes(pub(crate) super::wire::Outcomes);

impl Outcomes {
    /// The outcomes one by one, if they have at most so many operations and groups together.
    pub fn expand(&self, operations_max: usize) -> Result<Vec<GroupOutcome>, super::BundleError> {
        super::answers::expand(self, operations_max)
    }
}

/// A manifest or a part of one: the next chunks of a content, as they are or taken from a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPart {
    /// The content whose manifest it is.
    pub content: ContentId,
    /// The content's size.
    pub size: u64,
    /// The content whose manifest `Keep` takes chunks from, and a node of the folder that holds or held it.
    pub base: Option<NodeContent>,
    /// The chunks, in order.
    pub splices: Vec<Splice>,
    /// Whether this is the last part.
    pub last: bool,
}

/// A content, and a node of the folder that holds it or once did: the way to it, as knowing a hash is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeContent {
    /// The node.
    pub node: NodeId,
    /// The content.
    pub content: ContentId,
}

/// A chunk asked for or asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WantedChunk {
    /// The chunk.
    pub chunk: ChunkId,
    /// A node of the folder whose content has it. To be said when a chunk is fetched: without it the server may not
    /// find a way to the chunk. Not needed to ask what is missing.
    pub node: Option<NodeId>,
}

/// One chunk, packed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What it is said to be.
    pub id: ChunkId,
    /// Its plain length.
    pub length: u32,
    /// How it is packed.
    pub codec: Codec,
    /// The packed bytes.
    pub packed: Bytes,
}

/// A chunk of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEntry {
    /// What it is said to be. Not said in a block whose reader knows which chunks it awaits.
    pub id: Option<ChunkId>,
    /// Its plain length.
    pub length: u32,
}

/// Many small chunks, packed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The chunks, in order.
    pub entries: Vec<BlockEntry>,
    /// How they are packed.
    pub codec: Codec,
    /// The packed bytes.
    pub packed: Bytes,
}

/// The end of a page of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageEnd {
    /// Where to go on.
    pub cursor: Cursor,
    /// The folder's newest change when the page was made.
    pub head: Seq,
    /// Whether there is more right now.
    pub more: bool,
}
