//! Proof that nothing is missing or damaged.

use super::{AdminError, Outcome, Tell};
use crate::server::Server;
use content::Depth;
use protocol::admin::{AdminAnswer, ProgressReport, ProgressStep, VerifyReport};
use std::sync::Arc;
use versioning::verify::Progress;

pub(super) fn verify(server: &Server, all_bytes: bool, tell: Tell) -> Outcome {
    let depth = if all_bytes { Depth::AllBytes } else { Depth::Index };
    let store = Arc::clone(&server.chunks);
    let tell = Box::new(move |progress| {
        tell(match progress {
            Progress::Folders { done, total } => ProgressReport { step: ProgressStep::Folders, done, total },
            Progress::PackBytes { done, total } => {
                ProgressReport { step: ProgressStep::PackBytes, done, total }
            }
        });
    });
    let found =
        versioning::verify::verify_and_tell(&*server.database, store, depth, auth::digest::audit, tell)
            .map_err(|error| AdminError::Internal(Box::new(error)))?;
    Ok(AdminAnswer::Verified(VerifyReport {
        nodes: found.nodes,
        references: found.versions,
        chunks: found.chunks,
        unreferenced_chunks: found.unreferenced_chunks,
        bytes_read: if all_bytes { found.pack_bytes } else { 0 },
        tail_bytes: found.tail_bytes,
        faults: found.problems.iter().map(ToString::to_string).collect(),
        fault_count: found.problem_count,
    }))
}
