//! What a node holds and how it came to hold it: the parts that operations and restores hand to the workspace.

use metadata::version::VersionOrigin;
use model::{Content, Kind, Timestamp, VersionNumber};

/// What a node holds, without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) content: Content,
    pub(crate) executable: bool,
    pub(crate) mtime: Timestamp,
}

impl State {
    /// Directories and links have neither an executable bit nor a time of their own.
    pub(crate) fn new(content: &Content, executable: bool, mtime: Timestamp) -> Self {
        let is_file = content.kind() == Kind::File;
        Self {
            content: content.clone(),
            executable: executable && is_file,
            mtime: if is_file { mtime } else { Timestamp(0) },
        }
    }
}

/// How a version comes to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) origin: VersionOrigin,
    pub(crate) of: Option<VersionNumber>,
}

impl Origin {
    /// New content.
    pub(crate) const COMMIT: Self = Self { origin: VersionOrigin::Commit, of: None };
    /// New attributes.
    pub(crate) const ATTRIBUTES: Self = Self { origin: VersionOrigin::Attributes, of: None };
}
