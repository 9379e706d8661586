//! Shared folders and who may do what in them.

use super::homes::HOME_PREFIX;
use super::{
    AdminError, By, Expected, Outcome, change, change_and_tell, expect, find_folder, find_group, find_user,
    the_folder,
};
use crate::api::folders::wire_kind;
use crate::server::Server;
use filesystem::WatchMethod;
use metadata::account::Subject;
use metadata::folder::{Folder, FolderKind, FolderSettings, NewFolder};
use metadata::retention::RetentionRow;
use metadata::{ErrorKind, Transaction};
use model::{FolderId, Privilege};
use pairs::monitor::stored_path;
use pairs::{Monitor, MonitorStatus};
use protocol::admin::{AdminAnswer, AdminFolderEntry, GrantEntry, Limit, PlainEntry, PlainState};
use protocol::v1::WireNameRule;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use versioning::folder::KEEP_VERSIONS;

pub(crate) fn add(
    server: &Arc<Server>,
    by: &By,
    name: String,
    rule: WireNameRule,
    quota_bytes: Option<u64>,
    plain: Option<String>,
) -> Result<FolderId, AdminError> {
    let name_key = auth::account::name_key(&name).map_err(|error| AdminError::Invalid(error.to_string()))?;
    if name_key.0.starts_with(HOME_PREFIX) {
        return Err(AdminError::Invalid(format!("names that begin with '{HOME_PREFIX}' are home folders'")));
    }
    let details = [("folder", name.clone()), ("plain", plain.clone().unwrap_or_default())];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    let preparing = Arc::clone(server);
    let added = change(server, by, "folder.add", &details, move |transaction, now| {
        let folder = NewFolder {
            kind: FolderKind::Shared,
            names: rule.into(),
            settings: FolderSettings {
                name: name.clone(),
                name_key,
                owner: None,
                quota_bytes,
                keep_versions: KEEP_VERSIONS,
                keep_days: None,
                plain_directory: None,
            },
            at: now,
        };
        let id = transaction.create_folder(&folder).map_err(|error| match error.kind() {
            ErrorKind::Conflict => AdminError::Exists(format!("there is a folder '{name}' already")),
            _ => error.into(),
        })?;
        if let Some(plain) = plain {
            set_plain(&preparing, transaction, id, Some(&plain))?;
        }
        Ok(id)
    })?;
    server.refresh_plain();
    Ok(added)
}

/// Gives a folder a plain directory, or takes it away.
pub(crate) fn plain(
    server: &Arc<Server>,
    by: &By,
    id: FolderId,
    plain: Option<String>,
    expected: Expected,
) -> Outcome {
    let (preparing, asked) = (Arc::clone(server), plain.clone());
    let before = change_and_tell(server, by, "folder.plain", move |transaction, _| {
        let folder = the_folder(transaction.as_snapshot(), id)?;
        expect(expected, || tag(transaction.as_snapshot(), &folder))?;
        let name = folder.settings.name;
        let before = folder.settings.plain_directory.map(plain_path);
        if asked.is_some() && before.is_some() {
            return Err(AdminError::Exists(format!(
                "folder '{name}' has a plain directory; take it away first (`none`): its files stay"
            )));
        }
        set_plain(&preparing, transaction, id, asked.as_deref())?;
        let asked = asked.unwrap_or_else(|| "none".to_owned());
        Ok((before, vec![("folder", name), ("plain", asked)]))
    })?;
    server.refresh_plain();
    if let (Some(directory), None, Some(monitor)) = (before, plain, &server.monitor) {
        // It is no longer the folder's, whether or not its marker could be taken away.
        if let Err(error) = monitor.release(id, &directory) {
            tracing::warn!(%error, "the marker of a former plain directory stays");
        }
    }
    Ok(AdminAnswer::Done)
}

/// Within the transaction, so that a directory that cannot be used changes nothing.
fn set_plain(
    server: &Server,
    transaction: &dyn Transaction,
    id: FolderId,
    plain: Option<&str>,
) -> Result<(), AdminError> {
    let folders = transaction.folders()?;
    let other = folders.iter().filter(|folder| folder.id != id);
    let others: Vec<PathBuf> =
        other.filter_map(|folder| folder.settings.plain_directory.clone()).map(plain_path).collect();
    let Some(folder) = folders.into_iter().find(|folder| folder.id == id) else { return Ok(()) };
    let directory = match plain {
        None => None,
        Some(wanted) => {
            let Some(monitor) = &server.monitor else {
                return Err(AdminError::Invalid("this server has no plain directories".to_owned()));
            };
            let path = match wanted {
                "auto" => monitor.automatic(&folder.settings.name),
                path => PathBuf::from(path),
            };
            let real = monitor.prepare(id, &path, &others);
            Some(stored_path(real.map_err(|error| AdminError::Invalid(error.to_string()))?))
        }
    };
    let settings = FolderSettings { plain_directory: directory, ..folder.settings };
    Ok(transaction.set_folder(id, &settings)?)
}

