//! What versions take, as sums and as lists to add up.

use crate::error::Result;
use model::{ContentId, FolderId, NodeId, Seq};

/// Bytes that versions name, each version counted in full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VersionSums {
    /// Versions of files and links that are kept.
    pub versions: u64,
    /// Bytes of living nodes' current versions.
    pub current_bytes: u64,
    /// Bytes of living nodes' older versions.
    pub history_bytes: u64,
    /// Bytes of removed nodes' versions.
    pub trash_bytes: u64,
    /// Nodes in the trash.
    pub trash_nodes: u64,
}

/// Where a listing of contents stands.
pub type ContentCursor = Option<(NodeId, Seq)>;

/// Reads of what is taken.
pub trait ReadSpace {
    /// A folder's sums. Reads every version of the folder once.
    fn version_sums(&self, folder: FolderId) -> Result<VersionSums>;

    /// The contents that a folder's versions name, by node and seq after one of them, repetitions included; and
    /// where the next page begins, if there is one.
    fn scan_named_contents(
        &self,
        folder: FolderId,
        after: ContentCursor,
        limit: usize,
    ) -> Result<(Vec<(ContentId, u64)>, ContentCursor)>;
}
