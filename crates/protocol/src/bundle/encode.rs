//! Writing bundles.

use super::frame::{PAYLOAD_VERSION, kind, put_varint};
use super::manifest::{ChunkRef, Splice};
use super::record::{CommitHead, CommitResult, ManifestPart, NodeContent, PageEnd, WantedChunk};
use super::{BLOCK_CHUNKS_MAX, BLOCK_PLAIN_MAX, CHUNK_BYTES_MAX, IDS_MAX, MAGIC, answers, wire};
use crate::problem::Problem;
use model::location::Codec;
use model::{ChunkId, ContentId, Group, GroupOutcome, RemoteNode};
use serde::Serialize;

/// Fast, and all that small metadata and source text gain from more is not worth its CPU.
const ZSTD_LEVEL: i32 = 1;
/// A metadata record is written when it has so many plain bytes.
const METADATA_PLAIN_TARGET: usize = 96 << 10;
/// Below this nothing is worth compressing.
const COMPRESS_BYTES_MIN: usize = 64;
/// The most outcomes of one record; a refused one may carry a node of some 5 KB.
const OUTCOMES_REFUSED_MAX: usize = 24;

/// Writes records one after the other. [`Encoder::take`] gives what has been written so far, so that a stream
/// needs no more memory than its largest record; [`Encoder::finish`] the rest.
///
/// Small chunks given to [`Encoder::small_chunk`] gather in a block, which is written when it is full or when
/// another record follows.
pub struct Encoder {
    out: Vec<u8>,
    records: u64,
    compressor: Option<zstd::bulk::Compressor<'static>>,
    scratch: Vec<u8>,
    block: PendingBlock,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("records", &self.records).field("bytes", &self.out.len()).finish()
    }
}

