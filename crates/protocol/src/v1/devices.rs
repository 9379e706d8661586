//! `POST /api/v1/devices`: links a device to an account. `DELETE /api/v1/devices/self` unlinks it.

use crate::schema;
use crate::text::by_text;
use model::{DeviceId, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Asks for a device token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// The account's name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// What the person calls the device.
    #[schema(min_length = 1, max_length = 64)]
    pub device: String,
    /// The system it runs, such as `linux`.
    pub platform: String,
    /// A code of the account's second factor (the app's, or a recovery code), where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub one_time_code: Option<String>,
}

/// Without the password.
impl fmt::Debug for LinkRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkRequest")
            .field("user", &self.user)
            .field("device", &self.device)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

/// The new device.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkResponse {
    /// The device.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::DeviceId)]
    pub device: DeviceId,
    /// The account.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// What every request shows from now on (`Authorization: Bearer`). Said once, kept by nobody but the device.
    #[schema(value_type = schema::DeviceToken)]
    pub token: String,
}

/// Without the token.
impl fmt::Debug for LinkResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkResponse")
            .field("device", &self.device)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
