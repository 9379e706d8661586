//! What administrators do: through the socket of a running server, by the program that holds the lock itself, or over HTTP
//! ([`crate::api::administration`]).
//!
//! All call [`execute`]. Every request that changes something is in the audit log with who asked ([`By`]), allowed as it is:
//! who may open the socket or the data directory administers the server, and HTTP asks before it comes here.

mod backups;
pub(crate) mod collection;
pub(crate) mod devices;
pub(crate) mod folders;
pub(crate) mod grants;
pub(crate) mod groups;
pub(crate) mod homes;
pub(crate) mod networks;
mod retention;
pub(crate) mod settings;
pub(crate) mod single_sign_on;
pub(crate) mod socket;
mod space;
mod status;
pub(crate) mod users;
mod verify;

use crate::failure::Failure;
use crate::server::Server;
use auth::AccountError;
use metadata::Transaction;
use metadata::account::{GroupRow, User};
use metadata::audit::AuditEntry;
use metadata::folder::Folder;
use model::{FolderId, GroupId, Principal, Timestamp, UserId};
use protocol::ProblemKind;
use protocol::admin::{AdminAnswer, AdminFailure, AdminRequest, ProgressReport};
use std::net::IpAddr;
use std::sync::Arc;

/// Is told how far something long is, where that was asked for.
pub type Tell = Arc<dyn Fn(ProgressReport) + Send + Sync>;

/// Who has something done, for the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct By {
    /// The account and its device; none for who holds the data directory.
    pub(crate) principal: Option<Principal>,
    /// From where; none for who holds the data directory.
    pub(crate) address: Option<IpAddr>,
}

impl By {
    /// A line of the audit log.
    pub(crate) fn entry(
        &self,
        at: Timestamp,
        action: &'static str,
        allowed: bool,
        details: Vec<(String, String)>,
    ) -> AuditEntry {
        AuditEntry {
            at,
            user: self.principal.map(|by| by.user),
            device: self.principal.and_then(|by| by.device),
            address: self.address.map(|address| address.to_string()).unwrap_or_default(),
            action,
            folder: None,
            allowed,
            details,
        }
    }
}

/// Carries a request of who holds the data directory out. Blocks: on the database, for the 30 ms of a password, or as long as
/// a verification takes.
pub fn execute(server: &Arc<Server>, request: AdminRequest) -> AdminAnswer {
    execute_and_tell(server, request, Arc::new(|_| {}))
}

/// The same, telling how far it is. Who is told must not keep it waiting.
pub fn execute_and_tell(server: &Arc<Server>, request: AdminRequest, tell: Tell) -> AdminAnswer {
    carry_out(server, &By::default(), request, tell).unwrap_or_else(AdminError::into_answer)
}

/// Carries a request out that was found to be allowed.
pub(crate) fn carry_out(server: &Arc<Server>, by: &By, request: AdminRequest, tell: Tell) -> Outcome {
    let outcome = obey(server, by, request, tell);
    if let Ok(answer) = &outcome {
        crate::work::note_answer(server, answer);
    }
    outcome
}

