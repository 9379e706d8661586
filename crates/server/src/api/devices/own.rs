//! `GET /api/v1/devices` and `DELETE /api/v1/devices/{device}`: one's own devices and sessions.

use super::revoke;
use crate::api::administration::lists::limit;
use crate::caller::{Caller, Ids, PeerAddress, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use metadata::account::DeviceRow;
use model::{DeviceId, Timestamp};
use protocol::RfcTime;
use protocol::schema;
use protocol::v1::{DevicesResponse, LinkedDevice};
use serde::Deserialize;
use std::sync::Arc;

/// What browsers are linked as.
pub(crate) const BROWSER: &str = "browser";

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
    rows.retain(|row| is_linked(row, now) && after.is_none_or(|after| row.id < after));
    rows.reverse();
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id);
    let devices = rows.into_iter().map(|row| linked_device(&server, row, caller.device())).collect();
    Ok(Json(DevicesResponse { devices, next }))
}

/// Unlinks one of one's own devices or sessions
///
/// Its token is worth nothing from then on; what it has copied stays there.
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
    found.filter(|row| row.user == user && is_linked(row, now)).ok_or_else(Failure::not_found)?;
    revoke(&server, peer, (user, caller.device()), device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether its token is worth something, as long as its account's are.
pub(crate) fn is_linked(row: &DeviceRow, now: Timestamp) -> bool {
    row.revoked_at.is_none() && row.expires_at.is_none_or(|end| end > now)
}

/// A device as it is shown to who may see it.
pub(crate) fn linked_device(server: &Server, row: DeviceRow, asking: Option<DeviceId>) -> LinkedDevice {
    LinkedDevice {
        id: row.id,
        // A client may call itself what it likes; only a browser's token is in a cookie and ends.
        session: row.platform == BROWSER && row.expires_at.is_some(),
        name: row.name,
        platform: row.platform,
        address: row.address,
        online: server.presence.has(row.id),
        current: Some(row.id) == asking,
        linked: RfcTime(row.created_at),
        last_seen: row.last_seen_at.map(RfcTime),
        ends: row.expires_at.map(RfcTime),
    }
}
