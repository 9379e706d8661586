//! Sign-ins whose password was right and whose second factor is awaited.
//!
//! A type of its own with a token of its own (`drl_pnd_`), in a store of its own: it is no [`crate::Token`], is read by nothing
//! that reads those, and leads nowhere but to [`Pending::finish`]. Half a sign-in that was taken for a whole one is how
//! CVE-2026-45690 and CVE-2026-45691 came about.
//!
//! Invariants:
//! - in memory, five minutes, five tries; while one try is looked at, the token is worth nothing to others;
//! - it ends with the password that it was begun with, and with the account.

use crate::seal::SealKey;
use crate::sign_in::{LinkError, Linked, Opening, finish, refuse};
use crate::token::{NoRandomness, PendingToken};
use crate::{account, second_factor};
use metadata::account::CredentialKind;
use metadata::{Database, Snapshot};
use model::{Timestamp, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long the second factor is awaited.
pub const LIFE_SECONDS: i64 = 300;
/// How many codes may be tried.
const TRIES: u8 = 5;
/// The most of one account: the oldest makes room.
const OF_AN_ACCOUNT_MAX: usize = 5;
/// The most in all.
const IN_ALL_MAX: usize = 10_000;

/// Sign-ins that wait for a second factor.
#[derive(Debug, Default)]
pub struct Pending {
    waiting: Mutex<HashMap<[u8; 32], Waiting>>,
}

#[derive(Debug, Clone)]
struct Waiting {
    user: UserId,
    /// When the password was set that was typed.
    password_of: Option<Timestamp>,
    began_at: Timestamp,
    tries: u8,
}

/// A sign-in that waits.
#[derive(Debug)]
pub struct SecondStep {
    /// What shows that the password was right: said to the one who typed it.
    pub token: PendingToken,
}

/// Why a second step came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    /// It never was, or is no more: too long ago, too many tries, or the password was changed.
    #[error("this sign-in is not known any more: begin again")]
    Unknown,
    /// As where one signs in; the step can be tried again.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl From<metadata::Error> for SecondStepError {
    fn from(error: metadata::Error) -> Self {
        Self::Link(error.into())
    }
}

impl Pending {
    /// Begins to wait. The password was right in this very state.
    pub(crate) fn begin(
        &self,
        user: UserId,
        password_of: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<SecondStep, NoRandomness> {
        let token = PendingToken::generate()?;
        let mut waiting = self.current(now);
        while let Some(oldest) = surplus(&waiting, user) {
            waiting.remove(&oldest);
        }
        waiting.insert(token.digest().0, Waiting { user, password_of, began_at: now, tries: 0 });
        Ok(SecondStep { token })
    }

    /// Finishes a sign-in by a code. Blocks.
    ///
    /// # Errors
    /// If nothing waits under this token, the code is wrong, too many were tried, or the database fails.
    pub fn finish(
        &self,
        database: &dyn Database,
        key: &Arc<SealKey>,
        shown: &str,
        typed: &str,
        opening: Opening,
    ) -> Result<Linked, SecondStepError> {
        let now = opening.now;
        let id = PendingToken::parse(shown).ok_or(SecondStepError::Unknown)?.digest().0;
        // Taken out: whoever comes at the same time finds nothing.
        let mut taken = self.current(now).remove(&id).ok_or(SecondStepError::Unknown)?;
        let (key, typed, asked) = (Arc::clone(key), typed.to_owned(), taken.clone());
        let finished = metadata::write(database, move |transaction| {
            if !still_holds(transaction.as_snapshot(), &asked)? {
                return Ok(Err(SecondStepError::Unknown));
            }
            match second_factor::take(transaction, &key, asked.user, &typed, now)? {
                Ok(proof) => finish(transaction, asked.user, proof, &opening).map(Ok),
                Err(error) => {
                    refuse(transaction, asked.user, &opening)?;
                    Ok(Err(error.into()))
                }
            }
        });
        let finished: Result<Linked, SecondStepError> = match finished {
            Ok(answer) => answer,
            Err(error) => Err(SecondStepError::Link(error)),
        };
        if let Err(SecondStepError::Link(_)) = &finished {
            taken.tries += 1;
            if taken.tries < TRIES {
                self.lock().insert(id, taken);
            }
        }
        finished
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self, now: Timestamp) -> MutexGuard<'_, HashMap<[u8; 32], Waiting>> {
        let mut waiting = self.lock();
        let since = now.0.saturating_sub(LIFE_SECONDS.saturating_mul(1_000_000_000));
        // A clock that was set back does not make one live longer.
        waiting.retain(|_, waiting| waiting.began_at.0 > since && waiting.began_at <= now);
        waiting
    }
}

/// Which one has to go before another may come.
fn surplus(waiting: &HashMap<[u8; 32], Waiting>, user: UserId) -> Option<[u8; 32]> {
    let oldest = |theirs_alone: bool| {
        let all = waiting.iter().filter(|(_, waiting)| !theirs_alone || waiting.user == user);
        all.min_by_key(|(_, waiting)| waiting.began_at).map(|(id, _)| *id)
    };
    let theirs = waiting.values().filter(|waiting| waiting.user == user).count();
    if theirs >= OF_AN_ACCOUNT_MAX {
        oldest(true)
    } else if waiting.len() >= IN_ALL_MAX {
        oldest(false)
    } else {
        None
    }
}

/// When the account's password was set.
pub(crate) fn password_of(snapshot: &dyn Snapshot, user: UserId) -> metadata::Result<Option<Timestamp>> {
    let credentials = snapshot.credentials(user)?;
    let password = credentials.into_iter().find(|row| row.kind == CredentialKind::Password);
    Ok(password.map(|row| row.changed_at))
}

fn still_holds(snapshot: &dyn Snapshot, waiting: &Waiting) -> metadata::Result<bool> {
    let user = snapshot.user(waiting.user)?;
    let is_active = user.is_some_and(|user| !user.disabled && !account::is_removed(&user));
    Ok(is_active && password_of(snapshot, waiting.user)? == waiting.password_of)
}
