//! `/api/v1/account/…`: what guards one's own account. The second half of signing in is in [`super::session`].

use super::{QrCode, WirePrivilege};
use crate::schema;
use crate::text::{RfcTime, by_text};
use model::{DeviceId, FolderId, PasskeyId};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What guards the account beside its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecurityResponse {
    /// The second factor; none: the password is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<SecondFactorEntry>,
    /// Whether the account administers the server only once it has a second factor.
    pub second_factor_wanted: bool,
}

/// A second factor that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondFactorEntry {
    /// Since when.
    #[schema(value_type = schema::Timestamp)]
    pub since: RfcTime,
    /// Recovery codes that were not used.
    pub recovery_codes_left: usize,
}

/// Who must have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorPolicy {
    /// Whether an account administers the server only while it has one.
    pub administrators: bool,
}

/// Takes somebody's second factor away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveSecondFactorRequest {
    /// The account's name.
    pub user: String,
}

/// Shows the account's password once more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordOnceMore {
    /// The password.
    #[schema(max_length = 1024)]
    pub password: String,
}

/// Shows the account's password and a code once more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordAndCode {
    /// The password.
    #[schema(max_length = 1024)]
    pub password: String,
    /// The app's code, or a recovery code.
    #[schema(max_length = 64)]
    pub code: String,
}

/// A code of the app that has just been given the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmSecondFactorRequest {
    /// The code.
    #[schema(max_length = 64)]
    pub code: String,
}

/// What an authenticator app is given. Said once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentResponse {
    /// The secret in base 32, to be typed.
    pub secret: String,
    /// The same as an address (`otpauth://`), as apps read it from a picture.
    pub uri: String,
    /// That picture; absent if the address is too long for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub qr: Option<QrCode>,
    /// For how long a code of the app is awaited.
    pub remaining_seconds: i64,
}

/// Recovery codes, each good once. Said once, kept by nobody but the person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodesResponse {
    /// The codes.
    pub recovery_codes: Vec<String>,
}

/// Asks for an app password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppPasswordRequest {
    /// What the person calls it.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// The most that it may do: `read` or `write`.
    pub privilege: WirePrivilege,
    /// Where it may do that, as far as the account may; none: in every folder of the account.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "folder_ids")]
    #[schema(value_type = Option<Vec<schema::FolderId>>, min_items = 1, max_items = 100)]
    pub folders: Option<Vec<FolderId>>,
    /// For how many days it is good.
    #[schema(minimum = 1, maximum = 365)]
    pub days: u32,
    /// The account's password.
    #[schema(max_length = 1024)]
    pub password: String,
}

/// A new app password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewAppPasswordResponse {
    /// Its id, a device's.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::DeviceId)]
    pub id: DeviceId,
    /// What a program shows (`Authorization: Bearer`). Said once, kept by nobody but the program.
    #[schema(value_type = schema::AppPassword)]
    pub token: String,
}

/// An app password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppPasswordEntry {
    /// Its id, a device's.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::DeviceId)]
    pub id: DeviceId,
    /// What the person calls it.
    pub name: String,
    /// The most that it may do.
    pub privilege: WirePrivilege,
    /// Where; none: in every folder of the account.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "folder_ids")]
    #[schema(value_type = Option<Vec<schema::FolderId>>)]
    pub folders: Option<Vec<FolderId>>,
    /// When it was made.
    #[schema(value_type = schema::Timestamp)]
    pub created: RfcTime,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub ends: Option<RfcTime>,
    /// When it was last used, to five minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub last_used: Option<RfcTime>,
}

/// The account's app passwords that are good, the oldest first: at most 50.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppPasswordsResponse {
    /// They.
    pub app_passwords: Vec<AppPasswordEntry>,
}

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyEntry {
    /// Its id.
    #[serde(with = "by_text")]
    #[schema(value_type = schema::PasskeyId)]
    pub id: PasskeyId,
    /// What the person calls it.
    pub name: String,
    /// The name of the server that it is for.
    pub host: String,
    /// When it was made.
    #[schema(value_type = schema::Timestamp)]
    pub created: RfcTime,
    /// When it was last signed in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub last_used: Option<RfcTime>,
}

/// The account's passkeys, the oldest first: at most 20.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasskeysResponse {
    /// They.
    pub passkeys: Vec<PasskeyEntry>,
}

/// What the browser's `navigator.credentials` is to be asked (WebAuthn Level 3, its JSON form).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CeremonyResponse {
    /// Names this attempt, for five minutes.
    #[schema(value_type = schema::CeremonyId)]
    pub ceremony: String,
    /// What `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` takes.
    #[schema(value_type = Object)]
    pub options: serde_json::Value,
}

/// What the browser answered, to keep a new passkey.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskeyRequest {
    /// The attempt.
    #[schema(value_type = schema::CeremonyId)]
    pub ceremony: String,
    /// What the person calls the passkey.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// What `PublicKeyCredential.toJSON` gives.
    #[schema(value_type = Object)]
    pub credential: serde_json::Value,
}

/// Calls a passkey otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamePasskeyRequest {
    /// What the person calls it from now on.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
}

/// What the browser answered, to sign in with a passkey.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySessionRequest {
    /// The attempt.
    #[schema(value_type = schema::CeremonyId)]
    pub ceremony: String,
    /// What `PublicKeyCredential.toJSON` gives.
    #[schema(value_type = Object)]
    pub credential: serde_json::Value,
    /// What the list of devices is to call the browser.
    #[schema(min_length = 1, max_length = 64)]
    pub browser: String,
}

macro_rules! without_secrets {
    ($($name:ident),+) => {$(
        /// Without what is secret.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

without_secrets!(
    PasswordOnceMore,
    PasswordAndCode,
    ConfirmSecondFactorRequest,
    EnrolmentResponse,
    RecoveryCodesResponse,
    AppPasswordRequest,
    NewAppPasswordResponse,
    NewPasskeyRequest,
    PasskeySessionRequest
);

/// Folders by their texts, or none.
mod folder_ids {
    use model::FolderId;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &Option<Vec<FolderId>>, to: S) -> Result<S::Ok, S::Error> {
        let texts: Option<Vec<String>> =
            value.as_ref().map(|folders| folders.iter().map(ToString::to_string).collect());
        texts.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<FolderId>>, D::Error> {
        let texts = Option::<Vec<String>>::deserialize(from)?;
        let read = |text: String| text.parse().map_err(de::Error::custom);
        texts.map(|texts| texts.into_iter().map(read).collect()).transpose()
    }
}
