//! `POST …/chunks/missing` as JSON. Large questions go as a bundle of `WantedChunks`, answered by one of
//! `MissingChunks`, with the uploads in the query.

use crate::text::list_by_text;
use model::{ChunkId, UploadId};
use serde::{Deserialize, Serialize};

/// Which of these must be sent?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingRequest {
    /// The chunks.
    #[serde(with = "list_by_text")]
    pub chunks: Vec<ChunkId>,
    /// The caller's open uploads that count as well.
    #[serde(default, with = "list_by_text")]
    pub uploads: Vec<UploadId>,
}

/// These: neither the folder nor one of the uploads has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingResponse {
    /// The chunks, in the order asked.
    #[serde(with = "list_by_text")]
    pub missing: Vec<ChunkId>,
}
