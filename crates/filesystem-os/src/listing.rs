//! Listing directories.

use crate::beneath::Beneath;
use crate::node;
use filesystem::{ErrorKind, Listing, Unseen};
use model::{Entry, EntryKind, Fingerprint, Name};
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

fn unseen(bytes: &CStr, name: Option<Name>, kind: ErrorKind) -> Unseen {
    Unseen { bytes: bytes.to_bytes().into(), name, kind }
}

fn look(
    beneath: &Beneath,
    directory: &OwnedFd,
    bytes: &CStr,
    name: &Name,
    known: Option<Known<'_>>,
) -> Result<(EntryKind, Fingerprint), Errno> {
    let _ = (name, known);
    node::look(beneath, directory.as_fd(), bytes)
}
