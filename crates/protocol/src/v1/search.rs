//! `GET /api/v1/search`: names that hold a text, in all folders that one may read.

use crate::schema;
use crate::text::{RfcTime, by_text};
use model::{FolderId, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchResponse {
    /// By folder, directory and name.
    pub entries: Vec<SearchEntry>,
    /// What to give as `after` to go on; none if all was looked at. A page may have few entries, or none, and yet not be
    /// the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
}

/// A node whose name holds the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchEntry {
    /// Its folder.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub folder: FolderId,
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// The directory that it is in.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub parent: NodeId,
    /// Its name.
    pub name: String,
    /// Where it is in the folder, itself included.
    pub path: String,
    /// `directory`, `file` or `link`.
    #[schema(value_type = schema::NodeKind)]
    pub kind: String,
    /// A file's size in bytes.
    pub size: u64,
    /// When the content was last modified.
    #[schema(value_type = schema::Timestamp)]
    pub mtime: RfcTime,
}
