//! What a plan consists of.

use model::{Content, Name, NodeKey, NodeState, Timestamp};

/// What to do next. Carried out in the order: memory, then both sides (each in the order given; they do not depend
/// on one another). Then, after what happened has been recorded, the trees are planned again, until the plan is
/// empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Changes of the pair's memory alone, to be made at once and in order, in one transaction.
    pub memory: Vec<MemoryStep>,
    /// Changes of the local side.
    pub local: Vec<LocalStep>,
    /// Changes of the remote side.
    pub remote: Vec<RemoteGroup>,
}

impl Plan {
    /// Whether both sides are in step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.local.is_empty() && self.remote.is_empty()
    }
}

/// A change of what the pair remembers; nothing outside it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryStep {
    /// Gone on both sides: forget the node.
    Forget(NodeKey),
    /// Both sides agree, wholly or in some attributes: S becomes this.
    Agree(NodeKey, NodeState),
    /// A new local node and a new remote node are the same: `remote` takes over `local`'s place in L (with all that
    /// is remembered of it there), L's children of `local` become children of `remote`, `local` is forgotten.
    Adopt {
        /// Known only to L.
        local: NodeKey,
        /// Known only to R.
        remote: NodeKey,
    },
    /// Deleted remotely, but it survives locally: its place in L becomes a new node, to be created on the remote
    /// side; the old one is forgotten. Whatever names the old one as its parent, in L and in S, names the new one
    /// from now on (in S too, else what is still to be deleted in it would look moved, and survive).
    Rekey(NodeKey),
    /// Deleted locally, but it survives remotely: S forgets it, so that it is made again locally.
    Revive(NodeKey),
}

/// A change of the local side, and which earlier steps of the same list it depends on: if one of those was not
/// done, this is not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalStep {
    /// What to change.
    pub operation: LocalOperation,
    /// Indexes of earlier steps of [`Plan::local`].
    pub needs: Vec<usize>,
}

/// One change of the local side.
///
/// What is recorded when it is done: the change in L and, but for what is said below, the same in S.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalOperation {
    /// Make the node as it stands in R (`state` is R's, but its parent is this pair's key for it and its name may
    /// have been merged).
    Create { key: NodeKey, state: NodeState },
    /// Replace the content, and with it mtime and executable bit.
    Update { key: NodeKey, content: Content, executable: bool, mtime: Timestamp },
    /// Set mtime and executable bit.
    Attributes { key: NodeKey, executable: bool, mtime: Timestamp },
    /// Give it its merged place.
    Move { key: NodeKey, parent: NodeKey, name: Name },
    /// To the local trash. A directory is empty of known nodes by then.
    Remove { key: NodeKey },
    /// The local file lost against a remote one: rename it to `name` in its directory. When done, its place in L
    /// becomes a new node of that name, and S forgets `key`, so that the remote file is downloaded and the copy is
    /// uploaded. If L has it under `name` already, only the memory changes.
    Detach { key: NodeKey, name: Name },
    /// The local file or link makes way for the remote state of a one-way pair: move it out of the tree, into the
    /// directory for what is not synced, under `name` or one made of it. When done, L and S forget `key`.
    SetAside { key: NodeKey, name: Name },
    /// The local node's name clashes with another node's: rename it to `name`. When done, L's name becomes `name`,
    /// and S's name, where S has the node, becomes R's (`remote_name`), so that the new name counts as a local
    /// change. If L has it under `name` already, only the memory changes.
    Rename { key: NodeKey, name: Name, remote_name: Option<Name> },
    /// Move it out of the way for a moment, to break a circle of moves. When done, L and S both take the new name
    /// and parent, so that it does not count as a local change.
    Shelve { key: NodeKey, parent: NodeKey, name: Name },
}

impl LocalOperation {
    /// The node it changes.
    #[must_use]
    pub fn key(&self) -> NodeKey {
        match self {
            Self::Create { key, .. }
            | Self::Update { key, .. }
            | Self::Attributes { key, .. }
            | Self::Move { key, .. }
            | Self::Remove { key }
            | Self::Detach { key, .. }
            | Self::SetAside { key, .. }
            | Self::Rename { key, .. }
            | Self::Shelve { key, .. } => *key,
        }
    }
}

/// Changes of the remote side that are applied together or not at all, and which earlier groups they depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteGroup {
    /// The changes, in order; only the state after the last must be a valid tree.
    pub operations: Vec<RemoteOperation>,
    /// Indexes of earlier groups of [`Plan::remote`].
    pub needs: Vec<usize>,
}

/// One change of the remote side. When done, it is recorded in R and the same in S.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteOperation {
    /// Make the node as it stands in L (its parent and name may have been merged).
    Create { key: NodeKey, state: NodeState },
    /// Replace the content, and with it mtime and executable bit.
    Update { key: NodeKey, content: Content, executable: bool, mtime: Timestamp },
    /// Set mtime and executable bit.
    Attributes { key: NodeKey, executable: bool, mtime: Timestamp },
    /// Give it its merged place.
    Move { key: NodeKey, parent: NodeKey, name: Name },
    /// To the folder's trash. A directory is empty by then.
    Remove { key: NodeKey },
}

impl RemoteOperation {
    /// The node it changes.
    #[must_use]
    pub fn key(&self) -> NodeKey {
        match self {
            Self::Create { key, .. }
            | Self::Update { key, .. }
            | Self::Attributes { key, .. }
            | Self::Move { key, .. }
            | Self::Remove { key } => *key,
        }
    }
}