fn obey(server: &Arc<Server>, by: &By, request: AdminRequest, tell: Tell) -> Outcome {
    match request {
        AdminRequest::UserAdd { user, password, administrator, home } => {
            users::add(
                server,
                by,
                users::New { name: user, password, administrator, home, quota_bytes: None },
            )?;
            Ok(AdminAnswer::Done)
        }
        AdminRequest::UserHome { user } => {
            let id = homes::add(server, by, named_user(server, &user)?)?;
            Ok(AdminAnswer::FolderAdded { id })
        }
        AdminRequest::UserList => users::list(server),
        AdminRequest::UserSet {
            user,
            password,
            administrator,
            disabled,
            system_user,
            upload_rate,
            download_rate,
        } => {
            let changes = users::Changes {
                password,
                administrator,
                disabled,
                system_user,
                upload_rate,
                download_rate,
                ..users::Changes::default()
            };
            users::set(server, by, named_user(server, &user)?, changes, None)?;
            Ok(AdminAnswer::Done)
        }
        AdminRequest::UserRemove { user } => users::remove(server, by, named_user(server, &user)?, None),
        AdminRequest::GroupAdd { group } => {
            groups::add(server, by, group)?;
            Ok(AdminAnswer::Done)
        }
        AdminRequest::SecondFactorRemove { user } => users::remove_second_factor(server, by, user),
        AdminRequest::SecondFactorNeed { administrators } => {
            users::need_second_factor(server, by, administrators)
        }
        AdminRequest::GroupList => groups::list(server),
        AdminRequest::GroupSet { group, add, remove } => {
            let group = named_group(server, &group)?;
            let id = |name: &String| named_user(server, name);
            let add = add.iter().map(id).collect::<Result<_, _>>()?;
            let remove = remove.iter().map(id).collect::<Result<_, _>>()?;
            groups::set(server, by, group, add, remove, None)?;
            Ok(AdminAnswer::Done)
        }
        AdminRequest::GroupRemove { group } => groups::remove(server, by, named_group(server, &group)?, None),
        AdminRequest::FolderAdd { folder, name_rule, quota_bytes, plain } => {
            let id = folders::add(server, by, folder, name_rule, quota_bytes, plain)?;
            Ok(AdminAnswer::FolderAdded { id })
        }
        AdminRequest::FolderPlain { folder, plain } => {
            folders::plain(server, by, named_folder(server, &folder)?, plain, None)
        }
        AdminRequest::FolderHold { folder, approve } => {
            folders::hold(server, by, named_folder(server, &folder)?, approve)
        }
        AdminRequest::FolderList => folders::list(server),
        AdminRequest::Networks { administration, guests } => {
            networks::ask(server, by, administration, guests)
        }
        AdminRequest::FolderSet { folder, quota_bytes, versions, days, safe_days, networks } => {
            let change = folders::Change { quota_bytes, versions, days, safe_days, networks };
            folders::set(server, by, named_folder(server, &folder)?, change, None)?;
            Ok(AdminAnswer::Done)
        }
        AdminRequest::FolderRetention { folder, dry_run, acknowledge } => {
            retention::retention(server, by, &folder, dry_run, acknowledge)
        }
        AdminRequest::Space => space::space(server),
        AdminRequest::Status => Ok(status::status(server)),
        AdminRequest::FolderGrant { folder, to, privilege } => {
            folders::grant(server, by, folder, to, privilege.into())
        }
        AdminRequest::DeviceList { user } => devices::list(server, user),
        AdminRequest::DeviceUnlink { device } => devices::unlink(server, by, device),
        AdminRequest::DeviceWipe { device } => devices::order_wipe(server, by, device, None),
        AdminRequest::DeviceApprove { code, user } => {
            let user = named_user(server, &user);
            devices::approve(server, by, &code, user)
        }
        AdminRequest::DeviceDeny { code } => devices::deny(server, by, &code),
        AdminRequest::Verify { all_bytes, progress: true } => verify::verify(server, all_bytes, tell),
        AdminRequest::Verify { all_bytes, progress: false } => {
            verify::verify(server, all_bytes, Arc::new(|_| {}))
        }
        AdminRequest::BackupCreate { directory, copy, keep } => {
            backups::create(server, by, &directory, copy, keep)
        }
        AdminRequest::Collect { dry_run, grace_hours, any_share } => {
            collection::answer(server, by, dry_run, grace_hours, any_share)
        }
    }
}

