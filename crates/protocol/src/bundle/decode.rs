//! Reading bundles.

use super::frame::{PAYLOAD_VERSION, kind, take_varint, take_whole_varint};
use super::groups::OperationRun;
use super::record::{
    Block, BlockEntry, Chunk, CommitHead, CommitResult, ManifestPart, NodeContent, Outcomes, PageEnd, Record,
    WantedChunk,
};
use super::{
    BLOCK_CHUNKS_MAX, BLOCK_PLAIN_MAX, BundleError, CHUNK_BYTES_MAX, IDS_MAX, MAGIC, METADATA_PLAIN_MAX,
    RECORD_BYTES_MAX, wire,
};
use crate::Cursor;
use crate::v1::ClientInfo;
use bytes::{Buf as _, Bytes, BytesMut};
use model::location::Codec;
use model::{ChunkId, ContentId, IdempotencyKey, NodeId, RemoteNode, Seq, UploadId};
use serde::de::DeserializeOwned;

/// The longest problem document in bytes.
const PROBLEM_BYTES_MAX: usize = 64 << 10;

/// Reads records as bytes arrive: [`Decoder::push`], then [`Decoder::next_record`] until it gives none, and at
/// the end of the stream [`Decoder::finish`]. After an error it gives nothing more.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    taken: u64,
    bytes_max: u64,
    records: u64,
    state: State,
    unpacker: Unpacker,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Magic,
    Records,
    Ended,
    Failed(BundleError),
}

