//! Home folders: one for each account, which only its owner may use. An administrator manages it like any folder, and
//! cannot read it.

use super::{AdminError, By, change_and_tell, the_user};
use crate::server::Server;
use metadata::Transaction;
use metadata::account::{Subject, User};
use metadata::folder::{FolderKind, FolderSettings, NewFolder};
use model::{FolderId, NameRule, Privilege, Timestamp, UserId};
use versioning::folder::KEEP_VERSIONS;

/// What a home folder's name on the server begins with; no other folder's does.
pub(crate) const HOME_PREFIX: &str = "home-";

/// As much of an account's name as is in its home folder's: with prefix and number it is short enough for a name.
const NAME_BYTES: usize = 48;

/// Gives an account that exists a home folder.
pub(crate) fn add(server: &Server, by: &By, user: UserId) -> Result<FolderId, AdminError> {
    change_and_tell(server, by, "user.home", move |transaction, now| {
        let user = the_user(transaction.as_snapshot(), user)?;
        Ok((make(transaction, &user, now)?, vec![("user", user.name)]))
    })
}

/// Makes an account's home folder, within the transaction that the account may be made in.
pub(super) fn make(
    transaction: &dyn Transaction,
    user: &User,
    now: Timestamp,
) -> Result<FolderId, AdminError> {
    let mut folders = transaction.folders()?.into_iter();
    if folders.any(|folder| folder.kind == FolderKind::Home && folder.settings.owner == Some(user.id)) {
        return Err(AdminError::Exists(format!("'{}' has a home folder already", user.name)));
    }
    let (name, name_key) = free_name(transaction, &user.name)?;
    let folder = NewFolder {
        kind: FolderKind::Home,
        names: NameRule::Portable,
        settings: FolderSettings {
            name,
            name_key,
            owner: Some(user.id),
            quota_bytes: None,
            keep_versions: KEEP_VERSIONS,
            keep_days: None,
            plain_directory: None,
        },
        at: now,
    };
    let id = transaction.create_folder(&folder)?;
    transaction.set_grant(id, Subject::User(user.id), Some(Privilege::Manage))?;
    Ok(id)
}

/// `home-NAME`, with a number where somebody of that name has left a home folder behind: nobody gets another's files.
fn free_name(transaction: &dyn Transaction, user: &str) -> Result<(String, model::NameKey), AdminError> {
    let stem = &user[..user.floor_char_boundary(NAME_BYTES)];
    for number in 1u32.. {
        let again = if number == 1 { String::new() } else { format!("-{number}") };
        let name = format!("{HOME_PREFIX}{}{again}", stem.trim_end());
        let key = auth::account::name_key(&name).map_err(|error| AdminError::Invalid(error.to_string()))?;
        if transaction.folder_named(&key)?.is_none() {
            return Ok((name, key));
        }
    }
    Err(AdminError::Exists("no name is left for a home folder".to_owned()))
}

/// The account is going: its home folder stays with all it holds and is nobody's, until an administrator grants it.
pub(super) fn leave_behind(transaction: &dyn Transaction, user: &User) -> Result<(), AdminError> {
    for folder in transaction.folders()? {
        if folder.kind == FolderKind::Home && folder.settings.owner == Some(user.id) {
            transaction.set_folder(folder.id, &FolderSettings { owner: None, ..folder.settings })?;
        }
    }
    Ok(())
}
