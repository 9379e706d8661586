//! Commits of what was found in a plain directory: its bytes into the chunk store, then the groups.
//!
//! Small files are gathered into blocks; of long ones only those chunks are read that the folder lacks, under an
//! upload, so that an interruption loses little and nothing is collected meanwhile.

use super::{FolderAccess, cursor};
use crate::Surroundings;
use chunker::{Chunker, Manifest};
use content::{Entry, Record};
use filesystem::change::read_stable;
use filesystem::{Disk, ErrorKind, Place};
use model::location::{Codec, Located, RECORD_BYTES_MAX};
use model::permit::Write;
use model::{Action, ChunkId, ContentId, Group, Permit, RelativePath, UploadId, UserId};
use replica::CommitJob;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use sync_engine::{CommitAnswer, Send};
use versioning::upload::{self, Open};
use versioning::{Authors, Commit, Error};

/// How many plain bytes are stored at a time, with one flush.
const BATCH_BYTES: usize = 8 << 20;

/// From this many bytes to store on, a file gets an upload.
const UPLOAD_FROM: u64 = 8 << 20;

/// What was stored for a commit.
struct Intake<'a> {
    access: &'a FolderAccess,
    permit: Permit<Write>,
    /// Blocks not yet stored: chunks, and their bytes one after the other.
    blocks: Vec<(Vec<Entry>, Vec<u8>)>,
    gathered: usize,
    received: Vec<Located>,
    manifests: Vec<versioning::Manifest>,
    uploads: Vec<(ContentId, UploadId)>,
}

/// A file that is no longer as it was hashed. Its group will be refused, and it is looked at again.
struct Changed;

impl FolderAccess {
    /// Commits; gives the answer, and the files that are no longer as they were.
    pub(super) fn commit(&self, job: &CommitJob) -> Result<(CommitAnswer, Vec<RelativePath>), Error> {
        let mut intake = Intake {
            access: self,
            permit: self.permit(Action::Write)?,
            blocks: Vec::new(),
            gathered: 0,
            received: Vec::new(),
            manifests: Vec::new(),
            uploads: Vec::new(),
        };
        // What is stored stays until its rows are written.
        let _hold = self.surroundings.chunks.hold();
        let mut changed = Vec::new();
        for file in job.commit.sends.iter().filter(|file| file.size > 0) {
            if let Err(Changed) = intake.file(job, file)? {
                changed.push(file.path.clone());
            }
        }
        intake.store(None)?;
        let Surroundings { database, clock, limits, changed: tell, .. } = &self.surroundings;
        let intent = &job.commit.intent;
        let groups: Vec<Group> = intent
            .groups
            .iter()
            .map(|group| Group { operations: group.iter().map(|operation| operation.sent.clone()).collect() })
            .collect();
        let committed = versioning::commit(
            &**database,
            Commit {
                permit: intake.permit,
                key: intent.key,
                // Keys are random and made for one intent, in this process: there is no other body to tell apart.
                digest: [0; 32],
                authors: Authors::Named(self.authors(&*job.disk, &groups, &job.commit.sends)),
                groups,
                manifests: intake.manifests,
                received: intake.received,
                uploads: intake.uploads.iter().map(|(_, upload)| *upload).collect(),
                limits: *limits,
                now: clock(),
            },
        )?;
        for (content, _) in &intake.uploads {
            job.inbox.upload(*content, None);
        }
        if !committed.repeated {
            tell(self.folder, committed.head);
        }
        let before = committed.before();
        let answer = CommitAnswer { outcomes: committed.outcomes, before, after: cursor(committed.head) };
        Ok((answer, changed))
    }

    /// Whose change each group is: the owner's of the file whose content it brings.
    fn authors(&self, disk: &dyn Disk, groups: &[Group], sends: &[Send]) -> Vec<UserId> {
        let places: BTreeMap<ContentId, &RelativePath> =
            sends.iter().map(|send| (send.content, &send.path)).collect();
        let author = |group: &Group| {
            let contents = group.operations.iter().filter_map(model::Operation::file_content);
            let path = contents.filter_map(|(content, _)| places.get(&content)).next()?;
            let owner = disk.owner(&Place::from(*path)).ok().flatten()?;
            (self.surroundings.account)(owner)
        };
        groups.iter().map(|group| author(group).unwrap_or(UserId::SERVER)).collect()
    }
}