impl Decoder {
    /// A reader that takes at most so many bytes in all.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self {
            buffer: BytesMut::new(),
            taken: 0,
            bytes_max,
            records: 0,
            state: State::Magic,
            unpacker: Unpacker::default(),
        }
    }

    /// Takes the next bytes. They are kept until their records are asked for: ask before pushing more.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        self.taken = self.taken.saturating_add(bytes.len() as u64);
        if self.taken > self.bytes_max {
            return self.fail(BundleError::TooLong { maximum: self.bytes_max });
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// How many bytes have been taken.
    #[must_use]
    pub fn bytes_taken(&self) -> u64 {
        self.taken
    }

    /// Whether the end record has been given.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The next record, if it has arrived whole.
    pub fn next_record(&mut self) -> Result<Option<Record>, BundleError> {
        match self.advance() {
            Ok(record) => Ok(record),
            Err(error) => self.fail(error),
        }
    }

    /// To be called when no more bytes come: proves that the bundle came whole.
    pub fn finish(self) -> Result<(), BundleError> {
        match self.state {
            State::Ended if self.buffer.is_empty() => Ok(()),
            State::Ended => Err(BundleError::BadEnd("something follows it")),
            State::Failed(error) => Err(error),
            State::Magic | State::Records => Err(BundleError::Truncated),
        }
    }

    fn fail<T>(&mut self, error: BundleError) -> Result<T, BundleError> {
        self.state = State::Failed(error.clone());
        self.buffer = BytesMut::new();
        Err(error)
    }

    fn advance(&mut self) -> Result<Option<Record>, BundleError> {
        match &self.state {
            State::Failed(error) => return Err(error.clone()),
            State::Ended if self.buffer.is_empty() => return Ok(None),
            State::Ended => return Err(BundleError::BadEnd("something follows it")),
            State::Magic => {
                if !self.take_magic()? {
                    return Ok(None);
                }
            }
            State::Records => {}
        }
        while let Some((kind, payload)) = self.take_frame()? {
            if let Some(record) = self.decode(kind, &payload)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn take_magic(&mut self) -> Result<bool, BundleError> {
        let word = MAGIC.len() - 1;
        let seen = self.buffer.len().min(word);
        if self.buffer[..seen] != MAGIC[..seen] {
            return Err(BundleError::BadMagic);
        }
        let Some(version) = self.buffer.get(word).copied() else { return Ok(false) };
        if version != MAGIC[word] {
            return Err(BundleError::UnknownVersion(version));
        }
        self.buffer.advance(MAGIC.len());
        self.state = State::Records;
        Ok(true)
    }

    /// Takes one whole record off the buffer, checking its length before waiting for it.
    fn take_frame(&mut self) -> Result<Option<(u8, Bytes)>, BundleError> {
        let Some(kind) = self.buffer.first().copied() else { return Ok(None) };
        let mut rest = &self.buffer[1..];
        let length = take_varint(&mut rest).map_err(|what| BundleError::Malformed { kind, what })?;
        let Some(length) = length else { return Ok(None) };
        if length > RECORD_BYTES_MAX as u64 {
            return Err(BundleError::RecordTooLong(length));
        }
        if rest.len() < length as usize {
            return Ok(None);
        }
        let head = self.buffer.len() - rest.len();
        self.buffer.advance(head);
        Ok(Some((kind, self.buffer.split_to(length as usize).freeze())))
    }

    fn decode(&mut self, kind: u8, payload: &Bytes) -> Result<Option<Record>, BundleError> {
        let malformed = |what| BundleError::Malformed { kind, what };
        if kind >= kind::SKIPPABLE {
            self.records += 1;
            return Ok(None);
        }
        if !(kind::COMMIT_HEAD..=kind::WANTED_MANIFESTS).contains(&kind)
            && !matches!(kind, kind::PROBLEM | kind::END)
        {
            return Err(BundleError::UnknownRecord(kind));
        }
        match payload.first() {
            Some(&PAYLOAD_VERSION) => {}
            Some(_) => return Err(malformed("an unknown payload version")),
            None => return Err(malformed("an empty payload")),
        }
        let payload = payload.slice(1..);
        if kind == kind::END {
            return self.decode_end(&payload).map(Some).map_err(|what| match what {
                EndError::Malformed(what) => malformed(what),
                EndError::Count => BundleError::BadEnd("it counts other records than came"),
            });
        }
        self.records += 1;
        let record = match kind {
            kind::CHUNK => decode_chunk(&payload),
            kind::BLOCK => decode_block(&payload),
            kind::WANTED_CHUNKS => decode_pairs(&payload, |node, id| WantedChunk {
                chunk: ChunkId(id),
                node: (node != 0).then_some(NodeId(node)),
            })
            .map(Record::WantedChunks),
            kind::MISSING_CHUNKS => decode_ids(&payload).map(Record::MissingChunks),
            kind::WANTED_MANIFESTS => {
                let make = |node, id| NodeContent { node: NodeId(node), content: ContentId(id) };
                decode_pairs(&payload, make).map(Record::WantedManifests)
            }
            kind::PROBLEM if payload.len() > PROBLEM_BYTES_MAX => Err("a problem document over 64 KiB"),
            kind::PROBLEM => serde_json::from_slice(&payload)
                .map(|problem| Record::Problem(Box::new(problem)))
                .map_err(|_| "it is no problem document"),
            _ => self.decode_metadata(kind, &payload),
        };
        record.map(Some).map_err(malformed)
    }

    fn decode_end(&mut self, payload: &[u8]) -> Result<Record, EndError> {
        let mut rest = payload;
        let records = take_whole_varint(&mut rest).map_err(EndError::Malformed)?;
        if !rest.is_empty() {
            return Err(EndError::Malformed("something follows its last field"));
        }
        if records != self.records {
            return Err(EndError::Count);
        }
        self.state = State::Ended;
        Ok(Record::End(records))
    }

    fn decode_metadata(&mut self, kind: u8, payload: &[u8]) -> Result<Record, &'static str> {
        let (codec, mut rest) = take_codec(payload)?;
        let unpacked;
        let body = match codec {
            Codec::Raw if rest.len() > METADATA_PLAIN_MAX => return Err("its plain bytes are too many"),
            Codec::Raw => rest,
            Codec::Zstd => {
                let length = take_whole_varint(&mut rest)?;
                if length > METADATA_PLAIN_MAX as u64 {
                    return Err("its plain bytes are too many");
                }
                unpacked = self.unpacker.unzstd(rest, length as usize)?;
                &unpacked
            }
        };
        decode_body(kind, body)
    }
}

enum EndError {
    Malformed(&'static str),
    Count,
}

/// Unpacks chunks and blocks. One of them serves many; it holds a decompressor's memory.
#[derive(Default)]
pub struct Unpacker {
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

impl Unpacker {
    /// The chunk's plain bytes. Whether they are those its id names is for the caller to check.
    pub fn chunk(&mut self, chunk: &Chunk) -> Result<Bytes, BundleError> {
        self.unpack(chunk.codec, &chunk.packed, chunk.length as usize)
            .map_err(|what| BundleError::Malformed { kind: kind::CHUNK, what })
    }

    /// The plain bytes of the block's chunks, in order.
    pub fn block(&mut self, block: &Block) -> Result<Vec<Bytes>, BundleError> {
        let total = block.entries.iter().map(|entry| entry.length as usize).sum();
        let mut plain = self
            .unpack(block.codec, &block.packed, total)
            .map_err(|what| BundleError::Malformed { kind: kind::BLOCK, what })?;
        Ok(block.entries.iter().map(|entry| plain.split_to(entry.length as usize)).collect())
    }

    fn unpack(&mut self, codec: Codec, packed: &Bytes, length: usize) -> Result<Bytes, &'static str> {
        match codec {
            Codec::Raw => Ok(packed.clone()),
            Codec::Zstd => self.unzstd(packed, length).map(Bytes::from),
        }
    }

    /// Exactly `length` plain bytes, a bounded number, or an error.
    fn unzstd(&mut self, packed: &[u8], length: usize) -> Result<Vec<u8>, &'static str> {
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(|_| "no memory to unpack it")?),
        };
        let mut plain = Vec::with_capacity(length);
        let written = decompressor
            .decompress_to_buffer(packed, &mut plain)
            .map_err(|_| "its compressed bytes are damaged or longer than said")?;
        if written == length { Ok(plain) } else { Err("its plain bytes are fewer than said") }
    }
}

