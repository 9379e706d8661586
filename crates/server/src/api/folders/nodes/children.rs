//! `GET …/nodes/{n}/children?at=&seq=&path=&after=&limit=`: what is in a directory, or was at a moment.

use crate::api::folders::past::{PAGE_ENTRIES, entry, names, when};
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use model::permit::Read;
use model::{Action, FolderId, NodeId};
use protocol::RfcTime;
use protocol::v1::ChildrenResponse;
use serde::Deserialize;
use std::sync::Arc;
use versioning::past::{List, When};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    at: Option<String>,
    seq: Option<u64>,
    path: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

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
        limit: query.limit.unwrap_or(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES),
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
