//! The trash: `GET …/trash?before=&limit=`, `GET …/trash?directory=&after=&limit=` and `POST …/trash/restore`.

use crate::schema;
use crate::text::{RfcTime, by_text, list_by_text, option_by_text};
use model::{IdempotencyKey, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of the trash: the whole folder's, the last removed first, or one directory's in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrashResponse {
    /// One entry a node.
    pub entries: Vec<TrashEntry>,
    /// What to give as `before` for the next page of a folder's trash; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<u64>,
    /// What to give as `after` for the next page of a directory's trash; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::NodeId>, nullable = false)]
    pub next_after: Option<NodeId>,
}

/// A removed node. `POST …/nodes/{node}/restore` brings it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrashEntry {
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// The directory it was in, which may be in the trash itself.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub parent: NodeId,
    /// Its name there.
    pub name: String,
    /// Its names from the folder's root down, with `/` between; directories above it may be in the trash too.
    pub path: String,
    /// `directory`, `file` or `link`.
    #[schema(value_type = schema::NodeKind)]
    pub kind: String,
    /// A file's size in bytes.
    pub size: u64,
    /// When it was removed.
    #[schema(value_type = schema::Timestamp)]
    pub removed: RfcTime,
    /// Who removed it, if the account is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// From which device, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub device: Option<String>,
    /// How many removed nodes it holds, at any depth; in a directory's trash only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub nodes: Option<u64>,
    /// Its size with all removed files below; in a directory's trash only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total_size: Option<u64>,
}

/// `POST …/trash/restore`: removed nodes come back, each with what was removed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrashRestoreRequest {
    /// Which.
    #[serde(with = "list_by_text")]
    #[schema(value_type = Vec<schema::NodeId>)]
    pub nodes: Vec<NodeId>,
    /// Names the attempt, so that a repeated request restores once.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::IdempotencyKey>)]
    pub key: Option<IdempotencyKey>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrashRestoreResponse {
    /// The folder's newest change after it.
    pub head: u64,
    /// How many nodes came back, with all that is below them.
    pub restored: u64,
    /// Those that did not.
    pub refused: Vec<TrashRefusal>,
}

/// A node that did not come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrashRefusal {
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// Why: as for groups.
    #[schema(value_type = schema::Refusal)]
    pub reason: String,
}
