//! Everything a batch installs, staged: from the server, or from what the disk holds already.

use super::{Applier, Learnt, Resumable, failure};
use crate::progress::{Direction, Moving};
use crate::remote::{Known, Unavailable};
use chunker::Manifest;
use filesystem::{Disk, Place, Staged, StagedFile, StagedId};
use model::{ChunkId, ContentId, NodeId, RelativePath, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sync_engine::{LocalAction, LocalActionKind, LocalOutcome};

/// From this size on a download is found again after a restart.
const RESUMABLE_FROM: u64 = 16 << 20;
/// Bounds of one question.
const FETCH_BYTES: u64 = 32 << 20;
const FETCH_CHUNKS: usize = 16_384;

pub(super) type StagedByIndex = BTreeMap<usize, Result<Staged, LocalOutcome>>;

/// A file to be staged.
struct Want<'a> {
    index: usize,
    node: NodeId,
    path: &'a RelativePath,
    content: ContentId,
    size: u64,
    mtime: Timestamp,
    executable: bool,
    base: Option<ContentId>,
}

/// A file while its chunks come in.
struct Filling<'a> {
    want: &'a Want<'a>,
    /// Opened with its first chunk, so that thousands of small files are not open at once.
    file: Option<Box<dyn StagedFile>>,
    missing: usize,
}

impl Applier {
    pub(super) fn stage(
        &self,
        actions: &[LocalAction],
        known: &Known,
        resumable: &Resumable,
        learnt: &mut Learnt,
    ) -> StagedByIndex {
        let mut staged = StagedByIndex::new();
        let mut wants = Vec::new();
        for (index, action) in actions.iter().enumerate() {
            match &action.kind {
                LocalActionKind::PlaceLink { path, target, .. } => {
                    let link = self.disk.stage_link(target, crate::now());
                    staged.insert(index, link.map_err(|error| failure(&error, path)));
                }
                LocalActionKind::PlaceFile { path, node, content, size, mtime, executable, base, .. } => {
                    wants.push(Want {
                        index,
                        node: *node,
                        path,
                        content: *content,
                        size: *size,
                        mtime: *mtime,
                        executable: *executable,
                        base: *base,
                    });
                }
                _ => {}
            }
        }
        if !wants.is_empty() {
            self.stage_files(&wants, known, resumable, &mut staged, learnt);
        }
        staged
    }

