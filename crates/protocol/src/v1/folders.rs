//! `GET /api/v1/folders`: what the caller may see.

use crate::Cursor;
use crate::schema;
use crate::text::by_text;
use model::{FolderId, NameRule, Privilege};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The folders, ordered by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoldersResponse {
    /// One entry a folder.
    pub folders: Vec<FolderEntry>,
}

/// A folder that the caller may at least read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FolderEntry {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub id: FolderId,
    /// Its name, unique on the server.
    pub name: String,
    /// Shared, or one person's own.
    pub kind: FolderKind,
    /// When two of its names are the same.
    pub name_rule: WireNameRule,
    /// What the caller may do there.
    pub privilege: WirePrivilege,
    /// The number of its newest change.
    pub head: u64,
    /// A cursor at its newest change: whoever has pulled all of that needs no more.
    #[schema(value_type = schema::Cursor)]
    pub head_cursor: Cursor,
    /// How many bytes it may hold, history included; no limit if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quota_bytes: Option<u64>,
    /// How many bytes count towards that now.
    pub used_bytes: u64,
}

/// What kind of folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FolderKind {
    /// For whoever holds a privilege.
    Shared,
    /// One person's own.
    Home,
}

/// When two names are the same; see [`NameRule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NameRule)]
pub enum WireNameRule {
    /// Unique under normalisation and case folding.
    Portable,
    /// Byte for byte.
    Exact,
}

impl From<NameRule> for WireNameRule {
    fn from(rule: NameRule) -> Self {
        match rule {
            NameRule::Portable => Self::Portable,
            NameRule::Exact => Self::Exact,
        }
    }
}

impl From<WireNameRule> for NameRule {
    fn from(rule: WireNameRule) -> Self {
        match rule {
            WireNameRule::Portable => Self::Portable,
            WireNameRule::Exact => Self::Exact,
        }
    }
}

/// What one may do in a folder; see [`Privilege`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Privilege)]
pub enum WirePrivilege {
    /// Nothing.
    None,
    /// See and download.
    Read,
    /// Also change.
    Write,
    /// Also settings and privileges.
    Manage,
}

impl From<Privilege> for WirePrivilege {
    fn from(privilege: Privilege) -> Self {
        match privilege {
            Privilege::None => Self::None,
            Privilege::Read => Self::Read,
            Privilege::Write => Self::Write,
            Privilege::Manage => Self::Manage,
        }
    }
}

impl From<WirePrivilege> for Privilege {
    fn from(privilege: WirePrivilege) -> Self {
        match privilege {
            WirePrivilege::None => Self::None,
            WirePrivilege::Read => Self::Read,
            WirePrivilege::Write => Self::Write,
            WirePrivilege::Manage => Self::Manage,
        }
    }
}
