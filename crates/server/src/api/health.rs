//! `/healthz`, `/readyz` and `/metrics`: for supervisors, load balancers and operators.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::openapi::problems;
use crate::server::Server;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use protocol::ProblemKind;
use std::sync::Arc;

/// The process answers
///
/// For supervisors.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "get_health",
    tag = "server",
    responses(
        (status = 200, description = "It does.", body = String, content_type = "text/plain; charset=utf-8")
    )
)]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process wants requests, and its database answers
///
/// For load balancers.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "get_readiness",
    tag = "server",
    responses(
        (status = 200, description = "It does.", body = String, content_type = "text/plain; charset=utf-8"),
        problems::Unready
    )
)]
pub(crate) async fn readyz(State(server): State<Arc<Server>>) -> Result<&'static str, Failure> {
    if *server.stopping.borrow() || !server.is_alive().await {
        return Err(Failure::new(ProblemKind::Unavailable).retry_after(1));
    }
    Ok("ready\n")
}

/// Figures, for administrators
///
/// In the OpenMetrics text format.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "get_metrics",
    tag = "server",
    responses(
        (status = 200, description = "The figures.", body = String, content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn metrics(State(server): State<Arc<Server>>, caller: Caller) -> Result<Response, Failure> {
    if !caller.administrator {
        return Err(Failure::new(ProblemKind::Forbidden));
    }
    let text = Metrics::text(&server);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
