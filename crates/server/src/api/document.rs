//! `GET /api/v1/openapi.json`: the API document. Needs no token.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

/// The API document
///
/// OpenAPI 3.1, made from the code of the very server that answers.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "get_api_document",
    tag = "server",
    responses((status = 200, description = "This document.", body = serde_json::Value, content_type = "application/json"))
)]
pub(crate) async fn get() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], crate::router::api_document()).into_response()
}
