//! From a shown token to who shows it, anew for every request.

use crate::token::TokenDigest;
use metadata::Snapshot;
use model::{Principal, RateChoices, Timestamp};

/// Who shows a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The account and the device.
    pub principal: Principal,
    /// Whether the account administers the server.
    pub administrator: bool,
    /// How many bytes a second its devices may move together.
    pub rates: RateChoices,
    /// When the device was last seen before.
    pub last_seen: Option<Timestamp>,
}

/// Finds who shows this token. `None` for a token that is not known, has ended or was revoked, and for one whose
/// account is disabled: the answer does not tell them apart.
pub fn authenticate(
    snapshot: &dyn Snapshot,
    digest: TokenDigest,
    now: Timestamp,
) -> metadata::Result<Option<Session>> {
    let Some(device) = snapshot.device_by_token(&digest.0)? else { return Ok(None) };
    let ended = device.expires_at.is_some_and(|end| end <= now);
    if device.revoked_at.is_some() || ended {
        return Ok(None);
    }
    let user = snapshot.user(device.user)?.filter(|user| !user.disabled);
    Ok(user.map(|user| Session {
        principal: Principal { user: user.id, device: Some(device.id) },
        administrator: user.administrator,
        rates: user.rates,
        last_seen: device.last_seen_at,
    }))
}
