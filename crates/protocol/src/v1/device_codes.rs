//! `POST /api/v1/devices/codes` and what is below it: links a device on which no password is typed (the shape of RFC 8628).

use crate::schema;
use crate::text::{RfcTime, by_text};
use model::{DeviceId, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Asks for codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceCodeRequest {
    /// What the person calls the device.
    #[schema(min_length = 1, max_length = 64)]
    pub device: String,
    /// The system it runs, such as `linux`.
    pub platform: String,
}

/// The codes of a device that waits to be linked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceCodeResponse {
    /// What the device polls with. Said once, kept by nobody but the device.
    #[schema(value_type = schema::DeviceCode)]
    pub device_code: String,
    /// What a person types elsewhere.
    #[schema(value_type = schema::UserCode)]
    pub user_code: String,
    /// For how long the code can be approved.
    pub remaining_seconds: u64,
    /// How long to wait before each poll.
    pub interval_seconds: u64,
}

/// Without the secret code.
impl fmt::Debug for DeviceCodeResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCodeResponse").field("user_code", &self.user_code).finish_non_exhaustive()
    }
}

/// Asks what was decided.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PollDeviceCodeRequest {
    /// The secret code.
    pub device_code: String,
}

/// Without the secret code.
impl fmt::Debug for PollDeviceCodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollDeviceCodeRequest").finish_non_exhaustive()
    }
}

/// What was decided. All but `waiting` is said once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DeviceCodeState {
    /// Nothing yet.
    Waiting {
        /// For how long the code can be approved.
        remaining_seconds: u64,
        /// How long to wait before the next poll.
        interval_seconds: u64,
    },
    /// Somebody said no.
    Denied,
    /// The device is linked.
    Linked {
        /// The device.
        #[serde(with = "by_text")]
        #[schema(value_type = schema::DeviceId)]
        device: DeviceId,
        /// The account.
        #[serde(with = "by_text")]
        #[schema(value_type = schema::UserId)]
        user: UserId,
        /// The account's name.
        user_name: String,
        /// What every request shows from now on (`Authorization: Bearer`).
        #[schema(value_type = schema::DeviceToken)]
        token: String,
    },
}

/// Without the token.
impl fmt::Debug for DeviceCodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting { .. } => "Waiting",
            Self::Denied => "Denied",
            Self::Linked { .. } => "Linked",
        })
    }
}

/// Names a device that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindDeviceCodeRequest {
    /// What the device shows, as it was typed: the dash and capitals do not matter.
    pub user_code: String,
}

/// A device that waits to be linked, for whoever is to approve it: compare it with the device at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingDevice {
    /// What it shows.
    #[schema(value_type = schema::UserCode)]
    pub user_code: String,
    /// What the person calls it.
    pub device: String,
    /// The system it says it runs.
    pub platform: String,
    /// Where it asked from; empty if that is not known.
    pub address: String,
    /// When it asked.
    #[schema(value_type = schema::Timestamp)]
    pub asked: RfcTime,
    /// Until when the code can be approved.
    #[schema(value_type = schema::Timestamp)]
    pub ends: RfcTime,
}

/// Approves a device for one's own account, or refuses it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideDeviceCodeRequest {
    /// What the device shows, as it was typed.
    pub user_code: String,
    /// Whether it is linked to the caller's account.
    pub approve: bool,
    /// The account's password, once more: approving needs it, refusing does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Without the password.
impl fmt::Debug for DecideDeviceCodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecideDeviceCodeRequest").field("approve", &self.approve).finish_non_exhaustive()
    }
}
