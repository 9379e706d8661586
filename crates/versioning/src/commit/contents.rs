//! Which contents a commit may use: those it brings, and those the folder or the caller's uploads hold already.

use crate::{Error, Manifest, collection};
use metadata::content::{ChunkRow, ContentRow};
use metadata::{Snapshot, Transaction};
use model::location::{Located, Location};
use model::{ChunkId, ContentId, FolderId, Operation, Refusal, Timestamp, UserId};
use std::collections::{HashMap, HashSet};

#[derive(Debug)]
enum Shape {
    /// One chunk, named by the content.
    Single,
    /// Several, listed in a manifest.
    Several { manifest: Vec<(ChunkId, u32)>, is_new: bool },
}

/// A content, its chunks with their lengths, and whether the database does not know it yet.
type Listed = (ContentId, Vec<(ChunkId, u32)>, bool);

#[derive(Debug)]
struct Usable {
    size: u64,
    shape: Shape,
}

/// The contents that a commit names, as far as it may use them.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    usable: HashMap<ContentId, Usable>,
    received: HashMap<ChunkId, Location>,
    /// Chunks that are stored and may be used here.
    stored: HashMap<ChunkId, ChunkRow>,
    /// Those of them that are noted as the folder's already.
    noted: HashSet<ChunkId>,
    used: Vec<ContentId>,
}

impl Contents {
    /// Looks up every content that the operations name.
    pub(crate) fn load(
        snapshot: &dyn Snapshot,
        (folder, user): (FolderId, UserId),
        manifests: Vec<Manifest>,
        received: &[Located],
        operations: &mut dyn Iterator<Item = &Operation>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut contents = Self {
            received: received.iter().map(|located| (located.chunk, located.location)).collect(),
            ..Self::default()
        };
        let mut wanted: HashSet<ContentId> =
            operations.filter_map(|operation| operation.file_content()).map(|(id, _)| id).collect();
        wanted.remove(&ContentId::EMPTY);
        let mut several: Vec<Listed> = Vec::new();
        for manifest in manifests {
            if wanted.remove(&manifest.content()) {
                several.push((manifest.content(), manifest.into_chunks(), true));
            }
        }
        let mut others = Vec::new();
        for id in wanted {
            match contents.received.get(&id.as_single_chunk()) {
                Some(location) => {
                    let size = u64::from(location.length);
                    contents.usable.insert(id, Usable { size, shape: Shape::Single });
                }
                None => others.push(id),
            }
        }
        let mut singles: HashSet<ContentId> = others.iter().copied().collect();
        for row in snapshot.contents(&others)? {
            singles.remove(&row.id);
            several.push((row.id, row.manifest, false));
        }
        let listed = several.iter().flat_map(|(_, manifest, _)| manifest.iter().map(|(chunk, _)| *chunk));
        let asked: HashSet<ChunkId> = listed
            .chain(singles.iter().map(|id| id.as_single_chunk()))
            .filter(|chunk| !contents.received.contains_key(chunk))
            .collect();
        contents.load_stored(snapshot, (folder, user), &asked.into_iter().collect::<Vec<_>>(), now)?;
        for id in singles {
            if let Some(row) = contents.stored.get(&id.as_single_chunk()) {
                let size = u64::from(row.location.length);
                contents.usable.insert(id, Usable { size, shape: Shape::Single });
            }
        }
        for (id, manifest, is_new) in several {
            if manifest.iter().all(|(chunk, length)| contents.length(*chunk) == Some(*length)) {
                let size = manifest.iter().map(|(_, length)| u64::from(*length)).sum();
                contents.usable.insert(id, Usable { size, shape: Shape::Several { manifest, is_new } });
            }
        }
        Ok(contents)
    }

