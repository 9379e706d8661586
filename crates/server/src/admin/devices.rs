//! Linked devices, and those that wait to be.

use super::{AdminError, By, Details, Outcome, change, change_and_tell, find_user, the_user};
use crate::api::devices::codes::waiting_device;
use crate::server::Server;
use auth::device_code::WaitingCode;
use auth::wipe::{self, WipeError};
use metadata::Transaction;
use metadata::account::{DeviceRow, Wipe, Wiped};
use model::{DeviceId, UserId};
use protocol::RfcTime;
use protocol::admin::{AdminAnswer, DeviceEntry};
use protocol::v1::{DeviceWipe, WipedRequest};

pub(super) fn list(server: &Server, user: Option<String>) -> Outcome {
    let waiting = match user {
        Some(_) => Vec::new(),
        None => server.codes.waiting(server.now()).into_iter().map(waiting_device).collect(),
    };
    let now = server.now();
    metadata::read(&*server.database, move |snapshot| {
        let mut users = match user {
            Some(name) => vec![find_user(snapshot, &name)?],
            None => snapshot.users()?,
        };
        users.sort_by(|one, other| one.name.cmp(&other.name));
        let mut devices = Vec::new();
        for user in users {
            let mut linked = snapshot.devices(user.id)?;
            linked.retain(|device| wipe::is_shown(device, now));
            linked.sort_by(|one, other| one.name.cmp(&other.name));
            devices.extend(linked.into_iter().map(|device| DeviceEntry {
                id: device.id,
                user: user.name.clone(),
                name: device.name,
                linked: RfcTime(device.created_at),
                last_use: device.last_seen_at.map(RfcTime),
                wipe: device.wipe.map(order_shown),
            }));
        }
        Ok(AdminAnswer::Devices { devices, waiting })
    })
}

pub(crate) fn unlink(server: &Server, by: &By, device: DeviceId) -> Outcome {
    change_and_tell(server, by, "device.unlink", move |transaction, now| {
        let Some(row) = transaction.device(device)? else {
            return Err(AdminError::NotFound(format!("there is no device '{device}'")));
        };
        wipe::unlink(transaction, device, now)?;
        Ok((AdminAnswer::Done, described(transaction, row)?))
    })
}

/// Orders that a device remove its copies; one of this person's, if that is said.
pub(crate) fn order_wipe(server: &Server, by: &By, device: DeviceId, of: Option<UserId>) -> Outcome {
    let asking = by.principal.map(|by| by.user);
    change_and_tell(server, by, "device.wipe", move |transaction, now| {
        let is_meant = |row: &DeviceRow| of.is_none_or(|user| row.user == user);
        if !transaction.device(device)?.as_ref().is_some_and(is_meant) {
            return Err(WipeError::Absent.into());
        }
        let row = wipe::order(transaction, device, asking, now)?;
        Ok((AdminAnswer::Done, described(transaction, row)?))
    })
}

/// Notes what a device says that it has done.
pub(crate) fn note_wiped(server: &Server, by: &By, device: DeviceId, done: WipedRequest) -> Outcome {
    change_and_tell(server, by, "device.wiped", move |transaction, now| {
        let WipedRequest { removed, kept } = done;
        if !wipe::note_done(transaction, device, Wiped { at: now, removed, kept })? {
            return Err(WipeError::Absent.into());
        }
        Ok((AdminAnswer::Done, vec![("removed", removed.to_string()), ("kept", kept.to_string())]))
    })
}

/// An order as it is shown.
pub(crate) fn order_shown(wipe: Wipe) -> DeviceWipe {
    DeviceWipe {
        ordered: RfcTime(wipe.ordered_at),
        done: wipe.done.map(|done| RfcTime(done.at)),
        removed: wipe.done.map_or(0, |done| done.removed),
        kept: wipe.done.map_or(0, |done| done.kept),
    }
}

fn described(transaction: &dyn Transaction, row: DeviceRow) -> Result<Details, AdminError> {
    let owner = transaction.user(row.user)?.map(|user| user.name).unwrap_or_default();
    Ok(vec![("device", row.id.to_string()), ("device_name", row.name), ("user", owner)])
}

impl From<WipeError> for AdminError {
    fn from(error: WipeError) -> Self {
        match error {
            WipeError::Absent => Self::NotFound(error.to_string()),
            WipeError::KeepsNothing => Self::Invalid(error.to_string()),
            WipeError::Database(error) => error.into(),
        }
    }
}

/// Links a device that waits under a code. Whether it waits is looked at first: that is what can be mistyped.
pub(crate) fn approve(server: &Server, by: &By, code: &str, user: Result<UserId, AdminError>) -> Outcome {
    let found = find_waiting(server, code)?;
    let (user, device) = (user?, found.device.clone());
    change_and_tell(server, by, "device.approve", move |transaction, _| {
        let user = the_user(transaction.as_snapshot(), user)?;
        if user.disabled {
            return Err(AdminError::Invalid(format!("the account '{}' is disabled", user.name)));
        }
        Ok(((), vec![("user", user.name), ("device_name", device)]))
    })?;
    settle(server, &found, Some(user))
}

pub(crate) fn deny(server: &Server, by: &By, code: &str) -> Outcome {
    let found = find_waiting(server, code)?;
    change(server, by, "device.deny", &[("device_name", &found.device)], |_, _| Ok(()))?;
    settle(server, &found, None)
}

fn find_waiting(server: &Server, code: &str) -> Result<WaitingCode, AdminError> {
    server.codes.find(code, server.now()).ok_or_else(|| not_waiting(code))
}

fn settle(server: &Server, found: &WaitingCode, user: Option<UserId>) -> Outcome {
    let settled = server.codes.settle(found, user, server.now());
    let settled = settled.map_err(|_| not_waiting(&found.code.to_string()))?;
    Ok(AdminAnswer::DeviceDecided(waiting_device(settled)))
}

fn not_waiting(code: &str) -> AdminError {
    AdminError::NotFound(format!(
        "no device waits under the code '{code}': it was mistyped, its ten minutes are over, or it was decided; \
         `driftless admin device list` shows those that wait"
    ))
}
