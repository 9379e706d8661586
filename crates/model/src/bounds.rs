//! Limits: announced by the server, enforced on both sides.

use crate::name::NAME_BYTES_MAX;
use crate::path::PATH_BYTES_MAX;

/// What one server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 1 << 42,
            name_bytes: NAME_BYTES_MAX as u64,
            path_bytes: PATH_BYTES_MAX as u64,
            commit_operations: 10_000,
            bundle_bytes: 64 << 20,
            chunks: 65_536,
            json_bytes: 1 << 20,
        }
    }
}