    /// Which of these chunks are stored, and usable in this folder by this person.
    fn load_stored(
        &mut self,
        snapshot: &dyn Snapshot,
        (folder, user): (FolderId, UserId),
        asked: &[ChunkId],
        now: Timestamp,
    ) -> Result<(), Error> {
        let rows = snapshot.chunks(asked)?;
        let known: Vec<ChunkId> = rows.iter().map(|row| row.id).collect();
        self.noted = snapshot.folder_chunks(folder, &known)?.into_iter().collect();
        let unnoted: Vec<ChunkId> = rows
            .iter()
            .filter(|row| row.folder != Some(folder) && !self.noted.contains(&row.id))
            .map(|row| row.id)
            .collect();
        let arrived: HashSet<ChunkId> =
            snapshot.arrived_chunks(folder, user, now, &unnoted)?.into_iter().collect();
        self.stored = rows
            .into_iter()
            .filter(|row| {
                row.folder == Some(folder) || self.noted.contains(&row.id) || arrived.contains(&row.id)
            })
            .map(|row| (row.id, row))
            .collect();
        Ok(())
    }

    fn length(&self, chunk: ChunkId) -> Option<u32> {
        let received = self.received.get(&chunk).map(|location| location.length);
        received.or_else(|| self.stored.get(&chunk).map(|row| row.location.length))
    }

    /// Whether a content of this name and size may be used. A size that is not the content's own counts as another
    /// content, which nobody has.
    pub(crate) fn check(&self, id: ContentId, size: u64) -> Result<(), Refusal> {
        let own_size = match id {
            ContentId::EMPTY => Some(0),
            _ => self.usable.get(&id).map(|usable| usable.size),
        };
        if own_size == Some(size) { Ok(()) } else { Err(Refusal::ChunkMissing) }
    }

    /// Notes that an operation uses a content.
    pub(crate) fn note_used(&mut self, id: ContentId) {
        self.used.push(id);
    }

    pub(crate) fn mark(&self) -> usize {
        self.used.len()
    }

    pub(crate) fn roll_back(&mut self, mark: usize) {
        self.used.truncate(mark);
    }

    /// Writes the rows of the contents that are used.
    pub(crate) fn write(mut self, transaction: &dyn Transaction, folder: FolderId) -> Result<(), Error> {
        let mut chunks = Vec::with_capacity(self.used.len());
        let (mut rows, mut own, mut noted) = (Vec::new(), Vec::new(), Vec::new());
        let (mut wanted_contents, mut wanted_chunks) = (Vec::new(), Vec::new());
        for id in std::mem::take(&mut self.used) {
            // Each content once.
            let Some(usable) = self.usable.remove(&id) else { continue };
            match usable.shape {
                Shape::Single => {
                    let chunk = id.as_single_chunk();
                    wanted_chunks.push(chunk);
                    match self.received.get(&chunk) {
                        Some(location) => {
                            chunks.push(ChunkRow { id: chunk, location: *location, folder: Some(folder) });
                        }
                        None if self.stored.get(&chunk).is_some_and(|row| row.folder.is_none()) => {
                            own.push(chunk);
                        }
                        None => {}
                    }
                }
                Shape::Several { manifest, is_new } => {
                    wanted_contents.push(id);
                    wanted_chunks.extend(manifest.iter().map(|(chunk, _)| *chunk));
                    for (chunk, _) in &manifest {
                        if let Some(location) = self.received.get(chunk) {
                            chunks.push(ChunkRow { id: *chunk, location: *location, folder: None });
                        }
                    }
                    let unnoted = manifest.iter().map(|(chunk, _)| *chunk);
                    noted.extend(unnoted.filter(|chunk| !self.noted.contains(chunk)));
                    if is_new {
                        rows.push(ContentRow { id, size: usable.size, manifest });
                    }
                }
            }
        }
        transaction.put_chunks(&chunks)?;
        transaction.own_chunks(folder, &own)?;
        transaction.put_folder_chunks(folder, &noted)?;
        transaction.put_contents(&rows)?;
        collection::rescue(transaction, folder, &wanted_contents, &wanted_chunks)
    }
}
