//! Signing in, to link a device or to open a browser's session.
//!
//! Whatever proves who somebody is (a password, a password and a code, a passkey, a provider of single
//! sign-on) ends in [`finish`], which is the only way
//! to a token. Start with [`link_device`] and [`open_session`]; what waits for a second factor goes on in [`crate::pending`].

use crate::account::{NAME_BYTES_MAX, set_password};
use crate::password::{Hasher, Verdict};
use crate::pending::{Pending, SecondStep, password_of};
use crate::seal::SealKey;
use crate::second_factor::{self, Enrolments};
use crate::throttle::{self, Keys};
use crate::token::Token;
use crate::{account, digest};
use metadata::account::{CredentialKind, DeviceKind, NewDevice, User};
use metadata::audit::AuditEntry;
use metadata::{Database, Transaction};
use model::{DeviceId, NameKey, Principal, Timestamp, UserId};
use std::net::IpAddr;
use std::sync::Arc;

/// What second factors take: the key of their secrets, and what waits in memory.
#[derive(Debug)]
pub struct Factors {
    /// What secrets are sealed under.
    pub key: Arc<SealKey>,
    /// Sign-ins that wait for a second factor.
    pub pending: Pending,
    /// Second factors that are being set up.
    pub enrolments: Enrolments,
}

impl Factors {
    /// Under a key.
    #[must_use]
    pub fn new(key: SealKey) -> Self {
        Self { key: Arc::new(key), pending: Pending::default(), enrolments: Enrolments::default() }
    }
}

/// What proved who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The password, where no second factor is set up.
    Password,
    /// The password, and a code of the app.
    OneTimeCode,
    /// The password, and a recovery code.
    RecoveryCode,
    /// A passkey, which has made sure of the person itself.
    Passkey,
    /// The provider of single sign-on, which vouches for the person.
    SingleSignOn,
}

impl Proof {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::OneTimeCode => "one_time_code",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
            Self::SingleSignOn => "single_sign_on",
        }
    }
}

/// What a sign-in opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpeningKind {
    /// A device is linked.
    Device,
    /// A browser's session.
    Session,
}

/// What is opened for somebody who has proved who they are.
#[derive(Debug, Clone)]
pub struct Opening {
    /// What.
    pub kind: OpeningKind,
    /// What the person calls the device.
    pub device: String,
    /// The system it runs, for the log.
    pub platform: String,
    /// Where the attempt comes from.
    pub address: Option<IpAddr>,
    /// When its token ends by itself; none: when it is taken away.
    pub ends: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

impl Opening {
    /// A line of the audit log, of an attempt that was allowed.
    pub(crate) fn entry(&self, user: impl Into<Option<UserId>>, by: &str) -> AuditEntry {
        AuditEntry {
            at: self.now,
            user: user.into(),
            device: None,
            address: self.address.map(|address| address.to_string()).unwrap_or_default(),
            action: "device.link",
            folder: None,
            allowed: true,
            details: vec![
                ("device_name".to_owned(), self.device.clone()),
                ("platform".to_owned(), harmless(&self.platform)),
                ("by".to_owned(), by.to_owned()),
            ],
        }
    }
}

/// What is shown to sign in.
#[derive(Clone)]
pub struct LinkAttempt<'a> {
    /// The account's name.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
    /// A code of its second factor, where it has one.
    pub code: Option<&'a str>,
    /// What it is to open.
    pub opening: Opening,
}

/// Without password and code.
impl std::fmt::Debug for LinkAttempt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkAttempt")
            .field("user", &self.user)
            .field("opening", &self.opening)
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

/// What came of name and password.
#[derive(Debug)]
pub enum Opened {
    /// They were enough.
    Linked(Linked),
    /// A second factor is awaited.
    SecondStep(SecondStep),
}

