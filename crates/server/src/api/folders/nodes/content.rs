//! `GET …/nodes/{n}/content?version=`: a plain download, always as an attachment.

use super::range::{Part, part};
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use crate::stream::{Outgoing, StreamEnd};
use crate::traffic::patience;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use model::permit::Read;
use model::{Action, FolderId, NodeId, VersionNumber};
use protocol::ProblemKind;
use protocol::schema;
use serde::Deserialize;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use versioning::fetch::File;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// The number of the version; the newest if not given.
    #[param(nullable = false)]
    version: Option<u64>,
}

/// The bytes of a file
///
/// As an attachment. A fault after the first bytes breaks the answer off before its announced length.
#[utoipa::path(
    get,
    path = "/nodes/{node}/content",
    operation_id = "get_content",
    tag = "content",
    params(
        Query,
        ("if-none-match" = Option<String>, Header, description = "Tags of what one has: 304 if one of them fits."),
        ("range" = Option<String>, Header, description = "One range of bytes (RFC 9110); another is not looked at."),
        ("if-range" = Option<String>, Header, description = "The range only if the tag still fits.")
    ),
    responses(
        (status = 200, description = "All of it.", body = schema::Bytes, content_type = "application/octet-stream", headers(("etag" = String, description = "The content; the same bytes have the same."), ("accept-ranges" = String, description = "`bytes`."), ("content-disposition" = String, description = "An attachment of the node's name (RFC 8187)."), ("content-security-policy" = String, description = "Nothing in it is run."), ("cache-control" = String, description = "Kept, but asked again each time."))),
        (status = 206, description = "The range asked for.", body = schema::Bytes, content_type = "application/octet-stream", headers(("etag" = String, description = "The content; the same bytes have the same."), ("accept-ranges" = String, description = "`bytes`."), ("content-disposition" = String, description = "An attachment of the node's name (RFC 8187)."), ("content-security-policy" = String, description = "Nothing in it is run."), ("cache-control" = String, description = "Kept, but asked again each time."), ("content-range" = String, description = "Which bytes, of how many."))),
        (status = 304, description = "It is as it was.", headers(("etag" = String, description = "The content; the same bytes have the same."), ("accept-ranges" = String, description = "`bytes`."), ("content-disposition" = String, description = "An attachment of the node's name (RFC 8187)."), ("content-security-policy" = String, description = "Nothing in it is run."), ("cache-control" = String, description = "Kept, but asked again each time."))),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Range,
        problems::Bounded
    )
)]
pub(crate) async fn content(
    State(server): State<Arc<Server>>,
    Ids((folder, node)): Ids<(FolderId, NodeId)>,
    Values(query): Values<Query>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let action = if query.version.is_some() { Action::History } else { Action::Read };
    let permit = server.permit::<Read>(caller.principal, folder, action).await?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    let version = query.version.map(VersionNumber);
    // Before the chunks are looked up: they stay where they are until they have been sent.
    let hold = server.chunks.hold();
    let (file, name) = server
        .blocking(move || {
            let file = versioning::fetch::file(&*database, permit, node, version, now)?;
            let row = metadata::read(&*database, move |snapshot| snapshot.nodes(folder, &[node]))?.pop();
            Ok((file, row.map(|row| row.name)))
        })
        .await?;

    let tag = format!("\"{}\"", file.content);
    let mut answer = Response::new(Body::empty());
    attach(&mut answer, &tag, name.as_ref().map_or("", |name| name.as_str()));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if asked_for(&headers, header::IF_NONE_MATCH).is_some_and(|tags| matches_tag(tags, &tag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(answer);
    }
    // A range of another state than the caller has begun with would not fit to it.
    let same = asked_for(&headers, header::IF_RANGE).is_none_or(|begun| begun == tag);
    let wanted = asked_for(&headers, header::RANGE).filter(|_| same);
    let bytes = match part(wanted, file.size) {
        Part::Whole => 0..file.size,
        Part::Outside => {
            return Err(Failure::new(ProblemKind::RangeNotSatisfiable).member("size", file.size));
        }
        Part::Bytes(bytes) => {
            let range = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, file.size);
            set_range(&mut answer, &range);
            bytes
        }
    };
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
    let transfer = server.transfers.begin(caller.device()).await?;
    let lane = server.traffic.down(caller.principal, caller.rates);
    let patience = patience(&headers, server.settings.body_pause);
    let (outgoing, body) = Outgoing::new(&server, transfer, lane, patience);
    deliver(server, file, bytes, hold, outgoing);
    *answer.body_mut() = body;
    Ok(answer)
}

/// Makes an answer of bytes, always as an attachment that nothing in is run of.
pub(crate) fn attach(answer: &mut Response, tag: &str, name: &str) {
    let set = answer.headers_mut();
    set.insert(header::ETAG, text(tag));
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    set.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    set.insert(header::CONTENT_DISPOSITION, disposition(name));
}

/// Sends a part of a file whose head is sent already, on a thread that may wait. `hold` keeps its chunks where they are.
pub(crate) fn deliver(
    server: Arc<Server>,
    file: File,
    bytes: Range<u64>,
    hold: impl Send + 'static,
    mut outgoing: Outgoing,
) {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || {
        span.in_scope(|| {
            if let Err(StreamEnd::Failed(failure)) = send(&server, &file, bytes, &mut outgoing) {
                // All that can be done is to log it and to stop short of the length announced.
                drop(failure.into_problem());
                outgoing.break_off();
            }
            drop(hold);
        });
    });
}

pub(crate) fn set_range(answer: &mut Response, range: &str) {
    *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    answer.headers_mut().insert(header::CONTENT_RANGE, text(range));
}

/// Sends the chunks that the range touches, each cut to it.
fn send(server: &Server, file: &File, bytes: Range<u64>, outgoing: &mut Outgoing) -> Result<(), StreamEnd> {
    let mut start = 0;
    for located in &file.chunks {
        let end = start + u64::from(located.location.length);
        if end > bytes.start && start < bytes.end {
            let plain = server.chunks.read_chunk(located).map_err(Failure::from)?;
            let from = bytes.start.saturating_sub(start) as usize;
            let to = (bytes.end.min(end) - start) as usize;
            outgoing.send(Bytes::from(plain).slice(from..to))?;
        }
        start = end;
    }
    Ok(())
}

pub(crate) fn asked_for(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

pub(crate) fn matches_tag(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// The name for saving, in the one form that takes every name (RFC 6266, RFC 8187).
pub(crate) fn disposition(name: &str) -> HeaderValue {
    let mut value = String::from("attachment; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => value.push(char::from(byte)),
            _ => write!(value, "%{byte:02X}").expect("writing into a string cannot fail"),
        }
    }
    text(&value)
}

pub(crate) fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("only visible ASCII was put in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place_in_the_header() {
        assert_eq!(disposition("a\"b\r\n\u{e9}"), "attachment; filename*=UTF-8''a%22b%0D%0A%C3%A9");
    }

    #[test]
    fn tags_are_compared_whole() {
        assert!(matches_tag("\"x\", W/\"y\"", "\"y\""));
        assert!(matches_tag("*", "\"y\""));
        assert!(!matches_tag("\"yy\"", "\"y\""));
    }
}
