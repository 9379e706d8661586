//! Problem answers (RFC 9457): every refusal of a request, with a stable type.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What went wrong: a closed list, each with one type, one status and one title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// A request line, query or header that cannot be read.
    BadRequest,
    /// A bundle that breaks its format or ends early.
    MalformedBundle,
    /// No token, or one that is wrong, expired or revoked.
    Unauthenticated,
    /// The token's device was unlinked, and is to remove its copies.
    WipeOrdered,
    /// Wrong user name or password.
    SignInFailed,
    /// The password was right, and the account has a second factor: its code is wanted, too.
    SecondFactorNeeded,
    /// Another code than is wanted, or one that was used before.
    WrongCode,
    /// Nobody was signed in or connected by single sign-on; `reason` says why.
    SingleSignOnFailed,
    /// The privilege does not suffice.
    Forbidden,
    /// Nothing there, or nothing the caller may know of.
    NotFound,
    /// This address knows other methods.
    MethodNotAllowed,
    /// The body came too slowly or stopped coming.
    Timeout,
    /// The cursor is of another epoch, or older than the kept tombstones: list from the beginning.
    CursorExpired,
    /// The view was never asked for, or not for long: ask for it anew.
    UnknownView,
    /// The directory that is the view's root is gone from the folder.
    ViewGone,
    /// The body, a bundle or a count of things in it is over a limit, named by `limit` and `maximum`.
    TooLarge,
    /// The body is of another media type than this address takes.
    UnsupportedMediaType,
    /// No preview can be made of the file; `reason` says why.
    NoPreview,
    /// The range lies outside the content.
    RangeNotSatisfiable,
    /// Well-formed, but a value in it is not one that is taken.
    Invalid,
    /// A chunk's bytes are not those that its id names.
    WrongChunk,
    /// The idempotency key was used for another body.
    IdempotencyMismatch,
    /// The headers are over their limit.
    HeadersTooLarge,
    /// Too many requests, transfers or attempts: again after `retry_after` seconds.
    TooManyRequests,
    /// A fault of the server; the log has it under the request id.
    Internal,
    /// Starting or stopping: try again soon.
    Unavailable,
    /// Nobody administers the server yet.
    NotSetUp,
    /// The server's disk is full.
    DiskFull,
    /// The folder's or the account's quota would be exceeded.
    QuotaExceeded,
    /// The change does not fit what is there now; `reason` says why, in the words of commits.
    Refused,
    /// What is to be made is there already.
    AlreadyExists,
    /// What was to be changed is not as `If-Match` says: look again.
    PreconditionFailed,
}

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 32] = [
        Self::BadRequest,
        Self::MalformedBundle,
        Self::Unauthenticated,
        Self::WipeOrdered,
        Self::SignInFailed,
        Self::SecondFactorNeeded,
        Self::WrongCode,
        Self::SingleSignOnFailed,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::CursorExpired,
        Self::UnknownView,
        Self::ViewGone,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::NoPreview,
        Self::RangeNotSatisfiable,
        Self::Invalid,
        Self::WrongChunk,
        Self::IdempotencyMismatch,
        Self::HeadersTooLarge,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
        Self::NotSetUp,
        Self::DiskFull,
        Self::QuotaExceeded,
        Self::Refused,
        Self::AlreadyExists,
        Self::PreconditionFailed,
    ];

    fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BadRequest => ("bad_request", 400, "The request cannot be read"),
            Self::MalformedBundle => ("malformed_bundle", 400, "The bundle is damaged or incomplete"),
            Self::Unauthenticated => ("unauthenticated", 401, "This needs a valid token"),
            Self::WipeOrdered => ("wipe_ordered", 401, "This device is to remove its copies"),
            Self::SignInFailed => ("sign_in_failed", 401, "User name or password is wrong"),
            Self::SecondFactorNeeded => {
                ("second_factor_needed", 401, "The account's second factor is wanted, too")
            }
            Self::WrongCode => ("wrong_code", 401, "The code is wrong, or was used before"),
            Self::SingleSignOnFailed => ("single_sign_on_failed", 403, "Single sign-on came to nothing"),
            Self::Forbidden => ("forbidden", 403, "Your privilege does not allow this"),
            Self::NotFound => ("not_found", 404, "There is nothing here"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "This address knows other methods"),
            Self::Timeout => ("timeout", 408, "The request took too long to arrive"),
            Self::CursorExpired => ("cursor_expired", 410, "The cursor is too old: list from the beginning"),
            Self::UnknownView => ("unknown_view", 404, "The view is not known: ask for it anew"),
            Self::ViewGone => ("view_gone", 410, "The directory is gone from the folder"),
            Self::TooLarge => ("too_large", 413, "The request is over a limit"),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, "The body is of another type"),
            Self::NoPreview => ("no_preview", 415, "There is no preview of this file"),
            Self::RangeNotSatisfiable => ("range_not_satisfiable", 416, "The range is outside the content"),
            Self::Invalid => ("invalid", 422, "A value is not one that is taken here"),
            Self::WrongChunk => ("wrong_chunk", 422, "A chunk's bytes are not those its id names"),
            Self::IdempotencyMismatch => {
                ("idempotency_mismatch", 422, "The idempotency key was used for another body")
            }
            Self::HeadersTooLarge => ("headers_too_large", 431, "The headers are over a limit"),
            Self::TooManyRequests => ("too_many_requests", 429, "Too many at once: try again later"),
            Self::Internal => ("internal", 500, "The server failed to do this"),
            Self::Unavailable => ("unavailable", 503, "The server is starting or stopping"),
            Self::NotSetUp => ("not_set_up", 503, "This server is not set up yet"),
            Self::DiskFull => ("disk_full", 507, "The server's disk is full"),
            Self::QuotaExceeded => ("quota_exceeded", 507, "The quota would be exceeded"),
            Self::Refused => ("refused", 409, "The change does not fit what is there now"),
            Self::AlreadyExists => ("already_exists", 409, "This is there already"),
            Self::PreconditionFailed => ("precondition_failed", 412, "It was changed meanwhile: look again"),
        }
    }

    /// The word that ends the type.
    #[must_use]
    pub fn slug(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        self.row().1
    }

    /// One sentence for people, the same for every problem of the kind.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().2
    }
}

