//! Signing in with a password, to link a device.

use crate::account::{NAME_BYTES_MAX, set_password};
use crate::password::{Hasher, Verdict};
use crate::throttle::{self, Keys};
use crate::token::Token;
use crate::{account, digest};
use metadata::account::{CredentialKind, NewDevice, User};
use metadata::audit::AuditEntry;
use metadata::{Database, Transaction};
use model::{DeviceId, NameKey, Timestamp, UserId};
use std::net::IpAddr;

/// What is shown to link a device.
#[derive(Clone, Copy)]
pub struct LinkAttempt<'a> {
    /// The account's name.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
    /// What the person calls the device.
    pub device: &'a str,
    /// The system it runs, for the log.
    pub platform: &'a str,
    /// Where the attempt comes from.
    pub address: Option<IpAddr>,
    /// When its token ends by itself; none: when it is taken away.
    pub ends: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// Without the password.
impl std::fmt::Debug for LinkAttempt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkAttempt")
            .field("user", &self.user)
            .field("device", &self.device)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// A device just linked.
#[derive(Debug)]
pub struct Linked {
    /// The account.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// Its token: shown now or never.
    pub token: Token,
}

/// Why no device was linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Wrong name or wrong password; which of them is not said.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// Too many attempts before.
    #[error("too many attempts to sign in; try again in {retry_after_seconds} s")]
    TooMany {
        /// How long to wait.
        retry_after_seconds: u64,
    },
    /// The device's name is none.
    #[error("a device's name has 1 to {NAME_BYTES_MAX} bytes and no control characters")]
    BadDeviceName,
    /// The system gives no randomness.
    #[error(transparent)]
    NoRandomness(#[from] crate::token::NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] metadata::Error),
}

/// Links a device to an account whose password is shown. Takes about 30 ms and 46 MiB in every case that looks at a
/// password.
pub fn link_device(
    database: &dyn Database,
    hasher: &Hasher,
    attempt: LinkAttempt<'_>,
) -> Result<Linked, LinkError> {
    if !is_device_name(attempt.device) {
        return Err(LinkError::BadDeviceName);
    }
    // A name that can be nobody's counts and costs like one that could.
    let key = account::name_key(attempt.user).unwrap_or_else(|_| NameKey("".into()));
    let keys = Keys::new(&key, attempt.address);
    let account = charge_and_look(database, &keys, key, attempt.now)?;

    let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let verdict = hasher.verify(attempt.password, stored);
    let user = match account {
        Some(Account { user, .. }) if verdict != Verdict::Wrong && !user.disabled => user,
        other => {
            record_failure(database, &attempt, other.map(|account| account.user.id))?;
            return Err(LinkError::Wrong);
        }
    };
    // Only a password that may be set again is hashed again.
    let rehashed = match verdict {
        Verdict::RightButWeak => hasher.hash(attempt.password).ok(),
        _ => None,
    };
    finish(database, keys, &attempt, user.id, rehashed)
}

/// Makes sure that somebody who shows a token knows the account's password, too: for what a stolen token must not reach.
/// Takes as long as [`link_device`].
pub fn confirm_password(
    database: &dyn Database,
    hasher: &Hasher,
    user: UserId,
    password: &str,
    (address, now): (Option<IpAddr>, Timestamp),
) -> Result<(), LinkError> {
    let found = metadata::read(database, move |snapshot| snapshot.user(user))?;
    let key = found.and_then(|user| account::name_key(&user.name).ok()).ok_or(LinkError::Wrong)?;
    let keys = Keys::new(&key, address);
    let account = charge_and_look(database, &keys, key, now)?;
    let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
    if hasher.verify(password, stored) == Verdict::Wrong {
        return Err(LinkError::Wrong);
    }
    metadata::write(database, move |transaction| Ok(throttle::refund(transaction, &keys)?))
}

struct Account {
    user: User,
    password_hash: Option<String>,
}

fn charge_and_look(
    database: &dyn Database,
    keys: &Keys,
    key: NameKey,
    now: Timestamp,
) -> Result<Option<Account>, LinkError> {
    let keys = keys.clone();
    metadata::write(database, move |transaction| {
        if let Err(retry_after_seconds) = throttle::charge(transaction, &keys, now)? {
            return Err(LinkError::TooMany { retry_after_seconds });
        }
        let Some(user) = transaction.user_named(&key)? else { return Ok(None) };
        let password = transaction
            .credentials(user.id)?
            .into_iter()
            .find(|credential| credential.kind == CredentialKind::Password)
            .and_then(|credential| String::from_utf8(credential.secret).ok());
        Ok(Some(Account { user, password_hash: password }))
    })
}

fn record_failure(
    database: &dyn Database,
    attempt: &LinkAttempt<'_>,
    user: Option<UserId>,
) -> Result<(), LinkError> {
    let entry = audit_entry(attempt, user, None, false);
    metadata::write(database, move |transaction| {
        transaction.append_audit(&entry, digest::audit)?;
        Ok(())
    })
}

fn finish(
    database: &dyn Database,
    keys: Keys,
    attempt: &LinkAttempt<'_>,
    user: UserId,
    rehashed: Option<String>,
) -> Result<Linked, LinkError> {
    let token = Token::generate()?;
    let now = attempt.now;
    let device = NewDevice {
        user,
        name: attempt.device.to_owned(),
        token_hash: token.digest().0,
        at: now,
        expires_at: attempt.ends,
        platform: harmless(attempt.platform),
        address: attempt.address.map(|address| address.to_string()).unwrap_or_default(),
    };
    let mut entry = audit_entry(attempt, Some(user), None, true);
    let device = metadata::write(database, move |transaction: &dyn Transaction| {
        throttle::refund(transaction, &keys)?;
        if let Some(hash) = rehashed {
            set_password(transaction, user, &hash, now)?;
        }
        let id = transaction.create_device(&device)?;
        entry.device = Some(id);
        transaction.append_audit(&entry, digest::audit)?;
        Ok::<_, LinkError>(id)
    })?;
    Ok(Linked { user, device, token })
}

fn audit_entry(
    attempt: &LinkAttempt<'_>,
    user: Option<UserId>,
    device: Option<DeviceId>,
    allowed: bool,
) -> AuditEntry {
    AuditEntry {
        at: attempt.now,
        user,
        device,
        address: attempt.address.map(|address| address.to_string()).unwrap_or_default(),
        action: "device.link",
        folder: None,
        allowed,
        details: vec![
            ("device_name".to_owned(), attempt.device.to_owned()),
            ("platform".to_owned(), harmless(attempt.platform)),
        ],
    }
}

/// What a stranger says of itself, as it may stand in lists and logs: nothing in it looks like another column.
pub(crate) fn harmless(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|letter| !is_misleading(*letter)).take(NAME_BYTES_MAX).collect()
}

/// Whether a device may be called so.
#[must_use]
pub fn is_device_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.trim() == name && !name.chars().any(is_misleading)
}

/// Whether a sign controls how what stands around it is shown: strangers' names stand in lists that people decide by.
pub(crate) fn is_misleading(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
