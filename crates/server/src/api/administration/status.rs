//! `GET /api/v1/admin/status`.

use super::{Administrator, administer, unexpected};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use protocol::admin::{AdminAnswer, AdminRequest, StatusReport};
use std::sync::Arc;

/// How the server can be reached
///
/// Its address, its certificate, and what it has seen of proxies.
#[utoipa::path(
    get,
    path = "/status",
    operation_id = "get_status",
    tag = "administration",
    responses(
        (status = 200, description = "How it stands.", body = StatusReport),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    administrator: Administrator,
) -> Result<Json<StatusReport>, Failure> {
    match administer(&server, administrator.by, AdminRequest::Status).await? {
        AdminAnswer::Status(report) => Ok(Json(report)),
        other => Err(unexpected(&other)),
    }
}
