//! The server's own few values.

use crate::error::Result;

/// A named value of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setting {
    /// The lineage (16 bytes, [`model::Epoch`]).
    Epoch,
    /// The key that cursors are authenticated with (32 bytes).
    CursorKey,
    /// The key of secrets and throttling that must not be guessable (32 bytes).
    ServerKey,
    /// Whether an account administers the server only while it has a second factor (one byte: 0 or 1; none: no).
    SecondFactorForAdministrators,
    /// For how many days the audit log is kept (4 bytes, little-endian); for ever if it was never set or is 0.
    LogDays,
    /// What long work came to when it was last done (JSON of the server's own).
    Work,
    /// The digest of the code that makes the first administrator (32 bytes); empty once there was one, and then for ever.
    SetupCode,
    /// The address at which people and devices reach the server (text); empty: none was chosen.
    PublicAddress,
    /// How single sign-on goes (JSON of the server's own); empty: not at all.
    SingleSignOn,
    /// The secret that the server shows the provider, sealed; empty: none.
    SingleSignOnSecret,
}

impl Setting {
    /// Its name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Epoch => "epoch",
            Self::CursorKey => "cursor_key",
            Self::ServerKey => "server_key",
            Self::SecondFactorForAdministrators => "second_factor_for_administrators",
            Self::LogDays => "log_days",
            Self::Work => "work",
            Self::SetupCode => "setup_code",
            Self::PublicAddress => "public_address",
            Self::SingleSignOn => "single_sign_on",
            Self::SingleSignOnSecret => "single_sign_on_secret",
        }
    }
}

/// Reads of settings.
pub trait ReadSettings {
    /// A value; none if it was never set.
    fn setting(&self, setting: Setting) -> Result<Option<Vec<u8>>>;

    /// What the engine itself finds wrong with its files and indexes, as text for a person; reads all of them.
    fn damage(&self) -> Result<Vec<String>>;
}

/// Changes of settings.
pub trait WriteSettings {
    /// Sets a value.
    fn put_setting(&self, setting: Setting, value: &[u8]) -> Result<()>;
}