#[derive(Default)]
struct PendingBlock {
    entries: Vec<(Option<ChunkId>, u32)>,
    plain: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// A bundle with nothing in it yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            out: MAGIC.to_vec(),
            records: 0,
            compressor: None,
            scratch: Vec::new(),
            block: PendingBlock::default(),
        }
    }

    /// How many bytes [`Encoder::take`] would give.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether it would give none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// What has been written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Writes the end, and gives what has been written since the last [`Encoder::take`].
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.flush_block();
        let mut payload = vec![PAYLOAD_VERSION];
        put_varint(&mut payload, self.records);
        self.frame(kind::END, &payload);
        self.out
    }

    /// Says what a commit is.
    pub fn commit_head(&mut self, head: &CommitHead) {
        let record = wire::CommitHead {
            key: head.key.0,
            uploads: head.uploads.iter().map(|upload| upload.0).collect(),
            groups: head.groups,
            operations: head.operations,
            chunk_bytes: head.chunk_bytes,
            client_name: head.client.name.clone(),
            client_version: head.client.version.clone(),
        };
        self.metadata(kind::COMMIT_HEAD, &record);
    }

    /// Adds groups, each of at least one operation, in order.
    pub fn groups<'a>(&mut self, groups: impl IntoIterator<Item = &'a Group>) {
        let mut batch = Batch::new(kind::OPERATIONS);
        for group in groups {
            debug_assert!(!group.operations.is_empty(), "a group has at least one operation");
            for (index, operation) in group.operations.iter().enumerate() {
                let step = wire::Step { begins_group: index == 0, operation: operation.into() };
                batch.add(self, &step);
            }
        }
        batch.flush(self);
    }

    /// Adds a manifest, in as many parts as it needs.
    pub fn manifest(&mut self, content: ContentId, size: u64, base: Option<NodeContent>, splices: &[Splice]) {
        let mut parts: Vec<Vec<Splice>> = vec![Vec::new()];
        let mut room = IDS_MAX;
        for piece in splices.iter().flat_map(pieces) {
            let weight = match &piece {
                Splice::Keep { .. } => 1,
                Splice::New(chunks) => chunks.len(),
            };
            if weight > room {
                parts.push(Vec::new());
                room = IDS_MAX;
            }
            room -= weight;
            parts.last_mut().expect("there is always a last part").push(piece);
        }
        let last = parts.len() - 1;
        for (index, splices) in parts.into_iter().enumerate() {
            self.manifest_part(&ManifestPart { content, size, base, splices, last: index == last });
        }
    }

    fn manifest_part(&mut self, part: &ManifestPart) {
        let record = wire::ManifestPart {
            content: part.content.0,
            size: part.size,
            base: part.base.map(|base| (base.node.0, base.content.0)),
            splices: part.splices.iter().map(Into::into).collect(),
            last: part.last,
        };
        self.metadata(kind::MANIFEST, &record);
    }

    /// Adds a chunk of 1 byte to 1 MiB, compressed if that makes it smaller.
    pub fn chunk(&mut self, id: ChunkId, plain: &[u8]) {
        match self.compress(plain) {
            true => {
                let packed = std::mem::take(&mut self.scratch);
                self.packed_chunk(id, plain.len() as u32, Codec::Zstd, &packed);
                self.scratch = packed;
            }
            false => self.packed_chunk(id, plain.len() as u32, Codec::Raw, plain),
        }
    }

    /// Adds a chunk that is packed already.
    pub fn packed_chunk(&mut self, id: ChunkId, length: u32, codec: Codec, packed: &[u8]) {
        debug_assert!((1..=CHUNK_BYTES_MAX).contains(&(length as usize)), "a chunk has 1 byte to 1 MiB");
        self.flush_block();
        let mut head = vec![PAYLOAD_VERSION, codec.number()];
        put_varint(&mut head, u64::from(length));
        head.extend_from_slice(&id.0);
        self.frame_parts(kind::CHUNK, &[&head, packed]);
    }

    /// Adds a small chunk to the gathering block. Without an id its reader names it by its own hash.
    pub fn small_chunk(&mut self, id: Option<ChunkId>, plain: &[u8]) {
        debug_assert!((1..=CHUNK_BYTES_MAX).contains(&plain.len()), "a chunk has 1 byte to 1 MiB");
        let named = self.block.entries.first().is_some_and(|entry| entry.0.is_some());
        let mixed = !self.block.entries.is_empty() && named != id.is_some();
        let full = self.block.entries.len() == BLOCK_CHUNKS_MAX
            || self.block.plain.len() + plain.len() > BLOCK_PLAIN_MAX;
        if mixed || full {
            self.flush_block();
        }
        self.block.entries.push((id, plain.len() as u32));
        self.block.plain.extend_from_slice(plain);
    }

    /// Adds a block that is packed already, of chunks of these plain lengths; its reader names them.
    pub fn packed_block(&mut self, lengths: &[u32], codec: Codec, packed: &[u8]) {
        self.flush_block();
        let mut head = vec![PAYLOAD_VERSION, codec.number(), 0];
        put_varint(&mut head, lengths.len() as u64);
        lengths.iter().for_each(|length| put_varint(&mut head, u64::from(*length)));
        self.frame_parts(kind::BLOCK, &[&head, packed]);
    }

    /// Writes the block that is gathering, if any.
    pub fn flush_block(&mut self) {
        if self.block.entries.is_empty() {
            return;
        }
        let PendingBlock { mut entries, mut plain } = std::mem::take(&mut self.block);
        let compressed = self.compress(&plain);
        let codec = if compressed { Codec::Zstd } else { Codec::Raw };
        let named = entries[0].0.is_some();
        let mut head = vec![PAYLOAD_VERSION, codec.number(), u8::from(named)];
        put_varint(&mut head, entries.len() as u64);
        for (id, length) in &entries {
            id.iter().for_each(|id| head.extend_from_slice(&id.0));
            put_varint(&mut head, u64::from(*length));
        }
        if compressed {
            let packed = std::mem::take(&mut self.scratch);
            self.frame_parts(kind::BLOCK, &[&head, &packed]);
            self.scratch = packed;
        } else {
            self.frame_parts(kind::BLOCK, &[&head, &plain]);
        }
        // The next block finds its memory where this one left it.
        entries.clear();
        plain.clear();
        self.block = PendingBlock { entries, plain };
    }

    /// Says what became of a commit.
    pub fn commit_result(&mut self, result: &CommitResult) {
        let record = wire::CommitResult {
            before: result.before.0,
            head: result.head.0,
            cursor: result.cursor.0.clone(),
            replayed: result.replayed,
        };
        self.metadata(kind::COMMIT_RESULT, &record);
    }

    /// Adds outcomes of groups, in order.
    pub fn outcomes(&mut self, outcomes: &[GroupOutcome]) {
        let mut rest = outcomes;
        while !rest.is_empty() {
            let mut refused = 0;
            let mut operations = 0;
            let fits = |outcome: &&GroupOutcome| {
                match outcome {
                    GroupOutcome::Refused { .. } => refused += 1,
                    GroupOutcome::Applied(entries) => operations += entries.len(),
                }
                refused <= OUTCOMES_REFUSED_MAX && operations <= IDS_MAX
            };
            // At least one, however large its group is: its applied operations are runs.
            let count = rest.iter().take_while(fits).count().max(1);
            self.metadata(kind::OUTCOMES, &answers::compress(&rest[..count]));
            rest = &rest[count..];
        }
    }

    /// Adds nodes, in the order of their `seq`.
    pub fn nodes<'a>(&mut self, nodes: impl IntoIterator<Item = &'a RemoteNode>) {
        let mut batch = Batch::new(kind::NODES);
        for node in nodes {
            batch.add(self, &wire::Node::from(node));
        }
        batch.flush(self);
    }

    /// Ends a page of changes.
    pub fn page_end(&mut self, page: &PageEnd) {
        let record = wire::PageEnd { cursor: page.cursor.0.clone(), head: page.head.0, more: page.more };
        self.metadata(kind::PAGE_END, &record);
    }

    /// Asks for chunks, or asks about them.
    pub fn wanted_chunks(&mut self, wanted: &[WantedChunk]) {
        let entries = wanted.iter().map(|wanted| (wanted.node.map_or(0, |node| node.0), &wanted.chunk.0));
        self.pairs(kind::WANTED_CHUNKS, entries);
    }

    /// Says which chunks are not there.
    pub fn missing_chunks(&mut self, ids: &[ChunkId]) {
        self.flush_block();
        for ids in ids.chunks(IDS_MAX) {
            let mut payload = vec![PAYLOAD_VERSION];
            ids.iter().for_each(|id| payload.extend_from_slice(&id.0));
            self.frame(kind::MISSING_CHUNKS, &payload);
        }
    }

    /// Asks for manifests.
    pub fn wanted_manifests(&mut self, wanted: &[NodeContent]) {
        self.pairs(kind::WANTED_MANIFESTS, wanted.iter().map(|wanted| (wanted.node.0, &wanted.content.0)));
    }

    /// Says what stopped the stream.
    pub fn problem(&mut self, problem: &Problem) {
        let text = serde_json::to_vec(problem).expect("a problem has string keys only");
        self.flush_block();
        self.frame_parts(kind::PROBLEM, &[&[PAYLOAD_VERSION], &text]);
    }

    fn pairs<'a>(&mut self, kind: u8, pairs: impl Iterator<Item = (u64, &'a [u8; 32])>) {
        self.flush_block();
        let mut payload = vec![PAYLOAD_VERSION];
        let mut count = 0;
        for (node, id) in pairs {
            put_varint(&mut payload, node);
            payload.extend_from_slice(id);
            count += 1;
            if count == IDS_MAX {
                self.frame(kind, &payload);
                payload.truncate(1);
                count = 0;
            }
        }
        if count > 0 {
            self.frame(kind, &payload);
        }
    }

    fn metadata(&mut self, kind: u8, record: &impl Serialize) {
        self.metadata_body(kind, &to_postcard(record));
    }

    fn metadata_body(&mut self, kind: u8, body: &[u8]) {
        self.flush_block();
        if self.compress(body) {
            let packed = std::mem::take(&mut self.scratch);
            let mut head = vec![PAYLOAD_VERSION, Codec::Zstd.number()];
            put_varint(&mut head, body.len() as u64);
            self.frame_parts(kind, &[&head, &packed]);
            self.scratch = packed;
        } else {
            self.frame_parts(kind, &[&[PAYLOAD_VERSION, Codec::Raw.number()], body]);
        }
    }

    /// Compresses into `scratch`; says whether that is worth it.
    fn compress(&mut self, plain: &[u8]) -> bool {
        if plain.len() < COMPRESS_BYTES_MIN {
            return false;
        }
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            // Without memory for a context the bytes travel as they are.
            none => match zstd::bulk::Compressor::new(ZSTD_LEVEL) {
                Ok(compressor) => none.insert(compressor),
                Err(_) => return false,
            },
        };
        self.scratch.clear();
        self.scratch.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        match compressor.compress_to_buffer(plain, &mut self.scratch) {
            // A gain under 1 in 32 is not worth the reader's time.
            Ok(length) => length < plain.len() - plain.len() / 32,
            Err(_) => false,
        }
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) {
        self.frame_parts(kind, &[payload]);
    }

    fn frame_parts(&mut self, kind: u8, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        debug_assert!(length <= super::RECORD_BYTES_MAX, "a record fits its bound");
        self.out.reserve(length + 11);
        self.out.push(kind);
        put_varint(&mut self.out, length as u64);
        parts.iter().for_each(|part| self.out.extend_from_slice(part));
        self.records += 1;
    }
}

