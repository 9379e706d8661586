//! `/healthz`, `/readyz` and `/metrics`: for supervisors, load balancers and operators.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::server::Server;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use protocol::ProblemKind;
use std::sync::Arc;

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process wants requests, and its database answers.
pub(crate) async fn readyz(State(server): State<Arc<Server>>) -> Result<&'static str, Failure> {
    if *server.stopping.borrow() || !server.is_alive().await {
        return Err(Failure::new(ProblemKind::Unavailable).retry_after(1));
    }
    Ok("ready\n")
}

/// Figures, for administrators.
pub(crate) async fn metrics(State(server): State<Arc<Server>>, caller: Caller) -> Result<Response, Failure> {
    if !caller.administrator {
        return Err(Failure::new(ProblemKind::Forbidden));
    }
    let text = Metrics::text(&server);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
