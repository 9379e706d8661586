//! Single sign-on: what becomes of somebody whom the provider vouches for. How it comes to vouch is the caller's.
//!
//! Invariants:
//! - a person is known by the provider's issuer and its name for them (`sub`), and by nothing else: never by an address of
//!   mail or a name, which people choose and providers reuse;
//! - an account that was there before is connected by its owner, who is signed in ([`connect`]);
//! - groups that the rules name are set at each sign-in, in the transaction of the sign-in; others are not touched;
//! - the last active administrator stays one, whatever the provider says.
//!
//! Start with [`sign_in`] and [`connect`].

use crate::seal::SealKey;
use crate::sign_in::{Factors, LinkError, Linked, Opened, Opening, Proof, finish, harmless, is_misleading};
use crate::token::NoRandomness;
use crate::{account, digest, pending, second_factor, setup};
use metadata::account::User;
use metadata::audit::AuditEntry;
use metadata::identity::IdentityRow;
use metadata::{Database, Transaction};
use model::{GroupId, Principal, Timestamp, UserId};
use std::net::IpAddr;

/// The longest name that a provider may have for a person, in bytes (OpenID Connect Core 1.0, 2).
pub const SUBJECT_BYTES_MAX: usize = 255;

/// Whom the provider vouches for, and what it says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who vouches.
    pub issuer: String,
    /// For whom.
    pub subject: String,
    /// What it calls the person, the best first: for new accounts, and to be shown.
    pub names: Vec<String>,
    /// The groups that it has the person in.
    pub groups: Vec<String>,
}

impl Person {
    fn shown(&self) -> String {
        harmless(self.names.first().map_or(self.subject.as_str(), String::as_str))
    }
}

/// What administrators chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether people whom nobody here knows get an account.
    pub create: bool,
    /// Who is in which group here by being in which group there.
    pub groups: Vec<(String, GroupId)>,
    /// The group there that makes administrators; none: none does, and nobody stops being one.
    pub administrators: Option<String>,
    /// Whether the account's own second factor is asked for, too.
    pub second_factor: bool,
}

/// Why nobody was signed in or connected.
#[derive(Debug, thiserror::Error)]
pub enum SingleSignOnError {
    /// No account is connected to this person, and none is made.
    #[error("no account here is connected to this person")]
    Stranger,
    /// One would be made, and its name is another's.
    #[error("an account of the name '{0}' is there already: its owner connects it")]
    NameTaken(String),
    /// One would be made, and what the provider says is no name.
    #[error("the provider says no name that an account could have")]
    NoName,
    /// The account is not active.
    #[error("this account is not active")]
    Inactive,
    /// Another account is connected to this person.
    #[error("this person is connected to another account")]
    OfAnother,
    /// The account is connected to somebody else already.
    #[error("this account is connected already")]
    Connected,
    /// Without it nobody could sign in any more.
    #[error("there is no other way to sign in: set a password first")]
    LastWay,
    /// Nothing is connected.
    #[error("this account is not connected")]
    NotConnected,
    /// As where one signs in.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl From<metadata::Error> for SingleSignOnError {
    fn from(error: metadata::Error) -> Self {
        Self::Link(error.into())
    }
}

/// What came of it; a refusal is to be kept, too.
enum Step {
    Linked(Linked),
    Awaits(UserId, Option<Timestamp>),
    Refused(SingleSignOnError),
}

/// Signs in whom the provider vouches for. Blocks.
///
/// # Errors
/// If no account is theirs and none is made, the account is not active, or the database fails.
pub fn sign_in(
    database: &dyn Database,
    factors: &Factors,
    person: Person,
    rules: Rules,
    opening: Opening,
) -> Result<Opened, SingleSignOnError> {
    let now = opening.now;
    let step = metadata::write(database, move |transaction| {
        let user = match account_of(transaction, &person, &rules, &opening)? {
            Ok(user) => user,
            Err((user, error)) => {
                refuse(transaction, user, &opening, &error.to_string())?;
                return Ok(Step::Refused(error));
            }
        };
        follow(transaction, &person, &rules, &user, &opening)?;
        if rules.second_factor && second_factor::state(transaction.as_snapshot(), user.id)?.is_some() {
            let by = Proof::SingleSignOn.word();
            let asked = AuditEntry { action: "second_factor.ask", ..opening.entry(user.id, by) };
            transaction.append_audit(&asked, digest::audit)?;
            return Ok(Step::Awaits(user.id, pending::password_of(transaction.as_snapshot(), user.id)?));
        }
        let linked = finish(transaction, user.id, Proof::SingleSignOn, &opening)?;
        Ok::<_, SingleSignOnError>(Step::Linked(linked))
    })?;
    match step {
        Step::Linked(linked) => Ok(Opened::Linked(linked)),
        Step::Awaits(user, password_of) => {
            let step = factors.pending.begin(user, password_of, now).map_err(LinkError::from)?;
            Ok(Opened::SecondStep(step))
        }
        Step::Refused(error) => Err(error),
    }
}

