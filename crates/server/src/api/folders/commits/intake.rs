//! Taking chunks in: gathered into batches, checked and stored while the next ones arrive.

use super::more_than_announced;
use super::plan::Planned;
use crate::failure::Failure;
use crate::server::Server;
use bytes::Bytes;
use content::record::chunk_id;
use content::{Entry, Hold, Record};
use model::location::Located;
use model::permit::Write;
use model::{ChunkId, Permit, UploadId};
use protocol::ProblemKind;
use protocol::bundle::{Block, Chunk, Codec, Unpacker};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// How many packed bytes are stored at a time: one flush each, two such batches in memory.
const BATCH_BYTES: usize = 8 << 20;

/// Takes chunks in for one commit.
pub(super) struct Intake {
    server: Arc<Server>,
    permit: Permit<Write>,
    upload: Option<UploadId>,
    named: Arc<HashSet<ChunkId>>,
    batch: Vec<Piece>,
    batch_bytes: usize,
    storing: Option<JoinHandle<Result<Vec<Located>, Failure>>>,
    received: Vec<Located>,
    /// What is stored stays until its rows are written, or nobody will write them.
    hold: Arc<Hold>,
    plain_left: u64,
}

/// One record of the bundle.
struct Piece {
    /// The ids as far as they are said.
    ids: Vec<Option<ChunkId>>,
    lengths: Vec<u32>,
    codec: Codec,
    packed: Bytes,
}

impl Intake {
    pub(super) fn new(server: &Arc<Server>, permit: Permit<Write>, planned: &Planned) -> Self {
        Self {
            server: Arc::clone(server),
            permit,
            upload: planned.uploads.first().copied(),
            named: Arc::clone(&planned.named),
            batch: Vec::new(),
            batch_bytes: 0,
            storing: None,
            received: Vec::new(),
            hold: Arc::new(server.chunks.hold()),
            plain_left: planned.chunk_bytes,
        }
    }

    pub(super) async fn add_chunk(&mut self, chunk: Chunk) -> Result<(), Failure> {
        let piece = Piece {
            ids: vec![Some(chunk.id)],
            lengths: vec![chunk.length],
            codec: chunk.codec,
            packed: chunk.packed,
        };
        self.add(piece).await
    }

    pub(super) async fn add_block(&mut self, block: Block) -> Result<(), Failure> {
        let piece = Piece {
            ids: block.entries.iter().map(|entry| entry.id).collect(),
            lengths: block.entries.iter().map(|entry| entry.length).collect(),
            codec: block.codec,
            packed: block.packed,
        };
        self.add(piece).await
    }

    async fn add(&mut self, piece: Piece) -> Result<(), Failure> {
        let plain: u64 = piece.lengths.iter().map(|length| u64::from(*length)).sum();
        self.plain_left = self
            .plain_left
            .checked_sub(plain)
            .ok_or_else(|| more_than_announced("it has more bytes of chunks than its head says"))?;
        self.batch_bytes += piece.packed.len();
        self.batch.push(piece);
        if self.batch_bytes >= BATCH_BYTES { self.store().await } else { Ok(()) }
    }

    /// Stores what is left and waits until everything is durable.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        self.store().await?;
        self.wait().await
    }

    /// Where everything lies, for as long as it is held.
    pub(super) fn into_received(self) -> (Vec<Located>, Arc<Hold>) {
        (self.received, self.hold)
    }

    /// Begins to store the batch, once the one before is stored.
    async fn store(&mut self) -> Result<(), Failure> {
        self.wait().await?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let (server, permit, upload) = (Arc::clone(&self.server), self.permit, self.upload);
        let (named, hold) = (Arc::clone(&self.named), Arc::clone(&self.hold));
        let span = tracing::Span::current();
        self.storing = Some(tokio::task::spawn_blocking(move || {
            let stored = span.in_scope(|| store_batch(&server, permit, upload, &named, &batch));
            drop(hold);
            stored
        }));
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), Failure> {
        if let Some(storing) = self.storing.take() {
            self.received.extend(storing.await.map_err(Failure::internal)??);
        }
        Ok(())
    }
}

/// Checks and stores one batch, and notes it for the upload it belongs to.
fn store_batch(
    server: &Server,
    permit: Permit<Write>,
    upload: Option<UploadId>,
    named: &HashSet<ChunkId>,
    batch: &[Piece],
) -> Result<Vec<Located>, Failure> {
    let mut unpacker = Unpacker::default();
    let mut entries = Vec::with_capacity(batch.len());
    for piece in batch {
        let piece_entries = entries_of(piece, &mut unpacker)?;
        // What nothing names would lie around for nobody; without an id in the bundle it is not what was meant.
        if upload.is_none()
            && let Some(stray) = piece_entries.iter().find(|entry| !named.contains(&entry.chunk))
        {
            return Err(Failure::new(ProblemKind::WrongChunk)
                .detail("A chunk came that neither an operation nor a manifest names.")
                .member("chunk", stray.chunk.to_string()));
        }
        entries.push(piece_entries);
    }
    let records: Vec<Record<'_>> = batch
        .iter()
        .zip(&entries)
        .map(|(piece, entries)| Record { entries, codec: piece.codec, bytes: &piece.packed })
        .collect();
    let located = server.chunks.append(&records)?;
    if let Some(upload) = upload {
        versioning::upload::receive(&*server.database, permit, upload, located.clone(), server.now())?;
    }
    Ok(located)
}

/// The piece's chunks under their names. Names that were said are proved by the store, which hashes every chunk.
fn entries_of(piece: &Piece, unpacker: &mut Unpacker) -> Result<Vec<Entry>, Failure> {
    let said: Option<Vec<ChunkId>> = piece.ids.iter().copied().collect();
    let lengths = piece.lengths.iter().copied();
    if let Some(ids) = said {
        return Ok(ids.into_iter().zip(lengths).map(|(chunk, length)| Entry { chunk, length }).collect());
    }
    let block = Block {
        entries: lengths.map(|length| protocol::bundle::BlockEntry { id: None, length }).collect(),
        codec: piece.codec,
        packed: piece.packed.clone(),
    };
    let chunks = unpacker.block(&block)?;
    Ok(chunks.iter().map(|plain| Entry { chunk: chunk_id(plain), length: plain.len() as u32 }).collect())
}
