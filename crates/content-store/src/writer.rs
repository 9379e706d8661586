//! The way of a batch to the disk.
//!
//! Two phases, two locks: under the writer's lock a batch gets its place and is written to the page cache; then,
//! under the pack's own flush lock, it waits for a flush. While one caller flushes, others write; the next to get the
//! flush lock flushes for all of them, and the rest find their bytes flushed already.

use crate::files::Files;
use crate::{Tally, count};
use content::pack::{Frame, PACK_HEAD_BYTES, pack_head};
use content::{Codec, Error, ErrorKind, Located, Operation, PackId, Record};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

/// How often a batch is written to yet another pack before the disk is believed.
const ATTEMPTS: usize = 3;

/// The most slices in one system call (Linux: `IOV_MAX`).
const SLICES_MAX: usize = 1024;

/// Where batches are appended.
#[derive(Debug)]
pub(crate) struct Writer {
    state: Mutex<State>,
    pack_bytes: u64,
}

#[derive(Debug)]
struct State {
    /// The highest id ever tried; the next pack takes the one after it.
    newest: u64,
    /// The highest id that certainly has a file. That file is what remembers it.
    newest_file: u64,
    current: Option<Arc<OpenPack>>,
    /// Packs that were left while somebody may still wait for their flush.
    left: Vec<Weak<OpenPack>>,
}

/// A pack that is being written.
#[derive(Debug)]
struct OpenPack {
    pack: PackId,
    file: File,
    /// Bytes in the file that are whole batches. Changes under the writer's lock.
    written: AtomicU64,
    /// Of these, bytes known to be on disk.
    flushed: Mutex<u64>,
    /// A write or flush has failed: nothing more may be taken as stored here.
    failed: AtomicBool,
}

/// A batch, framed.
struct Batch<'a> {
    records: &'a [Record<'a>],
    stored: &'a [(Codec, Cow<'a, [u8]>)],
    frames: Vec<Frame>,
    bytes: u64,
}

impl Writer {
    /// A writer whose packs come after this id.
    pub(crate) fn new(newest: u64, pack_bytes: u64) -> Self {
        Self {
            state: Mutex::new(State { newest, newest_file: newest, current: None, left: Vec::new() }),
            pack_bytes,
        }
    }

