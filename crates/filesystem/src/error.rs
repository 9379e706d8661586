//! What can go wrong on a disk: one error with a closed kind.

use crate::place::Place;
use std::fmt;

/// What a call to a disk gives back.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a disk could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {}: {kind}", place.as_ref().map_or_else(|| "the replica".to_owned(), ToString::to_string))]
pub struct Error {
    /// What went wrong.
    pub kind: ErrorKind,
    /// What was being done.
    pub operation: Operation,
    /// Where; none for the replica as a whole.
    pub place: Option<Place>,
    /// What the system said, if it did.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error at a place.
    #[must_use]
    pub fn at(kind: ErrorKind, operation: Operation, place: &Place) -> Self {
        Self { kind, operation, place: Some(place.clone()), source: None }
    }

    /// An error of the replica as a whole.
    #[must_use]
    pub fn whole(kind: ErrorKind, operation: Operation) -> Self {
        Self { kind, operation, place: None, source: None }
    }

    /// The same error with what the system said.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether and when trying again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.kind.retry()
    }
}

/// What went wrong, closed: every caller can match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// Nothing is there, and that is certain. Also: a parent is missing, or is no directory.
    NotFound,
    /// Something is there already.
    Exists,
    /// Something else is there than the call needs: another node, another kind, another state.
    Changed,
    /// The replica itself is not there: its mount, its root or its marker is missing or another's.
    Offline,
    /// The system's permissions forbid it.
    Denied,
    /// The disk or a quota is full.
    NoSpace,
    /// The file system is read-only.
    ReadOnly,
    /// The file system cannot hold this name (too long, forbidden characters).
    NameNotPossible,
    /// More links, open files or watches than the system allows.
    TooManyLinks,
    /// Another program holds it.
    Busy,
    /// A directory is not empty.
    NotEmpty,
    /// This disk or file system cannot do it; also: another file system is mounted there.
    Unsupported,
    /// The device failed, or something nobody foresaw. Never a sign that anything is gone.
    Io,
}

impl ErrorKind {
    /// Whether and when trying again can help.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::NotFound | Self::Exists | Self::Changed | Self::NotEmpty => Retry::AfterLooking,
            Self::Busy | Self::TooManyLinks | Self::Io => Retry::Later,
            Self::Offline | Self::NoSpace | Self::ReadOnly | Self::Denied => Retry::WhenRepaired,
            Self::NameNotPossible | Self::Unsupported => Retry::Never,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "nothing is there",
            Self::Exists => "something is there already",
            Self::Changed => "something else is there",
            Self::Offline => "the replica is not there",
            Self::Denied => "permission denied",
            Self::NoSpace => "the disk is full",
            Self::ReadOnly => "the disk is read-only",
            Self::NameNotPossible => "this disk cannot hold the name",
            Self::TooManyLinks => "too many links, open files or watches",
            Self::Busy => "another program holds it",
            Self::NotEmpty => "the directory is not empty",
            Self::Unsupported => "this disk cannot do it",
            Self::Io => "the disk failed",
        })
    }
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retry {
    /// The same call fails again until something is renamed or another disk is used.
    Never,
    /// The caller's picture is old: look, plan, and call again.
    AfterLooking,
    /// By itself, after a while.
    Later,
    /// After a person or the system repaired it; ask now and then.
    WhenRepaired,
}

/// What a disk was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Operation {
    Open,
    Check,
    List,
    Look,
    Read,
    Stage,
    Write,
    Reserve,
    Copy,
    Sync,
    Rename,
    Exchange,
    MakeDirectory,
    SetAttributes,
    Discard,
    Measure,
    Watch,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Check => "check",
            Self::List => "list",
            Self::Look => "look at",
            Self::Read => "read",
            Self::Stage => "stage",
            Self::Write => "write",
            Self::Reserve => "reserve room for",
            Self::Copy => "copy into",
            Self::Sync => "make durable",
            Self::Rename => "rename",
            Self::Exchange => "exchange",
            Self::MakeDirectory => "make directory",
            Self::SetAttributes => "set attributes of",
            Self::Discard => "discard",
            Self::Measure => "measure",
            Self::Watch => "watch",
        })
    }
}
