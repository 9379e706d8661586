//! `GET` and `POST …/zip`: several nodes, each with all below it, as one archive.

use crate::api::folders::past::when;
use crate::body;
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use crate::traffic::patience;
use crate::zip::{self, NODES_MAX, Reader, Wanted};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use model::permit::Read;
use model::{Action, FolderId, NodeId};
use protocol::schema;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use versioning::past::When;

/// What is to be in it.
#[derive(Debug, Deserialize, utoipa::IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[schema(as = ZipForm)]
pub(crate) struct Query {
    /// The nodes, with `,` between, 1,000 at most; `n1` alone is the whole folder.
    #[param(pattern = "^n[0-9a-f]+(,n[0-9a-f]+)*$")]
    #[schema(pattern = "^n[0-9a-f]+(,n[0-9a-f]+)*$")]
    nodes: String,
    /// As of this moment: after the last commit at or before it; not together with `seq`. Now if neither is given.
    #[param(value_type = Option<schema::Timestamp>, nullable = false)]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    at: Option<String>,
    /// As of this number of the journal.
    #[param(nullable = false)]
    #[schema(nullable = false)]
    seq: Option<u64>,
}

/// Several nodes as one zip archive
///
/// Directories with all below them, as of one state of the folder. Made while it is sent, its length known before; it is not
/// compressed. Names that some system does not take are altered (`_`, `(2)`); links that lead out of the archive are left
/// out. A fault after the first bytes breaks the answer off before its announced length. `HEAD` tells whether it can be
/// had, and how long it is.
#[utoipa::path(
    get,
    path = "/zip",
    operation_id = "get_zip",
    tag = "content",
    params(Query),
    responses(
        (status = 200, description = "The archive.", body = schema::Bytes, content_type = "application/zip", headers(("content-disposition" = String, description = "An attachment of the node's or folder's name (RFC 8187)."), ("content-security-policy" = String, description = "Nothing in it is run."))),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values,
        problems::Archived,
        problems::Bounded
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Values(query): Values<Query>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    send(&server, folder, &query, &caller, &headers, method == Method::HEAD).await
}

/// The same, asked for by a form
///
/// For pages without scripts, and for more nodes than an address should hold.
#[utoipa::path(
    post,
    path = "/zip",
    operation_id = "post_zip",
    tag = "content",
    request_body(content = Query, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The archive.", body = schema::Bytes, content_type = "application/zip", headers(("content-disposition" = String, description = "An attachment of the node's or folder's name (RFC 8187)."), ("content-security-policy" = String, description = "Nothing in it is run."))),
        problems::Signed,
        problems::InFolder,
        problems::Json,
        problems::Archived,
        problems::Bounded
    )
)]
pub(crate) async fn post(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let query: Query = body::form(&server, &headers, body).await?;
    send(&server, folder, &query, &caller, &headers, false).await
}

async fn send(
    server: &Arc<Server>,
    folder: FolderId,
    query: &Query,
    caller: &Caller,
    headers: &HeaderMap,
    head_only: bool,
) -> Result<Response, Failure> {
    let when = when(query.at.as_deref(), query.seq)?;
    let action = if when.is_some() { Action::History } else { Action::Read };
    let permit = server.permit::<Read>(caller.principal, folder, action).await?;
    let nodes = nodes(&query.nodes)?;
    let wanted = Wanted { permit, nodes, when: when.unwrap_or(When::Now) };
    let reader = Reader {
        device: caller.device(),
        lane: server.traffic.down(caller.principal, caller.rates),
        patience: patience(headers, server.settings.body_pause),
        head_only,
    };
    zip::answer(server, wanted, reader).await
}

fn nodes(text: &str) -> Result<Vec<NodeId>, Failure> {
    let nodes: Result<Vec<NodeId>, _> = text.split(',').take(NODES_MAX + 1).map(str::parse).collect();
    let nodes = nodes.map_err(|error| Failure::invalid(format!("'nodes': {error}.")))?;
    if nodes.len() > NODES_MAX {
        return Err(Failure::over_limit("zip_nodes", NODES_MAX as u64));
    }
    Ok(nodes)
}
