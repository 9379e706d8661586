//! Linking a device on which no password is typed: it shows a short code, which somebody who signed in elsewhere, or an
//! administrator, approves (the shape of RFC 8628).
//!
//! Invariants:
//! - codes live in memory, ten minutes at most, so many in all and so many of one network; a restart forgets them;
//! - only who holds the secret device code learns what was decided, and the token is given once;
//! - approving asks for the account's password, so that a stolen token makes no second one;
//! - guesses at short codes are counted by account and by network as guesses at passwords are ([`crate::throttle`]), and
//!   a right guess takes nothing back but itself.
//!
//! Start with [`Codes::ask`], then [`Codes::approve`] and [`Codes::poll`].

mod text;

pub use text::{DeviceCode, UserCode};

use crate::password::Hasher;
use crate::sign_in::{LinkError, Linked, confirm_password, harmless, is_device_name};
use crate::throttle::{self, Keys};
use crate::token::Token;
use crate::{account, digest};
use metadata::Database;
use metadata::account::NewDevice;
use metadata::audit::AuditEntry;
use model::{Principal, Timestamp, UserId};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a code can be approved.
pub const LIFE_SECONDS: u64 = 600;
/// How long a device waits between asking and asking again.
pub const INTERVAL_SECONDS: u64 = 5;
/// How much longer it waits each time it comes too soon.
const SLOW_DOWN_SECONDS: u64 = 5;
const INTERVAL_SECONDS_MAX: u64 = 60;
/// What the way through a network may take off an interval.
const JITTER_NS: i64 = 1_000_000_000;
/// The most codes in all.
const CODES_MAX: usize = 1_000;
/// The most codes of one network: many people may sit behind one address.
const NETWORK_MAX: usize = 20;

/// Codes that wait, and those decided but not yet fetched.
#[derive(Debug, Default)]
pub struct Codes {
    /// By the digests of their device codes.
    kept: Mutex<HashMap<[u8; 32], Kept>>,
}

#[derive(Debug)]
struct Kept {
    waiting: WaitingCode,
    network: Option<String>,
    interval_seconds: u64,
    polled_at: Option<Timestamp>,
    decision: Option<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Approved(UserId),
    Denied,
}

/// A code that nobody has decided about, and what is known of its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCode {
    /// What a person reads on the device.
    pub code: UserCode,
    /// What the person calls the device.
    pub device: String,
    /// The system it says it runs.
    pub platform: String,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// When it asked.
    pub asked_at: Timestamp,
    /// Until when the code can be approved.
    pub ends_at: Timestamp,
}

/// A device that asks to be linked.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// What the person calls it.
    pub device: &'a str,
    /// The system it runs.
    pub platform: &'a str,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// Now.
    pub now: Timestamp,
}

/// A new pair of codes.
#[derive(Debug)]
pub struct NewCodes {
    /// For the device alone.
    pub device_code: DeviceCode,
    /// For people.
    pub user_code: UserCode,
}

/// Somebody signed in who types a code.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a> {
    /// Who.
    pub principal: Principal,
    /// Where.
    pub address: Option<IpAddr>,
    /// What was typed.
    pub code: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// What a device that asks again is told.
#[derive(Debug)]
pub enum Polled {
    /// Nobody has decided.
    Waiting {
        /// How long to wait before the next time.
        interval_seconds: u64,
        /// For how long the code can be approved.
        remaining_seconds: u64,
    },
    /// Somebody said no. Said once.
    Denied,
    /// It is linked. Said once.
    Linked {
        /// The device and its token.
        linked: Linked,
        /// The account's name.
        user: String,
    },
}

/// Why nothing came of a code.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// Mistyped, ended, used, or forgotten.
    #[error("no device waits under this code: it was mistyped, its time is over, or it was used")]
    Unknown,
    /// The device asks more often than it was told to.
    #[error("asked too soon; again in {retry_after_seconds} s")]
    TooSoon {
        /// How long it waits from now on.
        retry_after_seconds: u64,
    },
    /// As where a device is linked by a password.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl From<metadata::Error> for CodeError {
    fn from(error: metadata::Error) -> Self {
        Self::Link(error.into())
    }
}

