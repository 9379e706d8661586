//! `GET …/nodes/{n}/preview?version=&size=&page=`: what can be looked at of a file without having it.

use super::content::{asked_for, matches_tag, text};
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::previews::{self, Wanted};
use crate::server::Server;
use crate::stream::Outgoing;
use crate::traffic::patience;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use model::permit::Read;
use model::{Action, FolderId, NodeId, VersionNumber};
use preview::{DECODER, Preview};
use protocol::schema;
use serde::Deserialize;
use std::sync::Arc;

const PAGES: HeaderName = HeaderName::from_static("preview-pages");
const CUT: HeaderName = HeaderName::from_static("preview-cut");

/// How large a preview is wanted.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PreviewSize {
    /// For a list: 320 pixels, or 2 KiB of a text.
    Small,
    /// For a screen: 1,600 pixels, or 256 KiB of a text.
    #[default]
    Large,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// The number of the version; the newest if not given.
    #[param(nullable = false)]
    version: Option<u64>,
    /// How large; `large` if not given.
    #[serde(default)]
    #[param(inline)]
    size: PreviewSize,
    /// Which page of a document, the first being 1.
    #[serde(default = "first")]
    #[param(minimum = 1, default = 1)]
    page: u32,
}

fn first() -> u32 {
    1
}

/// A picture or a text to look at instead of a file
///
/// Pictures become small pictures, documents (PDF) pictures of one page, texts their beginning in UTF-8: plain text, whatever
/// the file says it is. Decoded in a process that can do nothing else. Where there is none, `reason` is one of `unsupported`,
/// `damaged`, `too_large`, `too_slow`, `protected`, `no_such_page`, `off` and `not_sandboxed`.
#[utoipa::path(
    get,
    path = "/nodes/{node}/preview",
    operation_id = "get_preview",
    tag = "content",
    params(
        Query,
        ("if-none-match" = Option<String>, Header, description = "Tags of what one has: 304 if one of them fits.")
    ),
    responses(
        (status = 200, description = "The preview.", content((schema::Bytes = "image/jpeg"), (schema::Bytes = "image/png"), (String = "text/plain; charset=utf-8")), headers(("etag" = String, description = "The same content gives the same until the server decodes otherwise."), ("preview-pages" = u32, description = "How many pages the document has; 1 for what has no pages."), ("preview-cut" = String, description = "`true` if it is the beginning of a longer text, else `false`."), ("content-security-policy" = String, description = "Nothing in it is run."), ("cache-control" = String, description = "Kept, but asked again each time."))),
        (status = 304, description = "It is as it was.", headers(("etag" = String, description = "The same content gives the same until the server decodes otherwise."), ("content-security-policy" = String, description = "Nothing in it is run."), ("cache-control" = String, description = "Kept, but asked again each time."))),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values,
        problems::Bounded,
        problems::Preview
    )
)]
pub(crate) async fn preview(
    State(server): State<Arc<Server>>,
    Ids((folder, node)): Ids<(FolderId, NodeId)>,
    Values(query): Values<Query>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let action = if query.version.is_some() { Action::History } else { Action::Preview };
    let permit = server.permit::<Read>(caller.principal, folder, action).await?;
    let page = query.page.checked_sub(1).ok_or_else(|| Failure::invalid("Pages are counted from 1."))?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    let version = query.version.map(VersionNumber);
    // Before the chunks are looked up: they stay where they are until they have been read.
    let hold = server.chunks.hold();
    let file =
        server.reading(move || Ok(versioning::fetch::file(&*database, permit, node, version, now)?)).await?;
    let size = match query.size {
        PreviewSize::Small => preview::Size::Small,
        PreviewSize::Large => preview::Size::Large,
    };
    let wanted = Wanted { content: file.content, size, page };
    let tag = format!("\"{}-{}-{page}-{DECODER}\"", file.content, size.side());
    let mut answer = Response::new(Body::empty());
    let set = answer.headers_mut();
    set.insert(header::ETAG, text(&tag));
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    set.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    if asked_for(&headers, header::IF_NONE_MATCH).is_some_and(|tags| matches_tag(tags, &tag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(answer);
    }
    let transfer = server.transfers.begin(caller.device()).await?;
    let previews = server.previews.as_ref().ok_or_else(previews::switched_off)?;
    let made = previews.make(&server, file, wanted).await?;
    drop(hold);
    describe(&mut answer, &made);
    let lane = server.traffic.down(caller.principal, caller.rates);
    let (mut outgoing, body) =
        Outgoing::new(&server, transfer, lane, patience(&headers, server.settings.body_pause));
    // Who has gone needs no more; there is nothing else that could go wrong.
    tokio::task::spawn_blocking(move || outgoing.send(Bytes::from(made.bytes)).is_ok());
    *answer.body_mut() = body;
    Ok(answer)
}

fn describe(answer: &mut Response, made: &Preview) {
    let set = answer.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static(made.media.media_type()));
    set.insert(header::CONTENT_LENGTH, HeaderValue::from(made.bytes.len()));
    set.insert(PAGES, HeaderValue::from(made.pages));
    set.insert(CUT, HeaderValue::from_static(if made.cut { "true" } else { "false" }));
}
