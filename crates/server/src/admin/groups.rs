//! Groups and their members.

use super::{AdminError, By, Expected, Outcome, change, change_and_tell, expect, the_group, the_user};
use crate::server::Server;
use metadata::Snapshot;
use metadata::account::GroupRow;
use model::{GroupId, UserId};
use protocol::admin::{AdminAnswer, GroupEntry};
use std::collections::BTreeMap;

pub(crate) fn add(server: &Server, by: &By, group: String) -> Result<GroupId, AdminError> {
    change(server, by, "group.add", &[("group", &group.clone())], move |transaction, _| {
        Ok(auth::account::create_group(transaction, &group)?)
    })
}

pub(super) fn list(server: &Server) -> Outcome {
    metadata::read(&*server.database, |snapshot| {
        let names: BTreeMap<_, _> = snapshot.users()?.into_iter().map(|user| (user.id, user.name)).collect();
        let mut groups = Vec::new();
        for group in snapshot.groups()? {
            let members = snapshot.members(group.id)?;
            let mut members: Vec<_> = members.iter().filter_map(|id| names.get(id).cloned()).collect();
            members.sort();
            groups.push(GroupEntry { name: group.name, members });
        }
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(AdminAnswer::Groups { groups })
    })
}

pub(crate) fn set(
    server: &Server,
    by: &By,
    id: GroupId,
    add: Vec<UserId>,
    remove: Vec<UserId>,
    expected: Expected,
) -> Result<(), AdminError> {
    change_and_tell(server, by, "group.set", move |transaction, _| {
        let snapshot = transaction.as_snapshot();
        let group = the_group(snapshot, id)?;
        expect(expected, || tag(snapshot, &group))?;
        let mut names = [Vec::new(), Vec::new()];
        for user in add {
            names[0].push(the_user(snapshot, user)?.name);
            transaction.add_member(id, user)?;
        }
        for user in remove {
            names[1].push(the_user(snapshot, user)?.name);
            transaction.remove_member(id, user)?;
        }
        let [added, removed] = names.map(|names| names.join("/"));
        Ok(((), vec![("group", group.name), ("add", added), ("remove", removed)]))
    })
}

pub(crate) fn remove(server: &Server, by: &By, id: GroupId, expected: Expected) -> Outcome {
    change_and_tell(server, by, "group.remove", move |transaction, _| {
        let snapshot = transaction.as_snapshot();
        let group = the_group(snapshot, id)?;
        expect(expected, || tag(snapshot, &group))?;
        transaction.delete_group(id)?;
        Ok((AdminAnswer::Done, vec![("group", group.name)]))
    })
}

/// Names the state of a group: the same state has the same tag.
pub(crate) fn tag(snapshot: &dyn Snapshot, group: &GroupRow) -> Result<String, AdminError> {
    Ok(super::digest(&format!("{} {:?}", group.name, snapshot.members(group.id)?)))
}