/// What a poll finds in memory.
enum Step {
    TooSoon(u64),
    Waiting { interval_seconds: u64, remaining_seconds: u64 },
    Denied,
    Approved(UserId, Kept),
}

impl Codes {
    /// Gives a device its codes.
    ///
    /// # Errors
    /// If the device's name is none, too many devices wait, or the system gives no randomness.
    pub fn ask(&self, asking: Asking<'_>) -> Result<NewCodes, LinkError> {
        if !is_device_name(asking.device) {
            return Err(LinkError::BadDeviceName);
        }
        let (now, network) = (asking.now, asking.address.map(throttle::network));
        let device_code = DeviceCode::generate()?;
        let mut kept = self.current(now);
        let neighbours = kept.values().filter(|kept| network.is_some() && kept.network == network);
        let full = kept.len() >= CODES_MAX || neighbours.clone().count() >= NETWORK_MAX;
        if full {
            let ends = if kept.len() >= CODES_MAX {
                kept.values().map(ends_at).min()
            } else {
                neighbours.map(ends_at).min()
            };
            let retry_after_seconds = ends.map_or(1, |ends| seconds_until(ends, now)).max(1);
            return Err(LinkError::TooMany { retry_after_seconds });
        }
        let user_code = loop {
            let code = UserCode::generate()?;
            if kept.values().all(|kept| kept.waiting.code != code) {
                break code;
            }
        };
        let waiting = WaitingCode {
            code: user_code,
            device: asking.device.to_owned(),
            platform: harmless(asking.platform),
            address: asking.address,
            asked_at: now,
            ends_at: Timestamp(now.0.saturating_add(nanoseconds(LIFE_SECONDS))),
        };
        let interval_seconds = INTERVAL_SECONDS;
        let new = Kept { waiting, network, interval_seconds, polled_at: None, decision: None };
        kept.insert(device_code.digest(), new);
        Ok(NewCodes { device_code, user_code })
    }

    /// Codes that nobody has decided about, the oldest first.
    #[must_use]
    pub fn waiting(&self, now: Timestamp) -> Vec<WaitingCode> {
        let kept = self.current(now);
        let undecided = kept.values().filter(|kept| kept.decision.is_none());
        let mut waiting: Vec<_> = undecided.map(|kept| kept.waiting.clone()).collect();
        waiting.sort_by_key(|waiting| (waiting.asked_at, waiting.code));
        waiting
    }

    /// The device that waits under a code. Counts no guesses: for administrators.
    #[must_use]
    pub fn find(&self, code: &str, now: Timestamp) -> Option<WaitingCode> {
        let code = UserCode::parse(code)?;
        self.waiting(now).into_iter().find(|waiting| waiting.code == code)
    }

    /// The device that waits under a code which somebody typed. Blocks.
    ///
    /// # Errors
    /// If there is none (which is counted and in the audit log), after too many guesses, or if the database fails.
    pub fn look(&self, database: &dyn Database, typed: Typed<'_>) -> Result<WaitingCode, CodeError> {
        let keys = Keys::of_codes(Some(typed.principal.user), typed.address);
        let found = self.find(typed.code, typed.now);
        let entry = decision_entry("device.code", typed, found.as_ref(), false);
        let (now, is_found) = (typed.now, found.is_some());
        metadata::write(database, move |transaction| {
            if let Err(retry_after_seconds) = throttle::charge(transaction, &keys, now)? {
                return Err(CodeError::from(LinkError::TooMany { retry_after_seconds }));
            }
            if is_found {
                throttle::refund(transaction, &keys)?;
            } else {
                transaction.append_audit(&entry, digest::audit)?;
            }
            Ok(())
        })?;
        found.ok_or(CodeError::Unknown)
    }

