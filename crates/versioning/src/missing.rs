//! Which chunks a client must send.

use crate::Error;
use crate::access::recheck;
use metadata::{Database, Snapshot, read};
use model::permit::Write;
use model::{Action, ChunkId, Limits, Permit, Timestamp};
use std::collections::HashSet;

/// Those of `chunks` that a commit to this folder could not name without sending them, in the order given, each once.
/// Answered only from what the folder and the caller's own open uploads hold: a hash alone never shows whether
/// anybody else has the bytes.
///
/// # Errors
/// `Denied`, `Limit`, `Database`.
pub fn missing(
    database: &dyn Database,
    permit: Permit<Write>,
    chunks: Vec<ChunkId>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Vec<ChunkId>, Error> {
    if chunks.len() as u64 > limits.chunks {
        return Err(Error::Limit { what: "chunks in one call", most: limits.chunks });
    }
    read(database, move |snapshot| {
        recheck(snapshot, &permit, Action::Write, now)?;
        let usable = usable(snapshot, &permit, &chunks, now)?;
        let mut seen = HashSet::with_capacity(chunks.len());
        Ok(chunks.into_iter().filter(|chunk| !usable.contains(chunk) && seen.insert(*chunk)).collect())
    })
}

/// Those of `chunks` that are stored and held by the folder or by the caller's uploads.
fn usable(
    snapshot: &dyn Snapshot,
    permit: &Permit<Write>,
    chunks: &[ChunkId],
    now: Timestamp,
) -> Result<HashSet<ChunkId>, Error> {
    let folder = permit.folder();
    let rows = snapshot.chunks(chunks)?;
    let stored: Vec<ChunkId> = rows.iter().map(|row| row.id).collect();
    let mut usable: HashSet<ChunkId> =
        rows.iter().filter(|row| row.folder == Some(folder)).map(|row| row.id).collect();
    usable.extend(snapshot.folder_chunks(folder, &stored)?);
    usable.extend(snapshot.arrived_chunks(folder, permit.principal().user, now, &stored)?);
    Ok(usable)
}
