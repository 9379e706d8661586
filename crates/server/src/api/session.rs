//! `/api/v1/session`: signing in with a browser. A session is a device that ends by itself, with its token in a cookie
//! ([`crate::cookie`]): it is listed, unlinked and held back by the same limits as any other.

pub(crate) mod single_sign_on;

use super::devices::{password_turn, revoke};
use crate::body;
use crate::caller::{Caller, PeerAddress};
use crate::cookie;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::pending::SecondStep;
use auth::sign_in::LinkAttempt;
use auth::{Linked, Opened, Opening, OpeningKind};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use model::{Timestamp, UserId};
use protocol::v1::{SecondStepRequest, SecondStepResponse, SessionRequest, SessionResponse};
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
    let mut response = who(&server, caller.principal.user).await?;
    response.administrator &= caller.administrator;
    Ok(Json(response))
}

async fn who(server: &Server, user: UserId) -> Result<SessionResponse, Failure> {
    let found = server
        .read(move |snapshot| {
            let administers = snapshot.administers(user)?;
            let has_password = auth::account::has_password(snapshot, user)?;
            Ok::<_, Failure>(snapshot.user(user)?.map(|found| (found, administers, has_password)))
        })
        .await?;
    let (found, administrator, has_password) =
        found.ok_or_else(|| Failure::internal("an account is gone whose token is known"))?;
    let second_factor_wanted = found.administrator && !found.disabled && !administrator;
    Ok(SessionResponse { user, name: found.name, administrator, second_factor_wanted, has_password })
}

/// Signs in with a browser
///
/// Held back as linking a device is. The answer sets a cookie that lasts for 30 days, and ends when it was not used for 14
/// (an administrator's: for 12 hours); a session that the browser had before ends. Where the account has a second factor,
/// nothing is set: `finish_session` takes the code. Other sites cannot have a browser do this.
#[utoipa::path(
    post,
    path = "/session",
    operation_id = "open_session",
    tag = "session",
    request_body(content = SessionRequest),
    responses(
        (status = 201, description = "Who it is now.", body = SessionResponse, headers(("set-cookie" = String, description = "The session's token."))),
        (status = 202, description = "The password was right; the second factor is wanted, too.", body = SecondStepResponse),
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
) -> Result<Response, Failure> {
    let request: SessionRequest = body::json(&server, &headers, body).await?;
    only_own_page(&headers)?;
    let turn = password_turn(&server).await?;
    let (shared, opening) = (Arc::clone(&server), opening(&server, peer, request.browser));
    let opened = server
        .blocking(move || {
            let (user, password) = (request.user.as_str(), request.password.as_str());
            let attempt = LinkAttempt { user, password, code: None, opening };
            Ok(auth::open_session(&*shared.database, &shared.hasher, &shared.factors, attempt)?)
        })
        .await?;
    drop(turn);
    match opened {
        Opened::Linked(linked) => opened_session(&server, peer, before, &linked).await,
        Opened::SecondStep(step) => Ok(second_step(&step)),
    }
}

/// Half a sign-in, for who is to show a second factor.
fn second_step(step: &SecondStep) -> Response {
    let (pending, remaining_seconds) = (step.token.text(), auth::pending::LIFE_SECONDS);
    let response = SecondStepResponse { pending, remaining_seconds };
    (StatusCode::ACCEPTED, Json(response)).into_response()
}

/// Finishes a sign-in by a second factor
///
/// Takes what `open_session` gave and a code: of the authenticator app, or a recovery code, each good once. After five wrong
/// ones, or five minutes, one begins again with the password; wrong codes are counted by account and delayed more and more.
#[utoipa::path(
    post,
    path = "/session/second-factor",
    operation_id = "finish_session",
    tag = "session",
    request_body(content = SecondStepRequest),
    responses(
        (status = 201, description = "Who it is now.", body = SessionResponse, headers(("set-cookie" = String, description = "The session's token."))),
        problems::Json,
        problems::Factors,
        problems::InFolder,
        problems::Bounded,
        problems::Fallible,
        problems::Writing
    )
)]
pub(crate) async fn finish(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    before: Option<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: SecondStepRequest = body::json(&server, &headers, body).await?;
    only_own_page(&headers)?;
    let (shared, opening) = (Arc::clone(&server), opening(&server, peer, request.browser));
    let linked = server
        .blocking(move || {
            let (factors, database) = (&shared.factors, &*shared.database);
            let (pending, code) = (request.pending.as_str(), request.code.as_str());
            Ok(factors.pending.finish(database, &factors.key, pending, code, opening)?)
        })
        .await?;
    opened_session(&server, peer, before, &linked).await
}

/// Whoever signs in does so on the server's own page: another site could sign a person in to somebody else's account.
pub(crate) fn only_own_page(headers: &HeaderMap) -> Result<(), Failure> {
    if cookie::is_from_elsewhere(headers) {
        return Err(Failure::invalid("Signing in goes by the server's own page."));
    }
    Ok(())
}

/// What a browser opens by signing in, whatever proves who it is.
pub(crate) fn opening(server: &Server, peer: PeerAddress, browser: String) -> Opening {
    let now = server.now();
    let (seconds, nanoseconds) = now.parts();
    Opening {
        kind: OpeningKind::Session,
        device: browser,
        platform: "browser".to_owned(),
        address: Some(peer.0),
        ends: Some(Timestamp::from_parts(seconds.saturating_add(SESSION_SECONDS), nanoseconds)),
        now,
    }
}

/// Gives a new session to the browser; the one before ends. The end of every way to sign in with a browser.
pub(crate) async fn opened_session(
    server: &Arc<Server>,
    peer: PeerAddress,
    before: Option<Caller>,
    linked: &Linked,
) -> Result<Response, Failure> {
    let old = before.filter(|caller| caller.by_cookie);
    if let Some((user, device)) = old.and_then(|old| Some((old.principal.user, old.device()?))) {
        revoke(server, peer, (user, Some(device)), device).await?;
    }
    let response = who(server, linked.user).await?;
    let cookie = cookie::give(server, peer, &linked.token, SESSION_SECONDS);
    Ok((StatusCode::CREATED, AppendHeaders([(SET_COOKIE, cookie)]), Json(response)).into_response())
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
