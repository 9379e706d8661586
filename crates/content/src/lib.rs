//! The port of the chunk store: where the bytes of all contents lie.
//!
//! A [`ChunkStore`] keeps *records* (one chunk, or one block of small chunks) in append-only *packs* and names the
//! places by [`Location`]s, which the versioning database remembers. The store itself knows no folders, versions or
//! references: what may be removed is decided above (`versioning`), and always a pack at a time.
//!
//! Invariants of every implementation, shown by [`conformance`]:
//!
//! - What `append` returned is on disk, and stays readable at the same location until its pack is removed.
//! - Nothing enters whose bytes are not those that its ids name: `append` hashes every chunk. So a caller (the
//!   server, for a client's bundle) need not check the bytes itself.
//! - Nothing wrong is given out: `read` checks the stored bytes and then the chunk's own hash.
//! - A failed `append` leaves at most unreferenced bytes at a pack's end, and the next `append` works as soon as the
//!   cause is gone.
//! - A location stays good for whoever holds ([`Hold`]) since before they took it, whatever is collected meanwhile.
//! - A pack names its chunks: [`ChunkStore::scan`] finds every intact chunk without the database.
//!
//! Deliberately absent: deletion of single chunks, overwriting, a lookup by chunk id (the database's task), async
//! (callers run whole batches on blocking threads).
//!
//! Start with [`ChunkStore`], then [`record`]. The bytes of a pack are described in [`pack`], which the adapters
//! share. [`MemoryStore`] is the store for tests and simulation, with faults on demand.

pub mod block;
pub mod codec;
pub mod conformance;
mod error;
mod holds;
pub mod memory;
pub mod pack;
pub mod record;

pub use block::BlockBuilder;
pub use error::{Error, ErrorKind, Operation, Retry};
pub use holds::{Hold, Holds};
pub use memory::{Fault, MemoryStore};
pub use model::location::{Codec, Located, Location, PackId, RECORD_BYTES_MAX, RECORD_CHUNKS_MAX};
pub use model::{FlushTally, FlushTimes};
pub use record::{BadRecord, Entry, Record, StoredRecord};

/// A store of chunks. Blocking: call it from a thread that may wait.
pub trait ChunkStore: Send + Sync + std::fmt::Debug {
    /// Keeps the records and tells where each of their chunks lies, in the order given (records, and entries
    /// within them). All of it is durable on return; concurrent calls share their flushes.
    ///
    /// Every chunk is hashed first: a record whose bytes are not what its ids name refuses the whole batch with
    /// [`ErrorKind::Invalid`]. A record given as [`Codec::Raw`] may be stored compressed.
    ///
    /// # Errors
    /// `Invalid`, `NoSpace`, `Io`. Nothing of the batch may be taken as stored then.
    fn append(&self, records: &[Record<'_>]) -> Result<Vec<Located>, Error>;

    /// Reads chunks and hands each over as `sink(index in wanted, plain bytes)`, in the order wanted. A record that
    /// serves several chunks in a row is read and decompressed once, so sort by location where order is free.
    ///
    /// # Errors
    /// `NotFound` (no such pack), `Corrupt` (the bytes are not those of the chunk), `Io`. The error names the chunk;
    /// those before it have been handed over.
    fn read(&self, wanted: &[Located], sink: &mut dyn FnMut(usize, &[u8])) -> Result<(), Error>;

    /// Reads the whole record that a location points into, as stored, to be passed on as it is. Its stored bytes
    /// and its list of chunks are checked by checksum, not hashed: who receives it hashes it.
    ///
    /// The record may hold chunks that were not asked for. Whoever passes it on answers for that.
    ///
    /// # Errors
    /// As for [`ChunkStore::read`].
    fn read_record(&self, location: &Location) -> Result<StoredRecord, Error>;

    /// All packs, by id.
    ///
    /// # Errors
    /// `Io`. An error is never an empty list.
    fn packs(&self) -> Result<Vec<PackInfo>, Error>;

    /// Walks through a pack from its own bytes and tells what is there: the way to verify it, and to rebuild the
    /// database's rows. Damage does not end the walk; what follows it is found.
    ///
    /// # Errors
    /// `NotFound`, `Io`.
    fn scan(&self, pack: PackId, depth: Depth, sink: &mut dyn FnMut(Scanned)) -> Result<ScanSummary, Error>;

    /// Removes a pack that nothing refers to any more. The newest pack is never removed, so that ids are not used
    /// again.
    ///
    /// # Errors
    /// `NotFound`, `Busy` (the newest pack, one being written, or one that somebody may still hold), `Io`.
    fn remove_pack(&self, pack: PackId) -> Result<(), Error>;

    /// Ends the newest pack, so that it can be removed one day: what is appended from now on goes to another.
    ///
    /// # Errors
    /// `NoSpace`, `Io`.
    fn seal(&self) -> Result<(), Error>;

    /// Who is at work with locations.
    fn holds(&self) -> &Holds;

    /// Begins to work with locations: before their rows are looked at, or before an append whose rows come later.
    fn hold(&self) -> Hold {
        self.holds().hold()
    }

    /// Begins to read every pack that is listed from now on: none goes, whenever it was retired.
    fn hold_all(&self) -> Hold {
        self.holds().hold_all()
    }

    /// What the store has done since it was opened.
    fn counters(&self) -> Counters;

    /// Reads one chunk.
    ///
    /// # Errors
    /// As for [`ChunkStore::read`].
    fn read_chunk(&self, wanted: &Located) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.read(std::slice::from_ref(wanted), &mut |_, chunk| bytes = chunk.to_vec())?;
        Ok(bytes)
    }
}

/// A pack, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackInfo {
    /// The pack.
    pub pack: PackId,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it may still grow.
    pub open: bool,
}

