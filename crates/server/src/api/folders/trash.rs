//! `GET …/trash?before=&limit=`: removed nodes that can be brought back, the last removed first; with `directory=&after=` those
//! of one directory, each with what is below it. `POST …/trash/restore` brings several back.

use crate::api::folders::past::kind_word;
use crate::api::folders::people::Names;
use crate::api::folders::restore::key;
use crate::body;
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use model::permit::{Read, Write};
use model::{Action, FolderId, GroupOutcome, NodeId, RelativePath, Seq};
use protocol::RfcTime;
use protocol::schema;
use protocol::schema::refusal_word;
use protocol::v1::{TrashEntry, TrashRefusal, TrashResponse, TrashRestoreRequest, TrashRestoreResponse};
use serde::Deserialize;
use std::sync::Arc;
use versioning::history::{Removed, RemovedTree, trash, trash_of};
use versioning::restore::{Item, Restore};

/// The most entries of a page.
const PAGE_ENTRIES: usize = 1_000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// For the next page of a folder's trash: `next` of the page before.
    #[param(nullable = false)]
    before: Option<u64>,
    /// The directory whose trash is wanted; not together with `before`.
    #[param(value_type = Option<schema::NodeId>, nullable = false)]
    directory: Option<String>,
    /// For the next page of a directory's trash: `next_after` of the page before.
    #[param(value_type = Option<schema::NodeId>, nullable = false)]
    after: Option<String>,
    /// The most entries of the page; 1,000 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// Removed nodes that can be brought back
///
/// Those of the whole folder, the last removed first; or with `directory` those removed from one directory, by id, each
/// with how much is removed below it.
#[utoipa::path(
    get,
    path = "/trash",
    operation_id = "list_trash",
    tag = "history",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = TrashResponse),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values
    )
)]
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
    let directory = node(query.directory.as_deref(), "directory")?;
    let after = node(query.after.as_deref(), "after")?.unwrap_or(NodeId(0));
    if directory.is_some() && before.is_some() {
        return Err(Failure::invalid("A directory's trash goes on with 'after', not 'before'."));
    }
    let answer = move || {
        let trees: Vec<RemovedTree> = match directory {
            Some(directory) => trash_of(&*database, permit, directory, after, limit, now)?,
            None => {
                let removed = trash(&*database, permit, before, limit, now)?.into_iter();
                removed.map(|removed| RemovedTree { removed, nodes: 0, bytes: 0 }).collect()
            }
        };
        let last = trees.last().filter(|_| trees.len() == limit).map(|tree| &tree.removed.node);
        let next = last.filter(|_| directory.is_none()).map(|node| node.seq.0);
        let next_after = last.filter(|_| directory.is_some()).map(|node| node.id);
        let users = trees.iter().map(|tree| tree.removed.user).collect();
        let devices = trees.iter().filter_map(|tree| tree.removed.device).collect();
        let names = Names::load(&*database, users, devices)?;
        let entries = trees.iter().map(|tree| {
            let mut entry = entry(&tree.removed, &names);
            entry.nodes = directory.map(|_| tree.nodes);
            entry.total_size = directory.map(|_| tree.bytes);
            entry
        });
        Ok(TrashResponse { entries: entries.collect(), next, next_after })
    };
    Ok(Json(server.blocking(answer).await?))
}

fn node(text: Option<&str>, name: &str) -> Result<Option<NodeId>, Failure> {
    let node = text.map(str::parse::<NodeId>).transpose();
    node.map_err(|error| Failure::invalid(format!("'{name}' is {error}.")))
}

fn entry(removed: &Removed, names: &Names) -> TrashEntry {
    TrashEntry {
        node: removed.node.id,
        parent: removed.node.parent,
        name: removed.node.name.as_str().to_owned(),
        path: removed.path.iter().cloned().collect::<RelativePath>().to_string(),
        kind: kind_word(&removed.node.content),
        size: removed.node.content.size(),
        removed: RfcTime(removed.at),
        user: names.user(removed.user),
        device: names.device(removed.device),
        nodes: None,
        total_size: None,
    }
}

/// Brings removed nodes back
///
/// Each with what was removed with it. A node that cannot come back is named with the reason and stops no other.
#[utoipa::path(
    post,
    path = "/trash/restore",
    operation_id = "restore_trash",
    tag = "history",
    request_body(content = TrashRestoreRequest),
    responses(
        (status = 200, description = "What came back.", body = TrashRestoreResponse),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Keyed,
        problems::Writing,
        problems::Quota
    )
)]
pub(crate) async fn restore(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TrashRestoreResponse>, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Restore).await?;
    let request: TrashRestoreRequest = body::json(&server, &headers, body).await?;
    let job = Restore {
        permit,
        key: key(request.key)?,
        digest: digest(folder, &request.nodes),
        items: request.nodes.iter().map(|node| Item::Node(*node)).collect(),
        limits: server.settings.limits,
        now: server.now(),
    };
    let database = Arc::clone(&server.database);
    let done = server.blocking(move || Ok(versioning::restore::restore(&*database, job)?)).await?;
    if !done.repeated {
        server.wakes.folder_changed(folder, done.head);
    }
    let (mut restored, mut refused) = (0, Vec::new());
    for (node, outcome) in request.nodes.iter().zip(&done.outcomes) {
        match outcome {
            GroupOutcome::Applied(applied) => restored += applied.len() as u64,
            GroupOutcome::Refused { reason, .. } => {
                refused.push(TrashRefusal { node: *node, reason: refusal_word(*reason).to_owned() });
            }
        }
    }
    Ok(Json(TrashRestoreResponse { head: done.head.0, restored, refused }))
}

/// Tells a repeated request from another one under the same key.
fn digest(folder: FolderId, nodes: &[NodeId]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"trash restore 1");
    hasher.update(&folder.0.to_le_bytes());
    for node in nodes {
        hasher.update(&node.0.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}
