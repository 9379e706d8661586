//! Sending commits: groups first, then the contents that the server lacks, streamed from the disk.
//!
//! Small files travel inside the commit's bundle. What is long travels before it, in bundles that name an upload,
//! so that an interruption loses little; the upload is found again after a restart. Chunks that the node's present
//! content holds are neither sent nor asked about.

mod sorted;

use super::changes::position;
use super::{LastMoved, Payload, Remote, RemoteError, full};
use bytes::Bytes;
use chunker::{Chunker, Manifest, Splices};
use filesystem::change::read_stable;
use filesystem::{Disk, ErrorKind, Place, ReadFile};
use http::Method;
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt as _;
use model::{ChunkId, FolderId, Group, GroupOutcome, IdempotencyKey, RelativePath, UploadId, ViewId};
use pace::Lane;
use protocol::bundle::{ChunkRef, CommitHead, Encoder, NodeContent, Record, Splice, WantedChunk};
use protocol::problem::ProblemKind;
use protocol::v1::{ClientInfo, OpenUploadRequest, UploadResponse};
use replica::CommitJob;
use replica::progress::{Direction, Moving};
use sorted::Sorted;
use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use sync_engine::{CommitAnswer, Cursor, Send as SendFile};
use tokio::sync::mpsc;

/// From this many bytes to send, a file gets an upload of its own.
const UPLOAD_FROM: u64 = 8 << 20;
/// How many plain bytes one bundle of an upload holds.
const UPLOAD_BUNDLE: u64 = 32 << 20;
/// Pieces of a bundle handed to the connection.
const PIECE: usize = 256 << 10;
/// Chunks up to this gather in blocks.
const SMALL: usize = 128 << 10;
const IDS_A_RECORD: usize = 4_096;
/// How long the server may think about a commit.
const SILENCE: Duration = Duration::from_secs(180);
const OPERATIONS_MAX: usize = 1 << 20;

/// A commit being sent to a folder.
pub(crate) struct Sending {
    pub(crate) remote: Remote,
    pub(crate) folder: FolderId,
    /// The view that is pulled through, if it is not the whole folder.
    pub(crate) view: Option<ViewId>,
    pub(crate) job: CommitJob,
}

/// What came of it.
pub(crate) struct Sent {
    pub(crate) answer: CommitAnswer,
    /// Files that were not sent because they are no longer as they were.
    pub(crate) changed: Vec<RelativePath>,
}

/// A file to send, and which of its chunks.
struct Prepared {
    file: SendFile,
    manifest: Option<Arc<Manifest>>,
    base: Option<(NodeContent, Arc<Manifest>)>,
    chunks: Vec<Piece>,
}

#[derive(Clone, Copy)]
struct Piece {
    id: ChunkId,
    offset: u64,
    length: u32,
}

/// Sends a commit and reads the answer.
pub(crate) async fn send_commit(mut sending: Sending) -> Result<Sent, RemoteError> {
    sending.remote.learn_limits().await;
    let limits = sending.remote.limits();
    let mut changed = Vec::new();
    let mut inline = Vec::new();
    let mut uploads = Vec::new();
    let sorted = {
        let intent = sending.job.commit.intent.groups.iter();
        let groups = intent.map(|group| group.iter().map(|one| one.sent.clone()).collect());
        Sorted::new(groups, &limits)
    };
    let sends = std::mem::take(&mut sending.job.commit.sends);
    let mut inline_bytes = 0;
    for file in sends.into_iter().filter(|file| file.size > 0 && sorted.contents.contains(&file.content)) {
        let path = file.path.clone();
        let Some(mut prepared) = sending.prepare(file).await? else {
            changed.push(path);
            continue;
        };
        let bytes = prepared.bytes();
        if bytes >= UPLOAD_FROM || inline_bytes + bytes > limits.bundle_bytes {
            match sending.upload(&prepared).await? {
                Some(upload) => {
                    uploads.push((prepared.file.content, upload));
                    prepared.chunks.clear();
                }
                None => {
                    changed.push(path);
                    continue;
                }
            }
        }
        inline_bytes += prepared.bytes();
        inline.push(prepared);
    }
    let ids = uploads.iter().map(|(_, upload)| *upload).collect();
    let (outcomes, answer, late) = sending.send_bundle(&sorted.groups, ids, inline).await?;
    changed.extend(late);
    for (content, _) in uploads {
        sending.job.inbox.upload(content, None);
    }
    let answer = CommitAnswer { outcomes: sorted.merge(outcomes), before: answer.0, after: answer.1 };
    Ok(Sent { answer, changed })
}