const TYPE_PREFIX: &str = "urn:driftless:problem:";

/// A problem answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// The stable type: `urn:driftless:problem:` and the kind's slug.
    pub r#type: String,
    /// The kind's sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Members of their own that some kinds have, such as `limit`, `maximum` and `retry_after`.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

impl Problem {
    /// A problem of a kind, without more.
    #[must_use]
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            r#type: format!("{TYPE_PREFIX}{}", kind.slug()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: None,
            members: Map::new(),
        }
    }

    /// With what happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With a member of its own.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The kind, if this side knows it.
    #[must_use]
    pub fn kind(&self) -> Option<ProblemKind> {
        let slug = self.r#type.strip_prefix(TYPE_PREFIX)?;
        ProblemKind::ALL.into_iter().find(|kind| kind.slug() == slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_keeps_its_type_and_members_on_the_wire() {
        let problem = Problem::new(ProblemKind::TooLarge)
            .detail("The bundle has 70000000 bytes.")
            .member("limit", "bundle_bytes")
            .member("maximum", 67_108_864);
        let text = serde_json::to_string(&problem).unwrap();
        assert!(text.contains(r#""type":"urn:driftless:problem:too_large""#), "{text}");
        let back: Problem = serde_json::from_str(&text).unwrap();
        assert_eq!(back, problem);
        assert_eq!(back.kind(), Some(ProblemKind::TooLarge));
    }

    #[test]
    fn every_kind_has_its_own_slug() {
        let slugs: std::collections::BTreeSet<_> = ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), ProblemKind::ALL.len());
    }
}
