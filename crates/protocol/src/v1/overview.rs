//! `GET /api/v1/admin/overview` and `GET /api/v1/admin/growth`: how the server is doing.

use super::FolderKind;
use crate::admin::PlainState;
use crate::schema;
use crate::text::{RfcTime, by_text, option_by_text};
use model::{DeviceId, FolderId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the server is doing at this moment. Cheap enough to be asked for once a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverviewResponse {
    /// When this was.
    #[schema(value_type = schema::Timestamp)]
    pub at: RfcTime,
    /// When the server was started.
    #[schema(value_type = schema::Timestamp)]
    pub started: RfcTime,
    /// The program's version.
    pub version: String,
    /// Who listens for changes, at most 500, the longest there first.
    pub connected: Vec<ConnectedEntry>,
    /// How many listen.
    pub connected_count: u64,
    /// Devices whose contents move, the fastest first, at most 200.
    pub transfers: Vec<TransferEntry>,
    /// Bytes of contents in each of the last 60 seconds.
    pub throughput: Throughput,
    /// The folders that hold most, at most 100.
    pub folders: Vec<FolderShare>,
    /// How many folders there are.
    pub folder_count: u64,
    /// What all folders take together.
    pub total: Share,
    /// The machine and what runs on it.
    pub health: Health,
    /// What somebody should look at, the worst first.
    pub findings: Vec<Finding>,
    /// The sum of all journals' newest numbers: it grows with every change of any folder.
    pub changes: u64,
}

/// A device that listens for changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectedEntry {
    /// Whose account.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// Its name, if the account still exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_name: Option<String>,
    /// The device.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::DeviceId>, nullable = false)]
    pub device: Option<DeviceId>,
    /// What the person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub device_name: Option<String>,
    /// What it says of its program and its system; never markup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub agent: Option<String>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// Since when.
    #[schema(value_type = schema::Timestamp)]
    pub since: RfcTime,
    /// How many changes it has not been sent; none if it has not asked for any since the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub behind: Option<u64>,
}

/// A device whose contents move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferEntry {
    /// Its account's name, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user_name: Option<String>,
    /// The device.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::DeviceId>, nullable = false)]
    pub device: Option<DeviceId>,
    /// Its name, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub device_name: Option<String>,
    /// Transfers that run.
    pub running: u64,
    /// Transfers that wait for their turn.
    pub waiting: u64,
    /// Bytes a second that it sends.
    pub up_rate: u64,
    /// Bytes a second that it receives.
    pub down_rate: u64,
    /// Bytes that it has sent since the server was started, or since it last was at rest for long.
    pub up_bytes: u64,
    /// The same that it has received.
    pub down_bytes: u64,
}

/// Bytes of contents a second, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Throughput {
    /// From devices.
    pub up: Vec<u64>,
    /// To devices.
    pub down: Vec<u64>,
}

/// What takes how much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    /// Bytes of what is there now.
    pub current_bytes: u64,
    /// Bytes of older versions of it, as last counted.
    pub history_bytes: u64,
    /// Bytes of removed files and their versions, as last counted.
    pub trash_bytes: u64,
}

/// What a folder takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FolderShare {
    /// The folder.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::FolderId)]
    pub folder: FolderId,
    /// Its name.
    pub name: String,
    /// Shared, or one person's own.
    pub kind: FolderKind,
    /// The number of its newest change.
    pub head: u64,
    /// What it takes.
    #[serde(flatten)]
    pub share: Share,
    /// When older versions and the trash were last counted.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub counted: Option<RfcTime>,
    /// How many bytes may be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub quota_bytes: Option<u64>,
    /// How its plain directory stands, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub plain: Option<PlainState>,
}

/// How files are decoded for previews.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreviewState {
    /// Not at all: previews are switched off.
    #[default]
    Off,
    /// In a process that is locked in by seccomp and Landlock.
    Sandboxed,
    /// In a process that is locked in by seccomp alone, as was chosen.
    WithoutLandlock,
    /// Not at all: the machine does not give what was chosen to lock the process in.
    Unsafe,
}

/// The machine and what runs on it. What is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Free bytes of the disk with the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disk_free_bytes: Option<u64>,
    /// How many bytes it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disk_bytes: Option<u64>,
    /// Bytes of the database's files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub database_bytes: Option<u64>,
    /// Writes that wait for the database.
    pub database_queue: u64,
    /// Until when the certificate holds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub certificate_until: Option<RfcTime>,
    /// When a backup was last made.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub last_backup: Option<RfcTime>,
    /// When everything was last verified.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub last_verify: Option<RfcTime>,
    /// How files are decoded for previews.
    pub previews: PreviewState,
}

/// What somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Whether files are in danger or do not travel, and not only may be later.
    pub urgent: bool,
    /// What it is about: a folder's name, bytes, a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub subject: Option<String>,
    /// When it happened or will.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub at: Option<RfcTime>,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A verification found something wrong; `subject` says how much.
    VerifyFaults,
    /// The disk is almost full; `subject` is what is free, in bytes.
    DiskLow,
    /// A plain directory is not there; `subject` is its folder.
    PlainOffline,
    /// Deletions in a plain directory wait for a decision; `subject` is its folder.
    PlainHeld,
    /// Something in a plain directory is not kept in step; `subject` is its folder.
    PlainIssues,
    /// The certificate ends soon, or has ended.
    CertificateEnds,
    /// Something long failed or did nothing; `subject` is its kind.
    WorkFailed,
    /// No backup was made for a week; `at` is the last one, if there is any.
    BackupOld,
    /// No previews are made, because the machine cannot lock the decoding process in; `subject` says what is missing.
    PreviewsUnsafe,
    /// A proxy speaks for clients and is not trusted; `subject` is its address.
    ProxyDisbelieved,
}

/// Sizes day by day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrowthResponse {
    /// One entry a day that was counted, oldest first.
    pub days: Vec<GrowthEntry>,
}

/// What was taken on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrowthEntry {
    /// The day in UTC, such as `2026-11-22`.
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    pub day: String,
    /// What was taken at its last count.
    #[serde(flatten)]
    pub share: Share,
}
