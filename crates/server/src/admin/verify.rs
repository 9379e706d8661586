//! Proof that nothing is missing or damaged.

use super::{AdminError, Outcome};
use crate::server::Server;
use content::Depth;
use protocol::admin::{AdminAnswer, VerifyReport};
use std::sync::Arc;

pub(super) fn verify(server: &Server, all_bytes: bool) -> Outcome {
    let depth = if all_bytes { Depth::AllBytes } else { Depth::Index };
    let store = Arc::clone(&server.chunks);
    let found = versioning::verify::verify(&*server.database, store, depth, auth::digest::audit)
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
