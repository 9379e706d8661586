//! Files open for reading, and files in the stage.

use crate::error::at;
use crate::node;
use filesystem::{ErrorKind, Operation, Place, ReadFile, Result, Staged, StagedFile, StagedId};
use model::{Fingerprint, Timestamp};
use rustix::fd::OwnedFd;
use rustix::fs::{
    FallocateFlags, Mode, Timespec, Timestamps, copy_file_range, fallocate, fchmod, ftruncate, futimens,
};
use rustix::io::{Errno, pread, pwrite};
use std::any::Any;

/// How much is copied at once where the system cannot copy by itself.
const COPY_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct OsReadFile {
    pub(crate) file: OwnedFd,
    pub(crate) place: Place,
}

/// Reads until the buffer is full or the file ends.
fn read_fully(file: &OwnedFd, offset: u64, buffer: &mut [u8]) -> std::result::Result<usize, Errno> {
    let mut length = 0;
    while length < buffer.len() {
        match pread(file, &mut buffer[length..], offset + length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(length)
}

fn write_fully(file: &OwnedFd, mut offset: u64, mut bytes: &[u8]) -> std::result::Result<(), Errno> {
    while !bytes.is_empty() {
        match pwrite(file, bytes, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

impl ReadFile for OsReadFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        read_fully(&self.file, offset, buffer).map_err(at(Operation::Read, &self.place))
    }

    fn fingerprint(&mut self) -> Result<Fingerprint> {
        let (_, fingerprint) = node::look_open(&self.file).map_err(at(Operation::Look, &self.place))?;
        Ok(fingerprint)
    }
}

#[derive(Debug)]
pub(crate) struct OsStagedFile {
    pub(crate) file: OwnedFd,
    pub(crate) id: StagedId,
}

impl OsStagedFile {
    fn failed(&self, operation: Operation) -> impl Fn(Errno) -> filesystem::Error + use<> {
        let place = Place::Staged(self.id);
        move |errno| at(operation, &place)(errno)
    }

    /// Copies within the system; none where it cannot.
    fn copy_inside(
        &self,
        offset: u64,
        source: &OwnedFd,
        from: u64,
        length: u64,
    ) -> std::result::Result<Option<u64>, Errno> {
        let (mut from, mut to, mut copied) = (from, offset, 0);
        while copied < length {
            let wanted = usize::try_from(length - copied).unwrap_or(usize::MAX).min(1 << 30);
            match copy_file_range(source, Some(&mut from), &self.file, Some(&mut to), wanted) {
                Ok(0) => break,
                Ok(count) => copied += count as u64,
                Err(Errno::INTR) => {}
                Err(Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM)
                    if copied == 0 =>
                {
                    return Ok(None);
                }
                Err(errno) => return Err(errno),
            }
        }
        Ok(Some(copied))
    }
}

impl StagedFile for OsStagedFile {
    fn id(&self) -> StagedId {
        self.id
    }

    fn size(&mut self) -> Result<u64> {
        let (_, fingerprint) = node::look_open(&self.file).map_err(self.failed(Operation::Look))?;
        Ok(fingerprint.size)
    }

    fn reserve(&mut self, size: u64) -> Result<()> {
        if size == 0 {
            return Ok(());
        }
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, size) {
            // Where room cannot be reserved, writing tells.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(errno) => Err(self.failed(Operation::Reserve)(errno)),
        }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        write_fully(&self.file, offset, bytes).map_err(self.failed(Operation::Write))
    }

    fn copy_at(&mut self, offset: u64, source: &mut dyn ReadFile, from: u64, length: u64) -> Result<u64> {
        if let Some(source) = (source as &dyn Any).downcast_ref::<OsReadFile>() {
            let copied = self.copy_inside(offset, &source.file, from, length);
            if let Some(copied) = copied.map_err(self.failed(Operation::Copy))? {
                return Ok(copied);
            }
        }
        let mut buffer = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(COPY_BYTES)];
        let mut copied = 0;
        while copied < length {
            let wanted = usize::try_from(length - copied).unwrap_or(usize::MAX).min(buffer.len());
            let read = source.read_at(from + copied, &mut buffer[..wanted])?;
            if read == 0 {
                break;
            }
            self.write_at(offset + copied, &buffer[..read])?;
            copied += read as u64;
        }
        Ok(copied)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        read_fully(&self.file, offset, buffer).map_err(self.failed(Operation::Read))
    }

    fn finish(self: Box<Self>, size: u64, mtime: Timestamp, executable: bool) -> Result<Staged> {
        let finish = || {
            let stat = node::stat(rustix::fd::AsFd::as_fd(&self.file), c"")?;
            if stat.stx_size != size {
                ftruncate(&self.file, size)?;
            }
            if executable {
                let mode = u32::from(stat.stx_mode) & 0o777;
                set_mode(&self.file, mode | 0o100 | (mode & 0o444) >> 2)?;
            }
            set_mtime(&self.file, mtime)?;
            node::look_open(&self.file)
        };
        let (_, fingerprint) = finish().map_err(self.failed(Operation::Write))?;
        Ok(Staged { id: self.id, fingerprint })
    }
}

/// Sets permissions; a file system without them is left as it is.
pub(crate) fn set_mode(file: &OwnedFd, mode: u32) -> std::result::Result<(), Errno> {
    match fchmod(file, Mode::from_raw_mode(mode)) {
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        result => result,
    }
}

pub(crate) fn times(mtime: Timestamp) -> Timestamps {
    let (seconds, nanoseconds) = mtime.parts();
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() },
    }
}

pub(crate) fn set_mtime(file: &OwnedFd, mtime: Timestamp) -> std::result::Result<(), Errno> {
    futimens(file, &times(mtime))
}

/// Whether an open node is a regular file.
pub(crate) fn check_is_file(file: &OwnedFd, operation: Operation, place: &Place) -> Result<()> {
    let stat = node::stat(rustix::fd::AsFd::as_fd(file), c"").map_err(at(operation, place))?;
    if rustix::fs::FileType::from_raw_mode(stat.stx_mode.into()) == rustix::fs::FileType::RegularFile {
        Ok(())
    } else {
        Err(filesystem::Error::at(ErrorKind::Changed, operation, place))
    }
}
