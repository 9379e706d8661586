//! `/api/v1/account/second-factor`: turned on with a code, off with password and code; and its recovery codes.

use super::{confirm, end_other_sessions};
use crate::admin::By;
use crate::body;
use crate::caller::{Caller, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::qr::qr;
use crate::server::Server;
use auth::second_factor::{self, ENROLMENT_SECONDS};
use auth::{LinkError, totp};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use metadata::Transaction;
use model::Timestamp;
use protocol::ProblemKind;
use protocol::v1::{
    ConfirmSecondFactorRequest, EnrolmentResponse, PasswordAndCode, PasswordOnceMore, RecoveryCodesResponse,
};
use std::sync::Arc;

/// Begins to set a second factor up
///
/// Gives the secret for an authenticator app (TOTP, RFC 6238: six digits, 30 seconds, SHA-1). Nothing changes until
/// `confirm_second_factor` shows a code of it.
#[utoipa::path(
    post,
    path = "/second-factor",
    operation_id = "begin_second_factor",
    tag = "account",
    request_body(content = PasswordOnceMore),
    responses(
        (status = 201, description = "What the app is given.", body = EnrolmentResponse),
        problems::Signed,
        problems::Privileged,
        problems::SignIn,
        problems::Making,
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
) -> Result<(StatusCode, Json<EnrolmentResponse>), Failure> {
    let request: PasswordOnceMore = body::json(&server, &headers, body).await?;
    confirm(&server, &caller, peer, request.password).await?;
    let user = caller.principal.user;
    let (state, account) = server
        .read(move |snapshot| Ok::<_, Failure>((second_factor::state(snapshot, user)?, snapshot.user(user)?)))
        .await?;
    if state.is_some() {
        return Err(auth::EnrolmentError::Already.into());
    }
    let account = account.ok_or_else(|| Failure::new(ProblemKind::Unauthenticated))?;
    let secret = server.factors.enrolments.begin(user, server.now()).map_err(Failure::internal)?;
    let uri = totp::uri(&issuer(&headers), &account.name, &secret);
    let qr = qr(&uri);
    let (secret, remaining_seconds) = (totp::base32(&secret), ENROLMENT_SECONDS);
    Ok((StatusCode::CREATED, Json(EnrolmentResponse { secret, uri, qr, remaining_seconds })))
}

/// What apps call the server: by the name that the page is used under, if it looks like one.
fn issuer(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let is_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '-');
    if !host.is_empty() && host.len() <= 64 && host.chars().all(is_name) {
        format!("Driftless {host}")
    } else {
        "Driftless".to_owned()
    }
}

/// Turns the second factor on
///
/// By a code of the app. From then on the password alone signs nobody in; the account's other sessions end. Gives ten
/// recovery codes, each good once.
#[utoipa::path(
    post,
    path = "/second-factor/confirm",
    operation_id = "confirm_second_factor",
    tag = "account",
    request_body(content = ConfirmSecondFactorRequest),
    responses(
        (status = 200, description = "It is on.", body = RecoveryCodesResponse),
        problems::Signed,
        problems::Privileged,
        problems::Code,
        problems::Making,
        problems::InFolder,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn turn_on(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RecoveryCodesResponse>, Failure> {
    let request: ConfirmSecondFactorRequest = body::json(&server, &headers, body).await?;
    let (shared, principal) = (Arc::clone(&server), caller.principal);
    let recovery_codes = change(&server, &caller, peer, "second_factor.on", move |transaction, now| {
        let factors = &shared.factors;
        let confirmed =
            factors.enrolments.confirm(transaction, &factors.key, principal.user, &request.code, now)?;
        if confirmed.is_ok() {
            end_other_sessions(transaction, principal, now)?;
        }
        Ok(confirmed.map_err(Failure::from))
    })
    .await?;
    Ok(Json(RecoveryCodesResponse { recovery_codes }))
}

/// Turns the second factor off
///
/// By password and code: from then on the password is enough.
#[utoipa::path(
    post,
    path = "/second-factor/remove",
    operation_id = "remove_second_factor",
    tag = "account",
    request_body(content = PasswordAndCode),
    responses(
        (status = 204, description = "It is off."),
        problems::Signed,
        problems::Privileged,
        problems::SignIn,
        problems::Code,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn turn_off(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let request: PasswordAndCode = body::json(&server, &headers, body).await?;
    confirm(&server, &caller, peer, request.password).await?;
    let (shared, user) = (Arc::clone(&server), caller.principal.user);
    change(
        &server,
        &caller,
        peer,
        "second_factor.off",
        move |transaction, now| match second_factor::confirm(
            transaction,
            &shared.factors.key,
            user,
            &request.code,
            now,
        )? {
            Ok(()) => second_factor::remove(transaction, user).map(|_| Ok(())),
            Err(error) => Ok(Err(error.into())),
        },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes new recovery codes
///
/// By password and code. The old ones are worth nothing from then on.
#[utoipa::path(
    post,
    path = "/recovery-codes",
    operation_id = "renew_recovery_codes",
    tag = "account",
    request_body(content = PasswordAndCode),
    responses(
        (status = 200, description = "The new codes.", body = RecoveryCodesResponse),
        problems::Signed,
        problems::Privileged,
        problems::SignIn,
        problems::Code,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn renew_codes(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RecoveryCodesResponse>, Failure> {
    let request: PasswordAndCode = body::json(&server, &headers, body).await?;
    confirm(&server, &caller, peer, request.password).await?;
    let (shared, user) = (Arc::clone(&server), caller.principal.user);
    let recovery_codes = change(&server, &caller, peer, "recovery_codes.renew", move |transaction, now| {
        match second_factor::confirm(transaction, &shared.factors.key, user, &request.code, now)? {
            Ok(()) => {
                let renewed = second_factor::renew_codes(transaction, user, now)?;
                Ok(renewed.map_err(|error| LinkError::from(error).into()))
            }
            Err(error) => Ok(Err(error.into())),
        }
    })
    .await?;
    Ok(Json(RecoveryCodesResponse { recovery_codes }))
}

/// Writes what the caller changes of the own second factor; allowed or refused, it is in the audit log, and a try that was
/// counted stays counted.
async fn change<T: Send + 'static>(
    server: &Arc<Server>,
    caller: &Caller,
    peer: PeerAddress,
    action: &'static str,
    work: impl FnOnce(&dyn Transaction, Timestamp) -> metadata::Result<Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let (by, now) = (By { principal: Some(caller.principal), address: Some(peer.0) }, server.now());
    let changed = server
        .write(move |transaction| {
            let changed = work(transaction, now)?;
            let entry = by.entry(now, action, changed.is_ok(), Vec::new());
            transaction.append_audit(&entry, auth::digest::audit)?;
            Ok::<_, Failure>(changed)
        })
        .await?;
    server.rights_changed().await;
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn apps_call_the_server_by_its_name_and_by_nothing_odd() {
        let issuer = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            issuer(&headers)
        };
        assert_eq!(issuer("cloud.example:8443"), "Driftless cloud.example");
        for odd in ["", "[::1]:80", "a&b", "<b>"] {
            assert_eq!(issuer(odd), "Driftless");
        }
    }
}
