//! The port to a pair's memory. Implemented on SQLite (`pair-store`) and in ordered maps ([`crate::MemoryStore`]).

use model::{Epoch, Fingerprint, Handle, IdempotencyKey, NodeId, NodeKey, Operation, RemoteNode, Revision};
use planner::{RemoteOperation, View};
use std::collections::BTreeMap;

use crate::event::Cursor;

/// A node in the three trees and what else the pair remembers of it.
pub type Row = planner::Row<Memory>;

/// What a pair remembers of a node besides its place in the three trees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The server's id, once it has one.
    pub id: Option<NodeId>,
    /// The revision of its state in R.
    pub revision: Option<Revision>,
    /// How it looked on the disk when L was recorded.
    pub disk: Option<Fingerprint>,
    /// Why it is left alone, if it is.
    pub frozen: Option<Frozen>,
}

/// Why a node is left alone on this replica. It is listed as an issue, never skipped in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frozen {
    /// The disk does not let us read it.
    Unreadable,
    /// The disk does not let us write it.
    Unwritable,
    /// The disk cannot hold this name.
    NameNotPossible,
    /// The disk cannot hold this kind of node.
    KindNotPossible,
    /// A person moved it to where the pair does not sync; or a directory there that the remote side does not know.
    Excluded,
}

impl Frozen {
    /// The reason in words for a person.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "cannot be read on this device",
            Self::Unwritable => "cannot be written on this device",
            Self::NameNotPossible => "has a name that this device's disk cannot hold",
            Self::KindNotPossible => "is of a kind that this device's disk cannot hold",
            Self::Excluded => "was moved to where this device does not sync",
        }
    }
}

/// Where a pair stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PairState {
    /// Up to where R holds the remote side; none before the first pull.
    pub cursor: Option<Cursor>,
    /// The server's lineage that cursor, ids and revisions belong to.
    pub epoch: Option<Epoch>,
    /// The view that the memory is of, as it is spelled; empty for the whole folder.
    pub view: Vec<u8>,
}

/// A commit that may have reached the server: kept until its answer is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The key under which it was, or will be, sent.
    pub key: IdempotencyKey,
    /// Its groups.
    pub groups: Vec<Vec<IntentOperation>>,
}

/// One operation of an intent: what it means here, and what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentOperation {
    /// In the pair's terms.
    pub planned: RemoteOperation,
    /// In the server's terms.
    pub sent: Operation,
}

/// The memory could not be read or written. Nothing of the failed call may be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pair's memory failed: {0}")]
pub struct StoreError(pub String);

/// A pair's memory. All of it is transactional; the shell begins and commits around [`crate::Engine::handle`].
pub trait PairStore: View<Error = StoreError> {
    /// A node's row.
    fn row(&self, key: NodeKey) -> Result<Option<Row>, StoreError>;

    /// Puts a row in place of the node's old one. A row that no tree holds is taken out.
    fn put(&mut self, key: NodeKey, row: Row) -> Result<(), StoreError>;

    /// Takes a node out.
    fn take(&mut self, key: NodeKey) -> Result<Option<Row>, StoreError>;

    /// A key never used before in this pair.
    fn new_key(&mut self) -> Result<NodeKey, StoreError>;

    /// The nodes with these ids.
    fn keys_of_ids(&self, ids: &[NodeId]) -> Result<BTreeMap<NodeId, NodeKey>, StoreError>;

    /// The nodes of L with these handles; several where a file has several names.
    fn keys_of_handles(&self, handles: &[Handle]) -> Result<BTreeMap<Handle, Vec<NodeKey>>, StoreError>;

    /// Every node that R holds, a page at a time in ascending order, after `after`.
    fn remote_keys(&self, after: NodeKey, limit: usize) -> Result<Vec<NodeKey>, StoreError>;

    /// Every node, a page at a time in ascending order, after `after`.
    fn all_keys(&self, after: NodeKey, limit: usize) -> Result<Vec<NodeKey>, StoreError>;

    /// Frozen nodes, in ascending order, without those that only the local side knows.
    fn frozen_keys(&self) -> Result<Vec<NodeKey>, StoreError>;

    /// Puts changes aside until the last of a pull has come.
    fn stage(&mut self, nodes: &[RemoteNode]) -> Result<(), StoreError>;

    /// The staged changes, a page at a time in order of id, after `after`; each node's newest only. What a store has
    /// in memory it may put away at every page.
    fn staged(&self, after: Option<NodeId>, limit: usize) -> Result<Vec<RemoteNode>, StoreError>;

    /// Drops all staged changes.
    fn drop_staged(&mut self) -> Result<(), StoreError>;

    /// The open intents, oldest first.
    fn intents(&self) -> Result<Vec<Intent>, StoreError>;

    /// Remembers an intent.
    fn put_intent(&mut self, intent: &Intent) -> Result<(), StoreError>;

    /// Forgets an intent, and gives it back.
    fn take_intent(&mut self, key: IdempotencyKey) -> Result<Option<Intent>, StoreError>;

    /// Where the pair stands.
    fn state(&self) -> Result<PairState, StoreError>;

    /// Remembers where the pair stands.
    fn set_state(&mut self, state: &PairState) -> Result<(), StoreError>;

    /// What the engine keeps of recent deletions: at most a few hundred bytes of its own; empty at first.
    fn guard(&self) -> Result<Vec<u8>, StoreError>;

    /// Keeps that.
    fn set_guard(&mut self, bytes: &[u8]) -> Result<(), StoreError>;
}
