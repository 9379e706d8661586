//! `GET …/space`: what a folder takes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is there, what its history and the trash add, and what deduplication saves. Quotas go by `current_bytes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceResponse {
    /// Bytes of what is there now.
    pub current_bytes: u64,
    /// Bytes of older versions of it.
    pub history_bytes: u64,
    /// Bytes of removed files and their versions.
    pub trash_bytes: u64,
    /// Removed nodes that can be brought back.
    pub trash_nodes: u64,
    /// Versions, current ones too.
    pub versions: u64,
    /// Bytes that all of these take, equal chunks once, before compression.
    pub stored_bytes: u64,
    /// Bytes that are saved because equal chunks are stored once.
    pub shared_bytes: u64,
}