/// Has something done on a thread that may wait.
pub(crate) async fn carry_out_with<T: Send + 'static>(
    server: &Arc<Server>,
    work: impl FnOnce(&Arc<Server>) -> Result<T, AdminError> + Send + 'static,
) -> Result<T, Failure> {
    let here = Arc::clone(server);
    server.blocking(move || Ok(work(&here)?)).await
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) enum AdminError {
    NotFound(String),
    Exists(String),
    Invalid(String),
    /// It is not any more as whoever asked had seen it.
    Changed,
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

pub(crate) type Outcome = Result<AdminAnswer, AdminError>;

impl AdminError {
    fn into_answer(self) -> AdminAnswer {
        let (reason, message) = match self {
            Self::NotFound(message) => (AdminFailure::NotFound, message),
            Self::Exists(message) => (AdminFailure::Exists, message),
            Self::Invalid(message) => (AdminFailure::Invalid, message),
            Self::Changed => (AdminFailure::Invalid, "it was changed meanwhile".to_owned()),
            Self::Internal(error) => {
                tracing::error!(%error, "an administrative request failed");
                (AdminFailure::Internal, format!("the server failed: {error}"))
            }
        };
        AdminAnswer::Failed { reason, message }
    }
}

impl From<metadata::Error> for AdminError {
    fn from(error: metadata::Error) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<versioning::Error> for AdminError {
    fn from(error: versioning::Error) -> Self {
        match error {
            versioning::Error::NotFound(what) => Self::NotFound(format!("there is no such {what}")),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<AccountError> for AdminError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Taken(_) => Self::Exists(error.to_string()),
            AccountError::Name(_) | AccountError::Password(_) | AccountError::SystemUser(_) => {
                Self::Invalid(error.to_string())
            }
            AccountError::Database(error) => error.into(),
        }
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Internal(error) => Self::internal(error),
            AdminError::NotFound(text) => Self::not_found().detail(text),
            AdminError::Exists(text) => Self::new(ProblemKind::AlreadyExists).detail(text),
            AdminError::Invalid(text) => Self::invalid(text),
            AdminError::Changed => Self::new(ProblemKind::PreconditionFailed),
        }
    }
}

/// Names and values for the audit log.
type Details = Vec<(&'static str, String)>;

/// Writes, with an entry in the audit log of the same transaction.
pub(crate) fn change<T: Send + 'static>(
    server: &Server,
    by: &By,
    action: &'static str,
    details: &[(&'static str, &str)],
    work: impl FnOnce(&dyn Transaction, Timestamp) -> Result<T, AdminError> + Send + 'static,
) -> Result<T, AdminError> {
    let details = details.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    change_and_tell(server, by, action, move |transaction, now| Ok((work(transaction, now)?, details)))
}

/// The same, where the work finds what the log is to say.
fn change_and_tell<T: Send + 'static>(
    server: &Server,
    by: &By,
    action: &'static str,
    work: impl FnOnce(&dyn Transaction, Timestamp) -> Result<(T, Details), AdminError> + Send + 'static,
) -> Result<T, AdminError> {
    change_each(server, by, move |transaction, now| {
        let (result, details) = work(transaction, now)?;
        Ok((result, vec![(action, details)]))
    })
}

/// The same, with any number of entries.
fn change_each<T: Send + 'static>(
    server: &Server,
    by: &By,
    work: impl FnOnce(&dyn Transaction, Timestamp) -> Result<(T, Vec<(&'static str, Details)>), AdminError>
    + Send
    + 'static,
) -> Result<T, AdminError> {
    let (now, asking) = (server.now(), by.clone());
    let changed = metadata::write(&*server.database, move |transaction| {
        let (result, entries) = work(transaction, now)?;
        for (action, details) in entries {
            let details = details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            transaction.append_audit(&asking.entry(now, action, true, details), auth::digest::audit)?;
        }
        Ok::<_, AdminError>(result)
    })?;
    server.rights_were_changed();
    server.owners.refresh(&*server.database, &server.settings);
    Ok(changed)
}

/// The tags of the states in which a thing may be when it is changed; none: it may be in any.
pub(crate) type Expected = Option<Vec<String>>;

/// Holds what there is now against what is expected of it.
fn expect(expected: Expected, tag: impl FnOnce() -> Result<String, AdminError>) -> Result<(), AdminError> {
    match expected {
        Some(tags) if !tags.contains(&tag()?) => Err(AdminError::Changed),
        _ => Ok(()),
    }
}

/// A tag of a state that is written out.
pub(crate) fn digest(state: &str) -> String {
    blake3::hash(state.as_bytes()).to_hex()[..32].to_owned()
}

fn named_user(server: &Server, name: &str) -> Result<UserId, AdminError> {
    let name = name.to_owned();
    metadata::read(&*server.database, move |snapshot| Ok(find_user(snapshot, &name)?.id))
}

fn named_group(server: &Server, name: &str) -> Result<GroupId, AdminError> {
    let name = name.to_owned();
    metadata::read(&*server.database, move |snapshot| Ok(find_group(snapshot, &name)?.id))
}

fn named_folder(server: &Server, name: &str) -> Result<FolderId, AdminError> {
    let name = name.to_owned();
    metadata::read(&*server.database, move |snapshot| Ok(find_folder(snapshot, &name)?.id))
}

/// An account that is there: what is left of a removed one is none.
pub(crate) fn the_user(snapshot: &dyn metadata::Snapshot, id: UserId) -> Result<User, AdminError> {
    let found = snapshot.user(id)?.filter(|user| !auth::account::is_removed(user));
    found.ok_or_else(|| AdminError::NotFound("There is no such account.".to_owned()))
}

pub(crate) fn the_group(snapshot: &dyn metadata::Snapshot, id: GroupId) -> Result<GroupRow, AdminError> {
    let found = snapshot.groups()?.into_iter().find(|group| group.id == id);
    found.ok_or_else(|| AdminError::NotFound("There is no such group.".to_owned()))
}

pub(crate) fn the_folder(snapshot: &dyn metadata::Snapshot, id: FolderId) -> Result<Folder, AdminError> {
    snapshot.folder(id)?.ok_or_else(|| AdminError::NotFound("There is no such folder.".to_owned()))
}

fn find_user(snapshot: &dyn metadata::Snapshot, name: &str) -> Result<User, AdminError> {
    let found = match auth::account::name_key(name) {
        Ok(key) => snapshot.user_named(&key)?,
        Err(_) => None,
    };
    found.ok_or_else(|| AdminError::NotFound(format!("there is no user '{name}'")))
}

fn find_group(snapshot: &dyn metadata::Snapshot, name: &str) -> Result<GroupRow, AdminError> {
    let name = name.strip_prefix('@').unwrap_or(name);
    let found = match auth::account::name_key(name) {
        Ok(key) => snapshot.group_named(&key)?,
        Err(_) => None,
    };
    found.ok_or_else(|| AdminError::NotFound(format!("there is no group '{name}'")))
}

fn find_folder(snapshot: &dyn metadata::Snapshot, name: &str) -> Result<Folder, AdminError> {
    let found = match auth::account::name_key(name) {
        Ok(key) => snapshot.folder_named(&key)?,
        Err(_) => None,
    };
    found.ok_or_else(|| AdminError::NotFound(format!("there is no folder '{name}'")))
}
