//! `GET …/activity` and `GET /api/v1/admin/activity`: what was done last.

use crate::schema;
use crate::text::{RfcTime, by_text, option_by_text};
use model::{FolderId, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of a folder's newest changes, newest first: of each node its last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActivityResponse {
    /// One entry a node.
    pub entries: Vec<ActivityEntry>,
    /// What to give as `before` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<u64>,
}

/// The last change of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActivityEntry {
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// Its number in the journal.
    pub seq: u64,
    /// Its names from the folder's root down, with `/` between.
    pub path: String,
    /// `directory`, `file` or `link`.
    #[schema(value_type = schema::NodeKind)]
    pub kind: String,
    /// A file's size in bytes.
    pub size: u64,
    /// What was done.
    pub what: ActivityWord,
    /// Its name before, where it got another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub before: Option<String>,
    /// When, if that is still kept.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub at: Option<RfcTime>,
    /// Who did it, if the account is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// From which device, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub device: Option<String>,
}

/// What was done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityWord {
    /// It is new.
    Created,
    /// It has new content.
    Changed,
    /// Only its times or its executable bit are new.
    Touched,
    /// It has another name in the same directory.
    Renamed,
    /// It is in another directory.
    Moved,
    /// It is new, with the content of another one.
    Copied,
    /// It was brought back, or an older version of it.
    Restored,
    /// It was removed.
    Removed,
}

/// Who changed how much in which folder within a day, the last first. Says nothing of what was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FolderActivityResponse {
    /// One entry for each folder, person and device.
    pub entries: Vec<FolderActivityEntry>,
}

/// What one person changed in a folder from one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FolderActivityEntry {
    /// The folder.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub folder: FolderId,
    /// The folder's name.
    pub folder_name: String,
    /// Who, if the account is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// From which device, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub device: Option<String>,
    /// How many nodes.
    pub nodes: u64,
    /// How many of them were removed.
    pub removed: u64,
    /// When last.
    #[schema(value_type = schema::Timestamp)]
    pub at: RfcTime,
}
