//! What folders and people take.

use super::Outcome;
use crate::api::folders::space::wire;
use crate::server::Server;
use protocol::admin::{AdminAnswer, SpaceEntry, SpaceReport};
use versioning::space::{CHUNKS_AT_ONCE, of_all};

pub(super) fn space(server: &Server) -> Outcome {
    let found = of_all(&*server.database, CHUNKS_AT_ONCE)?;
    metadata::read(&*server.database, move |snapshot| {
        let entry = |name: String, quota_bytes, space: &versioning::space::Space| SpaceEntry {
            name,
            quota_bytes,
            space: wire(space),
            elsewhere_bytes: space.elsewhere_bytes,
        };
        let mut report = SpaceReport { stored_bytes: found.stored_bytes, ..SpaceReport::default() };
        for (id, space) in &found.folders {
            if let Some(folder) = snapshot.folder(*id)? {
                report.folders.push(entry(folder.settings.name, folder.settings.quota_bytes, space));
            }
        }
        for (id, space) in &found.users {
            if let Some(user) = snapshot.user(*id)? {
                report.users.push(entry(user.name, user.quota_bytes, space));
            }
        }
        report.folders.sort_by(|one, other| one.name.cmp(&other.name));
        report.users.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(AdminAnswer::Space(report))
    })
}
