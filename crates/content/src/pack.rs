//! The bytes of a pack (frozen; all numbers little-endian). Every adapter stores these bytes.
//!
//! A pack is a head of 24 bytes and then records without gaps:
//!
//! | head: offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 8 | `DRIFTPK1` |
//! | 8 | 8 | pack id |
//! | 16 | 4 | zero |
//! | 20 | 4 | CRC-32 of the 20 bytes before |
//!
//! | record: offset | bytes | what |
//! | --- | --- | --- |
//! | 0 | 4 | `DLR1` |
//! | 4 | 1 | codec: 0 raw, 1 Zstandard |
//! | 5 | 3 | zero |
//! | 8 | 4 | number of chunks *n*, 1 to [`RECORD_CHUNKS_MAX`] |
//! | 12 | 4 | stored length *s*, at most the plain length |
//! | 16 | 4 | plain length, 1 to [`RECORD_BYTES_MAX`] |
//! | 20 | 4 | CRC-32 of the stored bytes |
//! | 24 | 4 | CRC-32 of the table |
//! | 28 | 8 | pack id |
//! | 36 | 4 | CRC-32 of the 36 bytes before |
//! | 40 | *s* | stored bytes |
//! | 40 + *s* | 36 *n* | table: for each chunk its id (32) and plain length (4) |
//!
//! The pack id in every record keeps the bytes of a pack that once lay on the same disk blocks from being taken for
//! this one's. The table stands last so that a chunk is read with one read at a known place, with nothing but its
//! [`Location`].

use crate::record::{BadRecord, Entry, Record, StoredRecord, unpack, verify_chunk};
use crate::{Depth, Error, ErrorKind, Operation, ScanSummary, Scanned};
use model::ChunkId;
use model::location::{Codec, Located, Location, PackId, RECORD_BYTES_MAX, RECORD_CHUNKS_MAX};
use std::io;
use std::path::{Path, PathBuf};

/// Length of a pack's head.
pub const PACK_HEAD_BYTES: usize = 24;
/// Length of a record's head.
pub const RECORD_HEAD_BYTES: usize = 40;
/// Length of a table's entry.
pub const TABLE_ENTRY_BYTES: usize = 36;

const PACK_MAGIC: &[u8; 8] = b"DRIFTPK1";
const RECORD_MAGIC: &[u8; 4] = b"DLR1";

/// How many packs share a directory.
const PACKS_A_DIRECTORY: u64 = 256;

/// Where a pack lies below the directory of a store on a disk, and of a backup: `000000/000000000001.pack`.
#[must_use]
pub fn relative_path(pack: PackId) -> PathBuf {
    Path::new(&format!("{:06}", pack.0 / PACKS_A_DIRECTORY)).join(format!("{:012}{PATH_SUFFIX}", pack.0))
}

/// How the file of a pack ends.
pub const PATH_SUFFIX: &str = ".pack";

/// Bytes that can be read from any place: a file, an object, a vector.
pub trait ReadAt {
    /// Their length.
    ///
    /// # Errors
    /// As the medium has them.
    fn length(&self) -> io::Result<u64>;

    /// Fills the buffer from this offset; an end before that is `UnexpectedEof`.
    ///
    /// # Errors
    /// As the medium has them.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.len() as u64);
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(&self[offset as usize..][..buffer.len()]);
        Ok(())
    }
}

/// The head of a pack.
#[must_use]
pub fn pack_head(pack: PackId) -> [u8; PACK_HEAD_BYTES] {
    let mut head = [0; PACK_HEAD_BYTES];
    head[..8].copy_from_slice(PACK_MAGIC);
    head[8..16].copy_from_slice(&pack.0.to_le_bytes());
    let checksum = crc32fast::hash(&head[..20]);
    head[20..].copy_from_slice(&checksum.to_le_bytes());
    head
}

/// What stands round a record's stored bytes in a pack: made once, without knowing the place yet.
#[derive(Debug)]
pub struct Frame {
    head: Head,
    table: Vec<u8>,
}

impl Frame {
    /// The frame of a record that has been verified.
    ///
    /// # Errors
    /// Records out of bounds.
    pub fn new(record: &Record<'_>) -> Result<Self, BadRecord> {
        let plain_length = record.plain_length()?;
        let stored_length = u32::try_from(record.bytes.len()).ok().filter(|stored| *stored <= plain_length);
        let mut table = Vec::with_capacity(record.entries.len() * TABLE_ENTRY_BYTES);
        for entry in record.entries {
            table.extend_from_slice(&entry.chunk.0);
            table.extend_from_slice(&entry.length.to_le_bytes());
        }
        let head = Head {
            codec: record.codec,
            chunks: record.entries.len(),
            stored_length: stored_length.ok_or(BadRecord::Packing)?,
            plain_length,
            checksum: crc32fast::hash(record.bytes),
            table_checksum: crc32fast::hash(&table),
        };
        Ok(Self { head, table })
    }

