//! `/api/v1/admin/folders`: shared folders, for administrators.

use super::{FolderKind, NamedUser, WireNameRule};
use crate::admin::{Limit, PlainState};
use crate::schema;
use crate::text::{RfcTime, by_text};
use model::FolderId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of all folders, ordered by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedFoldersResponse {
    /// One entry a folder.
    pub folders: Vec<ManagedFolder>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
    /// How many folders the search finds in all.
    pub total: u64,
}

/// A folder, as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManagedFolder {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub id: FolderId,
    /// Its name.
    pub name: String,
    /// Shared, or one person's own.
    pub kind: FolderKind,
    /// Whose it is, and whose quota it counts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub owner: Option<NamedUser>,
    /// When two of its names are the same.
    pub name_rule: WireNameRule,
    /// How many bytes it may hold; no limit if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quota_bytes: Option<u64>,
    /// How many it holds.
    pub used_bytes: u64,
    /// How many versions of a file are kept.
    pub versions: u32,
    /// For how many days old versions and removed nodes are kept; no limit if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub days: Option<u32>,
    /// For how many days nothing but dense versions goes.
    pub safe_days: u32,
    /// How many entries its privileges have.
    pub grants: u64,
    /// Its plain directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub plain: Option<PlainDirectory>,
    /// When it was made.
    #[schema(value_type = schema::Timestamp)]
    pub created: RfcTime,
}

/// A folder's plain directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlainDirectory {
    /// Where on the server it is.
    pub directory: String,
    /// How it stands; not known for a moment after it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub state: Option<PlainState>,
    /// What cannot be kept in step, and why; at most 100.
    pub issues: Vec<String>,
}

/// Makes a shared folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFolderRequest {
    /// Its name.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// When two of its names are the same; `portable` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name_rule: Option<WireNameRule>,
    /// How many bytes it may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quota_bytes: Option<u64>,
    /// Whether it gets a plain directory where the server keeps them.
    #[serde(default)]
    pub plain: bool,
}

/// Changes a folder; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderChange {
    /// How many bytes it may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quota_bytes: Option<Limit>,
    /// How many versions of a file are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub versions: Option<u32>,
    /// For how many days old versions and removed nodes are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub days: Option<Limit>,
    /// For how many days nothing but dense versions goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub safe_days: Option<u32>,
    /// Whether it has a plain directory, where the server keeps them; taken away, its files stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub plain: Option<bool>,
}

/// Decides about deletions in a folder's plain directory that are held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Whether they are carried out; else what was deleted comes back.
    pub approve: bool,
}
