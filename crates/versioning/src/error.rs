//! Why a call as a whole fails. What is wrong with one group of a commit is a [`model::Refusal`] instead.

use model::{Denied, LinkDenied};

/// A failed call. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A stranger with a link may not do this.
    #[error(transparent)]
    Link(#[from] LinkDenied),
    /// What is to be changed is not as the caller last saw it.
    #[error("it was changed meanwhile")]
    Outdated,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used before, for another request")]
    KeyReused,
    /// More than is allowed in one call.
    #[error("{what}: more than {most}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        most: u64,
    },
    /// A request that no correct client makes.
    #[error("the request makes no sense: {0}")]
    Invalid(&'static str),
    /// What the request names is not there.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The name of a folder is in use.
    #[error("the name is taken")]
    NameTaken,
    /// The quota would be exceeded.
    #[error("the quota would be exceeded")]
    Quota,
    /// The cursor is older than the kept tombstones: a full listing must follow.
    #[error("the cursor has expired: list the folder anew")]
    CursorExpired,
    /// The cursor is newer than the folder: the server was rolled back, and its epoch must change.
    #[error("the cursor is from a later state than the server's")]
    RolledBack,
    /// The moment is before what is still kept.
    #[error("the folder's past is kept only from number {} on", since.0)]
    NotCovered {
        /// The first number of which the tree can be shown.
        since: model::Seq,
    },
    /// A view of this name was never asked for, or not for long: ask for it anew.
    #[error("no such view is known: ask for it anew")]
    UnknownView,
    /// The directory that is the view's root is not there.
    #[error("the directory is gone from the folder")]
    ViewGone,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] metadata::Error),
    /// The chunk store failed.
    #[error("the chunk store failed")]
    Content(#[from] content::Error),
}
