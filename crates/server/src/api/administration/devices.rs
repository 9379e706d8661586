//! `/api/v1/admin/devices`: everybody's devices and sessions, and devices that wait under a code.

use super::lists::{Search, limit};
use super::{Administrator, administer_with};
use crate::admin::{AdminError, devices, the_user};
use crate::api::devices::codes::waiting_device;
use crate::api::devices::own::linked_device;
use crate::body;
use crate::caller::{Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::wipe::is_shown;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use metadata::Snapshot;
use metadata::account::User;
use model::{DeviceId, NameKey, UserId};
use protocol::admin::AdminAnswer;
use protocol::schema;
use protocol::v1::{
    AllDevicesResponse, NamedUser, OwnedDevice, SettleDeviceRequest, WaitingDevice, WaitingDevicesResponse,
};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Whose; everybody's if not given.
    #[param(value_type = Option<schema::UserId>, nullable = false)]
    user: Option<String>,
    /// What the device's or the account's name contains; capitals do not matter.
    #[param(nullable = false)]
    search: Option<String>,
    /// For the next page: `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
    /// The most entries of the page; 200 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// After which device of which account a page begins.
#[derive(Debug, Clone)]
struct After {
    device: DeviceId,
    user: NameKey,
}

impl After {
    /// `d7~alice`: an id has no `~`, and no name begins with one.
    fn parse(text: &str) -> Option<Self> {
        let (device, user) = text.split_once('~')?;
        Some(Self { device: device.parse().ok()?, user: auth::account::name_key(user).ok()? })
    }
}

/// Everybody's devices and sessions
///
/// Ordered by the account's name and the moment of linking.
#[utoipa::path(
    get,
    path = "/devices",
    operation_id = "list_all_devices",
    tag = "administration",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = AllDevicesResponse),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Values(query): Values<Query>,
) -> Result<Json<AllDevicesResponse>, Failure> {
    let search = Search::new(query.search.as_deref().unwrap_or_default())?;
    let bad = |name: &str| Failure::invalid(format!("'{name}' is not one that was given out."));
    let user = query.user.as_deref().map(str::parse::<UserId>).transpose().map_err(|_| bad("user"))?;
    let after = match query.after.as_deref() {
        Some(text) => Some(After::parse(text).ok_or_else(|| bad("after"))?),
        None => None,
    };
    let (limit, here) = (limit(query.limit), Arc::clone(&server));
    let own = by.principal.and_then(|principal| principal.device);
    let answer = server.read(move |snapshot| {
        let users = match user {
            Some(user) => vec![the_user(snapshot, user)?],
            None => snapshot.users()?,
        };
        let mut devices = collect(&here, snapshot, users, (&search, after.as_ref()), limit + 1)?;
        for device in &mut devices {
            device.device.current = Some(device.device.id) == own;
        }
        let more = devices.len() > limit;
        devices.truncate(limit);
        let last = devices.last().filter(|_| more);
        let next = last.map(|last| format!("{}~{}", last.device.id, last.user.name));
        Ok::<_, AdminError>(AllDevicesResponse { devices, next })
    });
    Ok(Json(answer.await?))
}

/// So many devices of these accounts, from where the page before ended.
fn collect(
    server: &Server,
    snapshot: &dyn Snapshot,
    mut users: Vec<User>,
    (search, after): (&Search, Option<&After>),
    most: usize,
) -> Result<Vec<OwnedDevice>, AdminError> {
    users.sort_by(|one, other| one.name_key.cmp(&other.name_key));
    let (now, mut found) = (server.now(), Vec::new());
    for user in users.into_iter().filter(|user| after.is_none_or(|after| user.name_key >= after.user)) {
        let owner_fits = search.fits(&user.name_key);
        let begun = after.filter(|after| after.user == user.name_key).map(|after| after.device);
        for device in snapshot.devices(user.id)? {
            let is_next = begun.is_none_or(|begun| device.id > begun);
            if is_next && is_shown(&device, now) && (owner_fits || search.fits_name(&device.name)) {
                let device = linked_device(server, device, None);
                found.push(OwnedDevice { user: NamedUser { id: user.id, name: user.name.clone() }, device });
            }
            if found.len() == most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// Unlinks anybody's device or session
///
/// Its token is worth nothing from then on; what it has copied stays there. An order to remove that, which it has not heard yet,
/// is taken back.
#[utoipa::path(
    delete,
    path = "/devices/{device}",
    operation_id = "unlink_any_device",
    tag = "administration",
    responses(
        (status = 204, description = "It is unlinked."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Writing
    )
)]
pub(crate) async fn unlink(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((device,)): Ids<(DeviceId,)>,
) -> Result<StatusCode, Failure> {
    administer_with(&server, move |server| devices::unlink(server, &by, device)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Orders anybody's device to remove its copies
///
/// It is unlinked at once, and hears the order when it next reaches the server. It removes what it knows to be on the server,
/// and keeps what was changed or made on it since.
#[utoipa::path(
    post,
    path = "/devices/{device}/wipe",
    operation_id = "wipe_any_device",
    tag = "administration",
    responses(
        (status = 204, description = "It is ordered."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Values,
        problems::Writing
    )
)]
pub(crate) async fn wipe(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((device,)): Ids<(DeviceId,)>,
) -> Result<StatusCode, Failure> {
    administer_with(&server, move |server| devices::order_wipe(server, &by, device, None)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Devices that wait under a code
///
/// The oldest first.
#[utoipa::path(
    get,
    path = "/devices/waiting",
    operation_id = "list_waiting_devices",
    tag = "administration",
    responses(
        (status = 200, description = "The devices.", body = WaitingDevicesResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn waiting(
    State(server): State<Arc<Server>>,
    _: Administrator,
) -> Result<Json<WaitingDevicesResponse>, Failure> {
    let waiting = server.codes.waiting(server.now()).into_iter().map(waiting_device).collect();
    Ok(Json(WaitingDevicesResponse { waiting }))
}

/// Links a waiting device to an account, or refuses it
///
/// For the account that is given; refused without one. Whoever looks at the device should compare what it says.
#[utoipa::path(
    post,
    path = "/devices/waiting",
    operation_id = "settle_waiting_device",
    tag = "administration",
    request_body(content = SettleDeviceRequest),
    responses(
        (status = 200, description = "The device that was decided about.", body = WaitingDevice),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn settle(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<WaitingDevice>, Failure> {
    let SettleDeviceRequest { user_code, user } = body::json(&server, &headers, body).await?;
    let answer = administer_with(&server, move |server| match user {
        Some(user) => devices::approve(server, &by, &user_code, Ok(user)),
        None => devices::deny(server, &by, &user_code),
    });
    match answer.await? {
        AdminAnswer::DeviceDecided(device) => Ok(Json(device)),
        other => Err(super::unexpected(&other)),
    }
}
