//! Attempts that were begun: what is remembered of one until the browser comes back from the provider.
//!
//! In memory, ten minutes, good once, so many in all and so many of one network. The browser has the other half in a cookie
//! that only the page's own requests bring (the caller keeps it): whoever is given a `state` and a code has nothing.

use auth::token::NoRandomness;
use model::{Principal, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// How long the browser may be away.
pub const LIFE_SECONDS: i64 = 600;
/// The most in all; the oldest makes room.
const IN_ALL_MAX: usize = 10_000;
/// The most of one network.
const OF_A_NETWORK_MAX: usize = 100;

/// What comes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody signs in.
    SignIn,
    /// Somebody who is signed in connects their account.
    Connect(Principal),
}

/// One attempt.
pub struct Attempt {
    /// What comes of it.
    pub purpose: Purpose,
    /// The provider that the browser was sent to, and as whom.
    pub issuer: String,
    /// What it knows this server by.
    pub client_id: String,
    /// Where it is sent back to.
    pub redirect: String,
    /// What the provider has to say back.
    pub nonce: String,
    /// What proves to the provider that this server has begun it (PKCE).
    pub verifier: String,
    binding: [u8; 32],
    network: Option<String>,
    began_at: Timestamp,
}

/// Without what is secret.
impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// What the browser and the provider are given.
pub struct Begun {
    /// Names the attempt.
    pub state: String,
    /// The browser's half, for its cookie.
    pub binding: String,
    /// What the provider has to say back.
    pub nonce: String,
    /// What proves to the provider that this server has begun it.
    pub verifier: String,
}

/// Without what is secret.
impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Begun")
    }
}

/// All that were begun.
#[derive(Debug, Default)]
pub struct Attempts {
    begun: Mutex<HashMap<String, Attempt>>,
}

impl Attempts {
    /// Begins one: for what, at which provider and as whom, and where the browser comes back to.
    pub fn begin(
        &self,
        purpose: Purpose,
        (issuer, client_id, redirect): (String, String, String),
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Begun, NoRandomness> {
        let (state, binding, nonce, verifier) = (random()?, random()?, random()?, random()?);
        let attempt = Attempt {
            purpose,
            issuer,
            client_id,
            redirect,
            nonce: nonce.clone(),
            verifier: verifier.clone(),
            binding: *blake3::hash(binding.as_bytes()).as_bytes(),
            network: Some(auth::throttle::network(address)),
            began_at: now,
        };
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        drop_old(&mut begun, now);
        while let Some(surplus) = surplus(&begun, attempt.network.as_deref()) {
            begun.remove(&surplus);
        }
        begun.insert(state.clone(), attempt);
        Ok(Begun { state, binding, nonce, verifier })
    }

    /// The attempt of this name, if this browser has begun it. It is over then, whatever comes of it.
    pub fn take(&self, state: &str, binding: &str, now: Timestamp) -> Option<Attempt> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        drop_old(&mut begun, now);
        // Compared as digests, in a time that does not tell where they differ.
        let shown = blake3::hash(binding.as_bytes());
        let is_of_here = |attempt: &Attempt| blake3::Hash::from_bytes(attempt.binding) == shown;
        let is_known = begun.get(state).is_some_and(is_of_here);
        is_known.then(|| begun.remove(state)).flatten()
    }
}

fn drop_old(begun: &mut HashMap<String, Attempt>, now: Timestamp) {
    let since = now.0.saturating_sub(LIFE_SECONDS.saturating_mul(1_000_000_000));
    begun.retain(|_, attempt| attempt.began_at.0 > since && attempt.began_at <= now);
}

fn surplus(begun: &HashMap<String, Attempt>, network: Option<&str>) -> Option<String> {
    let neighbours =
        || begun.iter().filter(|(_, other)| network.is_some() && other.network.as_deref() == network);
    let oldest = |all: &mut dyn Iterator<Item = (&String, &Attempt)>| {
        all.min_by_key(|(_, attempt)| attempt.began_at).map(|(state, _)| state.clone())
    };
    if neighbours().count() >= OF_A_NETWORK_MAX {
        oldest(&mut neighbours())
    } else if begun.len() >= IN_ALL_MAX {
        oldest(&mut begun.iter())
    } else {
        None
    }
}

/// 256 random bits in 64 digits: what RFC 7636 takes for a verifier, too.
fn random() -> Result<String, NoRandomness> {
    let bytes: [u8; 32] = auth::token::random()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000_000_000);

    fn begin(attempts: &Attempts, address: [u8; 4], now: Timestamp) -> Begun {
        let names = ("https://i".to_owned(), "c".to_owned(), "https://r".to_owned());
        attempts.begin(Purpose::SignIn, names, address.into(), now).unwrap()
    }

    #[test]
    fn an_attempt_is_good_once_in_its_own_browser_for_ten_minutes() {
        let attempts = Attempts::default();
        let (one, other) = (begin(&attempts, [10, 0, 0, 1], NOW), begin(&attempts, [10, 0, 0, 1], NOW));
        assert!(attempts.take(&one.state, &other.binding, NOW).is_none(), "another browser's");
        assert!(attempts.take(&one.state, "", NOW).is_none());
        let taken = attempts.take(&one.state, &one.binding, NOW).unwrap();
        assert_eq!((taken.nonce, taken.verifier), (one.nonce, one.verifier));
        assert!(attempts.take(&one.state, &one.binding, NOW).is_none(), "twice");
        let late = Timestamp(NOW.0 + LIFE_SECONDS * 1_000_000_000);
        assert!(attempts.take(&other.state, &other.binding, late).is_none());
    }

    #[test]
    fn one_network_does_not_crowd_others_out() {
        let attempts = Attempts::default();
        let mine = begin(&attempts, [10, 0, 0, 1], NOW);
        for count in 0..2 * OF_A_NETWORK_MAX {
            begin(&attempts, [192, 0, 2, 1], Timestamp(NOW.0 + count as i64));
        }
        assert!(attempts.begun.lock().unwrap().len() <= OF_A_NETWORK_MAX + 1);
        let later = Timestamp(NOW.0 + 1_000);
        assert!(attempts.take(&mine.state, &mine.binding, later).is_some());
    }
}
