//! What can go wrong with the chunk store.

use crate::{PackId, record::BadRecord};
use model::ChunkId;
use std::fmt;

/// A failed call of the chunk store.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    operation: Operation,
    pack: Option<PackId>,
    chunk: Option<ChunkId>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No such pack.
    NotFound,
    /// The stored bytes are not what they should be.
    Corrupt,
    /// A record given to `append` is not what it claims to be.
    Invalid,
    /// The disk or its quota is full.
    NoSpace,
    /// The pack is in use.
    Busy,
    /// The disk or the service refused.
    Io,
}

/// Whether it makes sense to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same call would fail again.
    Never,
    /// A later call may succeed by itself.
    Later,
    /// A later call succeeds once somebody has made room.
    AfterSpaceIsFreed,
}

/// The call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Opening the store.
    Open,
    /// Appending a batch.
    Append,
    /// Reading chunks or a record.
    Read,
    /// Listing packs.
    List,
    /// Walking through a pack.
    Scan,
    /// Removing a pack.
    Remove,
}

impl Error {
    /// An error of this kind in this call.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: Operation) -> Self {
        Self { kind, operation, pack: None, chunk: None, source: None }
    }

    /// An error of the operating system, sorted into its kind.
    #[must_use]
    pub fn from_io(operation: Operation, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self::new(kind, operation).caused_by(source)
    }

    /// A record that was given to `append` and is not what it claims to be.
    #[must_use]
    pub fn invalid(reason: BadRecord) -> Self {
        Self { chunk: reason.chunk(), ..Self::new(ErrorKind::Invalid, Operation::Append).caused_by(reason) }
    }

    /// Names the pack.
    #[must_use]
    pub fn in_pack(self, pack: PackId) -> Self {
        Self { pack: Some(pack), ..self }
    }

    /// Names the chunk.
    #[must_use]
    pub fn of_chunk(self, chunk: ChunkId) -> Self {
        Self { chunk: Some(chunk), ..self }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..self }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The call that failed.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The pack it happened in, if there is one.
    #[must_use]
    pub fn pack(&self) -> Option<PackId> {
        self.pack
    }

    /// The chunk it happened to, if there is one.
    #[must_use]
    pub fn chunk(&self) -> Option<ChunkId> {
        self.chunk
    }

    /// Whether it makes sense to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.kind {
            ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::Invalid => Retry::Never,
            ErrorKind::Busy | ErrorKind::Io => Retry::Later,
            ErrorKind::NoSpace => Retry::AfterSpaceIsFreed,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match self.operation {
            Operation::Open => "opening the chunk store",
            Operation::Append => "storing chunks",
            Operation::Read => "reading chunks",
            Operation::List => "listing packs",
            Operation::Scan => "scanning a pack",
            Operation::Remove => "removing a pack",
        };
        let kind = match self.kind {
            ErrorKind::NotFound => "not found",
            ErrorKind::Corrupt => "the stored bytes are damaged",
            ErrorKind::Invalid => "the record is not what it claims to be",
            ErrorKind::NoSpace => "the disk is full",
            ErrorKind::Busy => "the pack is in use",
            ErrorKind::Io => "the disk refused",
        };
        write!(f, "{operation}: {kind}")?;
        if let Some(pack) = self.pack {
            write!(f, " (pack {pack})")?;
        }
        if let Some(chunk) = self.chunk {
            write!(f, " (chunk {chunk})")?;
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}
