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

/// Bytes a second each way, as a client sees it; none: as fast as it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// To the server.
    pub upload: Option<u64>,
    /// From the server.
    pub download: Option<u64>,
}

/// What was chosen for an account's bytes a second, one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RateChoice {
    /// What holds for everybody.
    #[default]
    Standard,
    /// As fast as it goes.
    Unlimited,
    /// So many.
    To(u64),
}

/// What was chosen for an account's bytes a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateChoices {
    /// To the server.
    pub upload: RateChoice,
    /// From the server.
    pub download: RateChoice,
}

impl RateChoice {
    fn or(self, standard: Option<u64>) -> Option<u64> {
        match self {
            Self::Standard => standard,
            Self::Unlimited => None,
            Self::To(rate) => Some(rate),
        }
    }
}

impl RateChoices {
    /// What holds for the account where others have the standard.
    #[must_use]
    pub fn or(self, standard: Rates) -> Rates {
        Rates { upload: self.upload.or(standard.upload), download: self.download.or(standard.download) }
    }
}
