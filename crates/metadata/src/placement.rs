//! Where every node stood, from the first commit on; and the tree as of any moment.

use crate::error::Result;
use model::{Content, DeviceId, FolderId, Name, NodeId, Seq, Timestamp, UserId, VersionNumber};

/// A node's place from `seq` on: written at each create, move, rename and removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementRow {
    /// The node.
    pub node: NodeId,
    /// From when.
    pub seq: Seq,
    /// The directory.
    pub parent: NodeId,
    /// The name there.
    pub name: Name,
    /// Whether it was removed then.
    pub deleted: bool,
    /// Who did it.
    pub user: UserId,
    /// From which device.
    pub device: Option<DeviceId>,
    /// When.
    pub at: Timestamp,
}

/// A node as it was at some `seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastNode {
    /// Its id.
    pub id: NodeId,
    /// Its directory then.
    pub parent: NodeId,
    /// Its name then.
    pub name: Name,
    /// What it held then.
    pub content: Content,
    /// The executable bit then.
    pub executable: bool,
    /// The modification time then.
    pub mtime: Timestamp,
    /// The number of the version that it held; 0 for a directory.
    pub version: VersionNumber,
    /// Whether the very version of then is gone, and this is the one kept from before it.
    pub thinned: bool,
}

/// Reads of placements.
pub trait ReadPlacements {
    /// A node's places, oldest first.
    fn placements(&self, folder: FolderId, node: NodeId) -> Result<Vec<PlacementRow>>;

    /// These placements, by node and seq; absent ones left out.
    fn placements_at(&self, folder: FolderId, wanted: &[(NodeId, Seq)]) -> Result<Vec<PlacementRow>>;

    /// All placements of a folder by node and seq, after one of them.
    fn scan_placements(
        &self,
        folder: FolderId,
        after: Option<(NodeId, Seq)>,
        limit: usize,
    ) -> Result<Vec<PlacementRow>>;

    /// The nodes that lived at `seq`, without the root, by id after one of them: for each its last placement
    /// and last version up to then.
    fn tree_at(&self, folder: FolderId, seq: Seq, after: NodeId, limit: usize) -> Result<Vec<PastNode>>;

    /// Those of these nodes that lived at `seq`, by id, without the root.
    fn nodes_at(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<Vec<PastNode>>;

    /// Where those of these nodes that lived at `seq` stood then, by node.
    fn places_at(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<Vec<PlacementRow>>;

    /// Every node that stands, or ever stood, in a directory, living or not, by id after one of them.
    fn once_children(
        &self,
        folder: FolderId,
        parent: NodeId,
        after: NodeId,
        limit: usize,
    ) -> Result<Vec<NodeId>>;

    /// The placements of these nodes past `seq`, by node and seq.
    fn placements_after(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<Vec<PlacementRow>>;
}

/// Changes of placements.
pub trait WritePlacements {
    /// Adds places; they are never changed.
    fn put_placements(&self, folder: FolderId, rows: &[PlacementRow]) -> Result<()>;

    /// Notes that nodes have stood in directories which they have left, each as (directory, node).
    fn put_departures(&self, folder: FolderId, departures: &[(NodeId, NodeId)]) -> Result<()>;
}