/// Why no device was linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Wrong name or wrong password; which of them is not said.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// The password was right, and the account has a second factor.
    #[error("this account has a second factor: its code is wanted, too")]
    SecondFactorNeeded,
    /// The code was wrong, used before, or too old.
    #[error("the code is wrong, or was used before")]
    WrongCode,
    /// The second factor's secret was sealed under another key than the server has.
    #[error(
        "the server has lost the key of second factors: use a recovery code, or have an administrator take the second factor away"
    )]
    KeyLost,
    /// The account has no password, and the session is not a new one.
    #[error("this account has no password: sign in again, and do this within {} minutes", FRESH_SECONDS / 60)]
    NotFresh,
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

/// Links a device to an account whose password is shown, and the code of its second factor if it has one. Takes about 30 ms
/// and 46 MiB in every case that looks at a password.
pub fn link_device(
    database: &dyn Database,
    hasher: &Hasher,
    factors: &Factors,
    attempt: LinkAttempt<'_>,
) -> Result<Linked, LinkError> {
    match sign_in(database, hasher, factors, attempt)? {
        Step::Linked(linked) => Ok(linked),
        Step::Awaits { .. } => Err(LinkError::SecondFactorNeeded),
        Step::Refused(error) => Err(error),
    }
}

/// The same for a browser: if a second factor is wanted and was not shown, the sign-in waits for it
/// ([`crate::pending::Pending::finish`]).
pub fn open_session(
    database: &dyn Database,
    hasher: &Hasher,
    factors: &Factors,
    attempt: LinkAttempt<'_>,
) -> Result<Opened, LinkError> {
    let now = attempt.opening.now;
    match sign_in(database, hasher, factors, attempt)? {
        Step::Linked(linked) => Ok(Opened::Linked(linked)),
        Step::Awaits { user, password_of } => {
            Ok(Opened::SecondStep(factors.pending.begin(user, password_of, now)?))
        }
        Step::Refused(error) => Err(error),
    }
}

/// What came of a sign-in whose password was right.
enum Step {
    Linked(Linked),
    Awaits {
        user: UserId,
        password_of: Option<Timestamp>,
    },
    /// To be kept: the try has been counted.
    Refused(LinkError),
}

fn sign_in(
    database: &dyn Database,
    hasher: &Hasher,
    factors: &Factors,
    attempt: LinkAttempt<'_>,
) -> Result<Step, LinkError> {
    if !is_device_name(&attempt.opening.device) {
        return Err(LinkError::BadDeviceName);
    }
    let checked = check_password(database, hasher, &attempt)?;
    let (opening, code, key) = (attempt.opening, attempt.code.map(str::to_owned), Arc::clone(&factors.key));
    metadata::write(database, move |transaction| {
        let (user, now) = (checked.user, opening.now);
        checked.accept(transaction, now)?;
        if second_factor::state(transaction.as_snapshot(), user)?.is_none() {
            return finish(transaction, user, Proof::Password, &opening).map(Step::Linked);
        }
        let Some(code) = code else {
            let asked = AuditEntry { action: "second_factor.ask", ..opening.entry(user, "password") };
            transaction.append_audit(&asked, digest::audit)?;
            return Ok(Step::Awaits { user, password_of: password_of(transaction.as_snapshot(), user)? });
        };
        match second_factor::take(transaction, &key, user, &code, now)? {
            Ok(proof) => finish(transaction, user, proof, &opening).map(Step::Linked),
            Err(error) => {
                refuse(transaction, user, &opening)?;
                Ok(Step::Refused(error))
            }
        }
    })
}

/// A password that was right.
struct Checked {
    user: UserId,
    keys: Keys,
    rehashed: Option<String>,
}

impl Checked {
    fn accept(&self, transaction: &dyn Transaction, now: Timestamp) -> Result<(), LinkError> {
        throttle::refund(transaction, &self.keys)?;
        if let Some(hash) = &self.rehashed {
            set_password(transaction, self.user, hash, now)?;
        }
        Ok(())
    }
}