impl Prepared {
    fn bytes(&self) -> u64 {
        self.chunks.iter().map(|piece| u64::from(piece.length)).sum()
    }
}

impl Sending {
    /// Which chunks of a file are to be sent; none if the file is no longer as it was.
    async fn prepare(&self, file: SendFile) -> Result<Option<Prepared>, RemoteError> {
        if file.size <= chunker::MIN_BYTES as u64 {
            let length = u32::try_from(file.size).unwrap_or(u32::MAX);
            let chunks = vec![Piece { id: file.content.as_single_chunk(), offset: 0, length }];
            return Ok(Some(Prepared { file, manifest: None, base: None, chunks }));
        }
        let known = self.job.manifests.get(&file.content).cloned();
        let manifest = match known {
            Some(manifest) => manifest,
            None => match cut_again(&self.job.disk, &file).await {
                Some(manifest) => Arc::new(manifest),
                None => return Ok(None),
            },
        };
        let base = file.base.zip(file.node).and_then(|(content, node)| {
            Some((NodeContent { node, content }, self.job.manifests.get(&content).cloned()?))
        });
        let base = base.filter(|(_, base)| base.entries().len() > 1);
        let held: BTreeSet<ChunkId> =
            base.iter().flat_map(|(_, base)| base.entries()).map(|entry| entry.chunk).collect();
        let mut seen = BTreeSet::new();
        let mut offset = 0;
        let mut chunks = Vec::new();
        for entry in manifest.entries() {
            if !held.contains(&entry.chunk) && seen.insert(entry.chunk) {
                chunks.push(Piece { id: entry.chunk, offset, length: entry.length });
            }
            offset += u64::from(entry.length);
        }
        Ok(Some(Prepared { file, manifest: Some(manifest), base, chunks }))
    }

