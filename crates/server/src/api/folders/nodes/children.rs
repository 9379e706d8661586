//! `GET …/nodes/{n}/children?at=&seq=&path=&after=&limit=`: what is in a directory, or was at a moment.

use crate::api::folders::past::{PAGE_ENTRIES, entry, names, when};
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use model::permit::Read;
use model::{Action, FolderId, NodeId};
use protocol::RfcTime;
use protocol::schema;
use protocol::v1::ChildrenResponse;
use serde::Deserialize;
use std::sync::Arc;
use versioning::past::{List, When};

/// For those who list a directory of very many.
const LARGE_PAGE_ENTRIES: usize = 10 * PAGE_ENTRIES;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// As of this moment: after the last commit at or before it; not together with `seq`. Now if neither is given.
    #[param(value_type = Option<schema::Timestamp>, nullable = false)]
    at: Option<String>,
    /// As of this number of the journal.
    #[param(nullable = false)]
    seq: Option<u64>,
    /// Names from the node down, with `/` between, as they were then.
    #[param(nullable = false)]
    path: Option<String>,
    /// For the next page: `next` of the page before.
    #[param(value_type = Option<schema::NodeId>, nullable = false)]
    after: Option<String>,
    /// The most entries of the page; 1,000 if not given, and never more than 10,000.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// What is in a directory, or was
///
/// By name of neither but id. What retention has thinned out is shown as the version kept from before it.
#[utoipa::path(
    get,
    path = "/nodes/{node}/children",
    operation_id = "list_children",
    tag = "history",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = ChildrenResponse),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn children(
    State(server): State<Arc<Server>>,
    Ids((folder, node)): Ids<(FolderId, NodeId)>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<ChildrenResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::History).await?;
    let after = query.after.map(|text| text.parse::<NodeId>()).transpose();
    let list = List {
        permit,
        when: when(query.at.as_deref(), query.seq)?.unwrap_or(When::Now),
        node,
        path: names(query.path.as_deref())?,
        after: after.map_err(|error| Failure::invalid(format!("'after' is {error}.")))?.unwrap_or(NodeId(0)),
        limit: query.limit.unwrap_or(PAGE_ENTRIES).clamp(1, LARGE_PAGE_ENTRIES),
        now: server.now(),
    };
    let database = Arc::clone(&server.database);
    let listed = server.blocking(move || Ok(versioning::past::list(&*database, list)?)).await?;
    Ok(Json(ChildrenResponse {
        seq: listed.point.seq.0,
        at: listed.point.at.map(RfcTime),
        node: listed.node.as_ref().map(entry),
        entries: listed.entries.iter().map(entry).collect(),
        next: listed.next,
    }))
}
