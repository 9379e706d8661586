//! Bytes in, chunks out.

use crate::manifest::{Entry, Manifest};
use fastcdc::v2020::{Normalization, cut, select_masks};
use model::{ChunkId, ContentId};

/// No chunk but a content's last is shorter. A content of at most this length is one chunk. Frozen.
pub const MIN_BYTES: usize = 64 << 10;
/// The length chunks are drawn towards. Frozen.
pub const AVERAGE_BYTES: usize = 256 << 10;
/// No chunk is longer. Frozen.
pub const MAX_BYTES: usize = 1 << 20;

const _: () = assert!(MAX_BYTES == model::location::RECORD_BYTES_MAX as usize);

/// How strongly lengths are drawn towards the average. Frozen.
const NORMALIZATION: Normalization = Normalization::Level1;

/// A chunk of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Its name.
    pub id: ChunkId,
    /// Where it begins in the stream.
    pub offset: u64,
    /// Its bytes: 1 to [`MAX_BYTES`].
    pub bytes: &'a [u8],
}

/// Cuts a stream of bytes into chunks. How the stream is sliced into pushes makes no difference.
///
/// Pushes of several MiB are cut where they lie; only what is left over between them is copied. Memory: at most
/// 2 x [`MAX_BYTES`].
#[derive(Debug)]
pub struct Chunker {
    /// Bytes not yet cut: `held[start..]`, always fewer than [`MAX_BYTES`] between calls.
    held: Vec<u8>,
    start: usize,
    offset: u64,
    masks: Masks,
}

impl Default for Chunker {
    fn default() -> Self {
        Self::new()
    }
}

impl Chunker {
    /// At the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self { held: Vec::new(), start: 0, offset: 0, masks: Masks::new() }
    }

    /// Takes the next bytes of the stream and hands over every chunk whose end is certain.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Chunk<'_>)) {
        while self.held_len() > 0 {
            // A boundary is certain once a chunk of the greatest length is in sight.
            let missing = MAX_BYTES - self.held_len();
            if bytes.len() < missing {
                self.hold(bytes);
                return;
            }
            let held = self.held_len();
            self.hold(&bytes[..missing]);
            let length = self.cut_held(sink);
            if length >= held {
                // All that is left in the hold came from this push: go on where it lies.
                self.held.clear();
                self.start = 0;
                bytes = &bytes[length - held..];
            } else {
                bytes = &bytes[missing..];
            }
        }
        while bytes.len() >= MAX_BYTES {
            let (chunk, rest) = bytes.split_at(self.masks.boundary(bytes));
            self.emit(chunk, sink);
            bytes = rest;
        }
        self.hold(bytes);
    }

    /// Ends the stream: hands over what is left, and returns the stream's length.
    pub fn finish(mut self, sink: &mut impl FnMut(Chunk<'_>)) -> u64 {
        while self.held_len() > 0 {
            self.cut_held(sink);
        }
        self.offset
    }

    fn held_len(&self) -> usize {
        self.held.len() - self.start
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.held.len() + bytes.len() > 2 * MAX_BYTES {
            self.held.drain(..self.start);
            self.start = 0;
        }
        self.held.extend_from_slice(bytes);
    }

    /// Cuts one chunk off what is held; returns its length.
    fn cut_held(&mut self, sink: &mut impl FnMut(Chunk<'_>)) -> usize {
        let held = std::mem::take(&mut self.held);
        let length = self.masks.boundary(&held[self.start..]);
        self.emit(&held[self.start..self.start + length], sink);
        self.start += length;
        self.held = held;
        length
    }

    fn emit(&mut self, bytes: &[u8], sink: &mut impl FnMut(Chunk<'_>)) {
        sink(Chunk { id: chunk_id(bytes), offset: self.offset, bytes });
        self.offset += bytes.len() as u64;
    }
}

/// The bit masks of FastCDC, plain and shifted by one.
#[derive(Debug)]
struct Masks {
    short: u64,
    long: u64,
}

impl Masks {
    fn new() -> Self {
        let (short, long) = select_masks(AVERAGE_BYTES, NORMALIZATION);
        Self { short, long }
    }

    /// The length of the first chunk of these bytes: final if they are at least [`MAX_BYTES`] or the stream's last.
    fn boundary(&self, bytes: &[u8]) -> usize {
        let (short, long) = (self.short, self.long);
        cut(bytes, MIN_BYTES, AVERAGE_BYTES, MAX_BYTES, short, long, short << 1, long << 1).1
    }
}

/// The name of a chunk of these bytes.
#[must_use]
pub fn chunk_id(bytes: &[u8]) -> ChunkId {
    ChunkId(*blake3::hash(bytes).as_bytes())
}

/// Name and manifest of a content that is wholly in memory. Up to [`MIN_BYTES`] that is one hash.
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> (ContentId, Manifest) {
    let mut manifest = Manifest::default();
    if !bytes.is_empty() && bytes.len() <= MIN_BYTES {
        manifest.push(Entry::of(chunk_id(bytes), bytes));
    } else {
        let mut chunker = Chunker::new();
        let mut collect = |chunk: Chunk<'_>| manifest.push(Entry::of(chunk.id, chunk.bytes));
        chunker.push(bytes, &mut collect);
        chunker.finish(&mut collect);
    }
    (manifest.content_id(), manifest)
}
