//! A chunk store in memory, for tests and simulation. Its packs hold the same bytes as those on disk, so that they
//! can be torn, flipped and scanned alike; faults come on demand.

use crate::pack::{self, Frame, PACK_HEAD_BYTES, Reader, pack_head};
use crate::{
    ChunkStore, Counters, Depth, Error, ErrorKind, Holds, Located, Location, Operation, PackId, PackInfo,
    Record, ScanSummary, Scanned, StoredRecord,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

/// What goes wrong at the next append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full: nothing is written.
    NoSpace,
    /// The disk refuses: the pack is given up.
    Io,
    /// Only this many bytes of the batch reach the disk, then the disk refuses: a torn tail stays behind.
    Torn(usize),
}

/// The store. Clones share their content, so that one can be kept through a simulated crash.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    holds: Holds,
    pack_bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    packs: BTreeMap<PackId, Vec<u8>>,
    open: Option<PackId>,
    newest: u64,
    faults: VecDeque<Fault>,
    counters: Counters,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store with packs of 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_pack_bytes(64 << 20)
    }

    /// An empty store whose packs are closed at this size.
    #[must_use]
    pub fn with_pack_bytes(pack_bytes: u64) -> Self {
        Self { state: Arc::default(), holds: Holds::default(), pack_bytes }
    }

    /// Makes a coming append fail; several faults queue up, one an append.
    pub fn fail_next_append(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// The process ends and starts anew: what was appended stays, the open pack is closed.
    pub fn restart(&self) {
        self.state().open = None;
    }

    /// Changes the bytes of a pack, as a bad disk would.
    ///
    /// # Panics
    /// If there is no such pack.
    pub fn damage(&self, pack: PackId, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.state().packs.get_mut(&pack).expect("the test names a pack that exists"));
    }

    /// The bytes of a pack.
    #[must_use]
    pub fn pack_bytes(&self, pack: PackId) -> Option<Vec<u8>> {
        self.state().packs.get(&pack).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panicking test thread leaves whole states only: every change is a single step.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn pack(&self, pack: PackId, operation: Operation) -> Result<&Vec<u8>, Error> {
        self.packs.get(&pack).ok_or_else(|| Error::new(ErrorKind::NotFound, operation).in_pack(pack))
    }

    /// The pack to write to, and its length.
    fn open_pack(&mut self, room: u64, pack_bytes: u64) -> (PackId, u64) {
        if let Some(pack) = self.open {
            let length = self.packs[&pack].len() as u64;
            if length == PACK_HEAD_BYTES as u64 || length + room <= pack_bytes {
                return (pack, length);
            }
        }
        (self.new_pack(), PACK_HEAD_BYTES as u64)
    }

    fn new_pack(&mut self) -> PackId {
        self.newest += 1;
        let pack = PackId(self.newest);
        self.packs.insert(pack, pack_head(pack).to_vec());
        self.open = Some(pack);
        pack
    }

    fn fault(&mut self, fault: Fault, pack: PackId, bytes: &[u8]) -> Error {
        let kind = match fault {
            Fault::NoSpace => ErrorKind::NoSpace,
            Fault::Io => ErrorKind::Io,
            Fault::Torn(written) => {
                let torn = &bytes[..written.min(bytes.len())];
                self.packs.entry(pack).or_default().extend_from_slice(torn);
                ErrorKind::Io
            }
        };
        if kind == ErrorKind::Io {
            self.open = None;
            self.counters.failed_packs += 1;
        }
        Error::new(kind, Operation::Append).in_pack(pack)
    }
}

impl ChunkStore for MemoryStore {
    fn append(&self, records: &[Record<'_>]) -> Result<Vec<Located>, Error> {
        let mut scratch = Vec::new();
        for record in records {
            record.verify(&mut scratch).map_err(Error::invalid)?;
        }
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let frames: Vec<Frame> = records
            .iter()
            .map(|record| Frame::new(record).map_err(Error::invalid))
            .collect::<Result<_, _>>()?;
        let room: u64 = frames.iter().map(Frame::record_bytes).sum();
        let mut state = self.state();
        let (pack, start) = state.open_pack(room, self.pack_bytes);
        let mut bytes = Vec::new();
        let mut located = Vec::new();
        for (record, frame) in records.iter().zip(&frames) {
            frame.locate(record.entries, pack, start + bytes.len() as u64, &mut located);
            bytes.extend_from_slice(&frame.head(pack));
            bytes.extend_from_slice(record.bytes);
            bytes.extend_from_slice(frame.table());
        }
        if let Some(fault) = state.faults.pop_front() {
            return Err(state.fault(fault, pack, &bytes));
        }
        state.packs.entry(pack).or_default().extend_from_slice(&bytes);
        state.counters.appends += 1;
        state.counters.records += records.len() as u64;
        state.counters.written_bytes += bytes.len() as u64;
        state.counters.fsyncs += 1;
        Ok(located)
    }

    fn read(&self, wanted: &[Located], sink: &mut dyn FnMut(usize, &[u8])) -> Result<(), Error> {
        let mut reader = Reader::new();
        for (index, wanted) in wanted.iter().enumerate() {
            let mut state = self.state();
            if !reader.holds(&wanted.location) {
                state.counters.reads += 1;
            }
            let pack = state.pack(wanted.location.pack, Operation::Read);
            let chunk = reader.chunk(&pack.map_err(|error| error.of_chunk(wanted.chunk))?[..], wanted)?;
            drop(state);
            sink(index, chunk);
        }
        Ok(())
    }

    fn read_record(&self, location: &Location) -> Result<StoredRecord, Error> {
        let mut state = self.state();
        state.counters.reads += 1;
        pack::read_record(&state.pack(location.pack, Operation::Read)?[..], location)
    }

    fn packs(&self) -> Result<Vec<PackInfo>, Error> {
        let state = self.state();
        let info = |(pack, bytes): (&PackId, &Vec<u8>)| PackInfo {
            pack: *pack,
            bytes: bytes.len() as u64,
            open: state.open == Some(*pack),
        };
        Ok(state.packs.iter().map(info).collect())
    }

    fn scan(&self, pack: PackId, depth: Depth, sink: &mut dyn FnMut(Scanned)) -> Result<ScanSummary, Error> {
        let bytes = self.state().pack(pack, Operation::Scan)?.clone();
        pack::scan(&bytes[..], pack, depth, sink)
    }

    fn remove_pack(&self, pack: PackId) -> Result<(), Error> {
        let mut state = self.state();
        state.pack(pack, Operation::Remove)?;
        if pack.0 == state.newest || !self.holds.is_free(pack) {
            return Err(Error::new(ErrorKind::Busy, Operation::Remove).in_pack(pack));
        }
        state.packs.remove(&pack);
        self.holds.forget(pack);
        Ok(())
    }

    fn seal(&self) -> Result<(), Error> {
        self.state().new_pack();
        Ok(())
    }

    fn holds(&self) -> &Holds {
        &self.holds
    }

    fn counters(&self) -> Counters {
        self.state().counters
    }
}
