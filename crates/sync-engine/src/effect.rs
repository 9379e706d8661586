//! What a pair wants done.

use crate::store::Intent;
use model::{ContentId, Fingerprint, Handle, NodeId, NodeKey, RelativePath, Seq, Timestamp};

/// Something to do. Each is answered by an event, but for timers (at most one answer) and activities (none).
#[derive(Debug)]
pub enum Effect {
    /// Pull changes past the cursor, or everything there is without one.
    Pull(Option<String>),
    /// Send a commit.
    Commit(Commit),
    /// List directories; answer in parts of any size.
    List(Vec<ListRequest>),
    /// Hash files; answer in parts of any size.
    Hash(Vec<HashRequest>),
    /// Change the local side: in order, and an action only if all it needs were done. Answer in parts or whole.
    Apply(Vec<LocalAction>),
    /// Send [`crate::Event::Tick`] at this time or later.
    Timer(Timestamp),
    /// Tell the person and the log.
    Activity(Activity),
}

/// A commit to send.
#[derive(Debug)]
pub struct Commit {
    /// Key and groups.
    pub intent: Intent,
    /// Where the contents are that the server may lack. Empty when it is sent again: a server that took it answers
    /// from memory, another refuses what lacks its chunks.
    pub sends: Vec<Send>,
}

/// A local file whose content goes with a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// Where it is.
    pub path: RelativePath,
    /// How it looked when it was hashed. If it looks otherwise now, its bytes are not sent.
    pub expected: Fingerprint,
    /// The name of its bytes.
    pub content: ContentId,
    /// How many they are.
    pub size: u64,
    /// The content the server holds for this node now, of which a long one's chunks are known to be there.
    pub base: Option<ContentId>,
    /// The node that holds [`Send::base`].
    pub node: Option<NodeId>,
}

/// A directory to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// The node, for the answer.
    pub key: NodeKey,
    /// Where it is.
    pub path: RelativePath,
    /// Which directory stands there, but for the root. If it is another by now, the answer is
    /// [`crate::LookFailure::Gone`]: ask after listing, too.
    pub handle: Option<Handle>,
}

/// A file to hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashRequest {
    /// For the answer.
    pub token: u64,
    /// Where it is.
    pub path: RelativePath,
    /// How it looked.
    pub expected: Fingerprint,
}

/// A change of the local side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAction {
    /// The node, for messages.
    pub key: NodeKey,
    /// What to do.
    pub kind: LocalActionKind,
    /// Indexes in the same list.
    pub needs: Vec<usize>,
}

/// What to do with a place on the local side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalActionKind {
    /// Make a directory where nothing is.
    MakeDirectory {
        /// Where.
        path: RelativePath,
    },
    /// Install a file.
    PlaceFile {
        /// Where.
        path: RelativePath,
        /// The node whose content it is, for the download.
        node: NodeId,
        /// The name of the bytes.
        content: ContentId,
        /// How many they are.
        size: u64,
        /// To set.
        mtime: Timestamp,
        /// To set.
        executable: bool,
        /// What it replaces; nothing may be there if none.
        expected: Option<Fingerprint>,
        /// The name of the bytes it replaces, of which some may stay.
        base: Option<ContentId>,
    },
    /// Install a symbolic link.
    PlaceLink {
        /// Where.
        path: RelativePath,
        /// Its text.
        target: Box<[u8]>,
        /// What it replaces; nothing may be there if none.
        expected: Option<Fingerprint>,
    },
    /// Set modification time and executable bit.
    SetAttributes {
        /// Where.
        path: RelativePath,
        /// How it looks.
        expected: Fingerprint,
        /// To set.
        mtime: Timestamp,
        /// To set.
        executable: bool,
    },
    /// Move to where nothing is.
    Move {
        /// From where.
        from: RelativePath,
        /// To where.
        to: RelativePath,
        /// How it looks.
        expected: Fingerprint,
    },
    /// To the local trash. A directory must be empty but for what is never synced.
    Remove {
        /// Where.
        path: RelativePath,
        /// How it looks.
        expected: Fingerprint,
        /// Whether it is a directory.
        directory: bool,
    },
}

