//! The second factor: a one-time code from an authenticator app, or one of ten recovery codes.
//!
//! Invariants:
//! - it is on once a code has shown that the app has the secret, and not before: setting it up waits in memory
//!   ([`Enrolments`]), a quarter of an hour at most;
//! - the secret is sealed ([`crate::seal`]), recovery codes are kept as digests and are gone when used;
//! - a code is good once: the step of the last one is stored in the transaction that takes it;
//! - tries are counted by account in the database, before they are looked at ([`crate::throttle`]).
//!
//! Start with [`Enrolments::begin`] and [`Enrolments::confirm`]; [`take`] is what everybody asks who wants a code.

use crate::seal::SealKey;
use crate::sign_in::{LinkError, Proof};
use crate::throttle::{self, Keys};
use crate::token::{NoRandomness, random};
use crate::{digest, totp};
use metadata::account::{CredentialKind, CredentialRow};
use metadata::{Snapshot, Transaction};
use model::{Timestamp, UserId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;
/// How long setting it up may take.
pub const ENROLMENT_SECONDS: i64 = 900;
/// The most accounts that set it up at a time.
const ENROLMENTS_MAX: usize = 10_000;
/// Signs of a recovery code: 32, none like another. 16 of them are 80 bits: no slow hash is needed.
const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const CODE_SIGNS: usize = 16;

/// What an account has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// Since when.
    pub since: Timestamp,
    /// Recovery codes that were not used.
    pub recovery_codes: usize,
}

/// A secret that an app has been shown, until a code comes back.
struct Enrolment {
    secret: totp::Secret,
    ends_at: Timestamp,
}

/// Accounts that are setting a second factor up.
#[derive(Default)]
pub struct Enrolments {
    by_user: Mutex<HashMap<UserId, Enrolment>>,
}

/// Without the secrets.
impl std::fmt::Debug for Enrolments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolments")
    }
}

/// Why no second factor was set up.
#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    /// It is set up already.
    #[error("a second factor is set up already; take it away first")]
    Already,
    /// Nothing was begun, or its time is over.
    #[error("setting it up was not begun, or too long ago")]
    NotBegun,
    /// As where one signs in.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl From<metadata::Error> for EnrolmentError {
    fn from(error: metadata::Error) -> Self {
        Self::Link(error.into())
    }
}

impl Enrolments {
    /// Makes a secret for an app; one begun before is forgotten. The caller has made sure of the password.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn begin(&self, user: UserId, now: Timestamp) -> Result<[u8; totp::SECRET_BYTES], NoRandomness> {
        let secret: totp::Secret = random()?;
        let ends_at = Timestamp(now.0.saturating_add(ENROLMENT_SECONDS.saturating_mul(1_000_000_000)));
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        by_user.retain(|_, enrolment| enrolment.ends_at > now);
        if by_user.len() < ENROLMENTS_MAX || by_user.contains_key(&user) {
            by_user.insert(user, Enrolment { secret, ends_at });
        }
        Ok(secret)
    }

    /// Turns the second factor on, if the app's code is right. Gives the recovery codes: shown now or never.
    pub fn confirm(
        &self,
        transaction: &dyn Transaction,
        key: &SealKey,
        user: UserId,
        typed: &str,
        now: Timestamp,
    ) -> metadata::Result<Result<Vec<String>, EnrolmentError>> {
        if state(transaction.as_snapshot(), user)?.is_some() {
            return Ok(Err(EnrolmentError::Already));
        }
        let secret = {
            let by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
            by_user.get(&user).filter(|enrolment| enrolment.ends_at > now).map(|enrolment| enrolment.secret)
        };
        let Some(secret) = secret else { return Ok(Err(EnrolmentError::NotBegun)) };
        let keys = Keys::of_second_factor(user);
        if let Err(retry_after_seconds) = throttle::charge(transaction, &keys, now)? {
            return Ok(Err(LinkError::TooMany { retry_after_seconds }.into()));
        }
        let Some(step) = digits(typed).and_then(|code| totp::step(&secret, code, now, i64::MIN)) else {
            return Ok(Err(LinkError::WrongCode.into()));
        };
        throttle::refund(transaction, &keys)?;
        let codes = match key.seal(&purpose(user), &secret).and_then(|sealed| Ok((sealed, new_codes()?))) {
            Ok((sealed, codes)) => {
                put_secret(transaction, user, step, &sealed, now)?;
                codes
            }
            Err(error) => return Ok(Err(LinkError::from(error).into())),
        };
        put_codes(transaction, user, &codes, now)?;
        self.by_user.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
        Ok(Ok(codes))
    }
}