pub(crate) fn plain_path(stored: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(stored))
}

/// Decides about deletions in a folder's plain directory that are held.
pub(crate) fn hold(server: &Server, by: &By, id: FolderId, approve: bool) -> Outcome {
    let decision = if approve { "approve" } else { "undo" };
    let name = change_and_tell(server, by, "folder.hold", move |transaction, _| {
        let name = the_folder(transaction.as_snapshot(), id)?.settings.name;
        Ok((name.clone(), vec![("folder", name), ("decision", decision.to_owned())]))
    })?;
    match &server.monitor {
        Some(monitor) if monitor.decide_hold(id, approve) => Ok(AdminAnswer::Done),
        _ => Err(AdminError::NotFound(format!("folder '{name}' has no plain directory at work"))),
    }
}

pub(super) fn list(server: &Server) -> Outcome {
    let mut statuses = server.monitor.as_ref().map(Monitor::statuses).unwrap_or_default();
    metadata::read(&*server.database, move |snapshot| {
        let users: BTreeMap<_, _> = snapshot.users()?.into_iter().map(|user| (user.id, user.name)).collect();
        let groups: BTreeMap<_, _> =
            snapshot.groups()?.into_iter().map(|group| (group.id, group.name)).collect();
        let mut folders = Vec::new();
        for folder in snapshot.folders()? {
            let grants = snapshot.grants(folder.id)?.into_iter().map(|(subject, privilege)| {
                let to = match subject {
                    Subject::User(id) => users.get(&id).cloned().unwrap_or_else(|| id.to_string()),
                    Subject::Group(id) => {
                        format!("@{}", groups.get(&id).cloned().unwrap_or_else(|| id.to_string()))
                    }
                };
                GrantEntry { to, privilege: privilege.into() }
            });
            let retention = snapshot.retention(folder.id)?;
            let grants = grants.collect();
            let plain = folder.settings.plain_directory.clone().map(plain_path);
            let plain = plain.map(|directory| plain_entry(&directory, statuses.remove(&folder.id)));
            let owner = folder.settings.owner.and_then(|owner| users.get(&owner).cloned());
            folders.push(AdminFolderEntry { plain, owner, ..entry(&folder, &retention, grants) });
        }
        folders.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(AdminAnswer::Folders { folders })
    })
}

fn entry(folder: &Folder, retention: &RetentionRow, grants: Vec<GrantEntry>) -> AdminFolderEntry {
    AdminFolderEntry {
        id: folder.id,
        name: folder.settings.name.clone(),
        kind: wire_kind(folder.kind),
        owner: None,
        name_rule: folder.names.into(),
        head: folder.counters.head.0,
        quota_bytes: folder.settings.quota_bytes,
        used_bytes: folder.counters.used_bytes,
        versions: folder.settings.keep_versions,
        days: folder.settings.keep_days,
        safe_days: retention.safe_days,
        grants,
        plain: None,
    }
}

/// How a plain directory stands.
pub(crate) fn plain_state(MonitorStatus { status, trouble, .. }: &MonitorStatus) -> PlainState {
    if trouble.is_some() || status.local_offline {
        PlainState::Offline
    } else if status.held.is_some() {
        PlainState::Held
    } else if status.in_step {
        PlainState::InStep
    } else {
        PlainState::Working
    }
}

pub(crate) fn plain_entry(directory: &Path, status: Option<MonitorStatus>) -> PlainEntry {
    let state = status.as_ref().map(plain_state);
    let watch = status
        .as_ref()
        .map(|status| status.watch.as_ref().map_or(WatchMethod::Scan, |watch| watch.method).to_string());
    let watch_instead = status.as_ref().and_then(|status| {
        let watch = status.watch.as_ref()?;
        watch.stopped.clone().or_else(|| watch.instead.clone())
    });
    let mut issues = Vec::new();
    if let Some(status) = status {
        issues.extend(status.trouble);
        issues.extend(status.status.issues.into_iter().map(|(path, reason)| format!("{path}: {reason}")));
    }
    PlainEntry { directory: directory.display().to_string(), state, watch, watch_instead, issues }
}

