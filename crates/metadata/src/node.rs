//! Nodes as they are now; by their `seq` they are the folder's journal.

use crate::error::Result;
use model::{
    Content, FolderId, Kind, Name, NameKey, NodeId, RemoteNode, Revision, Seq, Timestamp, VersionNumber,
};

/// A node's row. A removed node keeps its row as a tombstone, with its last place and content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Its id within the folder.
    pub id: NodeId,
    /// The directory; the root is its own parent.
    pub parent: NodeId,
    /// Its name there.
    pub name: Name,
    /// The name's key under the folder's rule; unique among the living nodes of a directory.
    pub name_key: NameKey,
    /// What it holds.
    pub content: Content,
    /// The executable bit.
    pub executable: bool,
    /// When the content was last modified.
    pub mtime: Timestamp,
    /// The number of its current version; 0 for a directory.
    pub version: VersionNumber,
    /// When its halves last changed.
    pub revision: Revision,
    /// Where its newest change stands in the journal.
    pub seq: Seq,
    /// The newest `seq` of itself and of all below it.
    pub subtree_seq: Seq,
    /// Whether it is a tombstone.
    pub deleted: bool,
    /// Whether it is a tombstone whose versions are gone: it cannot be brought back.
    pub purged: bool,
}

impl NodeRow {
    /// As the server shows it.
    #[must_use]
    pub fn to_remote(&self) -> RemoteNode {
        RemoteNode {
            id: self.id,
            parent: self.parent,
            name: self.name.clone(),
            content: self.content.clone(),
            executable: self.executable,
            mtime: self.mtime,
            revision: self.revision,
            seq: self.seq,
            deleted: self.deleted,
        }
    }

    /// Bytes it takes from a quota.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        if self.deleted { 0 } else { self.content.size() }
    }
}

/// A name's place among all living names of a folder: by directory, then by key.
pub type NamePlace = (NodeId, NameKey);

/// What is searched for among the living nodes of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameSearch {
    /// Part of the name, as [`model::name::fold`] makes it.
    pub text: String,
    /// Whether the folder's keys are not folded.
    pub exact: bool,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only of so many bytes or more.
    pub size_min: u64,
    /// Only what was modified at this moment or later.
    pub modified_since: Option<Timestamp>,
}

/// What a search has found so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamesFound {
    /// The nodes, by their places.
    pub nodes: Vec<NodeRow>,
    /// After which place to go on; none if all names were looked at.
    pub next: Option<NamePlace>,
}

/// Reads of nodes. Ids may come in any order and repeat; rows come back by id, each once, absent ones left out.
pub trait ReadNodes {
    /// Living nodes and tombstones by id.
    fn nodes(&self, folder: FolderId, ids: &[NodeId]) -> Result<Vec<NodeRow>>;

    /// These nodes and every ancestor of theirs up to the root.
    fn nodes_and_ancestors(&self, folder: FolderId, ids: &[NodeId]) -> Result<Vec<NodeRow>>;

    /// The living nodes with these places.
    fn nodes_named(&self, folder: FolderId, places: &[(NodeId, NameKey)]) -> Result<Vec<NodeRow>>;

    /// How many living children each of these has; those without any are left out.
    fn child_counts(&self, folder: FolderId, parents: &[NodeId]) -> Result<Vec<(NodeId, u64)>>;

    /// The living children of a directory by id, after one of them.
    fn children(&self, folder: FolderId, parent: NodeId, after: NodeId, limit: usize)
    -> Result<Vec<NodeRow>>;

    /// The living children of a directory by the keys of their names, after one of them.
    fn children_by_name(
        &self,
        folder: FolderId,
        parent: NodeId,
        after: Option<&NameKey>,
        limit: usize,
    ) -> Result<Vec<NodeRow>>;

    /// The children that were removed from a directory, purged ones too, by id.
    fn removed_children(
        &self,
        folder: FolderId,
        parent: NodeId,
        after: NodeId,
        limit: usize,
    ) -> Result<Vec<NodeRow>>;

    /// For each of these directories, how many removed nodes are below it, through removed directories only, and the bytes
    /// of their files. Purged ones do not count; directories without any are left out.
    fn removed_below(&self, folder: FolderId, directories: &[NodeId]) -> Result<Vec<(NodeId, u64, u64)>>;

    /// Nodes past `since` in the journal, in its order, without the root; tombstones only past `tombstones_since`.
    fn changed_nodes(
        &self,
        folder: FolderId,
        since: Seq,
        tombstones_since: Seq,
        limit: usize,
    ) -> Result<Vec<NodeRow>>;

    /// The newest tombstones, without purged ones, whose `seq` is below `before` (none: from the newest), newest first.
    fn removed_nodes(&self, folder: FolderId, before: Option<Seq>, limit: usize) -> Result<Vec<NodeRow>>;

    /// All nodes, the root and tombstones too, by id after one of them.
    fn scan_nodes(&self, folder: FolderId, after: Option<NodeId>, limit: usize) -> Result<Vec<NodeRow>>;

    /// For each of these directories, the bytes of the longest living path below it: the names and their separators,
    /// without the directory's own. Those without anything below are left out.
    fn deepest_paths(&self, folder: FolderId, directories: &[NodeId]) -> Result<Vec<(NodeId, u64)>>;

    /// Looks at `look` names at most, past one place, for living nodes that fit, and stops at `limit` of them.
    fn search_names(
        &self,
        folder: FolderId,
        search: &NameSearch,
        after: Option<&NamePlace>,
        look: u64,
        limit: usize,
    ) -> Result<NamesFound>;
}

/// Changes of nodes.
pub trait WriteNodes {
    /// Writes changed and new nodes. Names may be exchanged among them; `Conflict` if two living nodes of a
    /// directory end up with one key.
    fn put_nodes(&self, folder: FolderId, changed: &[NodeRow], new: &[NodeRow]) -> Result<()>;

    /// Raises `subtree_seq`.
    fn raise_subtree_seq(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<()>;
}
