//! `/api/v1/admin/log`: the audit log.

use crate::schema;
use crate::text::{RfcTime, option_by_text};
use model::{DeviceId, FolderId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of the log, newest first. There may be fewer entries than were asked for, or none, and still more to come: a call
/// looks through a bounded number of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogResponse {
    /// What was found.
    pub entries: Vec<LogEntry>,
    /// What to give as `before` for older ones; none if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub older: Option<u64>,
    /// What to give as `after` for newer ones; there may be none yet.
    pub newer: u64,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogEntry {
    /// Its number; they are counted without gaps.
    pub number: u64,
    /// When.
    #[schema(value_type = schema::Timestamp)]
    pub at: RfcTime,
    /// Whose account; none if nobody was signed in, or who holds the data directory did it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::UserId>, nullable = false)]
    pub user: Option<UserId>,
    /// The account's name, if it still exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_name: Option<String>,
    /// From which device.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::DeviceId>, nullable = false)]
    pub device: Option<DeviceId>,
    /// The device's name, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub device_name: Option<String>,
    /// From which address; empty if none.
    pub address: String,
    /// What: an area, a dot and a word, such as `folder.grant`.
    pub action: String,
    /// In which folder.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::FolderId>, nullable = false)]
    pub folder: Option<FolderId>,
    /// The folder's name, if it still exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub folder_name: Option<String>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// More of it.
    pub details: Vec<LogDetail>,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogDetail {
    /// Of what.
    pub name: String,
    /// What others have said: never markup.
    pub value: String,
}

/// Whether the log is whole. Keep `last` and `head`: with them it can be shown later that nothing up to there has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogProof {
    /// When it was proven.
    #[schema(value_type = schema::Timestamp)]
    pub at: RfcTime,
    /// The number of the first entry that is kept; 0 if there is none.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
    /// How many entries there are.
    pub entries: u64,
    /// The digest of the last entry, sealed over all before it (64 hexadecimal digits).
    pub head: String,
    /// What the first kept entry is sealed over: zeros, or the digest of the last one that was taken away.
    pub beginning: String,
    /// Whether every entry is as it was written and follows the one before it.
    pub whole: bool,
    /// The first entries that are not, or where some are missing.
    pub faults: Vec<u64>,
    /// How many there are.
    pub fault_count: u64,
    /// What became of the entry that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub kept: Option<KeptProof>,
}

/// What became of an entry whose digest somebody has kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeptProof {
    /// It has the same digest: nothing up to it has changed.
    Same,
    /// It has another one: something up to it has changed.
    Changed,
    /// It was taken away as too old.
    TakenAway,
    /// The log does not reach to it: its end is missing.
    Missing,
}

/// For how long entries are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogRetention {
    /// For so many days, at least 7; for ever if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 7, maximum = 36500)]
    pub days: Option<u32>,
}
