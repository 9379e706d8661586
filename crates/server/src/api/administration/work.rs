//! `GET` and `POST /api/v1/admin/work`.

use super::Administrator;
use crate::api::folders::people::Names;
use crate::body;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use crate::work::{last, start as begin};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use protocol::v1::{WorkRequest, WorkResponse};
use std::sync::Arc;

async fn state(server: &Arc<Server>) -> Result<WorkResponse, Failure> {
    // First what runs: what ends in between is among the results.
    let running = server.work.running();
    let last = server.read(last).await?;
    Ok(WorkResponse { running, last })
}

/// What takes long: what runs, and what was done last
///
/// Verifications, collections and backups, whoever had them done and in whatever way.
#[utoipa::path(
    get,
    path = "/work",
    operation_id = "get_work",
    tag = "administration",
    responses(
        (status = 200, description = "How it stands.", body = WorkResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _administrator: Administrator,
) -> Result<Json<WorkResponse>, Failure> {
    Ok(Json(state(&server).await?))
}

/// Starts something that takes long
///
/// One at a time. It goes on when the answer has come; ask how it stands.
#[utoipa::path(
    post,
    path = "/work",
    operation_id = "start_work",
    tag = "administration",
    request_body(content = WorkRequest),
    responses(
        (status = 202, description = "It has begun.", body = WorkResponse),
        problems::Signed,
        problems::Privileged,
        problems::Json,
        problems::Unique,
        problems::Writing
    )
)]
pub(crate) async fn start(
    State(server): State<Arc<Server>>,
    administrator: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<WorkResponse>), Failure> {
    let wanted: WorkRequest = body::json(&server, &headers, body).await?;
    let by = administrator.by;
    let user = by.principal.map(|principal| principal.user);
    let database = Arc::clone(&server.database);
    let names =
        server.reading(move || Ok(Names::load(&*database, user.into_iter().collect(), vec![])?)).await?;
    begin(&server, by, user.and_then(|user| names.user(user)), &wanted)?;
    Ok((StatusCode::ACCEPTED, Json(state(&server).await?)))
}