    fn stage_files(
        &self,
        wants: &[Want<'_>],
        known: &Known,
        resumable: &Resumable,
        staged: &mut StagedByIndex,
        learnt: &mut Learnt,
    ) {
        let total = wants.iter().map(|want| want.size).sum();
        let moving = self.progress.begin(Direction::Down, wants[0].path, wants.len(), total);
        let manifests = match self.manifests(wants, known) {
            Ok(manifests) => manifests,
            Err(error) => {
                tracing::debug!(%error, "no manifests");
                for want in wants {
                    staged.insert(want.index, Err(LocalOutcome::ContentUnavailable));
                }
                return;
            }
        };
        let mut filler = Filler {
            applier: self,
            filling: BTreeMap::new(),
            places: BTreeMap::new(),
            order: Vec::new(),
            staged,
            moving: &moving,
        };
        for want in wants {
            filler.begin(want, &manifests, resumable, learnt);
        }
        filler.fetch();
        filler.finish(learnt);
        for (content, manifest) in manifests {
            if !known.contains_key(&content) {
                learnt.manifests.push((content, Arc::unwrap_or_clone(manifest)));
            }
        }
    }

    /// The manifests of all long contents, and of those they replace as far as they are known.
    fn manifests(&self, wants: &[Want<'_>], known: &Known) -> Result<Known, Unavailable> {
        let mut manifests = Known::new();
        let mut asked = BTreeMap::new();
        for want in wants.iter().filter(|want| want.size > chunker::MIN_BYTES as u64) {
            match known.get(&want.content) {
                Some(manifest) => {
                    manifests.insert(want.content, Arc::clone(manifest));
                }
                None => {
                    asked.insert(want.content, want.node);
                }
            }
            if let Some((base, manifest)) = want.base.and_then(|base| Some((base, known.get(&base)?))) {
                manifests.insert(base, Arc::clone(manifest));
            }
        }
        let asked: Vec<(NodeId, ContentId)> =
            asked.into_iter().map(|(content, node)| (node, content)).collect();
        if !asked.is_empty() {
            let found = self.remote.manifests(&asked)?;
            manifests.extend(found.into_iter().map(|(content, manifest)| (content, Arc::new(manifest))));
        }
        Ok(manifests)
    }
}

/// Puts chunks into staged files as they come.
struct Filler<'a> {
    applier: &'a Applier,
    filling: BTreeMap<usize, Filling<'a>>,
    /// Where each awaited chunk goes.
    places: BTreeMap<ChunkId, Vec<(usize, u64)>>,
    /// The awaited chunks in the order of their first use, with their lengths.
    order: Vec<((NodeId, ChunkId), u64)>,
    staged: &'a mut StagedByIndex,
    moving: &'a Moving,
}

impl<'a> Filler<'a> {
    /// Notes what a file needs; takes what the disk has already.
    fn begin(&mut self, want: &'a Want<'a>, manifests: &Known, resumable: &Resumable, learnt: &mut Learnt) {
        let chunks: Vec<(ChunkId, u64, u32)> = match manifests.get(&want.content) {
            _ if want.size == 0 => Vec::new(),
            Some(manifest) => with_offsets(manifest).collect(),
            // Small, or the server shows no manifest since the content is one chunk.
            None if want.size <= chunker::MAX_BYTES as u64 => {
                vec![(want.content.as_single_chunk(), 0, u32::try_from(want.size).unwrap_or(u32::MAX))]
            }
            None => {
                self.staged.insert(want.index, Err(LocalOutcome::ContentUnavailable));
                return;
            }
        };
        let mut filling = Filling { want, file: None, missing: chunks.len() };
        let mut have = BTreeSet::new();
        if chunks.len() > 1
            && let Err(error) =
                self.take_what_is_there(&mut filling, &chunks, manifests, resumable, &mut have, learnt)
        {
            self.staged.insert(want.index, Err(failure(&error, want.path)));
            return;
        }
        filling.missing -= have.len();
        for (place, (id, offset, length)) in chunks.iter().enumerate() {
            if have.contains(&place) {
                self.moving.moved(u64::from(*length));
                continue;
            }
            let places = self.places.entry(*id).or_default();
            if places.is_empty() {
                self.order.push(((want.node, *id), u64::from(*length)));
            }
            places.push((want.index, *offset));
        }
        let complete = filling.missing == 0;
        self.filling.insert(want.index, filling);
        if complete {
            self.complete(want.index);
        }
    }

    /// Opens the staged file of a long content; takes from an earlier attempt and from the file it replaces.
    fn take_what_is_there(
        &self,
        filling: &mut Filling<'_>,
        chunks: &[(ChunkId, u64, u32)],
        manifests: &Known,
        resumable: &Resumable,
        have: &mut BTreeSet<usize>,
        learnt: &mut Learnt,
    ) -> Result<(), filesystem::Error> {
        let want = filling.want;
        let disk = &*self.applier.disk;
        let earlier = resumable.get(&want.content).and_then(|id| disk.stage_resume(*id).ok());
        let mut file = match earlier {
            Some(mut file) => {
                take_staged(&mut *file, chunks, have)?;
                file
            }
            None => {
                let mut file = disk.stage_file()?;
                file.reserve(want.size)?;
                file
            }
        };
        if want.size >= RESUMABLE_FROM {
            // Told now: should this process end, the next one takes the file up.
            (self.applier.note_download)(want.content, file.id());
            learnt.resumable.push((want.content, Some(file.id())));
        }
        if let Some(base) = want.base.and_then(|base| manifests.get(&base)) {
            take_from_base(disk, want.path, &mut *file, base, chunks, have)?;
        }
        filling.file = Some(file);
        Ok(())
    }

    /// Asks the server for everything still awaited.
    fn fetch(&mut self) {
        let order = std::mem::take(&mut self.order);
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take(FETCH_CHUNKS).take_while(|(_, length)| {
                bytes += length;
                bytes <= FETCH_BYTES
            });
            let (now, later) = rest.split_at(fitting.count().max(1));
            rest = later;
            let wanted: Vec<(NodeId, ChunkId)> = now.iter().map(|(wanted, _)| *wanted).collect();
            let remote = Arc::clone(&self.applier.remote);
            if let Err(error) = remote.chunks(&wanted, &mut |id, plain| self.chunk(id, plain)) {
                tracing::debug!(%error, "a download broke off");
                return;
            }
        }
    }

    /// A chunk has come, whose bytes are those its id names.
    fn chunk(&mut self, id: ChunkId, plain: &[u8]) {
        for (index, offset) in self.places.remove(&id).unwrap_or_default() {
            self.moving.moved(plain.len() as u64);
            self.put(index, offset, plain);
        }
    }

