//! What folders and people take: what is there now, what its history and the trash add, and what deduplication saves.
//!
//! Everything is counted from the rows, exactly, when it is asked for; quotas go by `current_bytes` alone, which
//! commits count as they go and [`verify`](mod@crate::verify) proves. A version is counted in full under
//! `current_bytes`, `history_bytes` or `trash_bytes`; `stored_bytes` counts each chunk once, however many versions name
//! it, before compression.
//!
//! Memory is bounded: chunks are told apart in a table of a fixed size, and where they may be more, the rows are read
//! several times, each time for one part of all hashes. How much of a folder others hold too is only for those who
//! administer the server: to anybody else it would say who has which bytes.

use crate::Error;
use crate::access::recheck;
use metadata::folder::Folder;
use metadata::space::VersionSums;
use metadata::{Database, Snapshot, read};
use model::permit::Read;
use model::{Action, ChunkId, ContentId, FolderId, Permit, Timestamp, UserId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Rows read at a time.
const PAGE: usize = 4096;
/// Contents whose manifests are read at a time, by their bytes: some ten megabytes of manifests.
const MANIFESTS_OF_BYTES: u64 = 16 << 30;
/// Chunks told apart at a time: some thirty megabytes.
pub const CHUNKS_AT_ONCE: u64 = 800_000;
/// Chunks are no shorter on the average than this, so that few tables suffice.
const CHUNK_BYTES: u64 = 128 << 10;

/// What a folder, or all folders of one person, take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Space {
    /// Versions that are kept, current ones too.
    pub versions: u64,
    /// Bytes of living nodes' current versions: what quotas go by.
    pub current_bytes: u64,
    /// Bytes of their older versions.
    pub history_bytes: u64,
    /// Bytes of removed nodes' versions.
    pub trash_bytes: u64,
    /// Removed nodes that can be brought back.
    pub trash_nodes: u64,
    /// Bytes of the chunks that all of these name, each once.
    pub stored_bytes: u64,
    /// Of those, bytes that other folders (or other people's) name too.
    pub elsewhere_bytes: u64,
}

impl Space {
    /// Bytes that are named but not stored again, because the same are there.
    #[must_use]
    pub fn shared_bytes(&self) -> u64 {
        (self.current_bytes + self.history_bytes + self.trash_bytes).saturating_sub(self.stored_bytes)
    }

    fn add_sums(&mut self, sums: &VersionSums) {
        self.versions += sums.versions;
        self.current_bytes += sums.current_bytes;
        self.history_bytes += sums.history_bytes;
        self.trash_bytes += sums.trash_bytes;
        self.trash_nodes += sums.trash_nodes;
    }
}

/// What everything takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// Each folder, by id.
    pub folders: Vec<(FolderId, Space)>,
    /// Everybody who owns a folder, by id.
    pub users: Vec<(UserId, Space)>,
    /// Bytes of the chunks that any version names, each once.
    pub stored_bytes: u64,
}

/// What one folder takes. Whether others hold the same bytes is not told.
///
/// # Errors
/// `Denied`, `Database`.
pub fn of_folder(database: &dyn Database, permit: Permit<Read>, now: Timestamp) -> Result<Space, Error> {
    read(database, move |snapshot| {
        let folder = recheck(snapshot, &permit, Action::List, now)?;
        let overview = measure(snapshot, &[folder], CHUNKS_AT_ONCE)?;
        Ok(overview.folders.first().map(|(_, space)| *space).unwrap_or_default())
    })
}

/// What every folder and every owner takes: for those who administer the server. `chunks_at_once` bounds the memory.
///
/// # Errors
/// `Database`.
pub fn of_all(database: &dyn Database, chunks_at_once: u64) -> Result<Overview, Error> {
    read(database, move |snapshot| {
        let mut folders = snapshot.folders()?;
        // One owner's folders follow each other.
        folders.sort_by_key(|folder| (folder.settings.owner, folder.id));
        let mut overview = measure(snapshot, &folders, chunks_at_once)?;
        overview.folders.sort_by_key(|(id, _)| *id);
        Ok(overview)
    })
}

/// The first 16 bytes of a hash: as good as all of it.
type Short = [u8; 16];

/// Who names a chunk.
struct Named {
    folder: u32,
    owner: u32,
    by_several_folders: bool,
    by_several_owners: bool,
}

/// No owner: such a folder's bytes are nobody's but the folder's.
const NOBODY: u32 = u32::MAX;

struct Measure<'a> {
    snapshot: &'a dyn Snapshot,
    folders: Vec<Space>,
    owners: Vec<Space>,
    stored_bytes: u64,
    named: HashMap<Short, Named>,
    part: u64,
    parts: u64,
}