/// How closely a scan looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Headers and lists of chunks: enough to rebuild an index. Stored bytes are not read.
    Index,
    /// Everything: stored bytes are read, decompressed and hashed.
    AllBytes,
}

/// One finding of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// An intact record: where its chunks lie.
    Record(Vec<Located>),
    /// A record whose frame is intact and whose bytes are not: its chunks are lost here.
    BrokenRecord {
        /// Where its chunks would lie.
        chunks: Vec<Located>,
        /// What is wrong.
        reason: BadRecord,
    },
    /// Bytes that are no record, with intact records after them: something damaged the pack.
    Gap {
        /// Where they begin.
        offset: u64,
        /// How many.
        bytes: u64,
    },
    /// Bytes that are no record, at the pack's end: what a crash leaves of a batch that was never acknowledged
    /// (or damage to the last records; only the database can tell).
    Tail {
        /// Where they begin.
        offset: u64,
        /// How many.
        bytes: u64,
    },
}

/// The sums of a scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanSummary {
    /// Intact records.
    pub records: u64,
    /// Chunks in them.
    pub chunks: u64,
    /// Broken records.
    pub broken_records: u64,
    /// Bytes of gaps.
    pub gap_bytes: u64,
    /// Bytes of the tail.
    pub tail_bytes: u64,
}

impl ScanSummary {
    /// Counts a finding.
    pub fn add(&mut self, found: &Scanned) {
        match found {
            Scanned::Record(chunks) => {
                self.records += 1;
                self.chunks += chunks.len() as u64;
            }
            Scanned::BrokenRecord { .. } => self.broken_records += 1,
            Scanned::Gap { bytes, .. } => self.gap_bytes += bytes,
            Scanned::Tail { bytes, .. } => self.tail_bytes += bytes,
        }
    }

    /// Whether nothing is broken. A tail alone is no damage: a crash leaves one.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.broken_records == 0 && self.gap_bytes == 0
    }
}

/// What a store has done since it was opened; for metrics and for tests that count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Batches appended.
    pub appends: u64,
    /// Records appended.
    pub records: u64,
    /// Bytes written to packs.
    pub written_bytes: u64,
    /// Flushes of files and directories to disk.
    pub fsyncs: u64,
    /// How long they took.
    pub fsync_times: FlushTimes,
    /// Records read.
    pub reads: u64,
    /// Packs given up after a failed write or flush.
    pub failed_packs: u64,
}
