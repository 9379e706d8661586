//! `GET …/trash?before=&limit=`: removed nodes that can be brought back, the last removed first.

use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use model::permit::Read;
use model::{Action, FolderId, Kind, Seq};
use protocol::RfcTime;
use protocol::v1::{TrashEntry, TrashResponse};
use serde::Deserialize;
use std::sync::Arc;

/// The most entries of a page.
const PAGE_ENTRIES: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    before: Option<u64>,
    limit: Option<usize>,
}

pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<TrashResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::History).await?;
    let limit = query.limit.unwrap_or(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES);
    let (database, now) = (Arc::clone(&server.database), server.now());
    let before = query.before.map(Seq);
    let removed = server
        .blocking(move || Ok(versioning::history::trash(&*database, permit, before, limit, now)?))
        .await?;
    let next = removed.last().filter(|_| removed.len() == limit).map(|last| last.node.seq.0);
    let entries = removed.into_iter().map(|removed| TrashEntry {
        node: removed.node.id,
        parent: removed.node.parent,
        name: removed.node.name.as_str().to_owned(),
        kind: match removed.node.content.kind() {
            Kind::Directory => "directory",
            Kind::File => "file",
            Kind::Link => "link",
        }
        .to_owned(),
        size: removed.node.content.size(),
        removed: RfcTime(removed.at),
    });
    Ok(Json(TrashResponse { entries: entries.collect(), next }))
}
