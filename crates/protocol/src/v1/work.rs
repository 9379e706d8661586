//! `/api/v1/admin/work` and `/api/v1/admin/issues`: what takes long, and what waits for somebody.

use crate::admin::{PlainState, ProgressReport};
use crate::schema;
use crate::text::{RfcTime, by_text};
use model::FolderId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// Proving that every reference leads to content.
    Verify,
    /// Taking away what nothing names any more.
    Collect,
    /// A backup; it is started on the server's machine.
    Backup,
}

/// `POST /api/v1/admin/work`: starts something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkRequest {
    /// What: `verify` or `collect`.
    pub kind: WorkKind,
    /// For `verify`: whether every stored byte is read and hashed.
    #[serde(default)]
    pub all_bytes: bool,
    /// For `collect`: whether it is only counted what would go.
    #[serde(default)]
    pub dry_run: bool,
}

/// What runs and what was done last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkResponse {
    /// What runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub running: Option<RunningWork>,
    /// What each kind came to when it was last done.
    pub last: Vec<WorkResult>,
}

/// Something that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunningWork {
    /// What.
    pub kind: WorkKind,
    /// Since when.
    #[schema(value_type = schema::Timestamp)]
    pub since: RfcTime,
    /// Who started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub by: Option<String>,
    /// How far it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub progress: Option<ProgressReport>,
}

/// What something long came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkResult {
    /// What.
    pub kind: WorkKind,
    /// When it ended.
    #[schema(value_type = schema::Timestamp)]
    pub at: RfcTime,
    /// Whether it did what it was to do and found nothing wrong.
    pub good: bool,
    /// What was counted: the number of faults, the bytes that were freed or written, and the like.
    pub figures: Vec<WorkFigure>,
    /// What is wrong, at most 100 lines.
    pub faults: Vec<String>,
}

/// A figure of something long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkFigure {
    /// Of what, such as `freed_bytes`.
    pub name: String,
    /// How many.
    pub value: u64,
}

/// Plain directories that somebody should look at, and all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuesResponse {
    /// Folders with plain directories, by name.
    pub plain: Vec<PlainIssues>,
}

/// How a folder's plain directory stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlainIssues {
    /// The folder.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub folder: FolderId,
    /// Its name.
    pub name: String,
    /// Where the directory is.
    pub directory: String,
    /// How it stands; none while nobody keeps it in step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub state: Option<PlainState>,
    /// Deletions that wait for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub held: Option<HeldDeletions>,
    /// Why it is not kept in step at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub trouble: Option<String>,
    /// What cannot be kept in step, at most 100.
    pub issues: Vec<PlainIssue>,
    /// How much cannot be kept in step.
    pub issue_count: u64,
}

/// Deletions that wait for a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldDeletions {
    /// So many entries of the directory would go.
    pub in_directory: u64,
    /// So many nodes of the folder would go.
    pub in_folder: u64,
}

/// Something that cannot be kept in step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlainIssue {
    /// Where; none for who may not read the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub path: Option<String>,
    /// Why.
    pub reason: String,
}