    /// The bytes before the stored bytes, in this pack.
    #[must_use]
    pub fn head(&self, pack: PackId) -> [u8; RECORD_HEAD_BYTES] {
        self.head.encode(pack)
    }

    /// The bytes after the stored bytes.
    #[must_use]
    pub fn table(&self) -> &[u8] {
        &self.table
    }

    /// How many bytes the whole record takes in a pack.
    #[must_use]
    pub fn record_bytes(&self) -> u64 {
        self.head.whole_bytes()
    }

    /// Adds the places of the record's chunks, if it stands at this offset of this pack.
    pub fn locate(&self, entries: &[Entry], pack: PackId, offset: u64, located: &mut Vec<Located>) {
        self.head.locate(entries, pack, offset, located);
    }
}

/// Reads chunks of one pack; remembers the last record, so that its other chunks cost no second read.
#[derive(Debug, Default)]
pub struct Reader {
    stored: Vec<u8>,
    scratch: Vec<u8>,
    last: Option<Location>,
}

impl Reader {
    /// A reader that has read nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the chunk lies in the record read last, which then needs no read.
    #[must_use]
    pub fn holds(&self, location: &Location) -> bool {
        self.last.is_some_and(|last| same_record(&last, location))
    }

    /// The plain bytes of a chunk, verified.
    ///
    /// # Errors
    /// `Corrupt`, `Io`.
    pub fn chunk(&mut self, pack: &(impl ReadAt + ?Sized), wanted: &Located) -> Result<&[u8], Error> {
        let location = &wanted.location;
        let fail = |error: Error| error.in_pack(location.pack).of_chunk(wanted.chunk);
        let corrupt =
            |reason: BadRecord| fail(Error::new(ErrorKind::Corrupt, Operation::Read).caused_by(reason));
        if !self.holds(location) {
            self.last = None;
            self.load(pack, location).map_err(|error| fail(read_error(error)))?;
            if crc32fast::hash(&self.stored) != location.checksum {
                return Err(corrupt(BadRecord::Checksum));
            }
            if location.codec == Codec::Zstd {
                unpack(location.codec, &self.stored, location.plain_length, &mut self.scratch)
                    .map_err(corrupt)?;
            }
            self.last = Some(*location);
        }
        let plain = if location.codec == Codec::Raw { &self.stored } else { &self.scratch };
        let end = location.start.checked_add(location.length).map(|end| end as usize);
        let chunk = end.and_then(|end| plain.get(location.start as usize..end)).ok_or(BadRecord::Length);
        let chunk = chunk.map_err(corrupt)?;
        verify_chunk(wanted.chunk, chunk).map_err(corrupt)?;
        Ok(chunk)
    }

    fn load(&mut self, pack: &(impl ReadAt + ?Sized), location: &Location) -> io::Result<()> {
        // A location comes from the database; a damaged one must not make us reserve gigabytes.
        if location.stored_length > RECORD_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let offset = location.offset.checked_add(RECORD_HEAD_BYTES as u64);
        let offset = offset.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.stored.resize(location.stored_length as usize, 0);
        pack.read_exact_at(&mut self.stored, offset)
    }
}

/// The whole record that a location points into, checked by its checksums.
///
/// # Errors
/// `Corrupt`, `Io`.
pub fn read_record(pack: &(impl ReadAt + ?Sized), location: &Location) -> Result<StoredRecord, Error> {
    let fail = |error: Error| error.in_pack(location.pack);
    let corrupt = |reason: BadRecord| fail(Error::new(ErrorKind::Corrupt, Operation::Read).caused_by(reason));
    let read = |buffer: &mut [u8], offset| {
        pack.read_exact_at(buffer, offset).map_err(|error| fail(read_error(error)))
    };
    let mut head = [0; RECORD_HEAD_BYTES];
    read(&mut head, location.offset)?;
    let head = Head::decode(&head, location.pack).ok_or_else(|| corrupt(BadRecord::Checksum))?;
    if head.stored_length != location.stored_length || head.checksum != location.checksum {
        return Err(corrupt(BadRecord::Checksum));
    }
    let mut bytes = vec![0; head.body_bytes()];
    read(&mut bytes, location.offset + RECORD_HEAD_BYTES as u64)?;
    let table = bytes.split_off(head.stored_length as usize);
    if crc32fast::hash(&bytes) != head.checksum {
        return Err(corrupt(BadRecord::Checksum));
    }
    let entries = head.entries(&table).ok_or_else(|| corrupt(BadRecord::Checksum))?;
    Ok(StoredRecord { entries, codec: head.codec, bytes })
}

