//! `/api/v1/devices`: one's own devices and sessions.

use super::revoke;
use crate::admin::{By, carry_out_with, devices};
use crate::api::administration::lists::limit;
use crate::body;
use crate::caller::{Caller, Ids, PeerAddress, ToBeWiped, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::wipe::is_shown;
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use metadata::account::{DeviceKind, DeviceRow};
use model::DeviceId;
use protocol::v1::{DevicesResponse, LinkedDevice, WipedRequest};
use protocol::{RfcTime, schema};
use serde::Deserialize;
use std::sync::Arc;

/// How many files a device may say that it had.
const FILES_MAX: u64 = 1_000_000_000_000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// For the next page: `next` of the page before.
    #[param(value_type = Option<schema::DeviceId>, nullable = false)]
    after: Option<String>,
    /// The most entries of the page; 200 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// One's own devices and sessions
///
/// The last linked first.
#[utoipa::path(
    get,
    path = "/devices",
    operation_id = "list_devices",
    tag = "devices",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = DevicesResponse),
        problems::Signed,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<DevicesResponse>, Failure> {
    let after = query.after.as_deref().map(str::parse::<DeviceId>).transpose();
    let after = after.map_err(|error| Failure::invalid(format!("'after' is {error}.")))?;
    let (limit, now, user) = (limit(query.limit), server.now(), caller.principal.user);
    let mut rows = server.read(move |snapshot| snapshot.devices(user)).await?;
    // App passwords are listed with what they may do, under the account.
    rows.retain(|row| {
        row.kind != DeviceKind::App && is_shown(row, now) && after.is_none_or(|after| row.id < after)
    });
    rows.reverse();
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id);
    let devices = rows.into_iter().map(|row| linked_device(&server, row, caller.device())).collect();
    Ok(Json(DevicesResponse { devices, next }))
}

/// Unlinks one of one's own devices or sessions
///
/// Its token is worth nothing from then on; what it has copied stays there. An order to remove that, which it has not heard yet,
/// is taken back, unless somebody else gave it.
#[utoipa::path(
    delete,
    path = "/devices/{device}",
    operation_id = "unlink_own_device",
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
    Ids((device,)): Ids<(DeviceId,)>,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    let (user, now) = (caller.principal.user, server.now());
    let found = server.read(move |snapshot| snapshot.device(device)).await?;
    // Somebody else's is as one that is not there.
    found.filter(|row| row.user == user && is_shown(row, now)).ok_or_else(Failure::not_found)?;
    revoke(&server, peer, (user, caller.device()), device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Orders one of one's own devices to remove its copies
///
/// It is unlinked at once, and hears the order when it next reaches the server. It removes what it knows to be on the server,
/// and keeps what was changed or made on it since.
#[utoipa::path(
    post,
    path = "/devices/{device}/wipe",
    operation_id = "wipe_own_device",
    tag = "devices",
    responses(
        (status = 204, description = "It is ordered."),
        problems::Signed,
        problems::InFolder,
        problems::Values,
        problems::Writing
    )
)]
pub(crate) async fn wipe(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    Ids((device,)): Ids<(DeviceId,)>,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    let by = By { principal: Some(caller.principal), address: Some(peer.0) };
    let user = caller.principal.user;
    carry_out_with(&server, move |server| devices::order_wipe(server, &by, device, Some(user))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says that the device has removed its copies
///
/// Asked with the token of a device that was ordered to, whose other requests are all refused as `wipe_ordered`. The token is
/// worth nothing at all from then on.
#[utoipa::path(
    post,
    path = "/devices/self/wiped",
    operation_id = "report_wiped",
    tag = "devices",
    request_body(content = WipedRequest),
    responses(
        (status = 204, description = "It is noted."),
        problems::Signed,
        problems::InFolder,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn wiped(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    ToBeWiped(principal): ToBeWiped,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let done: WipedRequest = body::json(&server, &headers, body).await?;
    if done.removed.max(done.kept) > FILES_MAX {
        return Err(Failure::invalid("No device holds so many files."));
    }
    let device = principal.device.ok_or_else(Failure::not_found)?;
    let by = By { principal: Some(principal), address: Some(peer.0) };
    carry_out_with(&server, move |server| devices::note_wiped(server, &by, device, done)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A device as it is shown to who may see it.
pub(crate) fn linked_device(server: &Server, row: DeviceRow, asking: Option<DeviceId>) -> LinkedDevice {
    LinkedDevice {
        id: row.id,
        session: row.kind == DeviceKind::Session,
        name: row.name,
        platform: row.platform,
        address: row.address,
        online: server.presence.has(row.id),
        current: Some(row.id) == asking,
        linked: RfcTime(row.created_at),
        last_seen: row.last_seen_at.map(RfcTime),
        ends: row.expires_at.map(RfcTime),
        wipe: row.wipe.map(devices::order_shown),
    }
}
