//! Folders as their administrators see them: made, set, granted.

use crate::Error;
use crate::access::recheck;
use metadata::account::Subject;
use metadata::folder::{Folder, FolderKind, FolderSettings, NewFolder};
use metadata::{Database, ErrorKind, Transaction, read, write};
use model::permit::Manage;
use model::{Action, FolderId, Name, NameRule, Origin, Permit, Privilege, Timestamp, UserId};

/// By what right a folder is administered.
#[derive(Debug, Clone, Copy)]
pub enum Authority {
    /// Somebody who can reach the server's own files or socket, or whom the server has found to administer it.
    Administrator,
    /// Somebody who may manage the folder.
    Manager(Permit<Manage>),
}

/// A folder to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Its name.
    pub name: String,
    /// Shared or home.
    pub kind: FolderKind,
    /// Which names clash in it.
    pub names: NameRule,
    /// The account its bytes count for.
    pub owner: Option<UserId>,
    /// The most bytes its current versions may have.
    pub quota_bytes: Option<u64>,
    /// The plain directory that mirrors it, as the host's bytes.
    pub plain_directory: Option<Vec<u8>>,
}

impl Create {
    /// A shared, portable folder without limits.
    #[must_use]
    pub fn shared(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: FolderKind::Shared,
            names: NameRule::Portable,
            owner: None,
            quota_bytes: None,
            plain_directory: None,
        }
    }
}

/// How many versions of a file are kept unless a folder says otherwise.
pub const KEEP_VERSIONS: u32 = 32;

/// The longest name of a folder, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Makes a folder. Nobody but its owner holds a privilege on it yet: the owner may manage it. The caller has shown that they administer
/// the server.
///
/// # Errors
/// `Invalid` (the name), `NameTaken`, `NotFound` (the owner), `Database`.
pub fn create(database: &dyn Database, folder: Create, now: Timestamp) -> Result<FolderId, Error> {
    let name = check_name(&folder.name)?;
    let settings = FolderSettings {
        name_key: NameRule::Portable.key(&name),
        name: folder.name,
        owner: folder.owner,
        quota_bytes: folder.quota_bytes,
        keep_versions: KEEP_VERSIONS,
        keep_days: None,
        plain_directory: folder.plain_directory,
    };
    let new = NewFolder { kind: folder.kind, names: folder.names, settings, at: now };
    write(database, move |transaction| {
        if transaction.folder_named(&new.settings.name_key)?.is_some() {
            return Err(Error::NameTaken);
        }
        let owner = new.settings.owner;
        if let Some(owner) = owner
            && transaction.user(owner)?.is_none()
        {
            return Err(Error::NotFound("user"));
        }
        let id = transaction.create_folder(&new)?;
        if let Some(owner) = owner {
            transaction.set_grant(id, Subject::User(owner), Some(Privilege::Manage))?;
        }
        Ok(id)
    })
}

/// A folder's name is one part of a path (the page, WebDAV and plain directories show it as one).
fn check_name(text: &str) -> Result<Name, Error> {
    let is_plain = !text.starts_with('.') && text.trim() == text && !text.chars().any(char::is_control);
    match Name::new(text) {
        Ok(name) if is_plain && text.len() <= NAME_BYTES_MAX && !text.contains('\\') => Ok(name),
        _ => Err(Error::Invalid("a folder's name")),
    }
}

/// Changes a folder's settings as `change` says. A new name is checked like a first one.
///
/// # Errors
/// `Denied`, `NotFound`, `Invalid`, `NameTaken`, `Database`.
pub fn set(
    database: &dyn Database,
    authority: Authority,
    id: FolderId,
    change: impl FnOnce(&mut FolderSettings) + Send + 'static,
    now: Timestamp,
) -> Result<Folder, Error> {
    write(database, move |transaction| {
        let mut folder = administered(transaction, authority, id, now)?;
        let owner = folder.settings.owner;
        change(&mut folder.settings);
        let name = check_name(&folder.settings.name)?;
        folder.settings.name_key = NameRule::Portable.key(&name);
        // Whose bytes they are is not the manager's to say.
        if matches!(authority, Authority::Manager(_)) {
            folder.settings.owner = owner;
        }
        transaction.set_folder(id, &folder.settings).map_err(|error| match error.kind() {
            ErrorKind::Conflict => Error::NameTaken,
            _ => Error::Database(error),
        })?;
        Ok(folder)
    })
}

/// Sets what somebody holds on a folder; none takes the entry away.
///
/// # Errors
/// `Denied`, `NotFound`, `Database`.
pub fn grant(
    database: &dyn Database,
    authority: Authority,
    id: FolderId,
    subject: Subject,
    privilege: Option<Privilege>,
    now: Timestamp,
) -> Result<(), Error> {
    write(database, move |transaction| {
        administered(transaction, authority, id, now)?;
        let is_there = match subject {
            Subject::User(user) => transaction.user(user)?.is_some(),
            Subject::Group(group) => transaction.groups()?.iter().any(|row| row.id == group),
        };
        if !is_there {
            return Err(Error::NotFound("user or group"));
        }
        Ok(transaction.set_grant(id, subject, privilege)?)
    })
}

fn administered(
    transaction: &dyn Transaction,
    authority: Authority,
    id: FolderId,
    now: Timestamp,
) -> Result<Folder, Error> {
    match authority {
        Authority::Administrator => transaction.folder(id)?.ok_or(Error::NotFound("folder")),
        Authority::Manager(permit) if permit.folder() == id => {
            recheck(transaction.as_snapshot(), &permit, Action::Manage, now)
        }
        Authority::Manager(_) => Err(Error::NotFound("folder")),
    }
}

/// The folders that a person may see, each with their privilege, by id.
///
/// # Errors
/// `Database`.
pub fn visible(
    database: &dyn Database,
    user: UserId,
    from: Origin,
) -> Result<Vec<(Folder, Privilege)>, Error> {
    read(database, move |snapshot| {
        let privileges = snapshot.privileges(user, from)?;
        let privilege_on = |id: FolderId| {
            let index = privileges.binary_search_by_key(&id, |(folder, _)| *folder).ok()?;
            Some(privileges[index].1)
        };
        let folders = snapshot.folders()?.into_iter();
        Ok(folders
            .filter_map(|folder| privilege_on(folder.id).map(|privilege| (folder, privilege)))
            .collect())
    })
}

/// Every folder, for those who administer the server.
///
/// # Errors
/// `Database`.
pub fn all(database: &dyn Database) -> Result<Vec<Folder>, Error> {
    read(database, |snapshot| Ok(snapshot.folders()?))
}

/// The folder of this name (its case and form of spelling do not matter).
///
/// # Errors
/// `Invalid` (no folder can have the name), `NotFound`, `Database`.
pub fn named(database: &dyn Database, name: &str) -> Result<Folder, Error> {
    let key = NameRule::Portable.key(&check_name(name)?);
    read(database, move |snapshot| snapshot.folder_named(&key)?.ok_or(Error::NotFound("folder")))
}
