//! `GET …/conflicts` and `POST …/conflicts/{node}`.

use super::past::kind_word;
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
use metadata::node::NodeRow;
use model::permit::{Read, Write};
use model::{Action, FolderId, GroupOutcome, NodeId, Refusal, RelativePath, Seq};
use protocol::schema::{self, refusal_word};
use protocol::v1::{
    ConflictChoice, ConflictEntry, ConflictSide, ConflictsResponse, SettleConflictRequest,
    SettleConflictResponse,
};
use protocol::{ProblemKind, RfcTime};
use serde::Deserialize;
use std::sync::Arc;
use versioning::conflicts::{Conflict, Seen, Settlement, conflicts, settle as settlement};
use versioning::{Authors, Commit};

/// The most entries of a page.
const ENTRIES: usize = 200;

#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// For the next page: `next` of the page before.
    #[param(value_type = Option<schema::NodeId>, nullable = false)]
    after: Option<String>,
    /// The most entries of the page; 200 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// Conflict copies
///
/// Files whose names say that they are the losing side of a conflict, each with what stands under the name that both wanted.
#[utoipa::path(
    get,
    path = "/conflicts",
    operation_id = "list_conflicts",
    tag = "folders",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = ConflictsResponse),
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
) -> Result<Json<ConflictsResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::List).await?;
    let after = query.after.as_deref().map(str::parse::<NodeId>).transpose();
    let after = after.map_err(|error| Failure::invalid(format!("'after' is {error}.")))?.unwrap_or(NodeId(0));
    let limit = query.limit.unwrap_or(ENTRIES).clamp(1, ENTRIES);
    let (database, now) = (Arc::clone(&server.database), server.now());
    let (found, next) = server.reading(move || Ok(conflicts(&*database, permit, after, limit, now)?)).await?;
    Ok(Json(ConflictsResponse { conflicts: found.into_iter().map(entry).collect(), next }))
}

fn entry(conflict: Conflict) -> ConflictEntry {
    ConflictEntry {
        directory: conflict.directory.into_iter().collect::<RelativePath>().to_string(),
        name: conflict.says.original.as_str().to_owned(),
        author: conflict.says.author.user,
        device: conflict.says.author.device,
        copy: side(&conflict.copy),
        winner: conflict.winner.as_ref().map(side),
    }
}

fn side(row: &NodeRow) -> ConflictSide {
    ConflictSide {
        node: row.id,
        name: row.name.as_str().to_owned(),
        kind: kind_word(&row.content),
        size: row.content.size(),
        mtime: RfcTime(row.mtime),
        seq: row.seq.0,
    }
}

/// Settles a conflict
///
/// One commit, based on what was seen: refused as `precondition_failed` if the copy or the winner has changed since.
#[utoipa::path(
    post,
    path = "/conflicts/{node}",
    operation_id = "settle_conflict",
    tag = "folders",
    request_body(content = SettleConflictRequest),
    responses(
        (status = 200, description = "It is settled.", body = SettleConflictResponse),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Keyed,
        problems::Matching,
        problems::Refusable,
        problems::Writing,
        problems::Quota
    )
)]
pub(crate) async fn settle(
    State(server): State<Arc<Server>>,
    Ids((folder, node)): Ids<(FolderId, NodeId)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<SettleConflictResponse>, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Write).await?;
    let reading = server.permit::<Read>(caller.principal, folder, Action::List).await?;
    let request: SettleConflictRequest = body::json(&server, &headers, body).await?;
    let (database, now, limits) = (Arc::clone(&server.database), server.now(), server.settings.limits);
    let (key, digest) = (key(request.key)?, digest(folder, node, &request)?);
    let work = move || {
        if let Some(done) = versioning::repeated(&*database, permit, key, digest, now)? {
            return Ok(done);
        }
        let seen =
            Seen { copy: node, copy_seq: Seq(request.copy_seq), winner_seq: request.winner_seq.map(Seq) };
        let choice = match request.keep {
            ConflictChoice::Copy => Settlement::KeepCopy,
            ConflictChoice::Both => Settlement::KeepBoth,
            ConflictChoice::Winner => Settlement::KeepWinner,
        };
        let group = settlement(&*database, reading, seen, choice, now)?;
        let group = group.ok_or_else(|| Failure::new(ProblemKind::PreconditionFailed))?;
        let commit = Commit {
            permit,
            key,
            digest,
            groups: vec![group],
            authors: Authors::Caller,
            manifests: Vec::new(),
            received: Vec::new(),
            uploads: Vec::new(),
            limits,
            now,
        };
        Ok::<_, Failure>(versioning::commit(&*database, commit)?)
    };
    let done = server.blocking(work).await?;
    match done.outcomes.first() {
        Some(GroupOutcome::Applied(_)) => {
            if !done.repeated {
                server.wakes.folder_changed(folder, done.head);
            }
            Ok(Json(SettleConflictResponse { head: done.head.0 }))
        }
        Some(GroupOutcome::Refused { reason: Refusal::Stale | Refusal::Gone, .. }) => {
            Err(Failure::new(ProblemKind::PreconditionFailed))
        }
        Some(GroupOutcome::Refused { reason: Refusal::Quota, .. }) => {
            Err(Failure::new(ProblemKind::QuotaExceeded))
        }
        Some(GroupOutcome::Refused { reason, .. }) => {
            Err(Failure::new(ProblemKind::Refused).member("reason", refusal_word(*reason)))
        }
        None => Err(Failure::internal("a settlement without an outcome")),
    }
}

/// Tells a repeated request from another one under the same key.
fn digest(folder: FolderId, node: NodeId, request: &SettleConflictRequest) -> Result<[u8; 32], Failure> {
    let text = serde_json::to_vec(request).map_err(Failure::internal)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"settle conflict 1");
    hasher.update(&folder.0.to_le_bytes());
    hasher.update(&node.0.to_le_bytes());
    hasher.update(&text);
    Ok(*hasher.finalize().as_bytes())
}