/// What an account has; none: its password is enough.
pub fn state(snapshot: &dyn Snapshot, user: UserId) -> metadata::Result<Option<SecondFactor>> {
    let credentials = snapshot.credentials(user)?;
    let secret = credentials.iter().find(|row| row.kind == CredentialKind::OneTime);
    let recovery_codes = credentials.iter().filter(|row| row.kind == CredentialKind::Recovery).count();
    Ok(secret.map(|row| SecondFactor { since: row.changed_at, recovery_codes }))
}

/// Takes a code that somebody typed: the app's, or a recovery code, which is gone then. An error inside is to be kept: the
/// try has been counted.
pub(crate) fn take(
    transaction: &dyn Transaction,
    key: &SealKey,
    user: UserId,
    typed: &str,
    now: Timestamp,
) -> metadata::Result<Result<Proof, LinkError>> {
    let keys = Keys::of_second_factor(user);
    if let Err(retry_after_seconds) = throttle::charge(transaction, &keys, now)? {
        return Ok(Err(LinkError::TooMany { retry_after_seconds }));
    }
    let taken = match digits(typed) {
        Some(code) => take_one_time(transaction, key, user, code, now)?,
        None => take_recovery(transaction, user, typed)?,
    };
    if taken.is_ok() {
        throttle::refund(transaction, &keys)?;
    }
    Ok(taken)
}

/// The same for somebody who is signed in and changes what guards the account.
pub fn confirm(
    transaction: &dyn Transaction,
    key: &SealKey,
    user: UserId,
    typed: &str,
    now: Timestamp,
) -> metadata::Result<Result<(), LinkError>> {
    Ok(take(transaction, key, user, typed, now)?.map(drop))
}

fn take_one_time(
    transaction: &dyn Transaction,
    key: &SealKey,
    user: UserId,
    code: u32,
    now: Timestamp,
) -> metadata::Result<Result<Proof, LinkError>> {
    let credentials = transaction.credentials(user)?;
    let Some(row) = credentials.into_iter().find(|row| row.kind == CredentialKind::OneTime) else {
        return Ok(Err(LinkError::WrongCode));
    };
    let Some((last, sealed)) = row.secret.split_first_chunk() else {
        return Ok(Err(LinkError::KeyLost));
    };
    let Some(secret) = key.open(&purpose(user), sealed) else { return Ok(Err(LinkError::KeyLost)) };
    let Some(step) = totp::step(&secret, code, now, i64::from_le_bytes(*last)) else {
        return Ok(Err(LinkError::WrongCode));
    };
    put_secret(transaction, user, step, sealed, row.changed_at)?;
    Ok(Ok(Proof::OneTimeCode))
}

fn take_recovery(
    transaction: &dyn Transaction,
    user: UserId,
    typed: &str,
) -> metadata::Result<Result<Proof, LinkError>> {
    let Some(code) = read_code(typed) else { return Ok(Err(LinkError::WrongCode)) };
    let digest = digest::recovery_code(user, &code);
    let credentials = transaction.credentials(user)?;
    let found = credentials.iter().find(|row| row.kind == CredentialKind::Recovery && row.secret == digest);
    let Some(found) = found else { return Ok(Err(LinkError::WrongCode)) };
    transaction.delete_credential(user, CredentialKind::Recovery, &found.label)?;
    Ok(Ok(Proof::RecoveryCode))
}

/// Replaces the recovery codes of an account.
pub fn renew_codes(
    transaction: &dyn Transaction,
    user: UserId,
    now: Timestamp,
) -> metadata::Result<Result<Vec<String>, NoRandomness>> {
    let codes = match new_codes() {
        Ok(codes) => codes,
        Err(error) => return Ok(Err(error)),
    };
    put_codes(transaction, user, &codes, now)?;
    Ok(Ok(codes))
}

