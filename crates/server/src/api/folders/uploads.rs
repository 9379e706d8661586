//! `POST …/uploads` opens an upload or takes it up again; `DELETE …/uploads/{u}` gives it up.

use crate::body;
use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use model::permit::Write;
use model::{Action, FolderId, Seq, UploadId};
use protocol::RfcTime;
use protocol::v1::{OpenUploadRequest, UploadResponse};
use std::sync::Arc;
use versioning::upload::Open;

/// Opens an upload, or takes it up again
///
/// For big files that arrive in several bundles. What has arrived stays for 72 hours after the last of it.
#[utoipa::path(
    post,
    path = "/uploads",
    operation_id = "open_upload",
    tag = "commits",
    request_body(content = OpenUploadRequest),
    responses(
        (status = 200, description = "The upload.", body = UploadResponse),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Bounded,
        problems::Writing,
        problems::Quota
    )
)]
pub(crate) async fn open(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<UploadResponse>, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Write).await?;
    let request: OpenUploadRequest = body::json(&server, &headers, body).await?;
    let id = match request.upload {
        Some(id) => id,
        None => {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map_err(Failure::internal)?;
            UploadId(bytes)
        }
    };
    let open = Open { id, node: request.node, base: request.base.map(Seq), size: request.size };
    let (database, limits, now) = (Arc::clone(&server.database), server.settings.limits, server.now());
    let upload = server
        .blocking(move || Ok(versioning::upload::open(&*database, permit, open, &limits, now)?))
        .await?;
    Ok(Json(UploadResponse {
        upload: upload.row.id,
        expires: RfcTime(upload.row.expires_at),
        arrived_chunks: upload.arrived.len() as u64,
    }))
}

/// Gives an upload up
///
/// What has arrived for it is forgotten.
#[utoipa::path(
    delete,
    path = "/uploads/{upload}",
    operation_id = "abandon_upload",
    tag = "commits",
    responses(
        (status = 204, description = "It is given up."),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Writing
    )
)]
pub(crate) async fn abandon(
    State(server): State<Arc<Server>>,
    Ids((folder, upload)): Ids<(FolderId, UploadId)>,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Write).await?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    server.blocking(move || Ok(versioning::upload::abandon(&*database, permit, upload, now)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
