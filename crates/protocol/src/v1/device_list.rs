//! `GET /api/v1/devices` and `/api/v1/admin/devices`: devices and sessions that are linked.

use super::{NamedUser, WaitingDevice};
use crate::schema;
use crate::text::{RfcTime, by_text, option_by_text};
use model::{DeviceId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The caller's devices and sessions, the last linked first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DevicesResponse {
    /// One entry a device.
    pub devices: Vec<LinkedDevice>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::DeviceId>, nullable = false)]
    pub next: Option<DeviceId>,
}

/// A device or session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkedDevice {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::DeviceId)]
    pub id: DeviceId,
    /// What the person calls it.
    pub name: String,
    /// The system it says it runs; empty if it never said.
    pub platform: String,
    /// From which address it was last seen; empty if that is not known.
    pub address: String,
    /// Whether it is a browser's session, which ends by itself.
    pub session: bool,
    /// Whether it listens for changes at this moment.
    pub online: bool,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it was linked.
    #[schema(value_type = schema::Timestamp)]
    pub linked: RfcTime,
    /// When its token was last shown, to five minutes or so.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub last_seen: Option<RfcTime>,
    /// When its token ends by itself; not if not given.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub ends: Option<RfcTime>,
    /// The order to remove its copies, if it was given: the device is unlinked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub wipe: Option<DeviceWipe>,
}

/// The order that a device remove its copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceWipe {
    /// When it was given.
    #[schema(value_type = schema::Timestamp)]
    pub ordered: RfcTime,
    /// When the device said that it has removed them; not yet if not given.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub done: Option<RfcTime>,
    /// How many files it has removed.
    pub removed: u64,
    /// How many it has kept, since the server does not have them.
    pub kept: u64,
}

/// What a device says when it has removed its copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WipedRequest {
    /// How many files it has removed.
    #[schema(maximum = 1000000000000u64)]
    pub removed: u64,
    /// How many it has kept, since the server does not have them.
    #[schema(maximum = 1000000000000u64)]
    pub kept: u64,
}

/// Everybody's devices, by account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AllDevicesResponse {
    /// One entry a device, ordered by the account's name and the moment of linking.
    pub devices: Vec<OwnedDevice>,
    /// What to give as `after` for the next page; none after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<String>,
}

/// A device and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnedDevice {
    /// The account.
    pub user: NamedUser,
    /// The device.
    pub device: LinkedDevice,
}

/// Devices that wait under a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingDevicesResponse {
    /// The oldest first.
    pub waiting: Vec<WaitingDevice>,
}

/// Links a device that waits under a code to an account, or refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleDeviceRequest {
    /// What the device shows.
    pub user_code: String,
    /// Whose it becomes; refused if not given.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::UserId>, nullable = false)]
    pub user: Option<UserId>,
}
