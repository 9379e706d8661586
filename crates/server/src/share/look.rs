//! `GET /s/{token}`: what a stranger sees of a link.

use super::names::shown;
use super::refusal::{PageRefusal, Pages};
use super::{Stranger, page, password, upload};
use crate::server::Server;
use axum::extract::{Query as Values, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use model::permit::Read;
use model::{Action, Kind, LinkKind, NameKey, NodeId};
use protocol::schema;
use serde::Deserialize;
use std::sync::Arc;
use versioning::link;
use versioning::link::look::{Opened, Seen};

/// The most entries of a page.
const PAGE: usize = 500;

/// What of the link is to be seen. What makes no sense leads nowhere.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// A directory below the link's node.
    #[serde(rename = "in")]
    #[param(value_type = Option<schema::NodeId>, nullable = false)]
    directory: Option<String>,
    /// For the next page.
    #[param(nullable = false)]
    after: Option<String>,
}

/// A link as strangers see it
///
/// For people: the file, the directory, a form to send files, or one for the password.
#[utoipa::path(
    get,
    path = "/s/{token}",
    operation_id = "open_shared",
    tag = "links",
    params(Query),
    responses(
        (status = 200, description = "The page.", body = schema::Html, content_type = "text/html; charset=utf-8"),
        (status = 303, description = "The password is asked for first.", headers(("location" = String, description = "The link's first page."))),
        Pages
    )
)]
pub(crate) async fn look(
    State(server): State<Arc<Server>>,
    stranger: Stranger,
    query: Result<Values<Query>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, PageRefusal> {
    let hidden = || stranger.refuse(model::LinkDenied::Hidden);
    let Values(query) = query.map_err(|_| hidden())?;
    if stranger.is_locked() {
        return Ok(password::form(&stranger, StatusCode::OK, None));
    }
    if stranger.link.kind == LinkKind::Drop {
        return upload::form(&server, &stranger).await;
    }
    let node = match query.directory {
        Some(text) => text.parse::<NodeId>().map_err(|_| hidden())?,
        None => stranger.link.node,
    };
    let after = query.after.map(|text| NameKey(text.into()));
    let (database, who, now) = (Arc::clone(&server.database), stranger.principal, server.now());
    let opened = server
        .reading(move || {
            let opened = link::permit::<Read>(&*database, who, node, Action::List, now)
                .and_then(|permit| link::look::open(&*database, permit, after, PAGE, now));
            Ok(opened)
        })
        .await
        .map_err(|failure| stranger.refuse(failure))?
        .map_err(|error| stranger.refuse(error))?;
    let here = opened.way.last().ok_or_else(hidden)?;
    let body = match here.kind {
        Kind::Directory => directory(&stranger, &opened, here),
        Kind::File | Kind::Link => file(&stranger, here),
    };
    Ok(page::html(StatusCode::OK, stranger.texts, &here.name, &body))
}

fn address(stranger: &Stranger, seen: &Seen) -> String {
    match seen.kind {
        _ if seen.node == stranger.link.node => stranger.base.clone(),
        Kind::Directory => format!("{}?in={}", stranger.base, seen.node),
        Kind::File | Kind::Link => format!("{}/files/{}", stranger.base, seen.node),
    }
}

fn file(stranger: &Stranger, seen: &Seen) -> Markup {
    let texts = stranger.texts;
    html! {
        h1 { bdi { (shown(&seen.name)) } }
        p.soft { (texts.size(seen.size)) " · " (texts.changed) " " (texts.day(seen.mtime)) }
        div.actions {
            a.button href=(format!("{}/files/{}", stranger.base, seen.node)) download { (texts.download) }
        }
        (end(stranger))
    }
}

fn directory(stranger: &Stranger, opened: &Opened, here: &Seen) -> Markup {
    let texts = stranger.texts;
    let last = opened.entries.last().filter(|_| opened.more);
    html! {
        h1 { bdi { (shown(&here.name)) } }
        @if opened.way.len() > 1 {
            nav aria-label=(texts.way) {
                ol {
                    @for seen in &opened.way {
                        @if seen.node == here.node {
                            li { span aria-current="page" { bdi { (shown(&seen.name)) } } }
                        } @else {
                            li { a href=(address(stranger, seen)) { bdi { (shown(&seen.name)) } } }
                        }
                    }
                }
            }
        }
        @if opened.entries.is_empty() { p.soft { (texts.empty) } }
        @else {
            ul.files {
                @for seen in &opened.entries {
                    li {
                        @if seen.kind == Kind::Directory {
                            a.directory href=(address(stranger, seen)) { bdi { (shown(&seen.name)) } }
                        } @else {
                            a href=(address(stranger, seen)) download { bdi { (shown(&seen.name)) } }
                            span.size { (texts.size(seen.size)) }
                        }
                        span.date { (texts.day(seen.mtime)) }
                    }
                }
            }
        }
        @if let Some(last) = last {
            p { a href=(next(stranger, here, last)) rel="next" { (texts.next) } }
        }
        (end(stranger))
    }
}

fn next(stranger: &Stranger, here: &Seen, last: &Seen) -> String {
    let mut values = form_urlencoded::Serializer::new(String::new());
    values.append_pair("in", &here.node.to_string()).append_pair("after", &last.key.0);
    format!("{}?{}", stranger.base, values.finish())
}

/// When the link ends.
pub(super) fn end(stranger: &Stranger) -> Markup {
    html! {
        @if let Some(end) = stranger.link.expires_at {
            footer { p.soft { (stranger.texts.ends) " " (stranger.texts.day(end)) "." } }
        }
    }
}
