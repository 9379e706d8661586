//! What a disk shows of a node.

use crate::name::Name;
use crate::time::Timestamp;
use std::fmt;

/// A node's identity on its file system: what `name_to_handle_at` gives (inode and generation), so that a new
/// file that got an old inode number is another file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub Box<[u8]>);

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What tells that a node on a disk is still the one that was looked at, unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Which node it is.
    pub handle: Handle,
    /// A file's size in bytes; 0 for the others.
    pub size: u64,
    /// When its content changed; for directories too, though it is not synced there.
    pub mtime: Timestamp,
    /// When anything about it changed; no program can set it.
    pub ctime: Timestamp,
    /// The owner's executable bit; false for anything but files.
    pub executable: bool,
}

/// What stands at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory of the same file system.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link and its text.
    Link {
        /// The text.
        target: Box<[u8]>,
    },
    /// A socket, pipe or device: never synced, listed as an issue.
    Special,
    /// Another file system is mounted here: not entered, listed as an issue.
    OtherFileSystem,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: EntryKind,
    /// How it was when looked at.
    pub fingerprint: Fingerprint,
}
