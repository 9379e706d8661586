//! What a node is: its place, its content, its attributes.

use crate::hash::ContentId;
use crate::id::NodeKey;
use crate::name::Name;
use crate::time::Timestamp;

/// File, directory or symbolic link. A node never changes its kind; another kind is another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Holds other nodes.
    Directory,
    /// Holds bytes.
    File,
    /// Holds a text, never followed.
    Link,
}

/// What a node holds, but for a directory's children.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// A directory.
    Directory,
    /// A file's bytes, by name, and how many they are.
    File {
        /// The name of the bytes.
        id: ContentId,
        /// How many bytes.
        size: u64,
    },
    /// A symbolic link's target, as on the disk (no NUL, 1 to 4095 bytes, not necessarily UTF-8).
    Link {
        /// The text of the link.
        target: Box<[u8]>,
    },
}

impl Content {
    /// The kind of node that holds this.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Directory => Kind::Directory,
            Self::File { .. } => Kind::File,
            Self::Link { .. } => Kind::Link,
        }
    }

    /// Whether this is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory)
    }

    /// How many bytes it takes from a quota: a file's size, nothing for the others.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Directory | Self::Link { .. } => 0,
        }
    }
}

/// A node as one of a pair's trees holds it. Parent, name, content and executable bit are merged separately;
/// the modification time travels with the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// The directory that holds it.
    pub parent: NodeKey,
    /// Its name there.
    pub name: Name,
    /// What it holds.
    pub content: Content,
    /// The owner's executable bit; false for anything but files.
    pub executable: bool,
    /// When the content was last modified; the zero moment for directories and links.
    pub mtime: Timestamp,
}
