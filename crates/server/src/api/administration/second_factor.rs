//! `/api/v1/admin/second-factor`: who must have one, and taking somebody's away.

use super::{Administrator, administer, unexpected};
use crate::body;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use metadata::setting::Setting;
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{RemoveSecondFactorRequest, SecondFactorPolicy};
use std::sync::Arc;

/// Who must have a second factor
///
/// As it is chosen now.
#[utoipa::path(
    get,
    path = "/second-factor",
    operation_id = "get_second_factor_policy",
    tag = "administration",
    responses(
        (status = 200, description = "Who must.", body = SecondFactorPolicy),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _administrator: Administrator,
) -> Result<Json<SecondFactorPolicy>, Failure> {
    let chosen = server.read(|snapshot| snapshot.setting(Setting::SecondFactorForAdministrators)).await?;
    Ok(Json(SecondFactorPolicy { administrators: chosen.is_some_and(|value| value == [1]) }))
}

/// Chooses who must have a second factor
///
/// An administrator without one administers nothing from that moment on, until it is set up; the caller too.
#[utoipa::path(
    put,
    path = "/second-factor",
    operation_id = "set_second_factor_policy",
    tag = "administration",
    request_body(content = SecondFactorPolicy),
    responses(
        (status = 204, description = "It is chosen."),
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
) -> Result<StatusCode, Failure> {
    let request: SecondFactorPolicy = body::json(&server, &headers, body).await?;
    let request = AdminRequest::SecondFactorNeed { administrators: request.administrators };
    done(administer(&server, administrator.by, request).await?)
}

/// Takes somebody's second factor away
///
/// For who has lost the app and the recovery codes: their password is enough then. 404 where there is none.
#[utoipa::path(
    post,
    path = "/second-factor/remove",
    operation_id = "remove_second_factor_of",
    tag = "administration",
    request_body(content = RemoveSecondFactorRequest),
    responses(
        (status = 204, description = "It is gone."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn remove(
    State(server): State<Arc<Server>>,
    administrator: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let request: RemoveSecondFactorRequest = body::json(&server, &headers, body).await?;
    let request = AdminRequest::SecondFactorRemove { user: request.user };
    done(administer(&server, administrator.by, request).await?)
}

fn done(answer: AdminAnswer) -> Result<StatusCode, Failure> {
    match answer {
        AdminAnswer::Done => Ok(StatusCode::NO_CONTENT),
        other => Err(unexpected(&other)),
    }
}
