//! `GET …/changes?since=&limit=&wait=`: the newest state or tombstone of every node past a cursor, one page.
//!
//! Without `since` it is a full listing. With `view` it is the journal as it looks through a view; a cursor names its own.
//! With `wait` (seconds) an answer without changes is held back until there are
//! some: for clients that no WebSocket reaches.

use crate::caller::{Caller, Ids, Values};
use crate::cursor::CursorProblem;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use model::permit::Read;
use model::{Action, FolderId, Permit, RemoteNode, Seq, ViewId};
use protocol::bundle::{Encoder, PageEnd};
use protocol::schema;
use protocol::v1::{ViewName, WirePrivilege};
use protocol::{BUNDLE_MEDIA_TYPE, Cursor, PRIVILEGE_HEADER, ProblemKind};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use versioning::Page;
use versioning::changes::Cursor as Place;
use versioning::view::changes::{Cursor as ViewPlace, Page as ViewPage, changes as through_view};

/// The most nodes of a page: about a megabyte on the wire.
const PAGE_NODES: usize = 20_000;
/// Up to so many nodes, a page is written at once: that takes less than finding a thread for it.
const SHORT_NODES: usize = 100;
/// The longest wait in seconds: under what proxies allow.
const WAIT_SECONDS_MAX: u64 = 55;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// A cursor: changes past it. Without it, a full listing.
    #[param(value_type = Option<schema::Cursor>, nullable = false)]
    since: Option<Cursor>,
    /// A view: the journal as it looks through it. Not needed beside a cursor that was made in one.
    #[param(value_type = Option<schema::ViewId>, nullable = false)]
    view: Option<ViewName>,
    /// The most nodes of the page; 20,000 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
    /// Seconds to hold an answer without news back, for clients that no WebSocket reaches; never more than 55.
    #[serde(default)]
    wait: u64,
}

