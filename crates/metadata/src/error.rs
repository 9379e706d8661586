//! What can go wrong with the database, in the few ways that callers tell apart.

use std::fmt;

/// The port's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A row that had to be there is not.
    NotFound,
    /// A key that must be unique is taken, or a row changed since it was read.
    Conflict,
    /// A value the engine cannot hold (a number over 2^63, for example).
    Invalid,
    /// Somebody else holds the database; nothing is wrong with it.
    Busy,
    /// The disk is full. Nothing was changed.
    Full,
    /// The database holds what it cannot hold. Writing on would make it worse.
    Corrupt,
    /// The engine cannot be reached, has failed to make something durable, or is shutting down.
    Unavailable,
}

/// What a caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same call fails again.
    Never,
    /// The same call may succeed in a moment.
    Soon,
    /// Somebody must first make room or repair.
    AfterHelp,
}

/// A failed call: kind, what was being done, and why.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    context: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a deeper cause.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str, context: impl Into<String>) -> Self {
        Self { kind, operation, context: context.into(), source: None }
    }

    /// An error of the engine.
    #[must_use]
    pub fn with_source(
        kind: ErrorKind,
        operation: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, operation, context: String::new(), source: Some(source.into()) }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was being done: the port's method.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// What may be done about it.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.kind {
            ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Invalid => Retry::Never,
            ErrorKind::Busy => Retry::Soon,
            ErrorKind::Full | ErrorKind::Corrupt | ErrorKind::Unavailable => Retry::AfterHelp,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::NotFound => "not found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Invalid => "value out of range",
            ErrorKind::Busy => "the database is busy",
            ErrorKind::Full => "the disk is full",
            ErrorKind::Corrupt => "the database is damaged",
            ErrorKind::Unavailable => "the database is not available",
        };
        write!(f, "{}: {what}", self.operation)?;
        if !self.context.is_empty() {
            write!(f, " ({})", self.context)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_was_done_and_what_can_be_done() {
        let error = Error::with_source(ErrorKind::Full, "put_nodes", std::io::Error::other("no space"));
        assert_eq!(error.to_string(), "put_nodes: the disk is full");
        assert_eq!(error.retry(), Retry::AfterHelp);
        assert_eq!(std::error::Error::source(&error).map(ToString::to_string).as_deref(), Some("no space"));
    }
}
