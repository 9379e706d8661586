//! `/api/v1/account/single-sign-on`: connecting one's own account to whom the provider knows. There is no other way to
//! connect one that was there before: neither names nor addresses of mail do.

use super::confirm;
use crate::api::session::single_sign_on::{Shown, begin as begin_attempt, proven};
use crate::body;
use crate::caller::{Caller, PeerAddress};
use crate::cookie;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use crate::single_sign_on::refused;
use auth::single_sign_on::{Doer, connect as connect_account, disconnect as disconnect_account};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use metadata::identity::IdentityRow;
use openid::attempts::Purpose;
use protocol::RfcTime;
use protocol::v1::{
    ConnectRequest, ConnectedIdentity, OwnSingleSignOn, PasswordOnceMore, SingleSignOnBegun,
    SingleSignOnReason as Reason,
};
use std::sync::Arc;

/// How single sign-on stands for the account
///
/// Whom of the provider's people it is connected to.
#[utoipa::path(
    get,
    path = "/single-sign-on",
    operation_id = "get_own_single_sign_on",
    tag = "account",
    responses(
        (status = 200, description = "How it stands.", body = OwnSingleSignOn),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    caller: Caller,
) -> Result<Json<OwnSingleSignOn>, Failure> {
    let Some(chosen) = server.single_sign_on_chosen().await? else {
        return Ok(Json(OwnSingleSignOn { button: None, connected: None }));
    };
    let (user, issuer) = (caller.principal.user, chosen.settings.issuer);
    let identities = server.read(move |snapshot| snapshot.identities(user)).await?;
    let connected = identities.into_iter().find(|row| row.issuer == issuer).map(entry);
    Ok(Json(OwnSingleSignOn { button: Some(chosen.settings.button), connected }))
}

fn entry(row: IdentityRow) -> ConnectedIdentity {
    ConnectedIdentity {
        name: row.name,
        since: RfcTime(row.created_at),
        last_used: row.last_used_at.map(RfcTime),
    }
}

/// Begins to connect the account
///
/// Gives the address to send the browser to, as `begin_single_sign_on` does; `connect_single_sign_on` takes what comes back.
#[utoipa::path(
    post,
    path = "/single-sign-on/begin",
    operation_id = "begin_to_connect",
    tag = "account",
    request_body(content = PasswordOnceMore),
    responses(
        (status = 201, description = "Where to go.", body = SingleSignOnBegun, headers(("set-cookie" = String, description = "This browser's half of the attempt."))),
        problems::Signed,
        problems::Privileged,
        problems::SignIn,
        problems::SingleSignOn,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn begin(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: PasswordOnceMore = body::json(&server, &headers, body).await?;
    confirm(&server, &caller, peer, request.password).await?;
    begin_attempt(&server, peer, &headers, Purpose::Connect(caller.principal)).await
}

/// Connects the account
///
/// To whom the provider has sent the browser back as. The session must be the one that has begun it.
#[utoipa::path(
    post,
    path = "/single-sign-on",
    operation_id = "connect_single_sign_on",
    tag = "account",
    request_body(content = ConnectRequest),
    responses(
        (status = 200, description = "Whom it is connected to.", body = ConnectedIdentity),
        problems::Signed,
        problems::Privileged,
        problems::SingleSignOn,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn connect(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ConnectedIdentity>, Failure> {
    let ConnectRequest { state, code, issuer } = body::json(&server, &headers, body).await?;
    let cookie = cookie::attempt(&headers, &server, peer);
    let principal = caller.principal;
    let is_theirs = |purpose: &Purpose| *purpose == Purpose::Connect(principal);
    let proven = proven(&server, cookie, is_theirs, Shown { state, code, issuer }).await?;
    let (person, _) = proven.map_err(|refusal| {
        tracing::warn!(reason = refusal.reason.word(), cause = ?refusal.cause, "an account was not connected");
        refused(refusal.reason)
    })?;
    let by: Doer = (principal, Some(peer.0), server.now());
    let row = server.write(move |transaction| connect_account(transaction, by, &person)).await?;
    Ok(Json(entry(row)))
}

/// Disconnects the account
///
/// From then on nobody signs in with it by the provider. Refused where that is the only way to sign in.
#[utoipa::path(
    delete,
    path = "/single-sign-on",
    operation_id = "disconnect_single_sign_on",
    tag = "account",
    responses(
        (status = 204, description = "It is not connected any more."),
        problems::Signed,
        problems::Privileged,
        problems::SingleSignOn,
        problems::InFolder,
        problems::Writing
    )
)]
pub(crate) async fn disconnect(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    let chosen = server.single_sign_on_chosen().await?.ok_or_else(|| refused(Reason::NotConfigured))?;
    let by: Doer = (caller.principal, Some(peer.0), server.now());
    server.write(move |transaction| disconnect_account(transaction, by, &chosen.settings.issuer)).await?;
    Ok(StatusCode::NO_CONTENT)
}