/// Gathers the elements of a list into records of a good size for compression.
struct Batch {
    kind: u8,
    count: u64,
    elements: Vec<u8>,
}

impl Batch {
    fn new(kind: u8) -> Self {
        Self { kind, count: 0, elements: Vec::new() }
    }

    fn add(&mut self, encoder: &mut Encoder, element: &impl Serialize) {
        let elements = std::mem::take(&mut self.elements);
        self.elements = postcard::to_extend(element, elements).expect("memory takes every wire type");
        self.count += 1;
        if self.elements.len() >= METADATA_PLAIN_TARGET {
            self.flush(encoder);
        }
    }

    fn flush(&mut self, encoder: &mut Encoder) {
        if self.count == 0 {
            return;
        }
        // A list in postcard is its count and its elements.
        let mut body = Vec::with_capacity(self.elements.len() + 4);
        put_varint(&mut body, self.count);
        body.append(&mut self.elements);
        self.count = 0;
        encoder.metadata_body(self.kind, &body);
    }
}

fn to_postcard(record: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(record, Vec::new()).expect("memory takes every wire type")
}

fn pieces(splice: &Splice) -> Vec<Splice> {
    match splice {
        Splice::Keep { .. } => vec![splice.clone()],
        Splice::New(chunks) => {
            chunks.chunks(IDS_MAX).map(|part: &[ChunkRef]| Splice::New(part.to_vec())).collect()
        }
    }
}
