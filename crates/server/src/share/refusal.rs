//! What strangers are told when they do not get what they asked for: a page, in all cases.

use super::page;
use super::texts::Texts;
use crate::failure::Failure;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::LinkDenied;
use protocol::ProblemKind;
use protocol::schema;
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema as _};

/// Why not.
#[derive(Debug)]
pub(crate) enum Why {
    /// There is nothing, or nothing any more, or nothing for them.
    Hidden,
    /// The password has to be shown first.
    Locked,
    /// The request came from another site.
    FromElsewhere,
    /// It could not be read.
    Unreadable,
    /// Too many, or too often.
    Busy,
    /// More than is taken.
    TooLarge,
    /// There is no room.
    NoRoom,
    /// The range is outside of the file.
    Range,
    /// It came too slowly.
    Timeout,
    /// The server's own fault.
    Broken(StatusCode),
}

impl From<LinkDenied> for Why {
    fn from(denied: LinkDenied) -> Self {
        match denied {
            LinkDenied::Hidden | LinkDenied::Forbidden => Self::Hidden,
            LinkDenied::Locked => Self::Locked,
        }
    }
}

impl From<versioning::Error> for Why {
    fn from(error: versioning::Error) -> Self {
        match error {
            versioning::Error::Link(denied) => denied.into(),
            versioning::Error::NotFound(_) => Self::Hidden,
            other => Failure::from(other).into(),
        }
    }
}

impl From<Failure> for Why {
    fn from(failure: Failure) -> Self {
        // Its cause is in the log now.
        let problem = failure.into_problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match problem.kind() {
            Some(ProblemKind::NotFound | ProblemKind::Forbidden) => Self::Hidden,
            Some(ProblemKind::TooManyRequests) => Self::Busy,
            Some(ProblemKind::TooLarge) => Self::TooLarge,
            Some(ProblemKind::QuotaExceeded | ProblemKind::DiskFull) => Self::NoRoom,
            Some(ProblemKind::Timeout) => Self::Timeout,
            Some(ProblemKind::BadRequest | ProblemKind::Invalid | ProblemKind::UnsupportedMediaType) => {
                Self::Unreadable
            }
            _ if status.is_server_error() => Self::Broken(status),
            _ => Self::Broken(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// A refusal on its way to a stranger.
#[derive(Debug)]
pub(crate) struct PageRefusal {
    pub(crate) why: Why,
    pub(crate) texts: &'static Texts,
    /// The link's own address, if there is such a link.
    pub(crate) base: Option<String>,
}

impl PageRefusal {
    /// Status and sentence.
    pub(crate) fn words(&self) -> (StatusCode, &'static str) {
        let texts = self.texts;
        match self.why {
            Why::Hidden | Why::Locked => (StatusCode::NOT_FOUND, texts.nothing_here),
            Why::FromElsewhere => (StatusCode::FORBIDDEN, texts.from_elsewhere),
            Why::Unreadable => (StatusCode::BAD_REQUEST, texts.unreadable),
            Why::Busy => (StatusCode::TOO_MANY_REQUESTS, texts.busy),
            Why::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, texts.too_large),
            Why::NoRoom => (StatusCode::INSUFFICIENT_STORAGE, texts.no_room),
            Why::Range => (StatusCode::RANGE_NOT_SATISFIABLE, texts.unreadable),
            Why::Timeout => (StatusCode::REQUEST_TIMEOUT, texts.too_slow),
            Why::Broken(status) => (status, texts.broken),
        }
    }
}

impl IntoResponse for PageRefusal {
    fn into_response(self) -> Response {
        if let (Why::Locked, Some(base)) = (&self.why, &self.base) {
            return see(base);
        }
        let (status, words) = self.words();
        let (title, back) = match self.why {
            Why::Hidden | Why::Locked => (self.texts.nothing_here_title, None),
            _ => (self.texts.not_done, self.base.as_deref()),
        };
        let body = maud::html! {
            h1 { (title) }
            p { (words) }
            @if let Some(back) = back { p { a href=(back) { (self.texts.back) } } }
        };
        page::html(status, self.texts, title, &body)
    }
}

/// Sends a browser to another page of the link.
pub(crate) fn see(address: &str) -> Response {
    let mut answer = page::html_headers(Response::default());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let address = HeaderValue::from_str(address).expect("addresses of links are of visible ASCII");
    answer.headers_mut().insert(header::LOCATION, address);
    answer
}

/// What every one of these addresses may answer, for the API document.
pub(crate) enum Pages {}

impl IntoResponses for Pages {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let rows = [
            ("400", "The request cannot be read."),
            ("403", "The password is wrong, or another site has made the request."),
            ("404", "There is nothing at this address: it never was, has ended, or was revoked."),
            ("408", "The body came too slowly."),
            ("413", "It is more than is taken."),
            ("416", "The range is outside of the file."),
            ("429", "Too many at once, or too often."),
            ("500", "The server failed."),
            ("503", "The server is starting or stopping."),
            ("507", "There is no room."),
        ];
        let page = || {
            let of = ContentBuilder::new().schema(Some(schema::Html::schema())).build();
            ResponseBuilder::new().content(page::MEDIA_TYPE, of)
        };
        rows.into_iter()
            .map(|(status, text)| (status.to_owned(), page().description(text).build().into()))
            .collect()
    }
}