/// Notes that nobody was signed in, and why.
pub fn refuse(
    transaction: &dyn Transaction,
    user: Option<UserId>,
    opening: &Opening,
    reason: &str,
) -> metadata::Result<()> {
    let mut entry = AuditEntry { allowed: false, ..opening.entry(user, Proof::SingleSignOn.word()) };
    entry.details.push(("reason".to_owned(), reason.to_owned()));
    transaction.append_audit(&entry, digest::audit).map(drop)
}

/// The active account that is this person's, made now if the rules say so.
fn account_of(
    transaction: &dyn Transaction,
    person: &Person,
    rules: &Rules,
    opening: &Opening,
) -> metadata::Result<Result<User, (Option<UserId>, SingleSignOnError)>> {
    let id = match transaction.identity(&person.issuer, &person.subject)? {
        Some(known) => {
            let (name, last_used_at) = (person.shown(), Some(opening.now));
            transaction.set_identity(&IdentityRow { name, last_used_at, ..known.clone() })?;
            known.user
        }
        None if rules.create => match create(transaction, person, opening)? {
            Ok(id) => id,
            Err(error) => return Ok(Err((None, error))),
        },
        None => return Ok(Err((None, SingleSignOnError::Stranger))),
    };
    let user = transaction.user(id)?.filter(|user| !user.disabled && !account::is_removed(user));
    Ok(user.ok_or((Some(id), SingleSignOnError::Inactive)))
}

fn create(
    transaction: &dyn Transaction,
    person: &Person,
    opening: &Opening,
) -> metadata::Result<Result<UserId, SingleSignOnError>> {
    let fits = |name: &&String| account::name_key(name).is_ok() && !name.chars().any(is_misleading);
    let Some(name) = person.names.iter().find(fits) else { return Ok(Err(SingleSignOnError::NoName)) };
    let user = match account::create_user_without_password(transaction, name, false, opening.now) {
        Ok(user) => user,
        Err(account::AccountError::Database(error)) => return Err(error),
        // Whoever it is: a name proves nothing.
        Err(_) => return Ok(Err(SingleSignOnError::NameTaken(name.clone()))),
    };
    let row = IdentityRow {
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
        user,
        name: person.shown(),
        created_at: opening.now,
        last_used_at: Some(opening.now),
    };
    transaction.create_identity(&row)?;
    let details = vec![
        ("user".to_owned(), name.clone()),
        ("administrator".to_owned(), "false".to_owned()),
        ("by".to_owned(), Proof::SingleSignOn.word().to_owned()),
        ("subject".to_owned(), harmless(&person.subject)),
    ];
    note(transaction, opening, user, "user.add", true, details)?;
    Ok(Ok(user))
}

/// Has the account follow what the provider says, where the rules say so.
fn follow(
    transaction: &dyn Transaction,
    person: &Person,
    rules: &Rules,
    user: &User,
    opening: &Opening,
) -> metadata::Result<()> {
    let before = transaction.groups_of(user.id)?;
    // A group may have been removed since it was named.
    let mut named = transaction.groups()?;
    named.retain(|group| rules.groups.iter().any(|(_, id)| *id == group.id));
    for group in named {
        let is_in = |(there, id): &(String, GroupId)| *id == group.id && person.groups.contains(there);
        let (wanted, is_member) = (rules.groups.iter().any(is_in), before.contains(&group.id));
        if wanted == is_member {
            continue;
        }
        let word = if wanted {
            transaction.add_member(group.id, user.id)?;
            "add"
        } else {
            transaction.remove_member(group.id, user.id)?;
            "remove"
        };
        let details = [("group", group.name), (word, user.name.clone()), ("by", by())];
        note(transaction, opening, user.id, "group.set", true, owned(details))?;
    }
    match &rules.administrators {
        Some(group) => follow_administrator(transaction, user, person.groups.contains(group), opening),
        None => Ok(()),
    }
}

