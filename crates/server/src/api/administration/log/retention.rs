//! `GET` and `PUT /api/v1/admin/log/retention`.

use crate::admin::change;
use crate::api::administration::Administrator;
use crate::body;
use crate::failure::Failure;
use crate::log::days;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use metadata::setting::Setting;
use protocol::v1::LogRetention;
use std::sync::Arc;

/// Who asks for less would have no log at all.
const DAYS_MIN: u32 = 7;
const DAYS_MAX: u32 = 36_500;

/// For how long the log is kept
///
/// For ever, if nobody has set anything.
#[utoipa::path(
    get,
    path = "/log/retention",
    operation_id = "get_log_retention",
    tag = "administration",
    responses(
        (status = 200, description = "So long.", body = LogRetention),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _administrator: Administrator,
) -> Result<Json<LogRetention>, Failure> {
    let days = server.read(days).await?;
    Ok(Json(LogRetention { days }))
}

/// Sets for how long the log is kept
///
/// What is older is taken away once a day, and an entry of the log says so.
#[utoipa::path(
    put,
    path = "/log/retention",
    operation_id = "set_log_retention",
    tag = "administration",
    request_body(content = LogRetention),
    responses(
        (status = 200, description = "It is set.", body = LogRetention),
        problems::Signed,
        problems::Privileged,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn set(
    State(server): State<Arc<Server>>,
    administrator: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<LogRetention>, Failure> {
    let wanted: LogRetention = body::json(&server, &headers, body).await?;
    if wanted.days.is_some_and(|days| !(DAYS_MIN..=DAYS_MAX).contains(&days)) {
        let text = format!("'days' are a number from {DAYS_MIN} to {DAYS_MAX}, or not given at all.");
        return Err(Failure::invalid(text));
    }
    let text = wanted.days.map_or_else(|| "none".to_owned(), |days| days.to_string());
    let (here, value) = (Arc::clone(&server), wanted.days.unwrap_or(0));
    server
        .blocking(move || {
            let details = [("days", text.as_str())];
            Ok(change(&here, &administrator.by, "log.retention", &details, move |transaction, _| {
                Ok(transaction.put_setting(Setting::LogDays, &value.to_le_bytes())?)
            })?)
        })
        .await?;
    Ok(Json(wanted))
}