    /// Sends a long file's chunks ahead; none if the file is no longer as it was.
    async fn upload(&self, prepared: &Prepared) -> Result<Option<UploadId>, RemoteError> {
        let open = self.open_upload(&prepared.file).await?;
        let missing = self.missing(&prepared.chunks, open.upload).await?;
        let pieces: Vec<Piece> =
            prepared.chunks.iter().copied().filter(|piece| missing.contains(&piece.id)).collect();
        let total = pieces.iter().map(|piece| u64::from(piece.length)).sum();
        let moving = Arc::new(self.job.progress.begin(Direction::Up, &prepared.file.path, 1, total));
        let bundle_bytes = UPLOAD_BUNDLE.min(self.remote.limits().bundle_bytes);
        let mut rest = pieces.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|piece| {
                bytes += u64::from(piece.length);
                bytes <= bundle_bytes
            });
            let (now, later) = rest.split_at(fitting.count().max(1));
            rest = later;
            if !self.send_chunks(prepared, now, open.upload, Arc::clone(&moving)).await? {
                return Ok(None);
            }
        }
        Ok(Some(open.upload))
    }

    /// Takes up the upload begun for this content before, or opens one.
    async fn open_upload(&self, file: &SendFile) -> Result<UploadResponse, RemoteError> {
        let path = format!("/folders/{}/uploads", self.folder);
        let question =
            |upload| OpenUploadRequest { upload: Some(upload), node: None, base: None, size: file.size };
        if let Some(upload) = self.job.uploads.get(&file.content) {
            match self.remote.json(Method::POST, &path, Some(&question(*upload))).await {
                Err(error)
                    if matches!(error.problem(), Some(ProblemKind::NotFound | ProblemKind::Invalid)) => {}
                answer => return answer,
            }
        }
        let upload = UploadId(fresh_key().0);
        self.job.inbox.upload(file.content, Some(upload));
        self.remote.json(Method::POST, &path, Some(&question(upload))).await
    }

    /// Which of these the server lacks.
    async fn missing(&self, pieces: &[Piece], upload: UploadId) -> Result<BTreeSet<ChunkId>, RemoteError> {
        let mut missing = BTreeSet::new();
        for some in pieces.chunks(IDS_A_RECORD.min(self.remote.chunks_in_a_call())) {
            let mut question = Encoder::new();
            let wanted: Vec<WantedChunk> =
                some.iter().map(|piece| WantedChunk { chunk: piece.id, node: None }).collect();
            question.wanted_chunks(&wanted);
            let path = format!("/folders/{}/chunks/missing?uploads={upload}", self.folder);
            let body = Some(full(question.finish()));
            let mut answer = self.remote.bundle(Method::POST, &path, body, SILENCE).await?;
            while let Some(record) = answer.next().await? {
                if let Record::MissingChunks(ids) = record {
                    missing.extend(ids);
                }
            }
        }
        Ok(missing)
    }

    /// Sends some chunks to an upload; false if the file is no longer as it was.
    async fn send_chunks(
        &self,
        prepared: &Prepared,
        pieces: &[Piece],
        upload: UploadId,
        moving: Arc<Moving>,
    ) -> Result<bool, RemoteError> {
        let chunk_bytes = pieces.iter().map(|piece| u64::from(piece.length)).sum();
        let head = CommitHead {
            key: fresh_key(),
            uploads: vec![upload],
            groups: 0,
            operations: 0,
            chunk_bytes,
            client: client_information(),
        };
        let mut encoder = Encoder::new();
        encoder.commit_head(&head);
        let (file, pieces, disk) = (prepared.file.clone(), pieces.to_vec(), Arc::clone(&self.job.disk));
        let place = self.remote.place(self.folder).await;
        let (body, producer) = stream(place.up.clone(), move |pipe| {
            let mut writer = Writer { encoder, pipe };
            let sent = writer.file(&*disk, &file, &pieces, Some(&moving));
            // A bundle that lacks chunks still brings those before.
            writer.end();
            sent
        });
        let path = format!("/folders/{}/commits", self.folder);
        let answer = self.remote.transfer(place, &path, body, SILENCE).await;
        let whole = producer.await.unwrap_or(false);
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(_) if !whole => return Ok(false),
            Err(error) => return Err(error),
        };
        while answer.next().await?.is_some() {}
        Ok(whole)
    }

    /// The commit itself.
    async fn send_bundle(
        &self,
        groups: &[Group],
        uploads: Vec<UploadId>,
        files: Vec<Prepared>,
    ) -> Result<(Vec<GroupOutcome>, (model::Seq, Cursor), Vec<RelativePath>), RemoteError> {
        let intent = &self.job.commit.intent;
        let total: u64 = files.iter().map(Prepared::bytes).sum();
        let head = CommitHead {
            key: intent.key,
            uploads,
            groups: u32::try_from(groups.len()).unwrap_or(u32::MAX),
            operations: u32::try_from(groups.iter().map(|group| group.operations.len()).sum::<usize>())
                .unwrap_or(u32::MAX),
            chunk_bytes: total,
            client: client_information(),
        };
        let mut encoder = Encoder::new();
        encoder.commit_head(&head);
        encoder.groups(groups);
        let place = self.remote.place(self.folder).await;
        let moving = files
            .iter()
            .find(|file| !file.chunks.is_empty())
            .map(|first| self.job.progress.begin(Direction::Up, &first.file.path, files.len(), total));
        let disk = Arc::clone(&self.job.disk);
        let (body, producer) =
            stream(place.up.clone(), move |pipe| write_files(encoder, pipe, &*disk, &files, moving.as_ref()));
        let view = self.view.map(|view| format!("?view={view}")).unwrap_or_default();
        let path = format!("/folders/{}/commits{view}", self.folder);
        let answer = self.remote.transfer(place, &path, body, SILENCE).await;
        let changed = producer.await.unwrap_or_default();
        let mut answer = answer?;
        let mut outcomes = Vec::with_capacity(groups.len());
        let mut result = None;
        while let Some(record) = answer.next().await? {
            match record {
                Record::CommitResult(found) => result = Some(found),
                Record::Outcomes(some) => {
                    let expanded = some.expand(OPERATIONS_MAX);
                    outcomes.extend(expanded.map_err(|error| RemoteError::Confused(error.to_string()))?);
                }
                _ => {}
            }
        }
        let result = result.ok_or_else(|| RemoteError::Confused("a commit without a result".to_owned()))?;
        let (after, _) = position(&result.cursor)?;
        Ok((outcomes, (result.before, after), changed))
    }
}