fn take_codec(payload: &[u8]) -> Result<(Codec, &[u8]), &'static str> {
    let (number, rest) = payload.split_first().ok_or("it ends before its codec")?;
    Ok((Codec::from_number(*number).ok_or("an unknown codec")?, rest))
}

fn take_id(rest: &mut &[u8]) -> Result<[u8; 32], &'static str> {
    let (id, tail) = rest.split_first_chunk::<32>().ok_or("it ends inside an id")?;
    *rest = tail;
    Ok(*id)
}

fn check_packed(codec: Codec, packed: usize, plain: usize) -> Result<(), &'static str> {
    match codec {
        Codec::Raw if packed != plain => Err("its bytes are not as many as said"),
        Codec::Zstd if packed >= plain => Err("compression made it longer"),
        _ => Ok(()),
    }
}

fn decode_chunk(payload: &Bytes) -> Result<Record, &'static str> {
    let (codec, mut rest) = take_codec(payload)?;
    let length = take_whole_varint(&mut rest)?;
    if length == 0 || length > CHUNK_BYTES_MAX as u64 {
        return Err("a chunk has 1 byte to 1 MiB");
    }
    let id = ChunkId(take_id(&mut rest)?);
    check_packed(codec, rest.len(), length as usize)?;
    let packed = payload.slice(payload.len() - rest.len()..);
    Ok(Record::Chunk(Chunk { id, length: length as u32, codec, packed }))
}