fn measure(snapshot: &dyn Snapshot, folders: &[Folder], chunks_at_once: u64) -> Result<Overview, Error> {
    let mut ids: BTreeMap<UserId, u32> = BTreeMap::new();
    for owner in folders.iter().filter_map(|folder| folder.settings.owner) {
        let next = ids.len() as u32;
        ids.entry(owner).or_insert(next);
    }
    let mut measure = Measure {
        snapshot,
        folders: vec![Space::default(); folders.len()],
        owners: vec![Space::default(); ids.len()],
        stored_bytes: 0,
        named: HashMap::new(),
        part: 0,
        parts: 1,
    };
    let owner_of = |folder: &Folder| folder.settings.owner.map_or(NOBODY, |owner| ids[&owner]);
    let mut at_most: u64 = 0;
    for (index, folder) in folders.iter().enumerate() {
        let sums = snapshot.version_sums(folder.id)?;
        measure.folders[index].add_sums(&sums);
        if let Some(owner) = measure.owners.get_mut(owner_of(folder) as usize) {
            owner.add_sums(&sums);
        }
        let bytes = sums.current_bytes.saturating_add(sums.history_bytes).saturating_add(sums.trash_bytes);
        at_most = at_most.saturating_add(sums.versions).saturating_add(bytes / CHUNK_BYTES);
    }
    let known: u64 = snapshot.packs()?.iter().map(|pack| pack.chunks).sum();
    measure.parts = at_most.min(known).div_ceil(chunks_at_once.max(1)).max(1);
    for part in 0..measure.parts {
        measure.part = part;
        measure.named.clear();
        for (index, folder) in folders.iter().enumerate() {
            measure.folder(index as u32, folder.id, owner_of(folder))?;
        }
    }
    let spaces = std::mem::take(&mut measure.folders);
    let owners = std::mem::take(&mut measure.owners);
    Ok(Overview {
        folders: folders.iter().map(|folder| folder.id).zip(spaces).collect(),
        users: ids.iter().map(|(id, index)| (*id, owners[*index as usize])).collect(),
        stored_bytes: measure.stored_bytes,
    })
}

impl Measure<'_> {
    /// Adds what a folder's versions name.
    fn folder(&mut self, folder: u32, id: FolderId, owner: u32) -> Result<(), Error> {
        let mut after = None;
        loop {
            let (page, next) = self.snapshot.scan_named_contents(id, after, PAGE)?;
            let sizes: HashMap<ContentId, u64> = page.into_iter().filter(|(_, size)| *size > 0).collect();
            let mut contents: Vec<(ContentId, u64)> = sizes.into_iter().collect();
            contents.sort_unstable();
            let mut rest = contents.as_slice();
            while !rest.is_empty() {
                let (batch, others) = rest.split_at(batch_length(rest));
                rest = others;
                self.contents(folder, owner, batch)?;
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn contents(&mut self, folder: u32, owner: u32, batch: &[(ContentId, u64)]) -> Result<(), Error> {
        let ids: Vec<ContentId> = batch.iter().map(|(id, _)| *id).collect();
        let rows = self.snapshot.contents(&ids)?;
        let several: HashSet<ContentId> = rows.iter().map(|row| row.id).collect();
        for (chunk, length) in rows.into_iter().flat_map(|row| row.manifest) {
            self.chunk(folder, owner, chunk, u64::from(length));
        }
        for (id, size) in batch.iter().filter(|(id, _)| !several.contains(id)) {
            self.chunk(folder, owner, id.as_single_chunk(), *size);
        }
        Ok(())
    }

    /// Counts a chunk where it is named for the first time.
    fn chunk(&mut self, folder: u32, owner: u32, chunk: ChunkId, length: u64) {
        let mut short: Short = [0; 16];
        short.copy_from_slice(&chunk.0[..16]);
        let (low, _) = short.split_at(8);
        let hash = u64::from_le_bytes(low.try_into().expect("half of 16 bytes"));
        if hash % self.parts != self.part {
            return;
        }
        let Some(named) = self.named.get_mut(&short) else {
            let named = Named { folder, owner, by_several_folders: false, by_several_owners: false };
            self.named.insert(short, named);
            self.stored_bytes += length;
            self.folders[folder as usize].stored_bytes += length;
            if let Some(owner) = self.owners.get_mut(owner as usize) {
                owner.stored_bytes += length;
            }
            return;
        };
        if named.folder != folder {
            if !named.by_several_folders {
                self.folders[named.folder as usize].elsewhere_bytes += length;
            }
            self.folders[folder as usize].stored_bytes += length;
            self.folders[folder as usize].elsewhere_bytes += length;
            (named.folder, named.by_several_folders) = (folder, true);
        }
        if named.owner != owner {
            if let Some(first) =
                self.owners.get_mut(named.owner as usize).filter(|_| !named.by_several_owners)
            {
                first.elsewhere_bytes += length;
            }
            if let Some(owner) = self.owners.get_mut(owner as usize) {
                owner.stored_bytes += length;
                owner.elsewhere_bytes += length;
            }
            (named.owner, named.by_several_owners) = (owner, true);
        }
    }
}

/// How many contents are looked up at a time: at least one, and no more than their manifests allow.
fn batch_length(contents: &[(ContentId, u64)]) -> usize {
    let mut bytes = 0_u64;
    let fits = contents.iter().take_while(|(_, size)| {
        bytes = bytes.saturating_add(*size);
        bytes <= MANIFESTS_OF_BYTES
    });
    fits.count().max(1)
}
