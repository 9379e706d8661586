//! `POST /api/v1/devices` links a device to an account; `DELETE /api/v1/devices/self` unlinks it.

pub(crate) mod codes;
pub(crate) mod own;

use crate::body;
use crate::caller::{Caller, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::sign_in::LinkAttempt;
use auth::{Opening, OpeningKind};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use metadata::audit::AuditEntry;
use model::{DeviceId, UserId};
use protocol::ProblemKind;
use protocol::v1::{LinkRequest, LinkResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// How long an attempt waits for its turn to have its password looked at.
const TURN: Duration = Duration::from_secs(10);

/// Links a device to an account
///
/// Asks name and password once, and a code where the account has a second factor; from then on the device shows its token. After 5 failures of an account, or 50 from a
/// network, attempts are delayed more and more.
#[utoipa::path(
    post,
    path = "/devices",
    operation_id = "link_device",
    tag = "devices",
    request_body(content = LinkRequest),
    responses(
        (status = 201, description = "The device and its token.", body = LinkResponse),
        problems::Json,
        problems::Factors,
        problems::Bounded,
        problems::Fallible,
        problems::Writing
    )
)]
pub(crate) async fn link(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<LinkResponse>), Failure> {
    let request: LinkRequest = body::json(&server, &headers, body).await?;
    let turn = password_turn(&server).await?;
    let (shared, now) = (Arc::clone(&server), server.now());
    let linked = server
        .blocking(move || {
            let opening = Opening {
                kind: OpeningKind::Device,
                device: request.device,
                platform: request.platform,
                address: Some(peer.0),
                ends: None,
                now,
            };
            let (user, password) = (request.user.as_str(), request.password.as_str());
            let attempt = LinkAttempt { user, password, code: request.one_time_code.as_deref(), opening };
            Ok(auth::link_device(&*shared.database, &shared.hasher, &shared.factors, attempt)?)
        })
        .await?;
    drop(turn);
    let response = LinkResponse { device: linked.device, user: linked.user, token: linked.token.text() };
    Ok((StatusCode::CREATED, Json(response)))
}

/// Waits for the right to have a password looked at: each takes 46 MiB.
pub(crate) async fn password_turn(server: &Server) -> Result<SemaphorePermit<'_>, Failure> {
    let busy =
        || Failure::new(ProblemKind::TooManyRequests).detail("Too many sign in at once.").retry_after(2);
    let waiting = server.metrics.password_waits();
    let turn = tokio::time::timeout(TURN, server.passwords.acquire()).await.map_err(|_| busy())?;
    drop(waiting);
    turn.map_err(Failure::internal)
}

/// Takes the caller's own token away
///
/// The device is unlinked.
#[utoipa::path(
    delete,
    path = "/devices/self",
    operation_id = "unlink_device",
    tag = "devices",
    responses(
        (status = 204, description = "It is unlinked."),
        problems::Signed,
        problems::InFolder,
        problems::Writing
    )
)]
pub(crate) async fn unlink(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    let device = caller.device().ok_or_else(Failure::not_found)?;
    revoke(&server, peer, (caller.principal.user, Some(device)), device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a device's token away, at the wish of its person, who asks from that or from another device.
pub(super) async fn revoke(
    server: &Arc<Server>,
    peer: PeerAddress,
    (user, asking): (UserId, Option<DeviceId>),
    device: DeviceId,
) -> Result<(), Failure> {
    let now = server.now();
    let other = (asking != Some(device)).then(|| ("device".to_owned(), device.to_string()));
    server
        .write(move |transaction| {
            if !transaction.device(device)?.as_ref().is_none_or(auth::wipe::may_take_back) {
                let detail =
                    "An administrator ordered this device to remove its copies, and alone can take that back.";
                return Err(Failure::new(ProblemKind::Forbidden).detail(detail));
            }
            auth::wipe::unlink(transaction, device, now)?;
            let entry = AuditEntry {
                at: now,
                user: Some(user),
                device: asking,
                address: peer.0.to_string(),
                action: "device.unlink",
                folder: None,
                allowed: true,
                details: other.into_iter().collect(),
            };
            transaction.append_audit(&entry, auth::digest::audit)?;
            Ok::<_, Failure>(())
        })
        .await?;
    server.rights_changed().await;
    Ok(())
}
