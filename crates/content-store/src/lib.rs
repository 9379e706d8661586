//! The chunk store on a local disk: packs in a directory.
//!
//! ```text
//! packs/000000/000000000001.pack      256 packs a directory
//! ```
//!
//! Invariants:
//!
//! - One process writes (the caller holds the lock of the data directory). Packs are created with `O_EXCL` all the
//!   same, so that a second writer fails instead of mixing in.
//! - A pack is written by one opening of the store only, from its head to its end: what an earlier process left is
//!   never touched again, so nothing referenced can be overwritten, and a tail torn by a crash just stays (a scan
//!   tells it from records). The first append after opening begins a new pack.
//! - `append` returns after `fdatasync` of the pack and `fsync` of a directory that got a new entry. Concurrent
//!   appends share a flush: whoever comes first flushes for all that have written.
//! - An error from a write or a flush is final for that pack: it is closed, and whoever was not flushed writes again,
//!   from the source bytes, to a new pack. On a full disk the batch's bytes are cut off again and the pack goes on.
//! - Pack ids only grow; the newest pack is never removed, so that its id is not given out twice.
//!
//! Start with [`PackStore`]; `writer` holds the way of a batch to the disk, `files` names and lists packs, `handles`
//! keeps files open for reading.

mod files;
mod handles;
mod writer;

use content::pack::{self, Reader};
use content::{
    ChunkStore, Codec, Counters, Depth, Error, ErrorKind, FlushTally, Holds, Located, Location, Operation,
    PackId, PackInfo, Record, ScanSummary, Scanned, StoredRecord, codec,
};
use files::Files;
use handles::Handles;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use writer::Writer;

/// Packs are closed at this size: 64 MiB of chunks, as in one full bundle, with their frames.
pub const PACK_BYTES: u64 = 66 << 20;

/// A chunk store in a directory.
#[derive(Debug)]
pub struct PackStore {
    files: Files,
    handles: Handles,
    writer: Writer,
    holds: Holds,
    tally: Arc<Tally>,
}

/// Counters as they are counted.
#[derive(Debug, Default)]
struct Tally {
    appends: AtomicU64,
    records: AtomicU64,
    written_bytes: AtomicU64,
    fsyncs: AtomicU64,
    fsync_times: FlushTally,
    reads: AtomicU64,
    failed_packs: AtomicU64,
}

fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl PackStore {
    /// Opens the store in this directory, which is made if it is missing.
    ///
    /// # Errors
    /// `Io`, `NoSpace`.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        Self::open_with(directory, PACK_BYTES)
    }

    /// Opens the store with packs of about this size.
    ///
    /// # Errors
    /// As for [`PackStore::open`].
    pub fn open_with(directory: &Path, pack_bytes: u64) -> Result<Self, Error> {
        let tally = Arc::<Tally>::default();
        let fail = |error| Error::from_io(Operation::Open, error);
        let files = Files::open(directory, Arc::clone(&tally)).map_err(fail)?;
        let newest = files.list().map_err(fail)?.last().map_or(0, |info| info.pack.0);
        let writer = Writer::new(newest, pack_bytes);
        Ok(Self { writer, handles: Handles::default(), files, holds: Holds::default(), tally })
    }

    fn pack(&self, pack: PackId, operation: Operation) -> Result<Arc<handles::PackFile>, Error> {
        self.handles.get(&self.files, pack).map_err(|error| Error::from_io(operation, error).in_pack(pack))
    }
}

impl ChunkStore for PackStore {
    fn append(&self, records: &[Record<'_>]) -> Result<Vec<Located>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut scratch = Vec::new();
        let mut packed = Vec::with_capacity(records.len());
        for record in records {
            record.verify(&mut scratch).map_err(Error::invalid)?;
            packed.push(pack_tightly(record));
        }
        let located = self.writer.append(&self.files, &self.tally, records, &packed)?;
        count(&self.tally.appends, 1);
        count(&self.tally.records, records.len() as u64);
        Ok(located)
    }

    fn read(&self, wanted: &[Located], sink: &mut dyn FnMut(usize, &[u8])) -> Result<(), Error> {
        let mut reader = Reader::new();
        let mut current: Option<(PackId, Arc<handles::PackFile>)> = None;
        for (index, wanted) in wanted.iter().enumerate() {
            let id = wanted.location.pack;
            let file = match &current {
                Some((pack, file)) if *pack == id => file,
                _ => {
                    let file =
                        self.pack(id, Operation::Read).map_err(|error| error.of_chunk(wanted.chunk))?;
                    &current.insert((id, file)).1
                }
            };
            count(&self.tally.reads, u64::from(!reader.holds(&wanted.location)));
            sink(index, reader.chunk(&**file, wanted)?);
        }
        Ok(())
    }

    fn read_record(&self, location: &Location) -> Result<StoredRecord, Error> {
        count(&self.tally.reads, 1);
        pack::read_record(&*self.pack(location.pack, Operation::Read)?, location)
    }

    fn packs(&self) -> Result<Vec<PackInfo>, Error> {
        let mut packs = self.files.list().map_err(|error| Error::from_io(Operation::List, error))?;
        let open = self.writer.open_pack();
        packs.iter_mut().for_each(|info| info.open = Some(info.pack) == open);
        Ok(packs)
    }

    fn scan(&self, pack: PackId, depth: Depth, sink: &mut dyn FnMut(Scanned)) -> Result<ScanSummary, Error> {
        pack::scan(&*self.pack(pack, Operation::Scan)?, pack, depth, sink)
    }

    fn remove_pack(&self, pack: PackId) -> Result<(), Error> {
        self.pack(pack, Operation::Remove)?;
        if self.writer.is_using(pack) || !self.holds.is_free(pack) {
            return Err(Error::new(ErrorKind::Busy, Operation::Remove).in_pack(pack));
        }
        self.handles.forget(pack);
        self.files.remove(pack).map_err(|error| Error::from_io(Operation::Remove, error).in_pack(pack))?;
        self.holds.forget(pack);
        Ok(())
    }

    fn seal(&self) -> Result<(), Error> {
        self.writer.seal(&self.files)
    }

    fn holds(&self) -> &Holds {
        &self.holds
    }

    fn counters(&self) -> Counters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            appends: get(&self.tally.appends),
            records: get(&self.tally.records),
            written_bytes: get(&self.tally.written_bytes),
            fsyncs: get(&self.tally.fsyncs),
            fsync_times: self.tally.fsync_times.times(),
            reads: get(&self.tally.reads),
            failed_packs: get(&self.tally.failed_packs),
        }
    }
}

/// How a record's bytes are stored: as they came, or compressed if that is worth it.
fn pack_tightly<'a>(record: &Record<'a>) -> (Codec, Cow<'a, [u8]>) {
    match record.codec {
        Codec::Raw => match codec::compress(record.bytes) {
            Some(bytes) => (Codec::Zstd, Cow::Owned(bytes)),
            None => (Codec::Raw, Cow::Borrowed(record.bytes)),
        },
        Codec::Zstd => (Codec::Zstd, Cow::Borrowed(record.bytes)),
    }
}
