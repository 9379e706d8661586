//! Uploads: what big files arrive in, piece by piece, resumable after a restart of either side.

use crate::text::{RfcTime, by_text, option_by_text};
use model::UploadId;
use serde::{Deserialize, Serialize};

/// `POST …/uploads`: opens an upload, or takes up one of this device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenUploadRequest {
    /// The upload to take up; a new one if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    pub upload: Option<UploadId>,
    /// How many bytes are to come in all, for the quota.
    pub size: u64,
}

/// An open upload. Which of its chunks have arrived is asked by `chunks/missing` with its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadResponse {
    /// Its id.
    #[serde(with = "by_text")]
    pub upload: UploadId,
    /// When it is abandoned, unless something arrives before.
    pub expires: RfcTime,
    /// How many chunks have arrived.
    pub arrived_chunks: u64,
    /// How many bytes they have.
    pub arrived_bytes: u64,
}
