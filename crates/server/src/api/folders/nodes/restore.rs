//! `POST …/nodes/{n}/restore`: an old version becomes the newest again, or a removed node comes back.

use crate::api::folders::restore::key;
use crate::body;
use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use model::permit::Write;
use model::{Action, FolderId, GroupOutcome, NodeId, Refusal, VersionNumber};
use protocol::ProblemKind;
use protocol::schema::refusal_word;
use protocol::v1::{RestoreRequest, RestoreResponse};
use std::sync::Arc;
use versioning::restore::{Item, Restore};

/// An old version becomes the newest again, or a removed node comes back
///
/// Without `version` it is a removed node, with what was removed with it.
#[utoipa::path(
    post,
    path = "/nodes/{node}/restore",
    operation_id = "restore_node",
    tag = "history",
    request_body(content = RestoreRequest),
    responses(
        (status = 200, description = "It is done.", body = RestoreResponse),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Keyed,
        problems::Refusable,
        problems::Writing,
        problems::Quota
    )
)]
pub(crate) async fn restore(
    State(server): State<Arc<Server>>,
    Ids((folder, node)): Ids<(FolderId, NodeId)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RestoreResponse>, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Restore).await?;
    let request: RestoreRequest = body::json(&server, &headers, body).await?;
    let item = match request.version {
        Some(version) => Item::Version { node, version: VersionNumber(version), base: None },
        None => Item::Node(node),
    };
    let restore = Restore {
        permit,
        key: key(request.key)?,
        digest: digest(folder, node, request.version),
        items: vec![item],
        limits: server.settings.limits,
        now: server.now(),
    };
    let database = Arc::clone(&server.database);
    let restored = server.blocking(move || Ok(versioning::restore::restore(&*database, restore)?)).await?;
    match restored.outcomes.first() {
        Some(GroupOutcome::Applied(_)) => {
            if !restored.repeated {
                server.wakes.folder_changed(folder, restored.head);
            }
            Ok(Json(RestoreResponse { node, head: restored.head.0 }))
        }
        Some(GroupOutcome::Refused { reason, .. }) => Err(refused(*reason)),
        None => Err(Failure::internal("a restore without an outcome")),
    }
}

fn refused(reason: Refusal) -> Failure {
    match reason {
        Refusal::Gone => Failure::not_found(),
        Refusal::Quota => Failure::new(ProblemKind::QuotaExceeded),
        other => Failure::new(ProblemKind::Refused).member("reason", refusal_word(other)),
    }
}

/// Tells a repeated request from another one under the same key.
fn digest(folder: FolderId, node: NodeId, version: Option<u64>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"restore 1");
    for number in [folder.0, node.0, u64::from(version.is_some()), version.unwrap_or(0)] {
        hasher.update(&number.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}
