//! Backups of everything, made while the server works.

use super::{AdminError, By, Outcome, change};
use crate::server::Server;
use backup::{Order, Source};
use protocol::admin::{AdminAnswer, BackupReport};
use std::path::Path;

pub(super) fn create(server: &Server, by: &By, directory: &str, copy: bool, keep: Option<u32>) -> Outcome {
    let Some(data) = &server.settings.data else {
        return Err(AdminError::Invalid("this server does not know where its data is".to_owned()));
    };
    change(server, by, "backup.create", &[("directory", directory)], |_, _| Ok(()))?;
    let source = Source { database: &*server.database, store: &*server.chunks, data };
    let order = Order {
        target: Path::new(directory),
        copy,
        keep: keep.map(|keep| keep as usize),
        version: &server.settings.version,
        now: server.now(),
        go_on: &|| !*server.stopping.borrow(),
    };
    let created = backup::create(source, order)?;
    tracing::info!(backup = %created.backup.display(), bytes = created.bytes, "backed up");
    Ok(AdminAnswer::BackedUp(BackupReport {
        backup: created.backup.display().to_string(),
        bytes: created.bytes,
        packs: created.packs,
        known_packs: created.known_packs,
        written_bytes: created.written_bytes,
        removed: created.removed.iter().map(|path| path.display().to_string()).collect(),
    }))
}

impl From<backup::Error> for AdminError {
    fn from(error: backup::Error) -> Self {
        match error {
            backup::Error::Database(_) | backup::Error::Content(_) | backup::Error::Versioning(_) => {
                Self::Internal(Box::new(error))
            }
            // The place is not good for it: whoever asked can choose another.
            other => Self::Invalid(other.to_string()),
        }
    }
}