/// What is to be set; none stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) quota_bytes: Option<Limit>,
    pub(crate) versions: Option<u32>,
    pub(crate) days: Option<Limit>,
    pub(crate) safe_days: Option<u32>,
}

/// The most versions and days that can be asked for: more would be a mistake.
const VERSIONS_MAX: u32 = 10_000;
const DAYS_MAX: u32 = 36_500;

impl Change {
    pub(crate) fn is_nothing(&self) -> bool {
        self.quota_bytes.is_none()
            && self.versions.is_none()
            && self.days.is_none()
            && self.safe_days.is_none()
    }

    fn check(&self) -> Result<(), AdminError> {
        let between = |number: u64, most: u32| (1..=u64::from(most)).contains(&number);
        let rules = [
            (
                self.versions.is_none_or(|versions| between(versions.into(), VERSIONS_MAX)),
                "versions",
                VERSIONS_MAX,
            ),
            (self.safe_days.is_none_or(|days| between(days.into(), DAYS_MAX)), "safe days", DAYS_MAX),
            (!matches!(self.days, Some(Limit::To(days)) if !between(days, DAYS_MAX)), "days", DAYS_MAX),
        ];
        match rules.iter().find(|(holds, ..)| !holds) {
            Some((_, what, most)) => {
                Err(AdminError::Invalid(format!("{what} are a number from 1 to {most}")))
            }
            None => Ok(()),
        }
    }

    /// What the audit log says.
    fn details(&self) -> Vec<(&'static str, String)> {
        let limit = |limit: Limit| match limit {
            Limit::Unlimited => "none".to_owned(),
            Limit::To(number) => number.to_string(),
        };
        let named = [
            ("quota_bytes", self.quota_bytes.map(limit)),
            ("versions", self.versions.map(|versions| versions.to_string())),
            ("days", self.days.map(limit)),
            ("safe_days", self.safe_days.map(|days| days.to_string())),
        ];
        named.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }
}

fn limit(limit: Limit) -> Option<u64> {
    match limit {
        Limit::Unlimited => None,
        Limit::To(number) => Some(number),
    }
}

pub(crate) fn set(
    server: &Server,
    by: &By,
    id: FolderId,
    wanted: Change,
    expected: Expected,
) -> Result<(), AdminError> {
    wanted.check()?;
    change_and_tell(server, by, "folder.set", move |transaction, _| {
        let folder = the_folder(transaction.as_snapshot(), id)?;
        expect(expected, || tag(transaction.as_snapshot(), &folder))?;
        let mut settings = folder.settings;
        let mut details = wanted.details();
        details.insert(0, ("folder", settings.name.clone()));
        if let Some(quota) = wanted.quota_bytes {
            settings.quota_bytes = limit(quota);
        }
        settings.keep_versions = wanted.versions.unwrap_or(settings.keep_versions);
        if let Some(days) = wanted.days {
            settings.keep_days = limit(days).map(|days| u32::try_from(days).unwrap_or(DAYS_MAX));
        }
        transaction.set_folder(id, &settings)?;
        if let Some(safe_days) = wanted.safe_days {
            let row = transaction.retention(id)?;
            transaction.put_retention(id, &RetentionRow { safe_days, ..row })?;
        }
        versioning::retention::look_again(transaction, id)?;
        Ok(((), details))
    })
}

/// Names the state of what of a folder can be changed: the same state has the same tag.
pub(crate) fn tag(snapshot: &dyn metadata::Snapshot, folder: &Folder) -> Result<String, AdminError> {
    let safe_days = snapshot.retention(folder.id)?.safe_days;
    Ok(super::digest(&format!("{:?} {safe_days}", folder.settings)))
}

pub(super) fn grant(server: &Server, by: &By, name: String, to: String, privilege: Privilege) -> Outcome {
    let details = [("folder", name.clone()), ("to", to.clone()), ("privilege", privilege.to_string())];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    change(server, by, "folder.grant", &details, move |transaction, _| {
        let snapshot = transaction.as_snapshot();
        let folder = find_folder(snapshot, &name)?;
        let subject = match to.strip_prefix('@') {
            Some(group) => Subject::Group(find_group(snapshot, group)?.id),
            None => Subject::User(find_user(snapshot, &to)?.id),
        };
        transaction.set_grant(folder.id, subject, Some(privilege))?;
        Ok(AdminAnswer::Done)
    })
}
