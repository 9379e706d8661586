//! `GET …/conflicts` and `POST …/conflicts/{node}`: conflict copies.

use crate::schema;
use crate::text::{RfcTime, by_text, option_by_text};
use model::{IdempotencyKey, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Conflict copies of a folder by id. There may be none, and still more to come: a call looks through a bounded part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConflictsResponse {
    /// The copies.
    pub conflicts: Vec<ConflictEntry>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::NodeId>, nullable = false)]
    pub next: Option<NodeId>,
}

/// A conflict copy and what stands under the name that both wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConflictEntry {
    /// The names of the directory from the folder's root down, with `/` between; empty for the root.
    pub directory: String,
    /// The name that both wanted.
    pub name: String,
    /// Whose side lost, as the copy's name says.
    pub author: String,
    /// On which device, as the copy's name says.
    pub device: String,
    /// The losing side.
    pub copy: ConflictSide,
    /// The winner, if there still is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub winner: Option<ConflictSide>,
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConflictSide {
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// `directory`, `file` or `link`.
    #[schema(value_type = schema::NodeKind)]
    pub kind: String,
    /// A file's size in bytes.
    pub size: u64,
    /// When its content was last modified.
    #[schema(value_type = schema::Timestamp)]
    pub mtime: RfcTime,
    /// Its newest number in the journal: what a settlement is based on.
    pub seq: u64,
}

/// What is to become of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictChoice {
    /// The copy's content becomes the winner's newest version, and the copy goes to the trash.
    Copy,
    /// Both stay, the copy under an ordinary name.
    Both,
    /// The copy goes to the trash.
    Winner,
}

/// Settles a conflict, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleConflictRequest {
    /// What stays.
    pub keep: ConflictChoice,
    /// The copy's `seq`.
    pub copy_seq: u64,
    /// The winner's `seq`, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub winner_seq: Option<u64>,
    /// Names the attempt, so that a repeated request settles once.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::IdempotencyKey>)]
    pub key: Option<IdempotencyKey>,
}

/// It is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettleConflictResponse {
    /// The folder's newest change after it.
    pub head: u64,
}
