//! Names of those who did something, for answers about the past.

use model::{DeviceId, UserId};
use std::collections::BTreeMap;

/// What people call themselves and their devices.
pub(crate) struct Names {
    users: BTreeMap<UserId, String>,
    devices: BTreeMap<DeviceId, String>,
}

impl Names {
    /// Looks up those of these that are known.
    pub(crate) fn load(
        database: &dyn metadata::Database,
        mut users: Vec<UserId>,
        mut devices: Vec<DeviceId>,
    ) -> metadata::Result<Self> {
        users.sort_unstable();
        users.dedup();
        devices.sort_unstable();
        devices.dedup();
        metadata::read(database, move |snapshot| {
            let mut names = Self { users: BTreeMap::new(), devices: BTreeMap::new() };
            for id in users {
                names.users.extend(snapshot.user(id)?.map(|user| (id, user.name)));
            }
            for id in devices {
                names.devices.extend(snapshot.device(id)?.map(|device| (id, device.name)));
            }
            Ok(names)
        })
    }

    /// A person's name; none for the server itself.
    pub(crate) fn user(&self, id: UserId) -> Option<String> {
        self.users.get(&id).cloned()
    }

    /// A device's name.
    pub(crate) fn device(&self, id: Option<DeviceId>) -> Option<String> {
        self.devices.get(&id?).cloned()
    }
}
