//! `POST …/chunks/missing`: which of these chunks must be sent? As JSON, or as a bundle for many.

use super::read_ids;
use crate::body;
use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use model::permit::Write;
use model::{Action, ChunkId, FolderId, Permit};
use protocol::BUNDLE_MEDIA_TYPE;
use protocol::bundle::Encoder;
use protocol::schema;
use protocol::v1::{MissingRequest, MissingResponse};
use std::sync::Arc;

/// Which chunks must be sent
///
/// Looks only at the folder and at one's own uploads. Answers in the form of the question: JSON, or a bundle for many.
#[utoipa::path(
    post,
    path = "/chunks/missing",
    operation_id = "list_missing_chunks",
    tag = "commits",
    request_body(content((MissingRequest = "application/json"), (schema::Bundle = "application/vnd.driftless.bundle"))),
    responses(
        (status = 200, description = "Those that neither the folder nor an upload has.", content((MissingResponse = "application/json"), (schema::Bundle = "application/vnd.driftless.bundle"))),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Bundle
    )
)]
pub(crate) async fn missing(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Write).await?;
    if body::has_media_type(&headers, BUNDLE_MEDIA_TYPE) {
        let asked = read_ids(&server, &headers, body).await?;
        let mut encoder = Encoder::new();
        encoder.missing_chunks(
            &look(&server, permit, asked.chunks.iter().map(|wanted| wanted.chunk).collect()).await?,
        );
        return Ok(([(header::CONTENT_TYPE, BUNDLE_MEDIA_TYPE)], encoder.finish()).into_response());
    }
    let request: MissingRequest = body::json(&server, &headers, body).await?;
    let missing = look(&server, permit, request.chunks).await?;
    Ok(Json(MissingResponse { missing }).into_response())
}

async fn look(
    server: &Arc<Server>,
    permit: Permit<Write>,
    chunks: Vec<ChunkId>,
) -> Result<Vec<ChunkId>, Failure> {
    let (database, limits, now) = (Arc::clone(&server.database), server.settings.limits, server.now());
    server.blocking(move || Ok(versioning::missing::missing(&*database, permit, chunks, &limits, now)?)).await
}
