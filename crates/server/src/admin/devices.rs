//! Linked devices, and those that wait to be.

use super::{AdminError, By, Outcome, change, change_and_tell, find_user, the_user};
use crate::api::devices::codes::waiting_device;
use crate::server::Server;
use auth::device_code::WaitingCode;
use model::{DeviceId, UserId};
use protocol::RfcTime;
use protocol::admin::{AdminAnswer, DeviceEntry};

pub(super) fn list(server: &Server, user: Option<String>) -> Outcome {
    let waiting = match user {
        Some(_) => Vec::new(),
        None => server.codes.waiting(server.now()).into_iter().map(waiting_device).collect(),
    };
    metadata::read(&*server.database, move |snapshot| {
        let mut users = match user {
            Some(name) => vec![find_user(snapshot, &name)?],
            None => snapshot.users()?,
        };
        users.sort_by(|one, other| one.name.cmp(&other.name));
        let mut devices = Vec::new();
        for user in users {
            let mut linked = snapshot.devices(user.id)?;
            linked.retain(|device| device.revoked_at.is_none());
            linked.sort_by(|one, other| one.name.cmp(&other.name));
            devices.extend(linked.into_iter().map(|device| DeviceEntry {
                id: device.id,
                user: user.name.clone(),
                name: device.name,
                linked: RfcTime(device.created_at),
                last_use: device.last_seen_at.map(RfcTime),
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
        transaction.revoke_device(device, now)?;
        let owner = transaction.user(row.user)?.map(|user| user.name).unwrap_or_default();
        let details = vec![("device", device.to_string()), ("device_name", row.name), ("user", owner)];
        Ok((AdminAnswer::Done, details))
    })
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
