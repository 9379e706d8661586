//! What happens to a pair.

use model::{
    ContentId, Entry, Epoch, Fingerprint, GroupOutcome, IdempotencyKey, Name, NodeKey, RelativePath,
    RemoteNode, Seq,
};

/// A position in the remote side's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// As the server gave it; opaque.
    pub text: String,
    /// The journal's number, to compare with wakes.
    pub seq: Seq,
}

/// Something happened. Every event comes with the time ([`crate::Engine::handle`]).
#[derive(Debug)]
pub enum Event {
    /// The pair begins, or begins anew after a stop or crash: everything local is looked at.
    Started,
    /// The remote side can be reached.
    Online,
    /// The remote side cannot be reached. What was under way is answered by failures.
    Offline,
    /// The remote side takes at most so many operations in one commit.
    CommitBound(usize),
    /// The remote side says that the folder's journal stands at this number.
    Woken(Seq),
    /// Somebody wants to know for sure whether the pair is in step: pull once more.
    Verify,
    /// A part of what a pull brings; staged until the last part has come.
    ChangesPart(Vec<RemoteNode>),
    /// Whether the account may change the remote side. Until it is said, it may.
    MayWrite(bool),
    /// The pull is complete.
    ChangesDone {
        /// Where R stands now.
        cursor: Cursor,
        /// The server's lineage.
        epoch: Epoch,
    },
    /// The pull failed; what was staged of it is dropped.
    PullFailed(PullFailure),
    /// A commit was answered.
    Committed {
        /// Which.
        key: IdempotencyKey,
        /// The answer.
        answer: CommitAnswer,
    },
    /// A commit was not answered, or refused whole.
    CommitFailed {
        /// Which.
        key: IdempotencyKey,
        /// Why.
        failure: CommitFailure,
    },
    /// The disk's watcher saw something in these directories, or lost sight of all below them.
    Hints {
        /// Directories whose entries may have changed.
        directories: Vec<RelativePath>,
        /// Directories below which anything may have changed.
        subtrees: Vec<RelativePath>,
    },
    /// Directories were listed, as asked.
    Listed(Vec<Listed>),
    /// Files were hashed, as asked.
    Hashed(Vec<HashResult>),
    /// Local actions were carried out, as asked: by index of the asked list.
    Applied(Vec<(usize, LocalOutcome)>),
    /// A person stops the pair for a while.
    Paused,
    /// A person lets it go on.
    Resumed,
    /// A timer that was asked for ran out.
    Tick,
}

/// Why a pull brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullFailure {
    /// Not reachable, or the answer broke off: try again later.
    Unreachable,
    /// The cursor is older than what the server keeps: a full listing is needed. Absence in it is a deletion.
    CursorExpired,
    /// The server's lineage changed: a full listing is needed, and nothing is taken for deleted.
    EpochChanged,
    /// The account may no longer see the folder, or the device was unlinked.
    NoAccess,
    /// The directory of the folder that the pair syncs is gone from it.
    RootGone,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitAnswer {
    /// What became of each group.
    pub outcomes: Vec<GroupOutcome>,
    /// The journal before it.
    pub before: Seq,
    /// The journal after it.
    pub after: Cursor,
}

/// Why a commit has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFailure {
    /// It may have reached the server: send it again under the same key.
    Unreachable,
    /// The server refused it whole and did nothing; plan anew after a while.
    Refused,
    /// The server's lineage changed.
    EpochChanged,
    /// The account may no longer see the folder, or the device was unlinked.
    NoAccess,
}

/// A directory as it was found.
#[derive(Debug)]
pub struct Listed {
    /// Which.
    pub key: NodeKey,
    /// What it holds, or why that cannot be told.
    pub outcome: Result<Listing, LookFailure>,
}

/// What a directory holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// What could be looked at.
    pub entries: Vec<Entry>,
    /// Names of what is there but could not be looked at: left alone, never taken for gone.
    pub unseen: Vec<Name>,
    /// What its [`crate::IGNORE_FILE`] says.
    pub ignore: IgnoreFile,
}

/// What a directory's [`crate::IGNORE_FILE`] says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IgnoreFile {
    /// There is none, or it is no file.
    #[default]
    None,
    /// It could not be read now: what it said before still holds.
    Unknown,
    /// Its text, as much as is used of it.
    Text(String),
}

/// Why something could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookFailure {
    /// There is nothing of that name, or no directory, or another one.
    Gone,
    /// Permission denied, or an error of the disk.
    Unreadable,
    /// The replica as a whole is not there: unmounted, another disk, its marker missing.
    Offline,
}

/// What became of a request to hash a file.
#[derive(Debug)]
pub struct HashResult {
    /// The request's number.
    pub token: u64,
    /// What was found.
    pub outcome: HashOutcome,
}

/// A file's content, if it held still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashOutcome {
    /// Read whole between two equal looks.
    Stable {
        /// How it looked before and after.
        fingerprint: Fingerprint,
        /// The name of its bytes.
        content: ContentId,
    },
    /// It changed while it was read.
    Changed,
    /// It is not there any more.
    Gone,
    /// It could not be read.
    Unreadable,
}

/// What became of a local action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalOutcome {
    /// Done; how the node looks now (none after a removal).
    Done(Option<Fingerprint>),
    /// Not done: what stands there is not what was expected. Look again.
    Changed,
    /// Not done: the content could not be had from the remote side now.
    ContentUnavailable,
    /// Not done: the disk is full.
    NoSpace,
    /// Not done, and not possible on this replica.
    NotPossible(crate::store::Frozen),
    /// Not done: an error that may pass.
    Failed,
    /// Not tried, since something it needs was not done.
    Skipped,
}
