//! Accounts and groups: names, passwords, making and removing.

use crate::password::PasswordError;
use crate::setup;
use metadata::account::{CredentialKind, CredentialRow, NewUser, User};
use metadata::{ErrorKind, Snapshot, Transaction};
use model::{GroupId, Name, NameKey, NameRule, Timestamp, UserId};

/// The longest name of an account, a group, a folder or a device, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Stands before the names of removed accounts, which stay in the history of what they did.
const REMOVED_MARK: char = '~';

/// Why a text is no name of an account or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {NAME_BYTES_MAX} bytes, no spaces at its ends, neither '/' nor control characters, and begins neither with '@' nor with '~'"
)]
pub struct NameProblem;

/// Why a text is no login of the server's system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a system user is a login of this machine: 1 to {LOGIN_BYTES_MAX} bytes without spaces, ':' or '/'")]
pub struct LoginProblem;

/// The longest login of the server's system, in bytes (Linux: LOGIN_NAME_MAX without the NUL).
const LOGIN_BYTES_MAX: usize = 255;

/// Why an account was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameProblem),
    /// The password is none.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The login is none.
    #[error(transparent)]
    SystemUser(#[from] LoginProblem),
    /// The name is taken.
    #[error("the name '{0}' is taken")]
    Taken(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] metadata::Error),
}

/// Checks a name of an account, a group, a shared folder or a device, and gives the key by which it is unique.
pub fn name_key(name: &str) -> Result<NameKey, NameProblem> {
    let fits = name.len() <= NAME_BYTES_MAX
        && name.trim() == name
        && !name.starts_with(['@', REMOVED_MARK])
        && !name.chars().any(char::is_control);
    let name = Name::new(name).ok().filter(|_| fits).ok_or(NameProblem)?;
    Ok(NameRule::Portable.key(&name))
}

/// Makes an account with a password, hashed before by [`crate::Hasher::hash`]. With an administrator the setup is over.
pub fn create_user(
    transaction: &dyn Transaction,
    name: &str,
    password_hash: &str,
    administrator: bool,
    now: Timestamp,
) -> Result<UserId, AccountError> {
    let id = create_user_without_password(transaction, name, administrator, now)?;
    set_password(transaction, id, password_hash, now)?;
    Ok(id)
}

/// The same for somebody who signs in otherwise.
pub(crate) fn create_user_without_password(
    transaction: &dyn Transaction,
    name: &str,
    administrator: bool,
    now: Timestamp,
) -> Result<UserId, AccountError> {
    let user = NewUser {
        name: name.to_owned(),
        name_key: name_key(name)?,
        administrator,
        quota_bytes: None,
        at: now,
    };
    let id = transaction.create_user(&user).map_err(|error| taken(error, name))?;
    if administrator {
        setup::end(transaction)?;
    }
    Ok(id)
}

/// Says which login of the server's system is this person; the empty text: none. Whether the system knows it is looked at
/// when files are found, because logins come and go.
pub fn set_system_user(user: &mut User, login: &str) -> Result<(), LoginProblem> {
    let is_odd = |sign: char| sign.is_whitespace() || sign.is_control() || matches!(sign, ':' | '/');
    if login.len() > LOGIN_BYTES_MAX || login.starts_with('-') || login.contains(is_odd) {
        return Err(LoginProblem);
    }
    user.system_user = (!login.is_empty()).then(|| login.to_owned());
    Ok(())
}

/// Makes a group.
pub fn create_group(transaction: &dyn Transaction, name: &str) -> Result<GroupId, AccountError> {
    let key = name_key(name)?;
    transaction.create_group(name, &key).map_err(|error| taken(error, name))
}

/// Sets an account's password, hashed before.
pub fn set_password(
    transaction: &dyn Transaction,
    user: UserId,
    password_hash: &str,
    now: Timestamp,
) -> metadata::Result<()> {
    transaction.put_credential(&CredentialRow {
        user,
        kind: CredentialKind::Password,
        label: String::new(),
        secret: password_hash.as_bytes().to_vec(),
        changed_at: now,
    })
}

/// Whether an account has a password: others sign in otherwise.
pub fn has_password(snapshot: &dyn Snapshot, user: UserId) -> metadata::Result<bool> {
    Ok(snapshot.credentials(user)?.iter().any(|row| row.kind == CredentialKind::Password))
}

/// Removes an account: its devices are unlinked, credentials, memberships and privileges gone, its name free again. The
/// row itself stays, so that the history of files still says who did what.
pub fn remove_user(transaction: &dyn Transaction, user: &User, now: Timestamp) -> metadata::Result<()> {
    for device in transaction.devices(user.id)? {
        transaction.revoke_device(device.id, now)?;
    }
    for credential in transaction.credentials(user.id)? {
        transaction.delete_credential(user.id, credential.kind, &credential.label)?;
    }
    for passkey in transaction.passkeys(user.id)? {
        transaction.delete_passkey(passkey.id)?;
    }
    for identity in transaction.identities(user.id)? {
        transaction.delete_identity(&identity.issuer, &identity.subject)?;
    }
    for group in transaction.groups_of(user.id)? {
        transaction.remove_member(group, user.id)?;
    }
    for folder in transaction.folders()? {
        transaction.set_grant(folder.id, metadata::account::Subject::User(user.id), None)?;
    }
    let name = format!("{REMOVED_MARK}{}{REMOVED_MARK}{}", user.name, user.id);
    let removed = User {
        name_key: NameKey(name.as_str().into()),
        name,
        administrator: false,
        disabled: true,
        system_user: None,
        ..user.clone()
    };
    transaction.set_user(&removed)
}

/// Whether an account is the remains of a removed one.
#[must_use]
pub fn is_removed(user: &User) -> bool {
    user.name.starts_with(REMOVED_MARK)
}

fn taken(error: metadata::Error, name: &str) -> AccountError {
    if error.kind() == ErrorKind::Conflict {
        AccountError::Taken(name.to_owned())
    } else {
        AccountError::Database(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_mislead_are_refused() {
        for bad in ["", " a", "a ", "@a", "~a", "a/b", "a\nb", "..", &"x".repeat(65)] {
            assert_eq!(name_key(bad), Err(NameProblem), "{bad:?}");
        }
        assert_eq!(name_key("Alice"), name_key("alice"));
        assert!(name_key("Zo\u{eb} M").is_ok());
    }

    #[test]
    fn a_system_user_is_a_login_or_none() {
        let mut user = User {
            id: UserId(1),
            name: "alice".into(),
            name_key: NameKey("alice".into()),
            administrator: false,
            disabled: false,
            quota_bytes: None,
            used_bytes: 0,
            created_at: Timestamp(0),
            system_user: None,
            rates: model::RateChoices::default(),
        };
        for bad in ["-x", "a b", "a:b", "a/b", "a\n", &"x".repeat(256)] {
            assert_eq!(set_system_user(&mut user, bad), Err(LoginProblem), "{bad:?}");
        }
        set_system_user(&mut user, "CORP\\alice").unwrap();
        assert_eq!(user.system_user.as_deref(), Some("CORP\\alice"));
        set_system_user(&mut user, "").unwrap();
        assert_eq!(user.system_user, None);
    }
}