/// Takes the second factor away: from then on the password is enough. Says whether there was one.
pub fn remove(transaction: &dyn Transaction, user: UserId) -> metadata::Result<bool> {
    let mut was_on = false;
    for row in transaction.credentials(user)? {
        if matches!(row.kind, CredentialKind::OneTime | CredentialKind::Recovery) {
            was_on |= row.kind == CredentialKind::OneTime;
            transaction.delete_credential(user, row.kind, &row.label)?;
        }
    }
    throttle::refund(transaction, &Keys::of_second_factor(user))?;
    Ok(was_on)
}

fn purpose(user: UserId) -> String {
    format!("driftless 2026 one-time secret of {user}")
}

fn put_secret(
    transaction: &dyn Transaction,
    user: UserId,
    last_step: i64,
    sealed: &[u8],
    changed_at: Timestamp,
) -> metadata::Result<()> {
    let secret = [&last_step.to_le_bytes(), sealed].concat();
    let (kind, label) = (CredentialKind::OneTime, String::new());
    transaction.put_credential(&CredentialRow { user, kind, label, secret, changed_at })
}

fn put_codes(
    transaction: &dyn Transaction,
    user: UserId,
    codes: &[String],
    now: Timestamp,
) -> metadata::Result<()> {
    for row in transaction.credentials(user)? {
        if row.kind == CredentialKind::Recovery {
            transaction.delete_credential(user, row.kind, &row.label)?;
        }
    }
    for (index, code) in codes.iter().enumerate() {
        transaction.put_credential(&CredentialRow {
            user,
            kind: CredentialKind::Recovery,
            label: index.to_string(),
            secret: read_code(code)
                .map(|code| digest::recovery_code(user, &code))
                .unwrap_or_default()
                .to_vec(),
            changed_at: now,
        })?;
    }
    Ok(())
}

fn new_codes() -> Result<Vec<String>, NoRandomness> {
    let random: [u8; RECOVERY_CODES * CODE_SIGNS] = random()?;
    let code = |bytes: &[u8]| {
        let signs = bytes.iter().map(|byte| char::from(SIGNS[usize::from(byte & 31)]));
        let groups: Vec<String> =
            signs.collect::<Vec<_>>().chunks(4).map(|group| group.iter().collect()).collect();
        groups.join("-")
    };
    Ok(random.chunks(CODE_SIGNS).map(code).collect())
}

/// Six digits, with whatever spaces an app shows between them.
fn digits(typed: &str) -> Option<u32> {
    let signs: Vec<char> = typed.chars().take(16).filter(|sign| !sign.is_whitespace()).collect();
    let is_code = signs.len() == 6 && signs.iter().all(char::is_ascii_digit);
    is_code.then(|| signs.iter().collect::<String>().parse().ok())?
}

/// The signs of a recovery code, however it is grouped.
fn read_code(typed: &str) -> Option<[u8; CODE_SIGNS]> {
    let signs = typed.bytes().take(64).filter(|sign| !matches!(sign, b' ' | b'-'));
    let signs: Vec<u8> = signs.map(|sign| sign.to_ascii_lowercase()).collect();
    let signs: [u8; CODE_SIGNS] = signs.try_into().ok()?;
    signs.iter().all(|sign| SIGNS.contains(sign)).then_some(signs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_read_as_they_are_written_and_typed() {
        let codes = new_codes().unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        for code in &codes {
            let read = read_code(code).unwrap();
            assert_eq!(read_code(&code.replace('-', " ").to_uppercase()), Some(read));
            assert_eq!(digits(code), None);
        }
        assert_ne!(codes[0], codes[1]);
        for bad in ["", "abcd", "abcd-efgh-ijkm-npql", &"a".repeat(17), &"\u{e9}".repeat(16)] {
            assert_eq!(read_code(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_code_of_digits_is_the_apps() {
        assert_eq!((digits("012 345"), digits(" 000000 ")), (Some(12_345), Some(0)));
        for bad in ["", "12345", "1234567", "12345a", "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}"] {
            assert_eq!(digits(bad), None, "{bad}");
        }
    }
}