    /// Lets the device that waits under a code be linked to the account of who types it, once the password is shown.
    /// Blocks, for as long as a password takes.
    ///
    /// # Errors
    /// As [`Codes::look`]; if the password is wrong; after too many tries of it.
    pub fn approve(
        &self,
        database: &dyn Database,
        hasher: &Hasher,
        typed: Typed<'_>,
        password: &str,
    ) -> Result<WaitingCode, CodeError> {
        let found = self.look(database, typed)?;
        let confirmed =
            confirm_password(database, hasher, typed.principal, password, (typed.address, typed.now));
        let entry = decision_entry("device.approve", typed, Some(&found), confirmed.is_ok());
        append(database, entry)?;
        confirmed?;
        self.decide(&found, Decision::Approved(typed.principal.user), typed.now)
    }

    /// Refuses the device that waits under a code. Blocks.
    ///
    /// # Errors
    /// As [`Codes::look`].
    pub fn deny(&self, database: &dyn Database, typed: Typed<'_>) -> Result<WaitingCode, CodeError> {
        let found = self.look(database, typed)?;
        append(database, decision_entry("device.deny", typed, Some(&found), true))?;
        self.decide(&found, Decision::Denied, typed.now)
    }

    /// What an administrator decided about a waiting device: whose it becomes, or none. The caller writes the audit log.
    ///
    /// # Errors
    /// If it does not wait any more.
    pub fn settle(
        &self,
        waiting: &WaitingCode,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Result<WaitingCode, CodeError> {
        self.decide(waiting, user.map_or(Decision::Denied, Decision::Approved), now)
    }

    fn decide(
        &self,
        waiting: &WaitingCode,
        decision: Decision,
        now: Timestamp,
    ) -> Result<WaitingCode, CodeError> {
        let mut kept = self.current(now);
        let found = kept.values_mut().find(|kept| kept.waiting == *waiting && kept.decision.is_none());
        let found = found.ok_or(CodeError::Unknown)?;
        found.decision = Some(decision);
        Ok(found.waiting.clone())
    }

    /// Tells a device what was decided; if it was approved, it is linked now. Blocks.
    ///
    /// # Errors
    /// If the code is not known (which is counted), was asked with too soon, or the database fails: then it can be asked
    /// with again.
    pub fn poll(
        &self,
        database: &dyn Database,
        device_code: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Polled, CodeError> {
        let digest = DeviceCode::parse(device_code).map(|code| code.digest());
        let step = digest.and_then(|digest| Some((digest, self.step(&digest, now)?)));
        match step {
            None => {
                let keys = Keys::of_codes(None, address);
                metadata::write(database, move |transaction| {
                    let charged = throttle::charge(transaction, &keys, now)?;
                    charged.map_err(|seconds| LinkError::TooMany { retry_after_seconds: seconds })
                })?;
                Err(CodeError::Unknown)
            }
            Some((_, Step::TooSoon(retry_after_seconds))) => Err(CodeError::TooSoon { retry_after_seconds }),
            Some((_, Step::Waiting { interval_seconds, remaining_seconds })) => {
                Ok(Polled::Waiting { interval_seconds, remaining_seconds })
            }
            Some((_, Step::Denied)) => Ok(Polled::Denied),
            Some((digest, Step::Approved(user, kept))) => {
                let polled = link(database, &kept.waiting, user, address, now);
                if polled.is_err() {
                    // Nothing was given away: it stays approved.
                    self.lock().insert(digest, kept);
                }
                polled
            }
        }
    }

    /// What is decided is taken out: it is told once.
    fn step(&self, digest: &[u8; 32], now: Timestamp) -> Option<Step> {
        let mut all = self.current(now);
        let kept = all.get_mut(digest)?;
        let passed = kept.polled_at.map(|last| now.0.saturating_sub(last.0));
        kept.polled_at = Some(now);
        // A clock that was set back is nobody's haste.
        if passed.is_some_and(|ns| ns >= 0 && ns + JITTER_NS < nanoseconds(kept.interval_seconds)) {
            kept.interval_seconds = (kept.interval_seconds + SLOW_DOWN_SECONDS).min(INTERVAL_SECONDS_MAX);
            return Some(Step::TooSoon(kept.interval_seconds));
        }
        match kept.decision {
            None => Some(Step::Waiting {
                interval_seconds: kept.interval_seconds,
                remaining_seconds: seconds_until(kept.waiting.ends_at, now),
            }),
            Some(Decision::Denied) => all.remove(digest).map(|_| Step::Denied),
            Some(Decision::Approved(user)) => all.remove(digest).map(|kept| Step::Approved(user, kept)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without those whose time is over.
    fn current(&self, now: Timestamp) -> MutexGuard<'_, HashMap<[u8; 32], Kept>> {
        let mut kept = self.lock();
        kept.retain(|_, kept| kept.waiting.ends_at > now);
        kept
    }
}

/// Links an approved device. An account that is gone or disabled by now has denied it.
fn link(
    database: &dyn Database,
    waiting: &WaitingCode,
    user: UserId,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<Polled, CodeError> {
    let token = Token::generate().map_err(LinkError::from)?;
    let device = NewDevice {
        user,
        name: waiting.device.clone(),
        token_hash: token.digest().0,
        at: now,
        expires_at: None,
        platform: waiting.platform.clone(),
        address: address.map(|address| address.to_string()).unwrap_or_default(),
    };
    let mut entry = AuditEntry {
        at: now,
        user: Some(user),
        device: None,
        address: address.map(|address| address.to_string()).unwrap_or_default(),
        action: "device.link",
        folder: None,
        allowed: true,
        details: details(Some(waiting)),
    };
    entry.details.push(("by".to_owned(), "code".to_owned()));
    let made = metadata::write(database, move |transaction| {
        let account = transaction.user(user)?.filter(|user| !user.disabled && !account::is_removed(user));
        let made = match &account {
            Some(_) => Some(transaction.create_device(&device)?),
            None => None,
        };
        (entry.device, entry.allowed) = (made, made.is_some());
        transaction.append_audit(&entry, digest::audit)?;
        Ok::<_, CodeError>(account.map(|account| account.name).zip(made))
    })?;
    Ok(match made {
        Some((name, device)) => Polled::Linked { linked: Linked { user, device, token }, user: name },
        None => Polled::Denied,
    })
}

fn append(database: &dyn Database, entry: AuditEntry) -> Result<(), CodeError> {
    metadata::write(database, move |transaction| {
        transaction.append_audit(&entry, digest::audit)?;
        Ok(())
    })
}

fn decision_entry(
    action: &'static str,
    typed: Typed<'_>,
    waiting: Option<&WaitingCode>,
    allowed: bool,
) -> AuditEntry {
    AuditEntry {
        at: typed.now,
        user: Some(typed.principal.user),
        device: typed.principal.device,
        address: typed.address.map(|address| address.to_string()).unwrap_or_default(),
        action,
        folder: None,
        allowed,
        details: details(waiting),
    }
}

fn details(waiting: Option<&WaitingCode>) -> Vec<(String, String)> {
    let Some(waiting) = waiting else { return Vec::new() };
    let address = waiting.address.map(|address| address.to_string()).unwrap_or_default();
    [("device_name", &waiting.device), ("platform", &waiting.platform), ("device_address", &address)]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .to_vec()
}

fn ends_at(kept: &Kept) -> Timestamp {
    kept.waiting.ends_at
}

fn nanoseconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000)
}

fn seconds_until(moment: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(moment.0.saturating_sub(now.0)).unwrap_or(0).div_ceil(1_000_000_000)
}
