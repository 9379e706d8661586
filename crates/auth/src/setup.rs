//! The first administrator: whoever knows a code that is shown only where the server runs.
//!
//! Invariants:
//! - a database is in setup, or it is not, and never is again once it had an administrator, however that one came;
//! - the code is shown once and kept as a digest; each start of the server makes another;
//! - of several who claim at once with the right code one wins: the digest is looked at again in the transaction that
//!   makes the account;
//! - tries are counted by network before they are looked at, and delayed more and more.

use crate::account::{AccountError, create_user};
use crate::device_code::UserCode;
use crate::digest;
use crate::throttle::{self, Keys};
use crate::token::NoRandomness;
use metadata::audit::AuditEntry;
use metadata::setting::Setting;
use metadata::{Database, Snapshot, Transaction};
use model::{Timestamp, UserId};
use std::fmt;
use std::net::IpAddr;

/// What makes the first administrator: 16 letters, 69 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SetupCode([UserCode; 2]);

/// How many letters half of a code has.
const HALF: usize = 8;

impl SetupCode {
    /// A new one.
    ///
    /// # Errors
    /// If the operating system gives no randomness.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self([UserCode::generate()?, UserCode::generate()?]))
    }

    /// Reads what somebody typed: capitals or not, with or without the dashes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: String =
            text.chars().filter(|sign| !matches!(sign, '-' | ' ')).take(2 * HALF + 1).collect();
        let (one, other) = letters.split_at_checked(HALF)?;
        Some(Self([UserCode::parse(one)?, UserCode::parse(other)?]))
    }

    fn digest(self) -> [u8; 32] {
        digest::setup_code(&self.to_string())
    }
}

/// As it is read.
impl fmt::Display for SetupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0[0], self.0[1])
    }
}

/// Without the secret.
impl fmt::Debug for SetupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetupCode")
    }
}

/// Why nobody became the administrator.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is, or was, an administrator.
    #[error("this server is set up already")]
    Over,
    /// Another code.
    #[error("this is not the code")]
    Wrong,
    /// Too many tries before.
    #[error("too many tries; try again in {retry_after_seconds} s")]
    TooMany {
        /// How long to wait.
        retry_after_seconds: u64,
    },
    /// The account cannot be made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The system gives no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] metadata::Error),
}

/// Begins the setup anew, with another code, if there was never an administrator.
pub fn begin(database: &dyn Database) -> Result<Option<SetupCode>, SetupError> {
    let code = SetupCode::generate()?;
    metadata::write(database, move |transaction| {
        let ended = transaction.setting(Setting::SetupCode)?.is_some_and(|stored| stored.is_empty());
        if ended {
            return Ok(None);
        }
        // Accounts of before there was a setup.
        if transaction.users()?.iter().any(|user| user.administrator) {
            end(transaction)?;
            return Ok(None);
        }
        transaction.put_setting(Setting::SetupCode, &code.digest())?;
        Ok(Some(code))
    })
}

/// Whether an administrator is awaited.
pub fn is_needed(snapshot: &dyn Snapshot) -> metadata::Result<bool> {
    Ok(awaited(snapshot)?.is_some())
}

/// Ends the setup for ever: somebody administers the server.
pub fn end(transaction: &dyn Transaction) -> metadata::Result<()> {
    transaction.put_setting(Setting::SetupCode, &[])
}

/// Looks at a code that somebody shows.
pub fn check(database: &dyn Database, code: &str, address: IpAddr, now: Timestamp) -> Result<(), SetupError> {
    let shown = SetupCode::parse(code).map(SetupCode::digest);
    let keys = Keys::of_setup(address);
    let entry = audit_entry(address, now, None);
    metadata::write(database, move |transaction| {
        let Some(awaited) = awaited(transaction.as_snapshot())? else { return Ok(Err(SetupError::Over)) };
        if let Err(retry_after_seconds) = throttle::charge(transaction, &keys, now)? {
            return Ok(Err(SetupError::TooMany { retry_after_seconds }));
        }
        if !shown.is_some_and(|shown| digest::are_equal(shown, awaited)) {
            transaction.append_audit(&entry, digest::audit)?;
            // Not an error of the transaction: the try stays counted.
            return Ok(Err(SetupError::Wrong));
        }
        throttle::refund(transaction, &keys)?;
        Ok::<_, SetupError>(Ok(()))
    })?
}

/// Makes the first administrator, for a code that was found to be right and a password hashed before.
pub fn claim(
    database: &dyn Database,
    code: &str,
    (user, password_hash): (&str, &str),
    address: IpAddr,
    now: Timestamp,
) -> Result<UserId, SetupError> {
    let shown = SetupCode::parse(code).map(SetupCode::digest).ok_or(SetupError::Wrong)?;
    let (user, password_hash) = (user.to_owned(), password_hash.to_owned());
    metadata::write(database, move |transaction| {
        let awaited = awaited(transaction.as_snapshot())?.ok_or(SetupError::Over)?;
        if !digest::are_equal(shown, awaited) {
            return Err(SetupError::Wrong);
        }
        let id = create_user(transaction, &user, &password_hash, true, now)?;
        transaction.append_audit(&audit_entry(address, now, Some(id)), digest::audit)?;
        Ok(id)
    })
}

fn awaited(snapshot: &dyn Snapshot) -> metadata::Result<Option<[u8; 32]>> {
    // Of another length is only the empty text, which ends the setup.
    Ok(snapshot.setting(Setting::SetupCode)?.and_then(|stored| stored.try_into().ok()))
}

fn audit_entry(address: IpAddr, at: Timestamp, user: Option<UserId>) -> AuditEntry {
    AuditEntry {
        at,
        user,
        device: None,
        address: address.to_string(),
        action: "setup.claim",
        folder: None,
        allowed: user.is_some(),
        details: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = SetupCode::generate().unwrap();
        let text = code.to_string();
        assert_eq!(text.len(), 19);
        assert_eq!(SetupCode::parse(&text), Some(code));
        assert_eq!(SetupCode::parse(&text.to_lowercase().replace('-', " ")), Some(code));
        for bad in
            ["", "WDJB-MJHT", &text[..18], &format!("{text}B"), &text.replace('-', "_"), &"\u{e4}".repeat(16)]
        {
            assert_eq!(SetupCode::parse(bad), None, "{bad}");
        }
        assert_eq!(format!("{code:?}"), "SetupCode");
        assert_ne!(SetupCode::generate().unwrap(), code);
    }
}
