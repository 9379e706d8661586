//! Names of those who did something, for answers about the past.

use model::{DeviceId, LinkId, UserId};
use std::collections::BTreeMap;

/// What people call themselves and their devices.
pub(crate) struct Names {
    users: BTreeMap<UserId, String>,
    devices: BTreeMap<DeviceId, String>,
}

/// What a link is called where devices are: by its label, or its id.
fn link_name(link: &metadata::link::LinkRow) -> String {
    match link.label.as_str() {
        "" => format!("link {}", link.id),
        label => format!("link \u{201c}{label}\u{201d}"),
    }
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
                let name = match LinkId::of_author(id) {
                    Some(link) => snapshot.link(link)?.map(|link| link_name(&link)),
                    None => snapshot.device(id)?.map(|device| device.name),
                };
                names.devices.extend(name.map(|name| (id, name)));
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