/// Walks through a pack's bytes. What is no record is skipped up to the next one.
///
/// # Errors
/// `Io`.
pub fn scan(
    bytes: &(impl ReadAt + ?Sized),
    pack: PackId,
    depth: Depth,
    sink: &mut dyn FnMut(Scanned),
) -> Result<ScanSummary, Error> {
    let fail = |error| Error::from_io(Operation::Scan, error).in_pack(pack);
    let end = bytes.length().map_err(fail)?;
    let mut summary = ScanSummary::default();
    let mut tell = |found: Scanned| {
        summary.add(&found);
        sink(found);
    };

    let mut at = 0;
    let mut head = [0; PACK_HEAD_BYTES];
    if end >= PACK_HEAD_BYTES as u64 {
        bytes.read_exact_at(&mut head, 0).map_err(fail)?;
        if head == pack_head(pack) {
            at = PACK_HEAD_BYTES as u64;
        }
    }
    let mut buffer = Vec::new();
    let mut scratch = Vec::new();
    while at < end {
        if let Some((head, entries)) = record_at(bytes, pack, at, end, &mut buffer).map_err(fail)? {
            let found = examine(bytes, pack, at, &head, &entries, depth, &mut scratch).map_err(fail)?;
            tell(found);
            at += head.whole_bytes();
            continue;
        }
        let next = next_record(bytes, pack, at + 1, end, &mut buffer).map_err(fail)?;
        tell(match next {
            Some(next) => Scanned::Gap { offset: at, bytes: next - at },
            None => Scanned::Tail { offset: at, bytes: end - at },
        });
        at = next.unwrap_or(end);
    }
    Ok(summary)
}

/// The fields of a record's head.
#[derive(Debug, Clone, Copy)]
struct Head {
    codec: Codec,
    chunks: usize,
    stored_length: u32,
    plain_length: u32,
    checksum: u32,
    table_checksum: u32,
}

impl Head {
    fn encode(&self, pack: PackId) -> [u8; RECORD_HEAD_BYTES] {
        let chunks = u32::try_from(self.chunks).expect("a record has at most RECORD_CHUNKS_MAX chunks");
        let mut head = [0; RECORD_HEAD_BYTES];
        head[..4].copy_from_slice(RECORD_MAGIC);
        head[4] = self.codec.number();
        head[8..12].copy_from_slice(&chunks.to_le_bytes());
        head[12..16].copy_from_slice(&self.stored_length.to_le_bytes());
        head[16..20].copy_from_slice(&self.plain_length.to_le_bytes());
        head[20..24].copy_from_slice(&self.checksum.to_le_bytes());
        head[24..28].copy_from_slice(&self.table_checksum.to_le_bytes());
        head[28..36].copy_from_slice(&pack.0.to_le_bytes());
        let checksum = crc32fast::hash(&head[..36]);
        head[36..].copy_from_slice(&checksum.to_le_bytes());
        head
    }

    fn decode(head: &[u8; RECORD_HEAD_BYTES], pack: PackId) -> Option<Self> {
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let genuine = head[..4] == *RECORD_MAGIC
            && head[5..8] == [0; 3]
            && head[28..36] == pack.0.to_le_bytes()
            && number(36) == crc32fast::hash(&head[..36]);
        if !genuine {
            return None;
        }
        let decoded = Self {
            codec: Codec::from_number(head[4])?,
            chunks: number(8) as usize,
            stored_length: number(12),
            plain_length: number(16),
            checksum: number(20),
            table_checksum: number(24),
        };
        let within_bounds = (1..=RECORD_CHUNKS_MAX).contains(&decoded.chunks)
            && (1..=RECORD_BYTES_MAX).contains(&decoded.plain_length)
            && decoded.stored_length <= decoded.plain_length;
        within_bounds.then_some(decoded)
    }

    /// The length of what follows the head: stored bytes and table.
    fn body_bytes(&self) -> usize {
        self.stored_length as usize + self.chunks * TABLE_ENTRY_BYTES
    }

    fn whole_bytes(&self) -> u64 {
        (RECORD_HEAD_BYTES + self.body_bytes()) as u64
    }

