//! Passkeys: public keys that a person signs in with.

use crate::error::Result;
use model::{PasskeyId, Timestamp, UserId};

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    /// Its id, never used again.
    pub id: PasskeyId,
    /// Whose it is.
    pub user: UserId,
    /// What the device that holds it calls it.
    pub credential_id: Vec<u8>,
    /// Random, one an account: what the device knows the account by.
    pub handle: [u8; 16],
    /// The name of the server that it is for.
    pub host: String,
    /// What the person calls it.
    pub name: String,
    /// The public key and its counter, in the form of who verifies signatures.
    pub public_key: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last signed in with.
    pub last_used_at: Option<Timestamp>,
}

/// Reads of passkeys.
pub trait ReadPasskeys {
    /// A person's passkeys by id.
    fn passkeys(&self, user: UserId) -> Result<Vec<PasskeyRow>>;

    /// The passkey that its device calls so.
    fn passkey_of_credential(&self, credential_id: &[u8]) -> Result<Option<PasskeyRow>>;
}

/// Changes of passkeys.
pub trait WritePasskeys {
    /// Keeps a new one, whatever id the row has; `Conflict` if its credential is known.
    fn create_passkey(&self, passkey: &PasskeyRow) -> Result<PasskeyId>;

    /// Sets name, public key and last use.
    fn set_passkey(&self, passkey: &PasskeyRow) -> Result<()>;

    /// Forgets one.
    fn delete_passkey(&self, id: PasskeyId) -> Result<()>;
}
