//! What of a folder's past goes.

use super::{AdminError, By, Outcome, change, find_folder};
use crate::server::Server;
use protocol::RfcTime;
use protocol::admin::{AdminAnswer, MassChangeEntry, RetentionReport};
use versioning::retention::{look_again, preview, round};

/// Has everything that is due go now, or only says what would go; first, if asked, what mass changes hold is let go.
pub(super) fn retention(server: &Server, by: &By, name: &str, dry_run: bool, acknowledge: bool) -> Outcome {
    if acknowledge && dry_run {
        return Err(AdminError::Invalid("to acknowledge is to change something".to_owned()));
    }
    let wanted = name.to_owned();
    let folder = metadata::read(&*server.database, move |snapshot| find_folder(snapshot, &wanted))?.id;
    let now = server.now();
    if !dry_run {
        let details = [("folder", name), ("acknowledge", if acknowledge { "yes" } else { "no" })];
        change(server, by, "folder.retention", &details, move |transaction, now| {
            if acknowledge {
                transaction.acknowledge_mass_changes(folder, now)?;
            }
            Ok(look_again(transaction, folder)?)
        })?;
    }
    let done = match dry_run {
        true => preview(&*server.database, folder, now)?,
        false => round(&*server.database, folder, now, &|| !*server.stopping.borrow())?,
    };
    metadata::read(&*server.database, move |snapshot| {
        let mut held = Vec::new();
        for row in snapshot.mass_changes(folder)?.into_iter().filter(|row| row.acknowledged_at.is_none()) {
            held.push(MassChangeEntry {
                from: RfcTime(row.hour.first_at),
                to: RfcTime(row.hour.last_at),
                user: snapshot.user(row.hour.user)?.map(|user| user.name),
                nodes: row.hour.nodes,
                removed: row.hour.removed,
            });
        }
        Ok(AdminAnswer::Retention(RetentionReport {
            dry_run,
            nodes: done.looked,
            versions: done.versions,
            bytes: done.bytes,
            purged: done.purged,
            tombstones: done.tombstones,
            covered_since: snapshot.retention(folder)?.covered_since.0,
            held,
        }))
    })
}