/// Something a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// What was done.
    pub kind: ActivityKind,
    /// To which node, by its path afterwards (before, for a removal).
    pub path: RelativePath,
    /// A second path: where it was before a move, or what a conflict copy belongs to.
    pub other: Option<RelativePath>,
    /// Why, if it was recorded.
    pub why: Option<Why>,
    /// The number of the folder's journal under which the remote side knows it, where there is one.
    pub seq: Option<Seq>,
}

/// Why something was done: which side had changed since both last agreed, or what stood in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Made on the remote side.
    NewThere,
    /// Changed on the remote side.
    ChangedThere,
    /// Changed on the remote side after it was removed here.
    ChangedThereRemovedHere,
    /// Moved or renamed on the remote side.
    MovedThere,
    /// Removed on the remote side.
    RemovedThere,
    /// Made here.
    NewHere,
    /// Changed here.
    ChangedHere,
    /// Changed here after it was removed on the remote side.
    ChangedHereRemovedThere,
    /// Moved or renamed here.
    MovedHere,
    /// Removed here.
    RemovedHere,
    /// Both sides had changed its content.
    BothChanged,
    /// Another node has the name.
    NameTaken,
    /// The account may not.
    RefusedForbidden,
    /// The quota is used up.
    RefusedQuota,
    /// The remote side takes no file so large.
    RefusedTooLarge,
    /// The remote side takes no such name or path.
    RefusedName,
    /// The remote side holds it until a person approves.
    RefusedHeld,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 17] = [
        Self::NewThere,
        Self::ChangedThere,
        Self::ChangedThereRemovedHere,
        Self::MovedThere,
        Self::RemovedThere,
        Self::NewHere,
        Self::ChangedHere,
        Self::ChangedHereRemovedThere,
        Self::MovedHere,
        Self::RemovedHere,
        Self::BothChanged,
        Self::NameTaken,
        Self::RefusedForbidden,
        Self::RefusedQuota,
        Self::RefusedTooLarge,
        Self::RefusedName,
        Self::RefusedHeld,
    ];

    /// A word that stays the same between versions.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().0
    }

    /// A sentence's end for a person.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        self.row().1
    }

    /// The reason of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::NewThere => ("new_there", "new on the server"),
            Self::ChangedThere => ("changed_there", "changed on the server"),
            Self::ChangedThereRemovedHere => {
                ("changed_there_removed_here", "kept: changed on the server after it was deleted here")
            }
            Self::MovedThere => ("moved_there", "moved on the server"),
            Self::RemovedThere => ("removed_there", "deleted on the server"),
            Self::NewHere => ("new_here", "new here"),
            Self::ChangedHere => ("changed_here", "changed here"),
            Self::ChangedHereRemovedThere => {
                ("changed_here_removed_there", "kept: changed here after it was deleted on the server")
            }
            Self::MovedHere => ("moved_here", "moved here"),
            Self::RemovedHere => ("removed_here", "deleted here"),
            Self::BothChanged => ("both_changed", "both sides changed it"),
            Self::NameTaken => ("name_taken", "two have the same name"),
            Self::RefusedForbidden => ("refused_forbidden", "you may not change this in the shared folder"),
            Self::RefusedQuota => ("refused_quota", "the quota is used up"),
            Self::RefusedTooLarge => ("refused_too_large", "the file is larger than the server takes"),
            Self::RefusedName => ("refused_name", "the server does not take this name or path"),
            Self::RefusedHeld => ("refused_held", "held by the server until a person approves it"),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActivityKind {
    /// Made here after the remote side.
    Downloaded,
    /// Made there after the local side.
    Uploaded,
    /// Moved here after the remote side.
    MovedHere,
    /// Moved there after the local side.
    MovedThere,
    /// Removed here after the remote side.
    RemovedHere,
    /// Removed there after the local side.
    RemovedThere,
    /// Kept under another name, since two contents or two names met.
    ConflictCopy,
    /// Deleted on one side, but kept since the other changed it.
    Kept,
    /// Cannot be synced now; the reason is in the issues.
    Refused,
}