fn follow_administrator(
    transaction: &dyn Transaction,
    user: &User,
    administrator: bool,
    opening: &Opening,
) -> metadata::Result<()> {
    if user.administrator == administrator {
        return Ok(());
    }
    let is_other = |other: &User| other.id != user.id && other.administrator && !other.disabled;
    let allowed = administrator || transaction.users()?.iter().any(is_other);
    if allowed {
        transaction.set_user(&User { administrator, ..user.clone() })?;
    }
    if administrator {
        setup::end(transaction)?;
    }
    let details = [("user", user.name.clone()), ("administrator", administrator.to_string()), ("by", by())];
    note(transaction, opening, user.id, "user.set", allowed, owned(details))
}

fn by() -> String {
    Proof::SingleSignOn.word().to_owned()
}

fn owned<const N: usize>(details: [(&'static str, String); N]) -> Vec<(String, String)> {
    details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn note(
    transaction: &dyn Transaction,
    opening: &Opening,
    user: UserId,
    action: &'static str,
    allowed: bool,
    details: Vec<(String, String)>,
) -> metadata::Result<()> {
    let entry = AuditEntry { action, allowed, details, ..opening.entry(user, "") };
    transaction.append_audit(&entry, digest::audit).map(drop)
}

/// Who does something to their own account: as whom, from where, and when.
pub type Doer = (Principal, Option<IpAddr>, Timestamp);

/// Connects the account of somebody who is signed in. The caller has made sure that it is them.
pub fn connect(
    transaction: &dyn Transaction,
    by: Doer,
    person: &Person,
) -> Result<IdentityRow, SingleSignOnError> {
    let ((principal, _, now), user) = (by, by.0.user);
    let active = transaction.user(user)?.is_some_and(|user| !user.disabled && !account::is_removed(&user));
    if !active {
        return Err(SingleSignOnError::Inactive);
    }
    match transaction.identity(&person.issuer, &person.subject)? {
        Some(known) if known.user == principal.user => return Ok(known),
        Some(_) => return Err(SingleSignOnError::OfAnother),
        None => {}
    }
    if identity_of(transaction, &person.issuer, user)?.is_some() {
        return Err(SingleSignOnError::Connected);
    }
    let row = IdentityRow {
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
        user,
        name: person.shown(),
        created_at: now,
        last_used_at: None,
    };
    transaction.create_identity(&row)?;
    note_own(transaction, by, "single_sign_on.connect", &row)?;
    Ok(row)
}

/// Disconnects the caller's account, if something else is left to sign in with.
pub fn disconnect(transaction: &dyn Transaction, by: Doer, issuer: &str) -> Result<(), SingleSignOnError> {
    let user = by.0.user;
    let row = identity_of(transaction, issuer, user)?.ok_or(SingleSignOnError::NotConnected)?;
    if !account::has_password(transaction.as_snapshot(), user)? && transaction.passkeys(user)?.is_empty() {
        return Err(SingleSignOnError::LastWay);
    }
    transaction.delete_identity(&row.issuer, &row.subject)?;
    Ok(note_own(transaction, by, "single_sign_on.disconnect", &row)?)
}

fn identity_of(
    transaction: &dyn Transaction,
    issuer: &str,
    user: UserId,
) -> metadata::Result<Option<IdentityRow>> {
    Ok(transaction.identities(user)?.into_iter().find(|row| row.issuer == issuer))
}

fn note_own(
    transaction: &dyn Transaction,
    (principal, address, at): Doer,
    action: &'static str,
    row: &IdentityRow,
) -> metadata::Result<()> {
    let entry = AuditEntry {
        at,
        user: Some(principal.user),
        device: principal.device,
        address: address.map(|address| address.to_string()).unwrap_or_default(),
        action,
        folder: None,
        allowed: true,
        details: owned([("issuer", row.issuer.clone()), ("subject", harmless(&row.subject))]),
    };
    transaction.append_audit(&entry, digest::audit).map(drop)
}

/// Seals the secret that a server shows its provider: it opens for this issuer and this client alone, so that it is sent to
/// nobody else when the settings change.
///
/// # Errors
/// If the operating system gives no randomness.
pub fn seal_secret(key: &SealKey, issuer: &str, client: &str, secret: &str) -> Result<Vec<u8>, NoRandomness> {
    key.seal(&purpose(issuer, client), secret.as_bytes())
}

/// Opens it again; none if it was sealed under another key, or for another issuer or client.
#[must_use]
pub fn open_secret(key: &SealKey, issuer: &str, client: &str, sealed: &[u8]) -> Option<String> {
    String::from_utf8(key.open(&purpose(issuer, client), sealed)?).ok()
}

fn purpose(issuer: &str, client: &str) -> String {
    format!("driftless 2026 single sign-on secret of {}:{issuer} {client}", issuer.len())
}