impl Intake<'_> {
    fn file(&mut self, job: &CommitJob, file: &Send) -> Result<Result<(), Changed>, Error> {
        if file.size <= chunker::MIN_BYTES as u64 {
            return self.small(&*job.disk, file);
        }
        let manifest = match job.manifests.get(&file.content) {
            Some(manifest) => Arc::clone(manifest),
            None => match cut(&*job.disk, file) {
                Ok(manifest) => Arc::new(manifest),
                Err(Changed) => return Ok(Err(Changed)),
            },
        };
        let missing = self.missing(&manifest)?;
        let bytes: u64 = (manifest.entries().iter())
            .filter(|entry| missing.contains(&entry.chunk))
            .map(|entry| u64::from(entry.length))
            .sum();
        let upload = match bytes >= UPLOAD_FROM {
            true => Some(self.open_upload(job, file)?),
            false => None,
        };
        if let Err(Changed) = self.long(&*job.disk, file, &manifest, missing, upload)? {
            return Ok(Err(Changed));
        }
        let chunks = manifest.entries().iter().map(|entry| (entry.chunk, entry.length)).collect();
        // A content of one chunk has no manifest.
        self.manifests
            .extend(versioning::Manifest::verified(file.content, chunks, |_| manifest.content_id()));
        Ok(Ok(()))
    }

    fn small(&mut self, disk: &dyn Disk, file: &Send) -> Result<Result<(), Changed>, Error> {
        let mut bytes = Vec::with_capacity(file.size as usize);
        let read = read_stable(disk, &Place::from(&file.path), Some(&file.expected), &mut |piece| {
            bytes.extend_from_slice(piece);
            ControlFlow::Continue(())
        });
        let chunk = chunker::chunk_id(&bytes);
        if !matches!(read, Ok(Some(_))) || ContentId::of_single_chunk(chunk) != file.content {
            return Ok(Err(Changed));
        }
        self.gather(chunk, &bytes, None)?;
        Ok(Ok(()))
    }

    /// The chunks of a long file that the folder lacks, read where they stand.
    fn long(
        &mut self,
        disk: &dyn Disk,
        file: &Send,
        manifest: &Manifest,
        mut missing: BTreeSet<ChunkId>,
        upload: Option<UploadId>,
    ) -> Result<Result<(), Changed>, Error> {
        if missing.is_empty() {
            return Ok(Ok(()));
        }
        // What was gathered so far belongs to the commit, not to the upload.
        self.store(None)?;
        let Ok(mut source) = disk.open_read(&Place::from(&file.path)) else { return Ok(Err(Changed)) };
        let mut buffer = Vec::new();
        let mut offset = 0;
        for entry in manifest.entries() {
            let here = offset;
            offset += u64::from(entry.length);
            if !missing.remove(&entry.chunk) {
                continue;
            }
            buffer.resize(entry.length as usize, 0);
            let mut done = 0;
            while done < buffer.len() {
                match source.read_at(here + done as u64, &mut buffer[done..]) {
                    Ok(0) | Err(_) => return Ok(Err(Changed)),
                    Ok(read) => done += read,
                }
            }
            if chunker::chunk_id(&buffer) != entry.chunk {
                return Ok(Err(Changed));
            }
            self.gather(entry.chunk, &buffer, upload)?;
        }
        self.store(upload)?;
        Ok(Ok(()))
    }

    fn missing(&self, manifest: &Manifest) -> Result<BTreeSet<ChunkId>, Error> {
        let Surroundings { database, clock, limits, .. } = &self.access.surroundings;
        let chunks: Vec<ChunkId> = manifest.entries().iter().map(|entry| entry.chunk).collect();
        let mut missing = BTreeSet::new();
        for some in chunks.chunks(limits.chunks as usize) {
            missing.extend(versioning::missing::missing(
                &**database,
                self.permit,
                some.to_vec(),
                limits,
                clock(),
            )?);
        }
        Ok(missing)
    }

    /// Goes on with the upload begun for this content, or begins one.
    fn open_upload(&mut self, job: &CommitJob, file: &Send) -> Result<UploadId, Error> {
        let Surroundings { database, clock, limits, .. } = &self.access.surroundings;
        let open = |id| {
            let open = Open { id, node: None, base: None, size: file.size };
            upload::open(&**database, self.permit, open, limits, clock())
        };
        if let Some(id) = job.uploads.get(&file.content)
            && open(*id).is_ok()
        {
            self.uploads.push((file.content, *id));
            return Ok(*id);
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| Error::Invalid("the system gives no random bytes"))?;
        let id = UploadId(id);
        job.inbox.upload(file.content, Some(id));
        open(id)?;
        self.uploads.push((file.content, id));
        Ok(id)
    }

    /// Takes a chunk; what has gathered is stored once it is enough.
    fn gather(&mut self, chunk: ChunkId, bytes: &[u8], upload: Option<UploadId>) -> Result<(), Error> {
        let entry = Entry { chunk, length: bytes.len() as u32 };
        match self.blocks.last_mut() {
            Some((entries, block))
                if block.len() + bytes.len() <= RECORD_BYTES_MAX as usize
                    && bytes.len() <= chunker::MIN_BYTES
                    && entries.len() < model::location::RECORD_CHUNKS_MAX =>
            {
                entries.push(entry);
                block.extend_from_slice(bytes);
            }
            _ => self.blocks.push((vec![entry], bytes.to_vec())),
        }
        self.gathered += bytes.len();
        if self.gathered >= BATCH_BYTES { self.store(upload) } else { Ok(()) }
    }

    /// Makes durable what has gathered.
    fn store(&mut self, upload: Option<UploadId>) -> Result<(), Error> {
        let blocks = std::mem::take(&mut self.blocks);
        self.gathered = 0;
        if blocks.is_empty() {
            return Ok(());
        }
        let records: Vec<Record<'_>> =
            blocks.iter().map(|(entries, bytes)| Record { entries, codec: Codec::Raw, bytes }).collect();
        let Surroundings { database, chunks, clock, .. } = &self.access.surroundings;
        let located = chunks.append(&records)?;
        if let Some(upload) = upload {
            upload::receive(&**database, self.permit, upload, located.clone(), clock())?;
        }
        self.received.extend(located);
        Ok(())
    }
}

/// The chunks of a long file whose manifest is not remembered.
fn cut(disk: &dyn Disk, file: &Send) -> Result<Manifest, Changed> {
    let mut manifest = Manifest::default();
    let mut chunker = Chunker::new();
    let mut collect = |chunk: chunker::Chunk<'_>| manifest.push(chunker::Entry::of(chunk.id, chunk.bytes));
    let read = read_stable(disk, &Place::from(&file.path), Some(&file.expected), &mut |piece| {
        chunker.push(piece, &mut collect);
        ControlFlow::Continue(())
    });
    chunker.finish(&mut collect);
    match read {
        Ok(Some(_)) if manifest.content_id() == file.content => Ok(manifest),
        Err(error) if error.kind != ErrorKind::Changed => {
            tracing::debug!(path = %file.path, %error, "cannot be read again");
            Err(Changed)
        }
        _ => Err(Changed),
    }
}
