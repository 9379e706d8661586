//! `/api/v1/setup`: the first administrator, by the code that the server showed where it runs; and what the server says to
//! itself when it looks whether an address leads to it.

use super::devices::password_turn;
use super::session::{SESSION_SECONDS, opening};
use crate::body;
use crate::caller::PeerAddress;
use crate::cookie;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::account::{AccountError, name_key};
use auth::setup::SetupError;
use auth::sign_in::{LinkAttempt, is_device_name};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use protocol::ProblemKind;
use protocol::v1::{EchoResponse, SessionResponse, SetupRequest, SetupResponse};
use std::sync::Arc;

/// Whether the server waits for its first administrator
///
/// While it does, everything else that needs a token, or gives one, is refused (`not_set_up`).
#[utoipa::path(
    get,
    path = "/setup",
    operation_id = "get_setup",
    tag = "setup",
    responses(
        (status = 200, description = "Whether it does.", body = SetupResponse),
        problems::Fallible
    )
)]
pub(crate) async fn get(State(server): State<Arc<Server>>) -> Result<Json<SetupResponse>, Failure> {
    Ok(Json(SetupResponse { needed: server.awaits_setup().await? }))
}

/// Makes the first administrator
///
/// For whoever knows the code, and signs the browser in. After 5 wrong codes of a network, tries are delayed more and more.
/// 404 once there is, or was, an administrator.
#[utoipa::path(
    post,
    path = "/setup",
    operation_id = "claim_setup",
    tag = "setup",
    request_body(content = SetupRequest),
    responses(
        (status = 201, description = "The administrator.", body = SessionResponse, headers(("set-cookie" = String, description = "The session's token."))),
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Bounded,
        problems::Fallible,
        problems::Writing
    )
)]
pub(crate) async fn claim(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    if !server.awaits_setup().await? {
        return Err(SetupError::Over.into());
    }
    let request: SetupRequest = body::json(&server, &headers, body).await?;
    if cookie::is_from_elsewhere(&headers) {
        return Err(Failure::invalid("Setting up goes by the server's own page."));
    }
    let turn = password_turn(&server).await?;
    let (here, now) = (Arc::clone(&server), server.now());
    let opening = opening(&server, peer, request.browser.clone());
    let linked = server
        .blocking(move || {
            let SetupRequest { code, user, password, browser } = &request;
            auth::setup::check(&*here.database, code, peer.0, now)?;
            name_key(user).map_err(|error| SetupError::Account(error.into()))?;
            if !is_device_name(browser) {
                return Err(auth::LinkError::BadDeviceName.into());
            }
            let hash = here.hasher.hash(password).map_err(|error| SetupError::Account(error.into()))?;
            auth::setup::claim(&*here.database, code, (user, &hash), peer.0, now)?;
            let attempt = LinkAttempt { user, password, code: None, opening };
            Ok((auth::link_device(&*here.database, &here.hasher, &here.factors, attempt)?, user.clone()))
        })
        .await;
    drop(turn);
    let (linked, name) = linked?;
    tracing::info!(user = %name, client = %peer.0, "set up: there is an administrator");
    let cookie = cookie::give(&server, peer, &linked.token, SESSION_SECONDS);
    let response = SessionResponse {
        user: linked.user,
        name,
        administrator: true,
        second_factor_wanted: false,
        has_password: true,
    };
    Ok((StatusCode::CREATED, AppendHeaders([(SET_COOKIE, cookie)]), Json(response)))
}

/// What belongs to a nonce
///
/// The server asks itself for it, to see whether an address leads to it. 404 for every other.
#[utoipa::path(
    get,
    path = "/setup/echo/{nonce}",
    operation_id = "get_echo",
    tag = "setup",
    responses(
        (status = 200, description = "It is this server that sent it.", body = EchoResponse),
        problems::InFolder
    )
)]
pub(crate) async fn echo(
    State(server): State<Arc<Server>>,
    Path(nonce): Path<String>,
) -> Result<Json<EchoResponse>, Failure> {
    let answer = server.probes.answer_to(&nonce).ok_or_else(Failure::not_found)?;
    Ok(Json(EchoResponse { answer }))
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Over => Self::not_found().detail("This server is set up already."),
            SetupError::Wrong => {
                Self::new(ProblemKind::Forbidden).detail("This is not the code of the server's last start.")
            }
            SetupError::TooMany { retry_after_seconds } => Self::new(ProblemKind::TooManyRequests)
                .detail("Too many tries.")
                .retry_after(retry_after_seconds),
            SetupError::Account(AccountError::Database(error)) | SetupError::Database(error) => error.into(),
            SetupError::Account(AccountError::Password(error @ auth::password::PasswordError::Failed(_))) => {
                Self::internal(error)
            }
            SetupError::Account(AccountError::Taken(name)) => {
                Self::invalid(format!("The name '{name}' is taken."))
            }
            SetupError::Account(error) => Self::invalid(error.to_string()),
            SetupError::NoRandomness(error) => Self::internal(error),
        }
    }
}
