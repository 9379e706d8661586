//! Every chunk that has a row lies in its pack, whole.

use super::{PAGE, Problem, Progress, Report, Tell};
use crate::Error;
use content::{ChunkStore, Depth, PackId, Scanned};
use metadata::Snapshot;
use metadata::content::ChunkRow;
use model::ChunkId;
use model::location::{Located, Location};
use std::collections::{HashMap, HashSet};

/// After so many bytes somebody is told how far it is.
const TELL_BYTES: u64 = 8 << 20;

/// A chunk's place: pack, record, start in the record.
type Place = (PackId, u64, u32);

fn place(location: &Location) -> Place {
    (location.pack, location.offset, location.start)
}

/// What the packs themselves say.
#[derive(Default)]
pub(super) struct Packs {
    intact: HashMap<Place, (ChunkId, u32)>,
    broken: HashSet<Place>,
    known: HashSet<PackId>,
}

pub(super) fn check(
    snapshot: &dyn Snapshot,
    packs: &Packs,
    referenced: &HashSet<ChunkId>,
    report: &mut Report,
) -> Result<(), Error> {
    let mut counted: HashMap<PackId, (u64, u64)> = HashMap::new();
    let mut after = None;
    loop {
        let rows = snapshot.scan_chunks(after, PAGE)?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        for row in &rows {
            report.chunks += 1;
            report.unreferenced_chunks += u64::from(!referenced.contains(&row.id));
            let count = counted.entry(row.location.pack).or_default();
            *count = (count.0 + 1, count.1 + u64::from(row.location.length));
            if let Some(what) = fault(row, packs) {
                report.add(Problem::Chunk { chunk: row.id, pack: row.location.pack, what });
            }
        }
    }
    for row in snapshot.packs()? {
        let (chunks, bytes) = counted.remove(&row.id).unwrap_or_default();
        report.count(|| format!("chunks of pack {}", row.id), row.chunks, chunks);
        report.count(|| format!("bytes of pack {}", row.id), row.live_bytes, bytes);
    }
    for (pack, (chunks, _)) in counted {
        report.count(|| format!("chunks of pack {pack}"), 0, chunks);
    }
    Ok(())
}

fn fault(row: &ChunkRow, packs: &Packs) -> Option<&'static str> {
    let place = place(&row.location);
    match packs.intact.get(&place) {
        Some(found) if *found == (row.id, row.location.length) => None,
        Some(_) => Some("another chunk lies in its place"),
        None if packs.broken.contains(&place) => Some("its bytes are damaged"),
        None if !packs.known.contains(&row.location.pack) => Some("its pack is missing"),
        None => Some("it is not in its place"),
    }
}

/// Looks through all packs. What the database knew before is in them.
pub(super) fn scan(
    store: &dyn ChunkStore,
    depth: Depth,
    report: &mut Report,
    tell: &mut Tell,
) -> Result<Packs, Error> {
    let mut packs = Packs::default();
    let infos = store.packs()?;
    let total = infos.iter().map(|info| info.bytes).sum();
    for info in infos {
        let begin = report.pack_bytes;
        tell(Progress::PackBytes { done: begin, total });
        report.packs += 1;
        report.pack_bytes += info.bytes;
        packs.known.insert(info.pack);
        let mut told = 0;
        store.scan(info.pack, depth, &mut |found| match found {
            Scanned::Record(chunks) => {
                if let Some(offset) = chunks.first().map(|located| located.location.offset)
                    && offset >= told + TELL_BYTES
                {
                    told = offset;
                    tell(Progress::PackBytes { done: begin + offset, total });
                }
                let entry =
                    |located: &Located| (place(&located.location), (located.chunk, located.location.length));
                packs.intact.extend(chunks.iter().map(entry));
            }
            Scanned::BrokenRecord { chunks, .. } => {
                packs.broken.extend(chunks.iter().map(|located| place(&located.location)));
            }
            Scanned::Gap { offset, bytes } => {
                report.add(Problem::Pack { pack: info.pack, offset, bytes });
            }
            Scanned::Tail { bytes, .. } => report.tail_bytes += bytes,
        })?;
    }
    tell(Progress::PackBytes { done: total, total });
    Ok(packs)
}
