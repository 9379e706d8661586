//! The privileges of a folder as a whole, for who manages it.

use super::{AdminError, By, Details, Expected, change_each, expect, the_folder, the_group, the_user};
use crate::server::Server;
use metadata::Snapshot;
use metadata::account::Subject;
use metadata::folder::{Folder, FolderKind};
use model::permit::Manage;
use model::{Action, FolderId, Permit, Privilege, Timestamp};
use std::collections::BTreeMap;

/// The entries by subject.
pub(crate) type Grants = BTreeMap<Subject, Privilege>;

/// Makes the entries of a folder exactly these. Each that differs is a line of the audit log.
pub(crate) fn set(
    server: &Server,
    by: &By,
    permit: Permit<Manage>,
    wanted: Grants,
    expected: Expected,
) -> Result<(), AdminError> {
    let id = permit.folder();
    change_each(server, by, move |transaction, now| {
        let snapshot = transaction.as_snapshot();
        let folder = the_folder(snapshot, id)?;
        still_managed(snapshot, permit, now)?;
        expect(expected, || tag(snapshot, id))?;
        refuse_to_take_a_home_away(&folder, &wanted)?;
        let before: Grants = snapshot.grants(id)?.into_iter().collect();
        let mut entries = Vec::new();
        for subject in before.keys().filter(|subject| !wanted.contains_key(subject)) {
            entries.push(entry(&folder, name(snapshot, *subject)?, None));
            transaction.set_grant(id, *subject, None)?;
        }
        for (subject, privilege) in wanted {
            if before.get(&subject) != Some(&privilege) {
                entries.push(entry(&folder, name(snapshot, subject)?, Some(privilege)));
                transaction.set_grant(id, subject, Some(privilege))?;
            }
        }
        Ok(((), entries))
    })
}

/// The privilege may have been taken away since it was asked for.
fn still_managed(snapshot: &dyn Snapshot, permit: Permit<Manage>, now: Timestamp) -> Result<(), AdminError> {
    let again = auth::permit::<Manage>(snapshot, permit.principal(), permit.folder(), Action::Manage, now);
    match again {
        Ok(_) => Ok(()),
        Err(auth::Refused::Denied(denied)) => Err(AdminError::NotFound(denied.to_string())),
        Err(auth::Refused::Database(error)) => Err(error.into()),
    }
}

fn entry(folder: &Folder, to: String, privilege: Option<Privilege>) -> (&'static str, Details) {
    let privilege = privilege.map_or("taken back", Privilege::as_str).to_owned();
    ("folder.grant", vec![("folder", folder.settings.name.clone()), ("to", to), ("privilege", privilege)])
}

/// Nobody loses the home that counts for their quota.
fn refuse_to_take_a_home_away(folder: &Folder, wanted: &Grants) -> Result<(), AdminError> {
    let owner = folder.settings.owner.filter(|_| folder.kind == FolderKind::Home);
    match owner.map(|owner| wanted.get(&Subject::User(owner))) {
        None | Some(Some(Privilege::Manage)) => Ok(()),
        Some(_) => Err(AdminError::Invalid("The owner of a home folder manages it.".to_owned())),
    }
}

/// A subject's name, as the log has it: a group's with `@`.
fn name(snapshot: &dyn Snapshot, subject: Subject) -> Result<String, AdminError> {
    let found = match subject {
        Subject::User(id) => the_user(snapshot, id).map(|user| user.name),
        Subject::Group(id) => the_group(snapshot, id).map(|group| format!("@{}", group.name)),
    };
    found.map_err(|error| match error {
        AdminError::NotFound(text) => AdminError::Invalid(text),
        other => other,
    })
}

/// Names the state of a folder's entries: the same state has the same tag.
pub(crate) fn tag(snapshot: &dyn Snapshot, folder: FolderId) -> Result<String, AdminError> {
    Ok(super::digest(&format!("{:?}", snapshot.grants(folder)?)))
}