fn check_password(
    database: &dyn Database,
    hasher: &Hasher,
    attempt: &LinkAttempt<'_>,
) -> Result<Checked, LinkError> {
    // A name that can be nobody's counts and costs like one that could.
    let key = account::name_key(attempt.user).unwrap_or_else(|_| NameKey("".into()));
    let keys = Keys::new(&key, attempt.opening.address);
    let account = charge_and_look(database, &keys, key, attempt.opening.now)?;

    let stored = account.as_ref().and_then(|account| account.password_hash.as_deref());
    let verdict = hasher.verify(attempt.password, stored);
    let user = match account {
        Some(Account { user, .. }) if verdict != Verdict::Wrong && !user.disabled => user.id,
        other => {
            let (user, opening) = (other.map(|account| account.user.id), attempt.opening.clone());
            metadata::write(database, move |transaction| refuse(transaction, user, &opening))?;
            return Err(LinkError::Wrong);
        }
    };
    // Only a password that may be set again is hashed again.
    let rehashed = match verdict {
        Verdict::RightButWeak => hasher.hash(attempt.password).ok(),
        _ => None,
    };
    Ok(Checked { user, keys, rehashed })
}

/// Opens what somebody signs in for who has proved to be `user`: the one way to a token, whatever proved it.
///
/// # Errors
/// `Wrong` if the account is not active; if there is no randomness; if the database fails.
pub(crate) fn finish(
    transaction: &dyn Transaction,
    user: UserId,
    proof: Proof,
    opening: &Opening,
) -> Result<Linked, LinkError> {
    if !is_device_name(&opening.device) {
        return Err(LinkError::BadDeviceName);
    }
    let account = transaction.user(user)?.filter(|user| !user.disabled && !account::is_removed(user));
    account.ok_or(LinkError::Wrong)?;
    let token = Token::generate()?;
    let device = NewDevice {
        user,
        name: opening.device.clone(),
        token_hash: token.digest().0,
        at: opening.now,
        expires_at: opening.ends,
        platform: harmless(&opening.platform),
        address: opening.address.map(|address| address.to_string()).unwrap_or_default(),
    };
    let id = match opening.kind {
        OpeningKind::Device => transaction.create_device(&device)?,
        OpeningKind::Session => transaction.create_session(&device)?,
    };
    let entry = AuditEntry { device: Some(id), ..opening.entry(user, proof.word()) };
    transaction.append_audit(&entry, digest::audit)?;
    Ok(Linked { user, device: id, token })
}

/// Notes that nothing was opened.
pub(crate) fn refuse(
    transaction: &dyn Transaction,
    user: impl Into<Option<UserId>>,
    opening: &Opening,
) -> metadata::Result<()> {
    let entry = AuditEntry { allowed: false, ..opening.entry(user, "") };
    transaction.append_audit(&entry, digest::audit).map(drop)
}

/// How young a session is that stands for the password where an account has none.
pub const FRESH_SECONDS: i64 = 600;

/// Makes sure that somebody who shows a token knows the account's password, too: for what a stolen token must not reach.
/// Where the account has none, as its owner signs in otherwise, the session must be one that was opened just now.
/// Takes as long as [`link_device`].
pub fn confirm_password(
    database: &dyn Database,
    hasher: &Hasher,
    principal: Principal,
    password: &str,
    (address, now): (Option<IpAddr>, Timestamp),
) -> Result<(), LinkError> {
    let user = principal.user;
    let stands = metadata::read(database, move |snapshot| stands_for_password(snapshot, principal, now))?;
    if let Some(is_fresh) = stands {
        return if is_fresh { Ok(()) } else { Err(LinkError::NotFresh) };
    }
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

/// Whether the session was opened just now, for an account without a password; none for one with a password.
fn stands_for_password(
    snapshot: &dyn metadata::Snapshot,
    principal: Principal,
    now: Timestamp,
) -> metadata::Result<Option<bool>> {
    if password_of(snapshot, principal.user)?.is_some() {
        return Ok(None);
    }
    let Some(device) = principal.device else { return Ok(Some(false)) };
    let device = snapshot.device(device)?.filter(|device| device.kind == DeviceKind::Session);
    let since = now.0.saturating_sub(FRESH_SECONDS.saturating_mul(1_000_000_000));
    Ok(Some(device.is_some_and(|device| (since..=now.0).contains(&device.created_at.0))))
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
