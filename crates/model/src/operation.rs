//! How a folder changes: groups of operations, and what the server answers.
//!
//! Every operation carries what it was based on. The server never guesses: if the node is no longer as it was,
//! the group is refused and the caller is told the current state.

use crate::hash::ContentId;
use crate::id::{NodeId, Seq, VersionNumber};
use crate::name::Name;
use crate::node::Content;
use crate::time::Timestamp;

/// A node named in an operation: one the server knows, or one that an earlier operation of the same commit makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeRef {
    /// Known to the server.
    Id(NodeId),
    /// Made in this commit under this number, unique in the commit.
    Temporary(u32),
}

/// When a node's two halves last changed. Every change of a half gives it a new number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// When its parent or name last changed.
    pub placement: Seq,
    /// When its content or attributes last changed.
    pub version: Seq,
}

/// One change of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A new node. Refused with `name_taken` if its name's key is in use in the directory.
    Create {
        /// Its number in this commit.
        temporary: u32,
        /// The directory.
        parent: NodeRef,
        /// The name there.
        name: Name,
        /// What it holds.
        content: Content,
        /// The executable bit (files only).
        executable: bool,
        /// The modification time (files only).
        mtime: Timestamp,
    },
    /// New content for a file or link (never another kind); makes a version.
    Update {
        /// The node.
        node: NodeId,
        /// The `version` half of the revision it was based on.
        base: Seq,
        /// The new content.
        content: Content,
        /// The executable bit.
        executable: bool,
        /// The modification time.
        mtime: Timestamp,
    },
    /// New attributes, the same content; makes no kept version.
    Attributes {
        /// The node.
        node: NodeId,
        /// The `version` half of the revision it was based on.
        base: Seq,
        /// The executable bit.
        executable: bool,
        /// The modification time.
        mtime: Timestamp,
    },
    /// A new place.
    Move {
        /// The node.
        node: NodeId,
        /// The `placement` half of the revision it was based on.
        base: Seq,
        /// The new directory.
        parent: NodeRef,
        /// The new name.
        name: Name,
    },
    /// To the trash. A directory must be empty by then.
    Remove {
        /// The node.
        node: NodeId,
        /// Both halves: a removal is refused if either changed.
        base: Revision,
    },
    /// A new file or link with the content of a version that the folder holds; sends no bytes.
    Copy {
        /// Its number in this commit.
        temporary: u32,
        /// The node copied from, in the same folder; it may be deleted.
        source: NodeId,
        /// Which version; the current one if none is given.
        version: Option<VersionNumber>,
        /// The directory.
        parent: NodeRef,
        /// The name there.
        name: Name,
    },
}

/// Operations that are applied together or not at all, judged by the state after the last of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// The operations, in order.
    pub operations: Vec<Operation>,
}

/// A node as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteNode {
    /// Its id.
    pub id: NodeId,
    /// The directory that holds (or held) it.
    pub parent: NodeId,
    /// Its name there.
    pub name: Name,
    /// What it holds.
    pub content: Content,
    /// The owner's executable bit.
    pub executable: bool,
    /// When the content was last modified.
    pub mtime: Timestamp,
    /// When its halves last changed.
    pub revision: Revision,
    /// Where its newest change stands in the journal.
    pub seq: Seq,
    /// Whether this is a tombstone.
    pub deleted: bool,
}

/// What became of one operation of an applied group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The node it made or changed.
    pub node: NodeId,
    /// The node's revision after the group.
    pub revision: Revision,
}

/// Why a group was refused: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The node, or the directory it goes to or that is to be removed, is no longer as it was.
    Stale,
    /// The node is deleted or was never there.
    Gone,
    /// The directory has another node of the same name key.
    NameTaken,
    /// The caller may not do this here.
    Forbidden,
    /// The folder's or the account's quota would be exceeded.
    Quota,
    /// The file is larger than the server takes.
    TooLarge,
    /// The name or the path is not allowed here.
    BadName,
    /// The content names chunks that were not sent and that the caller may not use.
    ChunkMissing,
    /// It uses what a refused group would have made.
    Dependency,
    /// Held until a person approves it.
    Held,
}

/// What became of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupOutcome {
    /// Applied whole: one entry an operation.
    Applied(Vec<Applied>),
    /// Not applied at all.
    Refused {
        /// Which operation of the group was at fault.
        operation: u32,
        /// Why.
        reason: Refusal,
        /// The node's state now, where there is one to show: the node named, or the one in the way.
        current: Option<Box<RemoteNode>>,
    },
}

impl Operation {
    /// The content that the operation brings, if it brings a file's.
    #[must_use]
    pub fn file_content(&self) -> Option<(ContentId, u64)> {
        match self {
            Self::Create { content: Content::File { id, size }, .. }
            | Self::Update { content: Content::File { id, size }, .. } => Some((*id, *size)),
            _ => None,
        }
    }
}
