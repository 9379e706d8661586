//! From error numbers to the port's errors.

use filesystem::{Error, ErrorKind, Operation, Place};
use rustix::io::Errno;

/// The kind of error that a number stands for.
pub(crate) fn kind(errno: Errno) -> ErrorKind {
    match errno {
        // A parent that is a file or a link: nothing of the replica can be below it.
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => ErrorKind::NotFound,
        Errno::EXIST => ErrorKind::Exists,
        Errno::ISDIR => ErrorKind::Changed,
        Errno::ACCESS | Errno::PERM => ErrorKind::Denied,
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => ErrorKind::NoSpace,
        Errno::ROFS => ErrorKind::ReadOnly,
        Errno::NAMETOOLONG | Errno::ILSEQ => ErrorKind::NameNotPossible,
        Errno::MLINK | Errno::MFILE | Errno::NFILE | Errno::NOMEM => ErrorKind::TooManyLinks,
        Errno::BUSY | Errno::TXTBSY | Errno::AGAIN | Errno::INTR => ErrorKind::Busy,
        Errno::NOTEMPTY => ErrorKind::NotEmpty,
        Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOTTY => ErrorKind::Unsupported,
        Errno::NODEV
        | Errno::NXIO
        | Errno::STALE
        | Errno::NOTCONN
        | Errno::SHUTDOWN
        | Errno::HOSTDOWN
        | Errno::TIMEDOUT => ErrorKind::Offline,
        _ => ErrorKind::Io,
    }
}

/// An error at a place.
pub(crate) fn at(operation: Operation, place: &Place) -> impl Fn(Errno) -> Error + '_ {
    move |errno| Error::at(kind(errno), operation, place).because(std::io::Error::from(errno))
}

/// An error of the replica as a whole.
pub(crate) fn whole(operation: Operation) -> impl Fn(Errno) -> Error {
    move |errno| Error::whole(kind(errno), operation).because(std::io::Error::from(errno))
}
