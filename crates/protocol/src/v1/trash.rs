//! `GET …/trash?before=&limit=`: removed nodes that can be brought back, the last removed first.

use crate::text::{RfcTime, by_text};
use model::NodeId;
use serde::{Deserialize, Serialize};

/// A page of the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashResponse {
    /// One entry a node.
    pub entries: Vec<TrashEntry>,
    /// What to give as `before` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A removed node. `POST …/nodes/{node}/restore` brings it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashEntry {
    /// The node.
    #[serde(with = "by_text")]
    pub node: NodeId,
    /// The directory it was in, which may be in the trash itself.
    #[serde(with = "by_text")]
    pub parent: NodeId,
    /// Its name there.
    pub name: String,
    /// `directory`, `file` or `link`.
    pub kind: String,
    /// A file's size in bytes.
    pub size: u64,
    /// When it was removed.
    pub removed: RfcTime,
}