    /// Writes verified records, each stored as `stored` has it, and returns when they are on disk.
    pub(crate) fn append(
        &self,
        files: &Files,
        tally: &Tally,
        records: &[Record<'_>],
        stored: &[(Codec, Cow<'_, [u8]>)],
    ) -> Result<Vec<Located>, Error> {
        let batch = Batch::new(records, stored)?;
        let mut attempt = 1;
        loop {
            let outcome = self.write(files, tally, &batch).and_then(|(pack, start)| {
                self.flush(tally, &pack, start + batch.bytes)?;
                Ok(batch.locate(pack.pack, start))
            });
            match outcome {
                Ok(located) => return Ok(located),
                Err(error) if error.kind() == ErrorKind::Io && attempt < ATTEMPTS => {
                    tracing::warn!(%error, attempt, "a pack was given up; its batch is written again");
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The pack that may still grow.
    pub(crate) fn open_pack(&self) -> Option<PackId> {
        self.state().current.as_ref().map(|pack| pack.pack)
    }

    /// Begins a new pack, whatever room the current one has.
    pub(crate) fn seal(&self, files: &Files) -> Result<(), Error> {
        let mut state = self.state();
        let pack = Arc::new(state.create(files)?);
        state.leave();
        state.current = Some(pack);
        Ok(())
    }

    /// Whether a pack must stay: the newest, or one that a caller still waits for.
    pub(crate) fn is_using(&self, pack: PackId) -> bool {
        let state = self.state();
        pack.0 >= state.newest_file
            || state.left.iter().filter_map(Weak::upgrade).any(|left| left.pack == pack)
    }

    /// First phase: gives the batch its place and writes it. Returns the pack and the batch's offset.
    fn write(&self, files: &Files, tally: &Tally, batch: &Batch<'_>) -> Result<(Arc<OpenPack>, u64), Error> {
        let mut state = self.state();
        let pack = state.pack_for(batch.bytes, self.pack_bytes, files)?;
        let start = pack.written.load(Ordering::Acquire);
        match batch.write_to(&pack, start) {
            Ok(()) => {
                pack.written.store(start + batch.bytes, Ordering::Release);
                count(&tally.written_bytes, batch.bytes);
                Ok((pack, start))
            }
            Err(error) => {
                let error = Error::from_io(Operation::Append, error).in_pack(pack.pack);
                // A full disk is no fault of the pack: take back what was written of this batch, and go on there
                // when there is room again.
                let undone = error.kind() == ErrorKind::NoSpace && pack.file.set_len(start).is_ok();
                if !undone {
                    state.give_up(&pack, tally);
                }
                Err(error)
            }
        }
    }

    /// Second phase: returns when the pack is on disk up to `end`.
    fn flush(&self, tally: &Tally, pack: &Arc<OpenPack>, end: u64) -> Result<(), Error> {
        let mut flushed = pack.flushed.lock().unwrap_or_else(PoisonError::into_inner);
        if *flushed >= end {
            return Ok(());
        }
        if pack.failed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Io, Operation::Append).in_pack(pack.pack));
        }
        let target = pack.written.load(Ordering::Acquire);
        count(&tally.fsyncs, 1);
        let begun = Instant::now();
        let synced = faults::before_flush().and_then(|()| pack.file.sync_data());
        tally.fsync_times.note(begun.elapsed());
        match synced {
            Ok(()) => {
                *flushed = target;
                Ok(())
            }
            Err(error) => {
                // Order of locks: flush, then writer; nobody takes them the other way round.
                self.state().give_up(pack, tally);
                Err(Error::from_io(Operation::Append, error).in_pack(pack.pack))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change to the state is a single step, made after what it stands for has happened.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The current pack if the batch fits into it, otherwise a new one.
    fn pack_for(&mut self, bytes: u64, pack_bytes: u64, files: &Files) -> Result<Arc<OpenPack>, Error> {
        if let Some(pack) = &self.current {
            let written = pack.written.load(Ordering::Acquire);
            let is_empty = written == PACK_HEAD_BYTES as u64;
            if is_empty || written + bytes <= pack_bytes {
                return Ok(Arc::clone(pack));
            }
        }
        let pack = Arc::new(self.create(files)?);
        self.leave();
        self.current = Some(Arc::clone(&pack));
        Ok(pack)
    }

    fn create(&mut self, files: &Files) -> Result<OpenPack, Error> {
        // Counted first: an id is not used again, whatever becomes of its pack.
        self.newest += 1;
        let pack = PackId(self.newest);
        let fail = |error| Error::from_io(Operation::Append, error).in_pack(pack);
        let file = files.create(pack).map_err(fail)?;
        if let Err(error) = write_all_at(&file, &mut [IoSlice::new(&pack_head(pack))], 0) {
            // Nothing refers to it; should it stay, a scan finds nothing in it.
            let _ = files.remove(pack);
            return Err(fail(error));
        }
        self.newest_file = pack.0;
        let head = PACK_HEAD_BYTES as u64;
        let (written, flushed) = (AtomicU64::new(head), Mutex::new(0));
        Ok(OpenPack { pack, file, written, flushed, failed: AtomicBool::new(false) })
    }

    /// Stops writing to the current pack.
    fn leave(&mut self) {
        self.left.retain(|pack| pack.strong_count() > 0);
        if let Some(pack) = self.current.take() {
            self.left.push(Arc::downgrade(&pack));
        }
    }

    /// Nothing that has not been flushed may be taken as stored in this pack, and nothing more is written to it.
    fn give_up(&mut self, pack: &Arc<OpenPack>, tally: &Tally) {
        if !pack.failed.swap(true, Ordering::AcqRel) {
            count(&tally.failed_packs, 1);
        }
        if self.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, pack)) {
            self.leave();
        }
    }
}

impl<'a> Batch<'a> {
    fn new(records: &'a [Record<'a>], stored: &'a [(Codec, Cow<'a, [u8]>)]) -> Result<Self, Error> {
        let mut frames = Vec::with_capacity(records.len());
        for (record, (codec, bytes)) in records.iter().zip(stored) {
            let stored = Record { entries: record.entries, codec: *codec, bytes };
            frames.push(Frame::new(&stored).map_err(Error::invalid)?);
        }
        let bytes = frames.iter().map(Frame::record_bytes).sum();
        Ok(Self { records, stored, frames, bytes })
    }

    fn write_to(&self, pack: &OpenPack, start: u64) -> io::Result<()> {
        faults::before_write(pack, start)?;
        let heads: Vec<_> = self.frames.iter().map(|frame| frame.head(pack.pack)).collect();
        let mut slices = Vec::with_capacity(3 * heads.len());
        for ((head, (_, bytes)), frame) in heads.iter().zip(self.stored).zip(&self.frames) {
            slices.extend([IoSlice::new(head), IoSlice::new(bytes), IoSlice::new(frame.table())]);
        }
        write_all_at(&pack.file, &mut slices, start)
    }

    fn locate(&self, pack: PackId, start: u64) -> Vec<Located> {
        let mut located = Vec::new();
        let mut offset = start;
        for (record, frame) in self.records.iter().zip(&self.frames) {
            frame.locate(record.entries, pack, offset, &mut located);
            offset += frame.record_bytes();
        }
        located
    }
}

fn write_all_at(file: &File, mut slices: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
    while !slices.is_empty() {
        let some = slices.len().min(SLICES_MAX);
        match rustix::io::pwritev(file, &slices[..some], offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset += written as u64;
                IoSlice::advance_slices(&mut slices, written);
            }
            Err(rustix::io::Errno::INTR) => (),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Failures of the disk, on demand of the tests below; nothing otherwise.
#[cfg(not(test))]
mod faults {
    use super::{OpenPack, io};

    pub(super) fn before_write(_: &OpenPack, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn before_flush() -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod faults;