/// Writes manifests and chunks behind the groups; gives the files that were no longer as they were.
fn write_files(
    mut encoder: Encoder,
    pipe: mpsc::Sender<Bytes>,
    disk: &dyn Disk,
    files: &[Prepared],
    moving: Option<&Moving>,
) -> Vec<RelativePath> {
    for file in files {
        let Some(manifest) = file.manifest.as_ref().filter(|manifest| manifest.entries().len() > 1) else {
            continue;
        };
        let (base, splices) = match &file.base {
            Some((id, base)) => (Some(*id), Splices::between(base, manifest)),
            None => (None, Splices::between(&Manifest::default(), manifest)),
        };
        let splices: Vec<Splice> = splices.0.iter().map(on_the_wire).collect();
        encoder.manifest(file.file.content, file.file.size, base, &splices);
    }
    let mut writer = Writer { encoder, pipe };
    let mut changed = Vec::new();
    let mut sent = BTreeSet::new();
    for file in files {
        let pieces: Vec<Piece> = file.chunks.iter().copied().filter(|piece| sent.insert(piece.id)).collect();
        if !pieces.is_empty() && !writer.file(disk, &file.file, &pieces, moving) {
            pieces.iter().for_each(|piece| {
                sent.remove(&piece.id);
            });
            changed.push(file.file.path.clone());
        }
    }
    writer.end();
    changed
}

fn on_the_wire(splice: &chunker::Splice) -> Splice {
    match splice {
        chunker::Splice::Keep(range) => Splice::Keep { start: range.start, count: range.end - range.start },
        chunker::Splice::New(entries) => Splice::New(
            entries.iter().map(|entry| ChunkRef { id: entry.chunk, length: entry.length }).collect(),
        ),
    }
}

/// Cuts a file into chunks once more; none if it is no longer as it was.
async fn cut_again(disk: &Arc<dyn Disk>, file: &SendFile) -> Option<Manifest> {
    let (disk, file) = (Arc::clone(disk), file.clone());
    let cut = tokio::task::spawn_blocking(move || {
        let mut manifest = Manifest::default();
        let mut chunker = Chunker::new();
        let mut collect = |chunk: chunker::Chunk<'_>| {
            let length = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
            manifest.push(chunker::Entry { chunk: chunk.id, length });
        };
        let place = Place::from(&file.path);
        let read = read_stable(&*disk, &place, Some(&file.expected), &mut |bytes| {
            chunker.push(bytes, &mut collect);
            ControlFlow::Continue(())
        });
        chunker.finish(&mut collect);
        read.ok().flatten().map(|_| manifest).filter(|manifest| manifest.content_id() == file.content)
    });
    cut.await.ok().flatten()
}

