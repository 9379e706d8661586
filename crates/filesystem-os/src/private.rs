//! The private directory: marker, stage, trash and cookies.

use crate::error;
use filesystem::{Error, ErrorKind, Operation, Result};
use model::ignore::PRIVATE_DIRECTORY;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fsync, mkdirat, openat, renameat, unlinkat};
use rustix::io::{Errno, read, write};

/// The longest marker.
const MARKER_BYTES_MAX: usize = 4096;

/// The open private directory.
#[derive(Debug)]
pub(crate) struct Private {
    pub(crate) stage: OwnedFd,
    pub(crate) trash: OwnedFd,
    pub(crate) cookies: OwnedFd,
    /// Holds the lock: one program at a time works on a replica.
    _marker: OwnedFd,
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open_directory(parent: BorrowedFd<'_>, name: &str) -> std::result::Result<OwnedFd, Errno> {
    openat(parent, name, DIRECTORY, Mode::empty())
}

fn make_directory(parent: BorrowedFd<'_>, name: &str) -> std::result::Result<OwnedFd, Errno> {
    match mkdirat(parent, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => open_directory(parent, name),
        Err(errno) => Err(errno),
    }
}

impl Private {
    /// Opens the private directory of the replica that `marker` names. `Offline` if it is missing or another's.
    pub(crate) fn open(root: BorrowedFd<'_>, marker: &str) -> Result<Self> {
        let offline = |errno: Errno| match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => {
                Error::whole(ErrorKind::Offline, Operation::Open).because(std::io::Error::from(errno))
            }
            errno => error::whole(Operation::Open)(errno),
        };
        let directory = open_directory(root, PRIVATE_DIRECTORY).map_err(offline)?;
        let file = open_marker(directory.as_fd()).map_err(offline)?;
        let found = read_marker(&file).map_err(error::whole(Operation::Open))?;
        if found != marker.as_bytes() {
            return Err(Error::whole(ErrorKind::Offline, Operation::Open)
                .because("the directory's marker names another replica"));
        }
        // `AGAIN`, which is `Busy`: another program works on it.
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(error::whole(Operation::Open))?;
        let make = |name| make_directory(directory.as_fd(), name).map_err(error::whole(Operation::Open));
        Ok(Self { stage: make("stage")?, trash: make("trash")?, cookies: make("cookies")?, _marker: file })
    }

    /// Makes the private directory with its marker, durably. `Exists` if there is one with another marker.
    pub(crate) fn create(root: BorrowedFd<'_>, marker: &str) -> Result<()> {
        if marker.is_empty() || marker.len() > MARKER_BYTES_MAX {
            return Err(
                Error::whole(ErrorKind::Unsupported, Operation::Open).because("no marker, or one too long")
            );
        }
        let failed = error::whole(Operation::Open);
        let directory = make_directory(root, PRIVATE_DIRECTORY).map_err(&failed)?;
        match open_marker(directory.as_fd()) {
            Ok(file) if read_marker(&file).map_err(&failed)? == marker.as_bytes() => return Ok(()),
            Ok(_) => {
                return Err(Error::whole(ErrorKind::Exists, Operation::Open)
                    .because("the directory is a replica of something else already"));
            }
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
        write_marker(directory.as_fd(), marker).map_err(&failed)?;
        fsync(&directory).and_then(|()| fsync(open_directory(root, ".")?)).map_err(&failed)
    }

    /// What the marker beneath a root says now.
    pub(crate) fn marker(root: BorrowedFd<'_>) -> std::result::Result<Vec<u8>, Errno> {
        let directory = open_directory(root, PRIVATE_DIRECTORY)?;
        read_marker(&open_marker(directory.as_fd())?)
    }
}

fn open_marker(directory: BorrowedFd<'_>) -> std::result::Result<OwnedFd, Errno> {
    openat(directory, "marker", OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn read_marker(file: &OwnedFd) -> std::result::Result<Vec<u8>, Errno> {
    let mut marker = vec![0; MARKER_BYTES_MAX + 1];
    let mut length = 0;
    while length < marker.len() {
        match read(file, &mut marker[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    marker.truncate(length);
    Ok(marker)
}

fn write_marker(directory: BorrowedFd<'_>, marker: &str) -> std::result::Result<(), Errno> {
    match unlinkat(directory, "marker.new", AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = openat(directory, "marker.new", flags, Mode::RUSR | Mode::WUSR)?;
    let mut rest = marker.as_bytes();
    while !rest.is_empty() {
        match write(&file, rest) {
            Ok(count) => rest = &rest[count..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    fsync(&file)?;
    renameat(directory, "marker.new", directory, "marker")
}
