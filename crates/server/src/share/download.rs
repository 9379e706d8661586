//! `GET /s/{token}/files/{node}`: a file for a stranger, always as an attachment.

use super::Stranger;
use super::page::html_headers;
use super::refusal::{PageRefusal, Pages, Why};
use crate::api::folders::nodes::content::{asked_for, attach, deliver, matches_tag, set_range};
use crate::api::folders::nodes::range::{Part, part};
use crate::server::Server;
use crate::stream::Outgoing;
use crate::traffic::patience;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use metadata::audit::AuditEntry;
use model::permit::Read;
use model::{Action, ContentId};
use protocol::schema;
use std::ops::Range;
use std::sync::Arc;
use versioning::link;
use versioning::link::look::{Download, Offer, Visit};

/// A file for a stranger
///
/// As an attachment that nothing in is run of. A request from the beginning counts as a download; ranges of what the same
/// address has begun to download do not for a day.
#[utoipa::path(
    get,
    path = "/s/{token}/files/{node}",
    operation_id = "download_shared",
    tag = "links",
    params(
        ("if-none-match" = Option<String>, Header, description = "Tags of what one has: 304 if one of them fits."),
        ("range" = Option<String>, Header, description = "One range of bytes (RFC 9110); another is not looked at."),
        ("if-range" = Option<String>, Header, description = "The range only if the tag still fits.")
    ),
    responses(
        (status = 200, description = "All of it.", body = schema::Bytes, content_type = "application/octet-stream", headers(("etag" = String, description = "The content; the same bytes have the same."), ("content-disposition" = String, description = "An attachment of the file's name (RFC 8187)."), ("content-security-policy" = String, description = "Nothing in it is run."))),
        (status = 206, description = "The range asked for.", body = schema::Bytes, content_type = "application/octet-stream", headers(("etag" = String, description = "The content; the same bytes have the same."), ("content-disposition" = String, description = "An attachment of the file's name (RFC 8187)."), ("content-security-policy" = String, description = "Nothing in it is run."), ("content-range" = String, description = "Which bytes, of how many."))),
        (status = 303, description = "The password is asked for first.", headers(("location" = String, description = "The link's first page."))),
        (status = 304, description = "It is as it was.", headers(("etag" = String, description = "The content; the same bytes have the same."))),
        Pages
    )
)]
pub(crate) async fn download(
    State(server): State<Arc<Server>>,
    stranger: Stranger,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, PageRefusal> {
    let node = stranger.node.ok_or_else(|| stranger.refuse(Why::Hidden))?;
    let (database, who, now) = (Arc::clone(&server.database), stranger.principal, server.now());
    let found = server
        .reading(move || {
            let permit = link::permit::<Read>(&*database, who, node, Action::Read, now);
            Ok(permit.and_then(|permit| Ok((permit, link::look::offer(&*database, permit, now)?))))
        })
        .await
        .map_err(|failure| stranger.refuse(failure))?;
    let (permit, offer) = found.map_err(|error| stranger.refuse(error))?;
    let mut answer = head(&offer);
    let tag = tag(offer.content);
    if asked_for(&headers, header::IF_NONE_MATCH).is_some_and(|tags| matches_tag(tags, &tag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(answer);
    }
    let wanted = bytes_of(&stranger, &headers, &offer)?;
    if method == Method::HEAD {
        set_bytes(&mut answer, wanted.as_ref(), offer.size);
        return Ok(answer);
    }
    // Who is sent away because of others has not downloaded anything.
    let transfer = server.transfers.begin(Some(permit.author_device())).await;
    let transfer = transfer.map_err(|failure| stranger.refuse(failure))?;
    let rates = stranger.rates(&server).await?;
    let visit = Visit {
        visitor: stranger.peer.0.to_canonical().to_string(),
        from_the_start: wanted.as_ref().is_none_or(|bytes| bytes.start == 0),
    };
    // Before the chunks are looked up: they stay where they are until they have been sent.
    let hold = server.chunks.hold();
    let database = Arc::clone(&server.database);
    let given = server
        .blocking(move || Ok(link::look::download(&*database, permit, visit, now)))
        .await
        .map_err(|failure| stranger.refuse(failure))?;
    let Download { offer, file, counted } = given.map_err(|error| stranger.refuse(error))?;
    if counted {
        note(&server, &stranger, node.to_string()).await?;
    }
    // The file may have become another since it was first looked at.
    let mut answer = head(&offer);
    let wanted = bytes_of(&stranger, &headers, &offer)?;
    set_bytes(&mut answer, wanted.as_ref(), offer.size);
    let bytes = wanted.unwrap_or(0..offer.size);
    let lane = server.traffic.down(permit.author(), rates);
    let (outgoing, body) =
        Outgoing::new(&server, transfer, lane, patience(&headers, server.settings.body_pause));
    deliver(server, file, bytes, hold, outgoing);
    *answer.body_mut() = body;
    Ok(answer)
}

fn tag(content: ContentId) -> String {
    format!("\"{content}\"")
}

fn head(offer: &Offer) -> Response {
    let mut answer = html_headers(Response::new(Body::empty()));
    attach(&mut answer, &tag(offer.content), offer.name.as_str());
    answer
}

/// The range that is asked for; none for all of it.
fn bytes_of(
    stranger: &Stranger,
    headers: &HeaderMap,
    offer: &Offer,
) -> Result<Option<Range<u64>>, PageRefusal> {
    let same = asked_for(headers, header::IF_RANGE).is_none_or(|begun| begun == tag(offer.content));
    match part(asked_for(headers, header::RANGE).filter(|_| same), offer.size) {
        Part::Whole => Ok(None),
        Part::Bytes(bytes) => Ok(Some(bytes)),
        Part::Outside => Err(stranger.refuse(Why::Range)),
    }
}

fn set_bytes(answer: &mut Response, wanted: Option<&Range<u64>>, size: u64) {
    let length = match wanted {
        None => size,
        Some(bytes) => {
            set_range(answer, &format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1));
            bytes.end - bytes.start
        }
    };
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

/// Notes a download in the audit log.
async fn note(server: &Server, stranger: &Stranger, node: String) -> Result<(), PageRefusal> {
    let entry = entry(server, stranger, "link.download", vec![("node".to_owned(), node)]);
    server.audit(entry).await.map_err(|failure| stranger.refuse(failure))
}

/// A line of the audit log about what a stranger did.
pub(super) fn entry(
    server: &Server,
    stranger: &Stranger,
    action: &'static str,
    mut details: Vec<(String, String)>,
) -> AuditEntry {
    details.insert(0, ("link".to_owned(), stranger.link.id.to_string()));
    AuditEntry {
        at: server.now(),
        user: None,
        device: None,
        address: stranger.peer.0.to_string(),
        action,
        folder: Some(stranger.link.folder),
        allowed: true,
        details,
    }
}