/// Writes a bundle piece by piece into a connection.
struct Writer {
    encoder: Encoder,
    pipe: mpsc::Sender<Bytes>,
}

impl Writer {
    /// Adds chunks of a file; false if it is no longer as it was.
    fn file(&mut self, disk: &dyn Disk, file: &SendFile, pieces: &[Piece], moving: Option<&Moving>) -> bool {
        match self.try_file(disk, file, pieces, moving) {
            Ok(same) => same,
            Err(error) => {
                if !matches!(error.kind, ErrorKind::Changed | ErrorKind::NotFound) {
                    tracing::warn!(path = %file.path, %error, "a file cannot be read for sending");
                }
                false
            }
        }
    }

    fn try_file(
        &mut self,
        disk: &dyn Disk,
        file: &SendFile,
        pieces: &[Piece],
        moving: Option<&Moving>,
    ) -> Result<bool, filesystem::Error> {
        let mut open = disk.open_read(&Place::from(&file.path))?;
        if open.fingerprint()? != file.expected {
            return Ok(false);
        }
        let mut buffer = Vec::new();
        for piece in pieces {
            buffer.resize(piece.length as usize, 0);
            if !read_exactly(&mut *open, piece.offset, &mut buffer)? || chunker::chunk_id(&buffer) != piece.id
            {
                return Ok(false);
            }
            if buffer.len() <= SMALL {
                self.encoder.small_chunk(None, &buffer);
            } else {
                self.encoder.chunk(piece.id, &buffer);
            }
            if let Some(moving) = moving {
                moving.moved(u64::from(piece.length));
            }
            self.hand_over(PIECE);
        }
        Ok(open.fingerprint()? == file.expected)
    }

    /// Gives what has been written to the connection, if it is enough to be worth it.
    fn hand_over(&mut self, at_least: usize) {
        if self.encoder.len() >= at_least {
            // A connection that is gone shows in its answer.
            let _gone = self.pipe.blocking_send(Bytes::from(self.encoder.take()));
        }
    }

    fn end(self) {
        let _gone = self.pipe.blocking_send(Bytes::from(self.encoder.finish()));
    }
}

fn read_exactly(file: &mut dyn ReadFile, offset: u64, buffer: &mut [u8]) -> Result<bool, filesystem::Error> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(offset + done as u64, &mut buffer[done..])? {
            0 => return Ok(false),
            read => done += read,
        }
    }
    Ok(true)
}

/// A body that a blocking producer writes, sent as fast as its lane allows.
fn stream<T: Send + 'static>(
    lane: Lane,
    produce: impl FnOnce(mpsc::Sender<Bytes>) -> T + Send + 'static,
) -> (Payload, tokio::task::JoinHandle<T>) {
    let (pipe, pieces) = mpsc::channel(4);
    let (paced, body) = mpsc::channel(1);
    let moved = LastMoved::new();
    tokio::spawn(slow_down(pieces, paced, lane, moved.clone()));
    let producer = tokio::task::spawn_blocking(move || produce(pipe));
    (Payload { body: Pieces(body).boxed(), moved }, producer)
}

/// Passes pieces on, cut to what may be moved at a time.
async fn slow_down(
    mut pieces: mpsc::Receiver<Bytes>,
    paced: mpsc::Sender<Bytes>,
    lane: Lane,
    moved: LastMoved,
) {
    while let Some(mut piece) = pieces.recv().await {
        while !piece.is_empty() {
            let now = piece.split_to(piece.len().min(lane.piece()));
            lane.take(now.len()).await;
            if paced.send(now).await.is_err() {
                return;
            }
            moved.now();
        }
    }
}

struct Pieces(mpsc::Receiver<Bytes>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn client_information() -> ClientInfo {
    ClientInfo { name: "driftless".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

fn fresh_key() -> IdempotencyKey {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    IdempotencyKey(bytes)
}