    /// The entries of a table, if it is the one of this head.
    fn entries(&self, table: &[u8]) -> Option<Vec<Entry>> {
        if table.len() != self.chunks * TABLE_ENTRY_BYTES || crc32fast::hash(table) != self.table_checksum {
            return None;
        }
        let entries: Vec<Entry> = table
            .chunks_exact(TABLE_ENTRY_BYTES)
            .map(|entry| {
                let (id, length) = entry.split_at(32);
                Entry {
                    chunk: ChunkId(id.try_into().expect("an id is 32 bytes of the entry")),
                    length: u32::from_le_bytes(length.try_into().expect("the rest of an entry is 4 bytes")),
                }
            })
            .collect();
        let record = Record { entries: &entries, codec: self.codec, bytes: &[] };
        (record.plain_length() == Ok(self.plain_length)).then_some(entries)
    }

    fn locate(&self, entries: &[Entry], pack: PackId, offset: u64, located: &mut Vec<Located>) {
        let mut start = 0;
        for entry in entries {
            let location = Location {
                pack,
                offset,
                stored_length: self.stored_length,
                codec: self.codec,
                checksum: self.checksum,
                plain_length: self.plain_length,
                start,
                length: entry.length,
            };
            located.push(Located { chunk: entry.chunk, location });
            start += entry.length;
        }
    }
}

/// The record at this offset, if there is a whole one.
fn record_at(
    bytes: &(impl ReadAt + ?Sized),
    pack: PackId,
    at: u64,
    end: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(Head, Vec<Entry>)>> {
    if end - at < RECORD_HEAD_BYTES as u64 {
        return Ok(None);
    }
    let mut head = [0; RECORD_HEAD_BYTES];
    bytes.read_exact_at(&mut head, at)?;
    let Some(head) = Head::decode(&head, pack).filter(|head| head.whole_bytes() <= end - at) else {
        return Ok(None);
    };
    buffer.resize(head.chunks * TABLE_ENTRY_BYTES, 0);
    bytes.read_exact_at(buffer, at + (RECORD_HEAD_BYTES + head.stored_length as usize) as u64)?;
    Ok(head.entries(buffer).map(|entries| (head, entries)))
}

/// The offset of the first whole record at or after this one.
fn next_record(
    bytes: &(impl ReadAt + ?Sized),
    pack: PackId,
    from: u64,
    end: u64,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<u64>> {
    const WINDOW: usize = 1 << 16;
    let overlap = RECORD_MAGIC.len() - 1;
    let mut window = Vec::new();
    let mut at = from;
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(WINDOW);
        window.resize(length, 0);
        bytes.read_exact_at(&mut window, at)?;
        for (index, start) in window.windows(RECORD_MAGIC.len()).enumerate() {
            let candidate = at + index as u64;
            if start == RECORD_MAGIC && record_at(bytes, pack, candidate, end, buffer)?.is_some() {
                return Ok(Some(candidate));
            }
        }
        if length <= overlap {
            break;
        }
        at += (length - overlap) as u64;
    }
    Ok(None)
}

/// What a scan says of a record whose frame is intact.
fn examine(
    bytes: &(impl ReadAt + ?Sized),
    pack: PackId,
    at: u64,
    head: &Head,
    entries: &[Entry],
    depth: Depth,
    scratch: &mut Vec<u8>,
) -> io::Result<Scanned> {
    let mut chunks = Vec::with_capacity(entries.len());
    head.locate(entries, pack, at, &mut chunks);
    if depth == Depth::Index {
        return Ok(Scanned::Record(chunks));
    }
    let mut stored = vec![0; head.stored_length as usize];
    bytes.read_exact_at(&mut stored, at + RECORD_HEAD_BYTES as u64)?;
    let record = Record { entries, codec: head.codec, bytes: &stored };
    let verdict = if crc32fast::hash(&stored) == head.checksum {
        record.verify(scratch).map(|_| ())
    } else {
        Err(BadRecord::Checksum)
    };
    Ok(match verdict {
        Ok(()) => Scanned::Record(chunks),
        Err(reason) => Scanned::BrokenRecord { chunks, reason },
    })
}

fn same_record(a: &Location, b: &Location) -> bool {
    a.shares_record_with(b)
        && a.stored_length == b.stored_length
        && a.codec == b.codec
        && a.checksum == b.checksum
        && a.plain_length == b.plain_length
}

/// Bytes that should be there and are not are damage, not a failing disk.
fn read_error(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Error::new(ErrorKind::Corrupt, Operation::Read).caused_by(error)
    } else {
        Error::from_io(Operation::Read, error)
    }
}
