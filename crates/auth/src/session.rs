//! From a shown token to who shows it, anew for every request.

use crate::rights::Rights;
use crate::token::TokenDigest;
use metadata::Snapshot;
use metadata::account::DeviceKind;
use model::{Origin, Principal, RateChoices, Timestamp};

/// Who shows a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What kind of token it is.
    pub kind: DeviceKind,
    /// The account and the device.
    pub principal: Principal,
    /// Whether the account administers the server, and may by this token.
    pub administrator: bool,
    /// How many bytes a second its devices may move together.
    pub rates: RateChoices,
    /// When the device was last seen before.
    pub last_seen: Option<Timestamp>,
}

/// Finds who shows this token on the server itself, remembering nothing. `None` for a token that is not known, has ended or was revoked, and for
/// one whose account is disabled: the answer does not tell them apart.
pub fn authenticate(
    snapshot: &dyn Snapshot,
    digest: TokenDigest,
    now: Timestamp,
) -> metadata::Result<Option<Session>> {
    Rights::default().look_up_session(snapshot, digest, Origin::Inside, now)
}
