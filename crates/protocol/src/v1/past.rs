//! A folder as it was: `GET …/nodes/{n}/children`, `GET …/nodes/{n}/differences`, `POST …/restore`.
//!
//! When is said as a moment (`at`) or as a number of the journal (`seq`): of a moment it is the state after the last commit
//! at or before it.

use crate::schema;
use crate::text::{RfcTime, by_text, option_by_text};
use model::{IdempotencyKey, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of a directory as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChildrenResponse {
    /// The number of the journal that was looked at.
    pub seq: u64,
    /// When the journal had come so far, if it was asked by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub at: Option<RfcTime>,
    /// The node itself; none for the folder's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub node: Option<PastEntry>,
    /// What was in it; nothing for a file or link.
    pub entries: Vec<PastEntry>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::NodeId>, nullable = false)]
    pub next: Option<NodeId>,
}

/// A node as it was. `GET …/nodes/{node}/content?version=` gives its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastEntry {
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
    /// The owner's executable bit.
    pub executable: bool,
    /// When the content was last modified.
    #[schema(value_type = schema::Timestamp)]
    pub mtime: RfcTime,
    /// The number of its version; 0 for a directory.
    pub version: u64,
    /// Whether the very version of then was thinned out, and this is the one kept from before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thinned: bool,
}

/// A page of what differs between two moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferencesResponse {
    /// The earlier number of the journal.
    pub from: u64,
    /// The later one.
    pub to: u64,
    /// How many there are in all; with the first page only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub counts: Option<DifferenceCounts>,
    /// One entry a node.
    pub differences: Vec<DifferenceEntry>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<u64>,
}

/// How many nodes differ; one that was moved and changed counts twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceCounts {
    /// Made since.
    pub added: u64,
    /// Removed since.
    pub removed: u64,
    /// With another content or other attributes.
    pub changed: u64,
    /// At another place.
    pub moved: u64,
}

/// A node that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceEntry {
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// `added`, `removed`, `changed`, `moved`; the last two may come together.
    #[schema(value_type = Vec<schema::DifferenceWord>)]
    pub changes: Vec<String>,
    /// As it was at the earlier moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub then: Option<DifferenceSide>,
    /// As it was at the later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub now: Option<DifferenceSide>,
}

/// A node at one of the moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DifferenceSide {
    /// Its names from the folder's root down, with `/` between.
    pub path: String,
    /// What it was.
    #[serde(flatten)]
    pub entry: PastEntry,
}

/// `POST …/restore`: a folder, or what is below a directory, becomes as it was, as a new state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderRestoreRequest {
    /// To the state of this moment; exactly one of `at` and `seq` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub at: Option<RfcTime>,
    /// To the state at this number of the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// From this node down; from the folder's root if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::NodeId>)]
    pub node: Option<NodeId>,
    /// Along these names, as they were then or else are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Undoes this person's changes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_by_user: Option<String>,
    /// Undoes the changes made from devices of this name, or the device of this id, only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_by_device: Option<String>,
    /// Says what would be done and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// Names the attempt, so that a repeated request restores once.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::IdempotencyKey>)]
    pub key: Option<IdempotencyKey>,
}

/// What was, or would be, done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FolderRestoreResponse {
    /// The number of the journal that was restored.
    pub seq: u64,
    /// When the journal had come so far, if it was asked by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub at: Option<RfcTime>,
    /// The newest number before: restoring to it undoes this.
    pub before: u64,
    /// The newest number after.
    pub head: u64,
    /// How many nodes went to the trash.
    pub removed: u64,
    /// How many came back.
    pub returned: u64,
    /// How many stand elsewhere now.
    pub moved: u64,
    /// How many have another content or other attributes now.
    pub changed: u64,
    /// How many of them got a mark in their name, because it was taken.
    pub renamed: u64,
    /// Of how many the very version of then was thinned out, so that the one kept from before it stands in.
    #[serde(default)]
    #[schema(required = true)]
    pub thinned: u64,
    /// The first thousand that were left as they are.
    pub kept: Vec<KeptEntry>,
    /// How many were.
    pub kept_count: u64,
}

/// A node that was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptEntry {
    /// The node.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::NodeId)]
    pub node: NodeId,
    /// `changed_by_others`, `in_use` or `impossible`.
    #[schema(value_type = schema::KeptReason)]
    pub reason: String,
}

/// `GET …/days`: the days on which a folder changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DaysResponse {
    /// The newest day first.
    pub days: Vec<DayEntry>,
    /// What to give as `before` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub next: Option<RfcTime>,
}

/// A day on which a folder changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayEntry {
    /// When it changed last on that day.
    #[schema(value_type = schema::Timestamp)]
    pub at: RfcTime,
    /// How far the journal had come then.
    pub seq: u64,
}
