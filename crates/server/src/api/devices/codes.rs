//! `POST /api/v1/devices/codes` gives a device a short code to show; somebody who is signed in elsewhere looks at it
//! (`…/find`) and decides (`…/decide`), and the device learns of it (`…/poll`). The shape of RFC 8628.

use super::password_turn;
use crate::body;
use crate::caller::{Caller, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::device_code::{Asking, INTERVAL_SECONDS, LIFE_SECONDS, Polled, Typed, WaitingCode};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use protocol::RfcTime;
use protocol::v1::{
    DecideDeviceCodeRequest, DeviceCodeRequest, DeviceCodeResponse, DeviceCodeState, FindDeviceCodeRequest,
    PollDeviceCodeRequest, WaitingDevice,
};
use std::sync::Arc;

/// Gives a device codes to be linked with
///
/// For devices on which no password is typed. The short one is shown to a person, who approves it elsewhere within ten
/// minutes; the secret one is what the device polls with. A restart of the server forgets both. At most 20 devices of
/// a network and 1,000 in all wait at a time.
#[utoipa::path(
    post,
    path = "/devices/codes",
    operation_id = "open_device_code",
    tag = "devices",
    request_body(content = DeviceCodeRequest),
    responses(
        (status = 201, description = "The codes.", body = DeviceCodeResponse),
        problems::Json,
        problems::Bounded,
        problems::Fallible
    )
)]
pub(crate) async fn ask(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<DeviceCodeResponse>), Failure> {
    let request: DeviceCodeRequest = body::json(&server, &headers, body).await?;
    let new = server.codes.ask(Asking {
        device: &request.device,
        platform: &request.platform,
        address: Some(peer.0),
        now: server.now(),
    })?;
    let response = DeviceCodeResponse {
        device_code: new.device_code.text(),
        user_code: new.user_code.to_string(),
        remaining_seconds: LIFE_SECONDS,
        interval_seconds: INTERVAL_SECONDS,
    };
    Ok((StatusCode::CREATED, Json(response)))
}

/// Tells a device what was decided about its code
///
/// A device that asks sooner than after `interval_seconds` is told to wait five seconds more each time. Whoever
/// polls with codes that are not known is slowed down as who guesses passwords.
#[utoipa::path(
    post,
    path = "/devices/codes/poll",
    operation_id = "poll_device_code",
    tag = "devices",
    request_body(content = PollDeviceCodeRequest),
    responses(
        (status = 200, description = "What was decided.", body = DeviceCodeState),
        problems::Json,
        problems::InFolder,
        problems::Bounded,
        problems::Fallible,
        problems::Writing
    )
)]
pub(crate) async fn poll(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DeviceCodeState>, Failure> {
    let request: PollDeviceCodeRequest = body::json(&server, &headers, body).await?;
    let (shared, now) = (Arc::clone(&server), server.now());
    let polled = server
        .blocking(move || {
            Ok(shared.codes.poll(&*shared.database, &request.device_code, Some(peer.0), now)?)
        })
        .await?;
    Ok(Json(match polled {
        Polled::Waiting { interval_seconds, remaining_seconds } => {
            DeviceCodeState::Waiting { remaining_seconds, interval_seconds }
        }
        Polled::Denied => DeviceCodeState::Denied,
        Polled::Linked { linked, user } => DeviceCodeState::Linked {
            device: linked.device,
            user: linked.user,
            user_name: user,
            token: linked.token.text(),
        },
    }))
}

/// Shows which device waits under a code
///
/// For a person to compare with the device at hand before approving it. After 5 codes that are not there by an account,
/// or 50 from a network, guesses are delayed more and more.
#[utoipa::path(
    post,
    path = "/devices/codes/find",
    operation_id = "find_device_code",
    tag = "devices",
    request_body(content = FindDeviceCodeRequest),
    responses(
        (status = 200, description = "The device.", body = WaitingDevice),
        problems::Signed,
        problems::Json,
        problems::InFolder,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn find(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<WaitingDevice>, Failure> {
    let request: FindDeviceCodeRequest = body::json(&server, &headers, body).await?;
    let shared = Arc::clone(&server);
    let found = server
        .blocking(move || {
            let typed = typed(&shared, &caller, peer, &request.user_code);
            Ok(shared.codes.look(&*shared.database, typed)?)
        })
        .await?;
    Ok(Json(waiting_device(found)))
}

/// Approves a waiting device for the caller's account, or refuses it
///
/// Approving needs the account's password once more: a token alone makes no second one. Wrong codes and wrong
/// passwords are counted and delayed.
#[utoipa::path(
    post,
    path = "/devices/codes/decide",
    operation_id = "decide_device_code",
    tag = "devices",
    request_body(content = DecideDeviceCodeRequest),
    responses(
        (status = 200, description = "The device that was decided about.", body = WaitingDevice),
        problems::Signed,
        problems::SignIn,
        problems::Json,
        problems::InFolder,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn decide(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<WaitingDevice>, Failure> {
    let request: DecideDeviceCodeRequest = body::json(&server, &headers, body).await?;
    let shared = Arc::clone(&server);
    if !request.approve {
        let work = move || {
            let typed = typed(&shared, &caller, peer, &request.user_code);
            Ok(shared.codes.deny(&*shared.database, typed)?)
        };
        return Ok(Json(waiting_device(server.blocking(work).await?)));
    }
    let password =
        request.password.ok_or_else(|| Failure::invalid("Approving needs the account's password."))?;
    let turn = password_turn(&server).await?;
    let work = move || {
        let typed = typed(&shared, &caller, peer, &request.user_code);
        Ok(shared.codes.approve(&*shared.database, &shared.hasher, typed, &password)?)
    };
    let decided = server.blocking(work).await?;
    drop(turn);
    Ok(Json(waiting_device(decided)))
}

fn typed<'a>(server: &Server, caller: &Caller, peer: PeerAddress, code: &'a str) -> Typed<'a> {
    Typed { principal: caller.principal, address: Some(peer.0), code, now: server.now() }
}

/// As people and programs are told of it.
pub(crate) fn waiting_device(waiting: WaitingCode) -> WaitingDevice {
    WaitingDevice {
        user_code: waiting.code.to_string(),
        device: waiting.device,
        platform: waiting.platform,
        address: waiting.address.map(|address| address.to_string()).unwrap_or_default(),
        asked: RfcTime(waiting.asked_at),
        ends: RfcTime(waiting.ends_at),
    }
}
