//! `/api/v1/admin/settings` and what belongs to it: what is chosen about a server, where its files lie, its public address.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest public address in bytes.
pub const ADDRESS_BYTES_MAX: usize = 255;

/// Every setting of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsResponse {
    /// What can be changed here.
    pub chosen: ChosenSettings,
    /// All of them, in the order they are described.
    pub settings: Vec<SettingEntry>,
}

/// The settings that are kept in the database and can be changed while the server runs. What is left out is not chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenSettings {
    /// The address at which people and devices reach the server: `https://` or `http://`, a name, and a port where it is not
    /// the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 255)]
    pub public_address: Option<String>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingEntry {
    /// Its name with that of its section: `limits.connections`.
    pub key: String,
    /// What is in force, as text; absent if nothing was chosen and there is no default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: SettingOrigin,
    /// The variable's or the file's name, where it comes from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub source: Option<String>,
    /// Whether a change of it holds only once the server was started again.
    pub needs_restart: bool,
    /// What it is for, in English.
    pub description: String,
}

/// Where a setting comes from; what stands first beats what comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingOrigin {
    /// An argument of `driftless serve`.
    Flag,
    /// A variable of the environment.
    Environment,
    /// The file `driftless.toml` in the data directory.
    File,
    /// The database: it was chosen over HTTP.
    Database,
    /// Nobody has chosen it.
    Default,
}

/// Where a server's files lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StorageResponse {
    /// The places.
    pub places: Vec<StoragePlace>,
}

/// A directory of the server's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoragePlace {
    /// What lies there.
    pub holds: StoredThing,
    /// The directory; as much of its name as is text.
    pub path: String,
    /// The type of the file system, such as `ext4`; absent if it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub file_system: Option<String>,
    /// How many bytes are free for the server; absent if the directory cannot be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub free_bytes: Option<u64>,
    /// How many bytes the file system has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total_bytes: Option<u64>,
    /// Whether the server may write there.
    pub writable: bool,
}

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoredThing {
    /// The database, keys and settings.
    Data,
    /// The bytes of all versions.
    Content,
    /// The plain directories of folders for which none was named.
    Plain,
}

/// Asks the server to reach itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressTestRequest {
    /// The address to try.
    #[schema(max_length = 255)]
    pub address: String,
}

/// Whether a server reaches itself at an address. Where it does not, nothing is said of what is there instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressTestResponse {
    /// Whether this very server answered.
    pub reached: bool,
    /// What the certificate that it showed there is worth; absent if it was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub certificate: Option<CertificateState>,
}

/// What a certificate is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// There is none: the way is not encrypted.
    None,
    /// An authority that the server's machine knows vouches for it: browsers and devices believe it.
    Trusted,
    /// It is the server's own: devices pin it when they are linked, browsers warn.
    Own,
    /// It is another that nobody vouches for, for another name, or out of date.
    Untrusted,
}

/// The public address, for who links a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressResponse {
    /// The address; absent if none was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// The same as a QR code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub qr: Option<QrCode>,
}

/// A QR code, to be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QrCode {
    /// How many squares it is wide and high, without the quiet border of four that it needs.
    pub size: u32,
    /// Its dark squares: an SVG path, one unit a square.
    pub path: String,
}
