//! Growing delays after failed attempts to sign in or to guess a code, by account and by network, kept in the database.
//!
//! An attempt is counted before it is tried and taken back when it succeeds: a thousand attempts at once are not
//! a thousand free ones. Accounts that do not exist are counted like those that do.

use metadata::throttle::Failures;
use metadata::{Snapshot, Transaction};
use model::{LinkId, NameKey, Timestamp, UserId};
use std::net::IpAddr;

/// Attempts by account before the first delay.
const ACCOUNT_FREE: u32 = 5;
/// Attempts by network before the first delay: several people may sit behind one address.
const NETWORK_FREE: u32 = 50;
/// The longest delay.
const DELAY_SECONDS_MAX: u64 = 15 * 60;
/// After so long without an attempt a count is forgotten.
const FORGET_SECONDS: i64 = 24 * 60 * 60;

/// Where an attempt counts.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    text: String,
    /// Attempts before the first delay.
    free: u32,
    /// Whether a success starts the count anew. Else it takes back itself alone, so that what one may do anyway does not
    /// pay for guesses.
    starts_anew: bool,
}

impl Keys {
    /// Of attempts to sign in to an account.
    pub(crate) fn new(account: &NameKey, address: Option<IpAddr>) -> Self {
        let account = Key { text: format!("account:{}", account.0), free: ACCOUNT_FREE, starts_anew: true };
        let network = address.map(|address| Key {
            text: format!("network:{}", network(address)),
            free: NETWORK_FREE,
            starts_anew: false,
        });
        Self([account].into_iter().chain(network).collect())
    }

    /// Of codes tried as an account's second factor. Not by network: who tries them has shown the password.
    pub(crate) fn of_second_factor(user: UserId) -> Self {
        Self(vec![Key { text: format!("second:{user}"), free: ACCOUNT_FREE, starts_anew: true }])
    }

    /// Of guesses at the code of the first administrator. It is too long to be guessed by many networks together; a count of
    /// them all would let a stranger keep the owner out.
    pub(crate) fn of_setup(address: IpAddr) -> Self {
        Self(vec![Key { text: format!("setup:{}", network(address)), free: ACCOUNT_FREE, starts_anew: true }])
    }

    /// Of guesses at codes, by somebody signed in or by nobody.
    pub(crate) fn of_codes(user: Option<UserId>, address: Option<IpAddr>) -> Self {
        let key = |text, free| Key { text, free, starts_anew: false };
        let user = user.map(|user| key(format!("code:{user}"), ACCOUNT_FREE));
        let network = address.map(|address| key(format!("code:{}", network(address)), NETWORK_FREE));
        Self(user.into_iter().chain(network).collect())
    }

    /// Of guesses at the password of a link for strangers.
    pub(crate) fn of_link(link: LinkId, address: Option<IpAddr>) -> Self {
        let key = |text, free| Key { text, free, starts_anew: false };
        let network = address.map(|address| key(format!("link:{}", network(address)), NETWORK_FREE));
        Self([key(format!("link:{link}"), ACCOUNT_FREE)].into_iter().chain(network).collect())
    }
}

/// An address's neighbourhood: /24 of IPv4, /56 of IPv6.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00)
        }
    }
}

/// Counts an attempt, unless one may not be made yet: then how many seconds to wait.
pub(crate) fn charge(
    transaction: &dyn Transaction,
    keys: &Keys,
    now: Timestamp,
) -> metadata::Result<Result<(), u64>> {
    let wait = wait_seconds(transaction.as_snapshot(), keys, now)?;
    if wait > 0 {
        return Ok(Err(wait));
    }
    for Key { text: key, .. } in &keys.0 {
        let counted = current(transaction.failures(key)?, now);
        let failures = Failures {
            count: counted.map_or(0, |failures| failures.count).saturating_add(1),
            since: counted.map_or(now, |failures| failures.since),
            last: now,
        };
        transaction.put_failures(key, &failures)?;
    }
    Ok(Ok(()))
}

/// Takes a counted attempt back, as it succeeded: the account starts anew, a network has one less, so that signing in to
/// one's own account does not pay for guesses at others'.
pub(crate) fn refund(transaction: &dyn Transaction, keys: &Keys) -> metadata::Result<()> {
    for Key { text, starts_anew, .. } in &keys.0 {
        match transaction.failures(text)? {
            Some(failures) if failures.count > 1 && !starts_anew => {
                transaction.put_failures(text, &Failures { count: failures.count - 1, ..failures })?;
            }
            Some(_) => transaction.clear_failures(text)?,
            None => {}
        }
    }
    Ok(())
}

fn wait_seconds(snapshot: &dyn Snapshot, keys: &Keys, now: Timestamp) -> metadata::Result<u64> {
    let mut wait = 0;
    for Key { text, free, .. } in &keys.0 {
        if let Some(failures) = current(snapshot.failures(text)?, now) {
            wait = wait.max(remaining(failures, *free, now));
        }
    }
    Ok(wait)
}

fn current(failures: Option<Failures>, now: Timestamp) -> Option<Failures> {
    failures.filter(|failures| seconds_since(failures.last, now) < FORGET_SECONDS)
}

fn seconds_since(moment: Timestamp, now: Timestamp) -> i64 {
    now.parts().0.saturating_sub(moment.parts().0)
}

/// 1, 2, 4 … seconds after the last attempt, once the free ones are used up.
fn remaining(failures: Failures, free: u32, now: Timestamp) -> u64 {
    if failures.count < free {
        return 0;
    }
    let delay = 1u64.checked_shl(failures.count - free).unwrap_or(u64::MAX).min(DELAY_SECONDS_MAX);
    // A clock set back must not lock anybody out for longer than the delay itself.
    let passed = seconds_since(failures.last, now).max(0) as u64;
    delay.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_quarter_of_an_hour_and_run_out() {
        let now = Timestamp::from_parts(1000, 0);
        let after = |count, seconds: i64| {
            let failures =
                Failures { count, since: Timestamp(0), last: Timestamp::from_parts(1000 - seconds, 0) };
            remaining(failures, 5, now)
        };
        assert_eq!([after(4, 0), after(5, 0), after(6, 0), after(8, 0)], [0, 1, 2, 8]);
        assert_eq!([after(8, 3), after(8, 8), after(40, 0), after(u32::MAX, 100)], [5, 0, 900, 800]);
        assert_eq!(after(8, -500), 8, "the clock was set back");
    }

    #[test]
    fn neighbours_share_a_network() {
        let key = |text: &str| network(text.parse().unwrap());
        assert_eq!(key("192.0.2.7"), "192.0.2.0/24");
        assert_eq!(key("::ffff:192.0.2.9"), key("192.0.2.7"));
        assert_eq!(key("2001:db8:1:2ff::1"), key("2001:db8:1:200:5::"));
        assert_ne!(key("2001:db8:1:300::1"), key("2001:db8:1:200::1"));
    }
}
