//! Linked devices.

use super::{AdminError, Outcome, change, find_user};
use crate::server::Server;
use model::DeviceId;
use protocol::RfcTime;
use protocol::admin::{AdminAnswer, DeviceEntry};

pub(super) fn list(server: &Server, user: Option<String>) -> Outcome {
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
        Ok(AdminAnswer::Devices { devices })
    })
}

pub(super) fn unlink(server: &Server, device: DeviceId) -> Outcome {
    change(server, "device.unlink", &[("device", &device.to_string())], move |transaction, now| {
        if transaction.device(device)?.is_none() {
            return Err(AdminError::NotFound(format!("there is no device '{device}'")));
        }
        transaction.revoke_device(device, now)?;
        Ok(AdminAnswer::Done)
    })
}