fn decode_block(payload: &Bytes) -> Result<Record, &'static str> {
    let (codec, rest) = take_codec(payload)?;
    let (named, mut rest) = match rest.split_first() {
        Some((0, rest)) => (false, rest),
        Some((1, rest)) => (true, rest),
        _ => return Err("it does not say whether its chunks are named"),
    };
    let count = take_whole_varint(&mut rest)?;
    if count == 0 || count > BLOCK_CHUNKS_MAX as u64 {
        return Err("a block has 1 to 16384 chunks");
    }
    let mut entries = Vec::with_capacity(count as usize);
    let mut total = 0u64;
    for _ in 0..count {
        let id = if named { Some(ChunkId(take_id(&mut rest)?)) } else { None };
        let length = take_whole_varint(&mut rest)?;
        total = total.saturating_add(length);
        if length == 0 || total > BLOCK_PLAIN_MAX as u64 {
            return Err("a block's chunks have 1 byte to 1 MiB together");
        }
        entries.push(BlockEntry { id, length: length as u32 });
    }
    check_packed(codec, rest.len(), total as usize)?;
    let packed = payload.slice(payload.len() - rest.len()..);
    Ok(Record::Block(Block { entries, codec, packed }))
}

fn decode_ids(payload: &[u8]) -> Result<Vec<ChunkId>, &'static str> {
    if payload.is_empty() || !payload.len().is_multiple_of(32) || payload.len() > IDS_MAX * 32 {
        return Err("it is not 1 to 4096 ids");
    }
    let (ids, _) = payload.as_chunks::<32>();
    Ok(ids.iter().map(|id| ChunkId(*id)).collect())
}

fn decode_pairs<T>(payload: &[u8], make: impl Fn(u64, [u8; 32]) -> T) -> Result<Vec<T>, &'static str> {
    let mut rest = payload;
    let mut pairs = Vec::with_capacity((payload.len() / 33).min(IDS_MAX));
    while !rest.is_empty() {
        if pairs.len() == IDS_MAX {
            return Err("it has more than 4096 ids");
        }
        let node = take_whole_varint(&mut rest)?;
        pairs.push(make(node, take_id(&mut rest)?));
    }
    if pairs.is_empty() { Err("it has no ids") } else { Ok(pairs) }
}

fn from_postcard<T: DeserializeOwned>(body: &[u8]) -> Result<T, &'static str> {
    let (record, rest) = postcard::take_from_bytes(body).map_err(|_| "its fields cannot be read")?;
    if rest.is_empty() { Ok(record) } else { Err("something follows its last field") }
}

fn decode_body(kind: u8, body: &[u8]) -> Result<Record, &'static str> {
    Ok(match kind {
        kind::COMMIT_HEAD => {
            let head: wire::CommitHead = from_postcard(body)?;
            Record::CommitHead(CommitHead {
                key: IdempotencyKey(head.key),
                uploads: head.uploads.into_iter().map(UploadId).collect(),
                groups: head.groups,
                operations: head.operations,
                chunk_bytes: head.chunk_bytes,
                client: ClientInfo { name: head.client_name, version: head.client_version },
            })
        }
        kind::OPERATIONS => Record::Operations(OperationRun(from_postcard(body)?)),
        kind::MANIFEST => {
            let part: wire::ManifestPart = from_postcard(body)?;
            Record::Manifest(ManifestPart {
                content: ContentId(part.content),
                size: part.size,
                base: part.base.map(|(node, id)| NodeContent { node: NodeId(node), content: ContentId(id) }),
                splices: part.splices.into_iter().map(Into::into).collect(),
                last: part.last,
            })
        }
        kind::COMMIT_RESULT => {
            let result: wire::CommitResult = from_postcard(body)?;
            Record::CommitResult(CommitResult {
                before: Seq(result.before),
                head: Seq(result.head),
                cursor: Cursor(result.cursor),
                replayed: result.replayed,
            })
        }
        kind::OUTCOMES => Record::Outcomes(Outcomes(from_postcard(body)?)),
        kind::NODES => {
            let nodes: Vec<wire::Node> = from_postcard(body)?;
            let nodes: Result<Vec<RemoteNode>, _> = nodes.into_iter().map(wire::Node::into_model).collect();
            Record::Nodes(nodes.map_err(|_| "a node's name or target is none")?)
        }
        kind::PAGE_END => {
            let page: wire::PageEnd = from_postcard(body)?;
            Record::PageEnd(PageEnd { cursor: Cursor(page.cursor), head: Seq(page.head), more: page.more })
        }
        _ => return Err("it is no metadata record"),
    })
}
