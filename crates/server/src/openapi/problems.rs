//! The problems that operations may answer with, in groups: an operation names the groups of what it does.
//!
//! In the gathered document they stand under their slugs, because one status has several kinds; they become answers by
//! status when the document is completed.

use protocol::ProblemKind;
use std::collections::BTreeMap;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

macro_rules! groups {
    ($($(#[$doc:meta])* $name:ident: $($kind:ident),+;)*) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let kinds = [$(ProblemKind::$kind),+];
                kinds.into_iter().map(|kind| (kind.slug().to_owned(), Response::new("").into())).collect()
            }
        }
    )*};
}

groups! {
    /// It asks the database.
    Fallible: Internal, Unavailable;
    /// It only says whether the server is there.
    Unready: Unavailable;
    /// It needs a token, and not every kind of token will do.
    Signed: Unauthenticated, WipeOrdered, Forbidden, Internal, Unavailable;
    /// It is about something in a folder that one must be able to see.
    InFolder: NotFound;
    /// It needs more than to read.
    Privileged: Forbidden;
    /// It has values after the `?`.
    Query: BadRequest;
    /// It takes JSON.
    Json: BadRequest, Timeout, TooLarge, UnsupportedMediaType, Invalid;
    /// It takes a bundle.
    Bundle: BadRequest, MalformedBundle, Timeout, TooLarge, UnsupportedMediaType;
    /// Its values may make no sense.
    Values: Invalid;
    /// It writes.
    Writing: DiskFull;
    /// It may be one too many.
    Bounded: TooManyRequests;
    /// It asks for name and password.
    SignIn: SignInFailed;
    /// It asks for name and password, and for a second factor where there is one.
    Factors: SignInFailed, SecondFactorNeeded, WrongCode;
    /// It is about single sign-on.
    SingleSignOn: SingleSignOnFailed;
    /// It asks for a code of the second factor.
    Code: WrongCode;
    /// What it makes may be there already.
    Making: AlreadyExists;
    /// It takes a cursor.
    Cursor: CursorExpired;
    /// It takes the name of a view.
    View: UnknownView;
    /// It is about a view's root.
    Root: ViewGone;
    /// What is asked for may be more than an archive takes.
    Archived: TooLarge;
    /// It takes a range.
    Range: RangeNotSatisfiable;
    /// It shows what is made of a file.
    Preview: NoPreview, TooManyRequests;
    /// It takes a key that names the attempt.
    Keyed: IdempotencyMismatch;
    /// It takes chunks.
    Chunks: WrongChunk;
    /// It adds to what a folder holds.
    Quota: QuotaExceeded;
    /// It makes or begins something that may be there already.
    Unique: AlreadyExists;
    /// It takes the state in which the thing must be.
    Matching: PreconditionFailed;
    /// It changes one node, and what is there now may not allow it.
    Refusable: Refused;
}
