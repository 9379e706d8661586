//! Shared folders and who may do what in them.

use super::{AdminError, Outcome, change, find_folder, find_group, find_user};
use crate::api::folders::wire_kind;
use crate::server::Server;
use metadata::ErrorKind;
use metadata::account::Subject;
use metadata::folder::{Folder, FolderKind, FolderSettings, NewFolder};
use model::Privilege;
use protocol::admin::{AdminAnswer, AdminFolderEntry, GrantEntry};
use protocol::v1::WireNameRule;
use std::collections::BTreeMap;

/// How many versions of a file are kept unless something else is chosen.
const KEEP_VERSIONS: u32 = 32;

pub(super) fn add(server: &Server, name: String, rule: WireNameRule, quota_bytes: Option<u64>) -> Outcome {
    let name_key = auth::account::name_key(&name).map_err(|error| AdminError::Invalid(error.to_string()))?;
    change(server, "folder.add", &[("folder", &name.clone())], move |transaction, now| {
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
        Ok(AdminAnswer::FolderAdded { id })
    })
}

pub(super) fn list(server: &Server) -> Outcome {
    metadata::read(&*server.database, |snapshot| {
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
            folders.push(entry(&folder, grants.collect()));
        }
        folders.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(AdminAnswer::Folders { folders })
    })
}

fn entry(folder: &Folder, grants: Vec<GrantEntry>) -> AdminFolderEntry {
    AdminFolderEntry {
        id: folder.id,
        name: folder.settings.name.clone(),
        kind: wire_kind(folder.kind),
        name_rule: folder.names.into(),
        head: folder.counters.head.0,
        quota_bytes: folder.settings.quota_bytes,
        used_bytes: folder.counters.used_bytes,
        grants,
    }
}

pub(super) fn set(server: &Server, name: &str, quota_bytes: Option<u64>) -> Outcome {
    let quota = quota_bytes.map_or_else(|| "none".to_owned(), |bytes| bytes.to_string());
    let details = [("folder", name), ("quota_bytes", quota.as_str())];
    let wanted = name.to_owned();
    change(server, "folder.set", &details, move |transaction, _| {
        let folder = find_folder(transaction.as_snapshot(), &wanted)?;
        transaction.set_folder(folder.id, &FolderSettings { quota_bytes, ..folder.settings })?;
        Ok(AdminAnswer::Done)
    })
}

pub(super) fn grant(server: &Server, name: String, to: String, privilege: Privilege) -> Outcome {
    let details = [("folder", name.clone()), ("to", to.clone()), ("privilege", privilege.to_string())];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    change(server, "folder.grant", &details, move |transaction, _| {
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
