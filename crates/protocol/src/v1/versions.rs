//! History of a node: its versions, and bringing one back.

use crate::schema;
use crate::text::{RfcTime, by_text, option_by_text};
use model::{IdempotencyKey, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET …/nodes/{n}/versions`: the kept versions, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionsResponse {
    /// One entry a version.
    pub versions: Vec<VersionEntry>,
    /// Where the node was put and when it was removed, the newest first.
    #[serde(default)]
    #[schema(required = true)]
    pub places: Vec<PlaceEntry>,
}

/// A node was made somewhere, moved there or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceEntry {
    /// The number in the folder's journal.
    pub seq: u64,
    /// Its name from then on.
    pub name: String,
    /// Whether it was removed.
    pub removed: bool,
    /// When.
    #[schema(value_type = schema::Timestamp)]
    pub time: RfcTime,
    /// Who did it, if the account is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// From which device, if it is still known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub device: Option<String>,
}

/// One kept state of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionEntry {
    /// Its number, counted from 1.
    pub number: u64,
    /// The number in the folder's journal.
    #[serde(default)]
    #[schema(required = true)]
    pub seq: u64,
    /// How many bytes it had.
    pub size: u64,
    /// When the content was last modified, says the device that sent it.
    #[schema(value_type = schema::Timestamp)]
    pub mtime: RfcTime,
    /// The owner's executable bit.
    pub executable: bool,
    /// When the server took it.
    #[schema(value_type = schema::Timestamp)]
    pub time: RfcTime,
    /// How it came to be.
    pub origin: VersionOriginWord,
    /// Who made it, if the account is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// From which device, if it is still known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub device: Option<String>,
    /// Whether it is the node's state now.
    pub current: bool,
    /// Whether it is kept for ever.
    #[serde(default)]
    #[schema(required = true)]
    pub pinned: bool,
    /// What somebody called it; that keeps it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub label: Option<String>,
}

/// `PUT …/nodes/{n}/versions/{v}`: pins or labels a version, which keeps it. What is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinRequest {
    /// Whether it is kept for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// What it is called, at most 200 bytes; an empty text takes the label away.
    #[schema(max_length = 200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// How a version came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VersionOrigin)]
pub enum VersionOriginWord {
    /// A client, or another door, sent it.
    Commit,
    /// A copy of another node's version.
    Copy,
    /// An older version brought back.
    Restore,
    /// Found in the folder's plain directory on the server, changed there by something else.
    Outside,
}

/// `POST …/nodes/{n}/restore`: an old version becomes the newest again; a deleted node comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// Which version; of a deleted node the last one, if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Names the attempt, so that a repeated request restores once.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::IdempotencyKey>)]
    pub key: Option<IdempotencyKey>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RestoreResponse {
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// The folder's newest change after it.
    pub head: u64,
}
