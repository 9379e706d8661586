//! Groups and their members.

use super::{By, Outcome, change, find_group, find_user};
use crate::server::Server;
use protocol::admin::{AdminAnswer, GroupEntry};
use std::collections::BTreeMap;

pub(super) fn add(server: &Server, by: &By, group: String) -> Outcome {
    change(server, by, "group.add", &[("group", &group.clone())], move |transaction, _| {
        auth::account::create_group(transaction, &group)?;
        Ok(AdminAnswer::Done)
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

pub(super) fn set(server: &Server, by: &By, group: String, add: Vec<String>, remove: Vec<String>) -> Outcome {
    let details = [("group", group.clone()), ("add", add.join("/")), ("remove", remove.join("/"))];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    change(server, by, "group.set", &details, move |transaction, _| {
        let group = find_group(transaction.as_snapshot(), &group)?;
        for user in &add {
            transaction.add_member(group.id, find_user(transaction.as_snapshot(), user)?.id)?;
        }
        for user in &remove {
            transaction.remove_member(group.id, find_user(transaction.as_snapshot(), user)?.id)?;
        }
        Ok(AdminAnswer::Done)
    })
}

pub(super) fn remove(server: &Server, by: &By, group: String) -> Outcome {
    change(server, by, "group.remove", &[("group", &group.clone())], move |transaction, _| {
        let group = find_group(transaction.as_snapshot(), &group)?;
        transaction.delete_group(group.id)?;
        Ok(AdminAnswer::Done)
    })
}
