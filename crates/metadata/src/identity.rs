//! Identities: whom a provider of single sign-on vouches for, and whose account that is.

use crate::error::Result;
use model::{Timestamp, UserId};

/// Somebody whom a provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRow {
    /// Who vouches.
    pub issuer: String,
    /// For whom: the provider's own name for the person, which it gives nobody else.
    pub subject: String,
    /// Whose account it is.
    pub user: UserId,
    /// What the provider calls the person, to be shown.
    pub name: String,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When it was last signed in with.
    pub last_used_at: Option<Timestamp>,
}

/// Reads of identities.
pub trait ReadIdentities {
    /// A person's identities by issuer: one of each at most.
    fn identities(&self, user: UserId) -> Result<Vec<IdentityRow>>;

    /// The one that a provider calls so.
    fn identity(&self, issuer: &str, subject: &str) -> Result<Option<IdentityRow>>;
}

/// Changes of identities.
pub trait WriteIdentities {
    /// Connects one; `Conflict` if it is connected to any account, or the account has one of the same issuer.
    fn create_identity(&self, identity: &IdentityRow) -> Result<()>;

    /// Sets what it is called and when it was last used.
    fn set_identity(&self, identity: &IdentityRow) -> Result<()>;

    /// Disconnects one.
    fn delete_identity(&self, issuer: &str, subject: &str) -> Result<()>;
}
