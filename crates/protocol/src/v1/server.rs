//! `GET /api/v1/server`: who answers, and what it takes. Needs no token.

use crate::schema;
use crate::text::by_text;
use model::pattern::{PATTERN_BYTES_MAX, PATTERNS_MAX};
use model::view::{ONLY_MAX, VIEW_BYTES_MAX};
use model::{Epoch, Limits, Rates};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Names of what a server can do, in [`ServerResponse::capabilities`].
pub mod capability {
    /// Bundles of format version 1.
    pub const BUNDLE_1: &str = "bundle_1";
    /// `GET /api/v1/events` as a WebSocket.
    pub const EVENTS: &str = "events";
    /// `POST …/views` and `view` on changes and commits.
    pub const VIEWS: &str = "views";
    /// `wait` on changes.
    pub const LONG_POLL: &str = "long_poll";
    /// Devices are linked by codes, too.
    pub const DEVICE_CODES: &str = "device_codes";
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerResponse {
    /// The server's version.
    pub version: String,
    /// The server's lineage.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::Epoch)]
    pub epoch: Epoch,
    /// What it can do: words of [`capability`], and others to come.
    pub capabilities: Vec<String>,
    /// What it takes.
    pub limits: WireLimits,
}

/// What one server takes; see [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Limits)]
pub struct WireLimits {
    /// The largest file in bytes.
    pub file_bytes: u64,
    /// The longest name in bytes of UTF-8.
    pub name_bytes: u64,
    /// The longest path in bytes of UTF-8.
    pub path_bytes: u64,
    /// The most operations in one commit.
    pub commit_operations: u64,
    /// The most plain bytes of chunks in one bundle.
    pub bundle_bytes: u64,
    /// The most chunks named in one call.
    pub chunks: u64,
    /// The most bytes of JSON in one call.
    pub json_bytes: u64,
    /// The most paths of one view.
    #[serde(default)]
    pub view_paths: u64,
    /// The most patterns of one view.
    #[serde(default)]
    pub view_patterns: u64,
    /// The longest pattern in bytes.
    #[serde(default)]
    pub pattern_bytes: u64,
    /// The most bytes of all paths and patterns of one view.
    #[serde(default)]
    pub view_bytes: u64,
    /// The most transfers (commits, fetches, downloads) of one device at a time.
    pub device_transfers: u64,
    /// The most transfers of all devices at a time; 0 from a server that does not say.
    #[serde(default)]
    pub transfers: u64,
    /// How many seconds a transfer waits for its turn at most, before it is sent away with `retry_after`.
    #[serde(default)]
    pub transfer_wait_seconds: u64,
    /// The most entries of a zip archive; 0 from a server that makes none.
    #[serde(default)]
    pub zip_entries: u64,
    /// How many bytes a second all devices of an account may send together: of the caller's, if a token is shown, else
    /// what holds for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_rate: Option<u64>,
    /// How many bytes a second all devices of an account may receive together, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_rate: Option<u64>,
}

/// How many transfers run at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferLimits {
    /// Of one device.
    pub of_a_device: u64,
    /// Of all devices.
    pub in_all: u64,
    /// How many seconds one waits for its turn at most.
    pub wait_seconds: u64,
    /// The most entries of a zip archive.
    pub zip_entries: u64,
}

impl WireLimits {
    /// Announces limits.
    #[must_use]
    pub fn new(limits: Limits, transfers: TransferLimits, rates: Rates) -> Self {
        Self {
            file_bytes: limits.file_bytes,
            name_bytes: limits.name_bytes,
            path_bytes: limits.path_bytes,
            commit_operations: limits.commit_operations,
            bundle_bytes: limits.bundle_bytes,
            chunks: limits.chunks,
            json_bytes: limits.json_bytes,
            view_paths: ONLY_MAX as u64,
            view_patterns: PATTERNS_MAX as u64,
            pattern_bytes: PATTERN_BYTES_MAX as u64,
            view_bytes: VIEW_BYTES_MAX as u64,
            device_transfers: transfers.of_a_device,
            transfers: transfers.in_all,
            transfer_wait_seconds: transfers.wait_seconds,
            zip_entries: transfers.zip_entries,
            upload_rate: rates.upload,
            download_rate: rates.download,
        }
    }

    /// The limits announced.
    #[must_use]
    pub fn to_model(self) -> Limits {
        Limits {
            file_bytes: self.file_bytes,
            name_bytes: self.name_bytes,
            path_bytes: self.path_bytes,
            commit_operations: self.commit_operations,
            bundle_bytes: self.bundle_bytes,
            chunks: self.chunks,
            json_bytes: self.json_bytes,
        }
    }
}

/// Which program asks, for the server's log and its list of devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientInfo {
    /// The program, such as `driftless`.
    pub name: String,
    /// Its version.
    pub version: String,
}
