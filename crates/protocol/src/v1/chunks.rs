//! `POST …/chunks/missing` as JSON. Large questions go as a bundle of `WantedChunks`, answered by one of
//! `MissingChunks`.

use crate::schema;
use crate::text::list_by_text;
use model::ChunkId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which of these must be sent?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MissingRequest {
    /// The chunks.
    #[serde(with = "list_by_text")]
    #[schema(value_type = Vec<schema::ChunkId>)]
    pub chunks: Vec<ChunkId>,
}

/// These: neither the folder nor one of the caller's open uploads has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingResponse {
    /// The chunks, in the order asked.
    #[serde(with = "list_by_text")]
    #[schema(value_type = Vec<schema::ChunkId>)]
    pub missing: Vec<ChunkId>,
}
