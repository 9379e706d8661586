//! Uploads: what big files arrive in, piece by piece, resumable after a restart of either side.

use crate::schema;
use crate::text::{RfcTime, by_text, option_by_text};
use model::{NodeId, UploadId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST …/uploads`: opens an upload, or takes up one that this device has opened with the same figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenUploadRequest {
    /// Its id: 128 random bits of the client's choice, so that a repeated request opens no second one. The server
    /// chooses if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::UploadId>)]
    pub upload: Option<UploadId>,
    /// The node it will be a version of; none for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::NodeId>)]
    pub node: Option<NodeId>,
    /// The `version` half of the revision it is based on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// How many bytes the content will have.
    pub size: u64,
}

/// An open upload. Which of its chunks have arrived `chunks/missing` tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadResponse {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::UploadId)]
    pub upload: UploadId,
    /// When it is abandoned, unless something arrives before.
    #[schema(value_type = schema::Timestamp)]
    pub expires: RfcTime,
    /// How many chunks have arrived.
    pub arrived_chunks: u64,
}
