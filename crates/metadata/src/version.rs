//! Every state of a node's content that is kept.

use crate::error::Result;
use model::{Content, ContentId, DeviceId, Epoch, FolderId, NodeId, Seq, Timestamp, UserId, VersionNumber};

/// How a version came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionOrigin {
    /// A client's, or another door's, new content.
    Commit,
    /// A copy of another node's version.
    Copy,
    /// An older version brought back.
    Restore,
    /// New attributes of the same version: not a version of its own in a history, but needed to know how the node
    /// was at a moment.
    Attributes,
    /// New content that the server's own monitor found in the folder's plain directory.
    Outside,
}

/// A version's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// The node.
    pub node: NodeId,
    /// Counted from 1; rows of origin [`VersionOrigin::Attributes`] repeat the number.
    pub number: VersionNumber,
    /// From when.
    pub seq: Seq,
    /// The content: of a file or link.
    pub content: Content,
    /// The executable bit.
    pub executable: bool,
    /// The modification time.
    pub mtime: Timestamp,
    /// Who made it.
    pub user: UserId,
    /// From which device.
    pub device: Option<DeviceId>,
    /// How it came to be.
    pub origin: VersionOrigin,
    /// The number of the version it brings back or copies, if it does.
    pub of: Option<VersionNumber>,
    /// The server's lineage then.
    pub epoch: Epoch,
    /// When.
    pub at: Timestamp,
}

/// Reads of versions.
pub trait ReadVersions {
    /// A node's rows, oldest first, after `after` (the zero seq: from the first).
    fn versions(&self, folder: FolderId, node: NodeId, after: Seq, limit: usize) -> Result<Vec<VersionRow>>;

    /// These versions of these nodes, each with its newest attributes; by node and number, absent ones left out.
    fn versions_numbered(
        &self,
        folder: FolderId,
        wanted: &[(NodeId, VersionNumber)],
    ) -> Result<Vec<VersionRow>>;

    /// The rows of these nodes past `seq`, by node and seq.
    fn versions_after(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<Vec<VersionRow>>;

    /// Those of `pairs` where some version of the node has, or had, that file content; in order.
    fn versions_holding(
        &self,
        folder: FolderId,
        pairs: &[(NodeId, ContentId)],
    ) -> Result<Vec<(NodeId, ContentId)>>;

    /// All rows of a folder by node and seq, after one of them.
    fn scan_versions(
        &self,
        folder: FolderId,
        after: Option<(NodeId, Seq)>,
        limit: usize,
    ) -> Result<Vec<VersionRow>>;
}

/// Changes of versions.
pub trait WriteVersions {
    /// Adds versions.
    fn put_versions(&self, folder: FolderId, rows: &[VersionRow]) -> Result<()>;
}