/// Changes past a cursor
///
/// A bundle of nodes and a page end: the newest state or tombstone of every node past `since`, in the order of the
/// journal; without `since` a full listing. A cursor of another epoch, or older than the kept tombstones, is
/// `cursor_expired`: list from the beginning.
#[utoipa::path(
    get,
    path = "/changes",
    operation_id = "list_changes",
    tag = "changes",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = schema::Bundle, content_type = "application/vnd.driftless.bundle",
            headers(("driftless-privilege" = WirePrivilege, description = "What the caller may do in the folder now."))),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values,
        problems::Cursor,
        problems::View,
        problems::Root
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Response, Failure> {
    // Listening begins before looking: nothing can fall between.
    let mut wakes = server.wakes.listen();
    let mut stopping = server.stopping.subscribe();
    let deadline = Instant::now() + Duration::from_secs(query.wait.min(WAIT_SECONDS_MAX));
    let limit = query.limit.unwrap_or(PAGE_NODES).clamp(1, PAGE_NODES);
    loop {
        // Each look has a permit of its own: a wait must not outlive the right.
        let permit = server.permit::<Read>(caller.principal, folder, Action::List).await?;
        let page = look(&server, permit, &query, limit).await?;
        let is_news = !page.nodes.is_empty() || Some(&page.cursor) != query.since.as_ref();
        if is_news || *stopping.borrow() {
            return answer(&server, &permit, page).await;
        }
        let woken = async {
            loop {
                match wakes.recv().await {
                    Ok((changed, _)) if changed != folder => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        tokio::select! {
            true = woken => {}
            () = crate::serve::told_to_stop(&mut stopping) => {}
            () = tokio::time::sleep_until(deadline) => return answer(&server, &permit, page).await,
            else => return answer(&server, &permit, page).await,
        }
    }
}

/// What is answered.
struct Shown {
    nodes: Vec<RemoteNode>,
    cursor: Cursor,
    head: Seq,
    more: bool,
    /// The number up to which the caller has everything with this page.
    stands: Seq,
}

/// One look at the journal.
async fn look(
    server: &Arc<Server>,
    permit: Permit<Read>,
    query: &Query,
    limit: usize,
) -> Result<Shown, Failure> {
    let (epoch, folder) = (server.epoch(), permit.folder());
    let position = open_cursor(server, folder, query)?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    match position {
        Position::InFolder(since) => {
            let page = server
                .reading(move || Ok(versioning::changes(&*database, permit, since, limit, now)))
                .await?;
            let Page { nodes, next, more, head } = explained(server, page).await?;
            let stands = if more { next.since } else { head };
            Ok(Shown { nodes, cursor: server.cursor_key.make(epoch, folder, next), head, more, stands })
        }
        Position::InView(id, since) => {
            let page = server
                .reading(move || {
                    let view = versioning::view::find(&*database, &permit, id, now)?;
                    Ok(through_view(&*database, permit, view, since, limit, now))
                })
                .await?;
            let ViewPage { nodes, next, more, head } = explained(server, page).await?;
            let stands = if more { next.since } else { head };
            let cursor = server.cursor_key.make_in_view(epoch, folder, id, next);
            Ok(Shown { nodes, cursor, head, more, stands })
        }
    }
}

/// Where in which journal the caller stands.
enum Position {
    InFolder(Option<Place>),
    InView(ViewId, Option<ViewPlace>),
}

fn open_cursor(server: &Server, folder: FolderId, query: &Query) -> Result<Position, Failure> {
    let expired = |detail: &str| Failure::new(ProblemKind::CursorExpired).detail(detail);
    let Some(cursor) = &query.since else {
        return Ok(query.view.map_or(Position::InFolder(None), |view| Position::InView(view.0, None)));
    };
    let (key, epoch) = (&server.cursor_key, server.epoch());
    let in_folder = || key.open(cursor, epoch, folder).map(|place| Position::InFolder(Some(place)));
    let in_view = key.open_in_view(cursor, epoch, folder).map(|(id, at)| Position::InView(id, Some(at)));
    let position = match in_view {
        Err(CursorProblem::Forged) => in_folder(),
        opened => opened,
    };
    match position {
        Ok(Position::InView(id, _)) if query.view.is_some_and(|asked| asked.0 != id) => {
            Err(expired("The cursor is of another view."))
        }
        Ok(Position::InFolder(_)) if query.view.is_some() => Err(expired("The cursor is of no view.")),
        Ok(position) => Ok(position),
        Err(CursorProblem::Forged) => {
            Err(Failure::invalid("This server made no such cursor for this folder."))
        }
        Err(CursorProblem::OtherEpoch) => Err(expired("The cursor is of another epoch.")),
    }
}

async fn explained<T>(server: &Server, page: Result<T, versioning::Error>) -> Result<T, Failure> {
    match page {
        Ok(page) => Ok(page),
        Err(error) => Err(explain(server, error).await),
    }
}

/// A cursor of ours beyond the head proves that the database was rolled back: from now on numbers mean something else.
async fn explain(server: &Server, error: versioning::Error) -> Failure {
    if matches!(error, versioning::Error::RolledBack)
        && let Err(failure) = server.renew_epoch().await
    {
        return failure;
    }
    error.into()
}

async fn answer(server: &Server, permit: &Permit<Read>, page: Shown) -> Result<Response, Failure> {
    server.lags.pulled(permit.principal().device, permit.folder(), page.stands);
    let is_short = page.nodes.len() <= SHORT_NODES;
    let encode = move || {
        let mut encoder = Encoder::new();
        encoder.nodes(&page.nodes);
        encoder.page_end(&PageEnd { cursor: page.cursor, head: page.head, more: page.more });
        encoder.finish()
    };
    let bytes = if is_short { encode() } else { server.blocking(move || Ok(encode())).await? };
    server.metrics.pull();
    server.metrics.bytes_out(bytes.len() as u64);
    let headers = [
        (header::CONTENT_TYPE, BUNDLE_MEDIA_TYPE),
        (HeaderName::from_static(PRIVILEGE_HEADER), permit.privilege().as_str()),
    ];
    Ok((headers, bytes).into_response())
}