    fn put(&mut self, index: usize, offset: u64, plain: &[u8]) {
        let Some(filling) = self.filling.get_mut(&index) else { return };
        let written = match &mut filling.file {
            Some(file) => file.write_at(offset, plain),
            None => self.applier.disk.stage_file().and_then(|mut file| {
                let written = file.write_at(offset, plain);
                filling.file = Some(file);
                written
            }),
        };
        if let Err(error) = written {
            let outcome = failure(&error, filling.want.path);
            if let Some(failed) = self.filling.remove(&index)
                && let Some(file) = failed.file
            {
                self.applier.discard(file.id());
            }
            self.staged.insert(index, Err(outcome));
            return;
        }
        filling.missing -= 1;
        if filling.missing == 0 {
            self.complete(index);
        }
    }

    fn complete(&mut self, index: usize) {
        let Some(Filling { want, file, .. }) = self.filling.remove(&index) else { return };
        let file = match file {
            Some(file) => Ok(file),
            None => self.applier.disk.stage_file(),
        };
        let finished = file.and_then(|file| file.finish(want.size, want.mtime, want.executable));
        self.staged.insert(index, finished.map_err(|error| failure(&error, want.path)));
    }

    /// Whatever did not come whole: kept for the next attempt if it is long, else dropped.
    fn finish(self, learnt: &mut Learnt) {
        let begun: BTreeMap<ContentId, StagedId> =
            learnt.resumable.iter().filter_map(|(content, id)| Some((*content, (*id)?))).collect();
        for (index, filling) in self.filling {
            let kept = begun.contains_key(&filling.want.content);
            if let Some(file) = filling.file.filter(|_| !kept) {
                self.applier.discard(file.id());
            }
            self.staged.insert(index, Err(LocalOutcome::ContentUnavailable));
        }
        let done: BTreeSet<StagedId> = self.staged.values().flatten().map(|staged| staged.id).collect();
        for (content, id) in begun {
            if done.contains(&id) {
                learnt.resumable.push((content, None));
            }
        }
    }
}

fn with_offsets(manifest: &Manifest) -> impl Iterator<Item = (ChunkId, u64, u32)> {
    manifest.entries().iter().scan(0, |offset, entry| {
        let here = *offset;
        *offset += u64::from(entry.length);
        Some((entry.chunk, here, entry.length))
    })
}

/// Finds which chunks an earlier attempt left in the staged file.
fn take_staged(
    file: &mut dyn StagedFile,
    chunks: &[(ChunkId, u64, u32)],
    have: &mut BTreeSet<usize>,
) -> Result<(), filesystem::Error> {
    let size = file.size()?;
    let mut buffer = Vec::new();
    for (place, (id, offset, length)) in chunks.iter().enumerate() {
        if offset + u64::from(*length) > size {
            continue;
        }
        buffer.resize(*length as usize, 0);
        let mut done = 0;
        while done < buffer.len() {
            match file.read_at(offset + done as u64, &mut buffer[done..])? {
                0 => break,
                read => done += read,
            }
        }
        if done == buffer.len() && chunker::chunk_id(&buffer) == *id {
            have.insert(place);
        }
    }
    Ok(())
}

/// Copies the chunks that the file to be replaced holds already, verified.
fn take_from_base(
    disk: &dyn Disk,
    path: &RelativePath,
    file: &mut dyn StagedFile,
    base: &Manifest,
    chunks: &[(ChunkId, u64, u32)],
    have: &mut BTreeSet<usize>,
) -> Result<(), filesystem::Error> {
    let held: BTreeMap<ChunkId, u64> = with_offsets(base).map(|(id, offset, _)| (id, offset)).collect();
    // If the old file is gone or changed, everything comes from the server instead.
    let Ok(mut old) = disk.open_read(&Place::from(path)) else { return Ok(()) };
    let mut buffer = Vec::new();
    for (place, (id, offset, length)) in chunks.iter().enumerate() {
        let Some(from) = held.get(id).filter(|_| !have.contains(&place)) else { continue };
        buffer.resize(*length as usize, 0);
        let mut done = 0;
        while done < buffer.len() {
            match old.read_at(from + done as u64, &mut buffer[done..]) {
                Ok(0) | Err(_) => break,
                Ok(read) => done += read,
            }
        }
        if done == buffer.len() && chunker::chunk_id(&buffer) == *id {
            file.write_at(*offset, &buffer)?;
            have.insert(place);
        }
    }
    Ok(())
}
