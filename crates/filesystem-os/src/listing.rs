//! Listing directories.

use crate::beneath::Beneath;
use crate::node;
use filesystem::{ErrorKind, Listing, Unseen};
use model::{Entry, EntryKind, Fingerprint, Name, Timestamp};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;
use std::ffi::CStr;

/// The system fills at most this much in one call; enough for about 1,000 names.
const BUFFER_BYTES: usize = 64 << 10;

/// What was seen of a name the last time.
pub(crate) type Known<'a> = &'a dyn Fn(&Name) -> Option<Fingerprint>;

/// Calls for every name of an open directory but `.` and `..`, with what the directory itself says of its kind.
pub(crate) fn each(directory: &OwnedFd, mut call: impl FnMut(&CStr, FileType)) -> Result<(), Errno> {
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Err(Errno::INTR) => continue,
            entry => entry?,
        };
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            call(entry.file_name(), entry.file_type());
        }
    }
    Ok(())
}

/// What an open directory holds but for `hidden` names, sorted.
pub(crate) fn list(
    beneath: &Beneath,
    directory: &OwnedFd,
    hidden: impl Fn(&[u8]) -> bool,
    known: Option<Known<'_>>,
) -> Result<Listing, Errno> {
    let mut listing = Listing::default();
    let known = known.map(|known| (known, just_now()));
    each(directory, |bytes, _| {
        if hidden(bytes.to_bytes()) {
            return;
        }
        let Ok(name) = Name::from_disk(bytes.to_bytes()) else {
            listing.unseen.push(unseen(bytes, None, ErrorKind::NameNotPossible));
            return;
        };
        match look(beneath, directory, bytes, &name, known) {
            Ok((kind, fingerprint)) => listing.entries.push(Entry { name, kind, fingerprint }),
            // Gone since the directory was read.
            Err(Errno::NOENT) => {}
            Err(errno) => listing.unseen.push(unseen(bytes, Some(name), crate::error::kind(errno))),
        }
    })?;
    listing.entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(listing)
}

/// What was changed before this moment has another ctime if it is changed once more: the system's clock ticks at
/// least a hundred times a second.
fn just_now() -> Timestamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Timestamp::from_parts(now.tv_sec - 2, now.tv_nsec as u32)
}

fn unseen(bytes: &CStr, name: Option<Name>, kind: ErrorKind) -> Unseen {
    Unseen { bytes: bytes.to_bytes().into(), name, kind }
}

/// Asking for the handle takes as long as asking for all the rest. It is not asked for again where the node is
/// certainly the one that was known: the same inode number, unchanged since before now.
fn look(
    beneath: &Beneath,
    directory: &OwnedFd,
    bytes: &CStr,
    name: &Name,
    known: Option<(Known<'_>, Timestamp)>,
) -> Result<(EntryKind, Fingerprint), Errno> {
    if let Some((known, settled)) = known
        && let Some(known) = known(name)
        && known.ctime < settled
        && let Some(inode) = node::inode_of(&known.handle)
    {
        let stat = node::stat(directory.as_fd(), bytes)?;
        let is_link = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Symlink;
        if stat.stx_ino == inode && node::timestamp(stat.stx_ctime) == known.ctime && !is_link {
            let kind = node::kind(beneath, &stat, Box::default());
            return Ok((kind, node::fingerprint(&stat, known.handle)));
        }
    }
    node::look(beneath, directory.as_fd(), bytes)
}
