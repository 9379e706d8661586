//! Files open for reading, and files in the stage.

use crate::error::at;
use crate::node;
use filesystem::{ErrorKind, Operation, Place, ReadFile, Result, Staged, StagedFile, StagedId};
use model::{Fingerprint, Handle, Timestamp};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{
    FallocateFlags, Mode, Timespec, Timestamps, copy_file_range, fallocate, fchmod, ftruncate, futimens,
};
use rustix::io::{Errno, pread, pwrite};
use std::any::Any;

/// How much is copied at once where the system cannot copy by itself.
const COPY_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct OsReadFile {
    file: OwnedFd,
    /// An open file stays the same node.
    handle: Handle,
    place: Place,
}

impl OsReadFile {
    pub(crate) fn new(file: OwnedFd, place: &Place) -> Result<Self> {
        let (_, fingerprint) = node::look_open(&file).map_err(at(Operation::Open, place))?;
        Ok(Self { file, handle: fingerprint.handle, place: place.clone() })
    }
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
        let stat = node::stat(self.file.as_fd(), c"").map_err(at(Operation::Look, &self.place))?;
        Ok(node::fingerprint(&stat, self.handle.clone()))
    }
}

#[derive(Debug)]
pub(crate) struct OsStagedFile {
    pub(crate) file: OwnedFd,
    pub(crate) id: StagedId,
    /// How many bytes it has, if that is known.
    pub(crate) size: Option<u64>,
}

impl OsStagedFile {
    fn grow_to(&mut self, end: u64) {
        self.size = self.size.map(|size| size.max(end));
    }

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
        if bytes.is_empty() {
            return Ok(());
        }
        self.grow_to(offset.saturating_add(bytes.len() as u64));
        write_fully(&self.file, offset, bytes).map_err(|errno| {
            // Some of it may have been written.
            self.size = None;
            self.failed(Operation::Write)(errno)
        })
    }

    fn copy_at(&mut self, offset: u64, source: &mut dyn ReadFile, from: u64, length: u64) -> Result<u64> {
        if let Some(source) = (source as &dyn Any).downcast_ref::<OsReadFile>() {
            // How much is copied is told only afterwards, and not at all where it fails midway.
            self.size = None;
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
            if self.size != Some(size) {
                ftruncate(&self.file, size)?;
            }
            if executable {
                let mode = u32::from(node::stat(self.file.as_fd(), c"")?.stx_mode) & 0o777;
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
    let stat = node::stat(file.as_fd(), c"").map_err(at(operation, place))?;
    if rustix::fs::FileType::from_raw_mode(stat.stx_mode.into()) == rustix::fs::FileType::RegularFile {
        Ok(())
    } else {
        Err(filesystem::Error::at(ErrorKind::Changed, operation, place))
    }
}
