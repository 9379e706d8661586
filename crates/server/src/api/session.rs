//! `/api/v1/session`: signing in with a browser. A session is a device that ends by itself, with its token in a cookie
//! ([`crate::cookie`]): it is listed, unlinked and held back by the same limits as any other.

use super::devices::own::BROWSER;
use super::devices::{password_turn, revoke};
use crate::body;
use crate::caller::{Caller, PeerAddress};
use crate::cookie;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::sign_in::LinkAttempt;
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use model::{Timestamp, UserId};
use protocol::v1::{SessionRequest, SessionResponse};
use std::sync::Arc;

/// How long a session lasts, used or not.
pub(super) const SESSION_SECONDS: i64 = 30 * 24 * 3_600;

/// Who is signed in
///
/// By whatever token is shown.
#[utoipa::path(
    get,
    path = "/session",
    operation_id = "get_session",
    tag = "session",
    responses(
        (status = 200, description = "Who it is.", body = SessionResponse),
        problems::Signed
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    caller: Caller,
) -> Result<Json<SessionResponse>, Failure> {
    Ok(Json(who(&server, caller.principal.user).await?))
}

async fn who(server: &Server, user: UserId) -> Result<SessionResponse, Failure> {
    let found = server.read(move |snapshot| snapshot.user(user)).await?;
    let found = found.ok_or_else(|| Failure::internal("an account is gone whose token is known"))?;
    Ok(SessionResponse { user, name: found.name, administrator: found.administrator })
}

/// Signs in with a browser
///
/// Held back as linking a device is. The answer sets a cookie that lasts for 30 days; a session that the browser had before
/// ends. Other sites cannot have a browser do this.
#[utoipa::path(
    post,
    path = "/session",
    operation_id = "open_session",
    tag = "session",
    request_body(content = SessionRequest),
    responses(
        (status = 201, description = "Who it is now.", body = SessionResponse, headers(("set-cookie" = String, description = "The session's token."))),
        problems::Json,
        problems::SignIn,
        problems::Bounded,
        problems::Fallible,
        problems::Writing
    )
)]
pub(crate) async fn open(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    before: Option<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let request: SessionRequest = body::json(&server, &headers, body).await?;
    if cookie::is_from_elsewhere(&headers) {
        return Err(Failure::invalid("Signing in goes by the server's own page."));
    }
    let turn = password_turn(&server).await?;
    let (database, hasher, now) = (Arc::clone(&server.database), server.hasher.clone(), server.now());
    let (seconds, nanoseconds) = now.parts();
    let ends = Timestamp::from_parts(seconds.saturating_add(SESSION_SECONDS), nanoseconds);
    let linked = server
        .blocking(move || {
            let attempt = LinkAttempt {
                user: &request.user,
                password: &request.password,
                device: &request.browser,
                platform: BROWSER,
                address: Some(peer.0),
                ends: Some(ends),
                now,
            };
            Ok(auth::link_device(&*database, &hasher, attempt)?)
        })
        .await?;
    drop(turn);
    let old = before.filter(|caller| caller.by_cookie);
    if let Some((user, device)) = old.and_then(|old| Some((old.principal.user, old.device()?))) {
        revoke(&server, peer, (user, Some(device)), device).await?;
    }
    let response = who(&server, linked.user).await?;
    let cookie = cookie::give(&server, peer, &linked.token, SESSION_SECONDS);
    Ok((StatusCode::CREATED, AppendHeaders([(SET_COOKIE, cookie)]), Json(response)))
}

/// Signs the browser out
///
/// The session ends, and its cookie is taken back. 404 for who came with a device's token: it has no session.
#[utoipa::path(
    delete,
    path = "/session",
    operation_id = "close_session",
    tag = "session",
    responses(
        (status = 204, description = "It has ended.", headers(("set-cookie" = String, description = "Takes the cookie back."))),
        problems::Signed,
        problems::InFolder,
        problems::Writing
    )
)]
pub(crate) async fn close(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
) -> Result<impl IntoResponse, Failure> {
    let device = caller.device().filter(|_| caller.by_cookie).ok_or_else(Failure::not_found)?;
    revoke(&server, peer, (caller.principal.user, Some(device)), device).await?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(SET_COOKIE, cookie::take(&server, peer))])))
}
