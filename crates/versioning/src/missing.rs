//! Which chunks a client must send.

use crate::access::recheck;
use crate::{Error, collection};
use metadata::{Database, Snapshot, read, write};
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
    let (chunks, found, is_condemned) = read::<_, Error>(database, move |snapshot| {
        recheck(snapshot, &permit, Action::Write, now)?;
        let usable = usable(snapshot, &permit, &chunks, now)?;
        let hashes: Vec<[u8; 32]> = usable.iter().map(|chunk| chunk.0).collect();
        let is_condemned = !snapshot.condemned(&hashes)?.is_empty();
        Ok((chunks, usable, is_condemned))
    })?;
    let (chunks, found) = match is_condemned {
        true => rescue(database, permit, chunks, now)?,
        false => (chunks, found),
    };
    let mut seen = HashSet::with_capacity(chunks.len());
    Ok(chunks.into_iter().filter(|chunk| !found.contains(chunk) && seen.insert(*chunk)).collect())
}

/// Who is told that a chunk need not be sent counts on it: what is condemned and still usable is rescued.
fn rescue(
    database: &dyn Database,
    permit: Permit<Write>,
    chunks: Vec<ChunkId>,
    now: Timestamp,
) -> Result<(Vec<ChunkId>, HashSet<ChunkId>), Error> {
    write(database, move |transaction| {
        let usable = usable(transaction.as_snapshot(), &permit, &chunks, now)?;
        let wanted: Vec<ChunkId> = usable.iter().copied().collect();
        collection::rescue(transaction, permit.folder(), &[], &wanted)?;
        Ok((chunks, usable))
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
