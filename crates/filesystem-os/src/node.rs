//! What the system tells of a node.

use crate::beneath::Beneath;
use crate::system;
use model::{EntryKind, Fingerprint, Handle, Timestamp};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Statx, StatxAttributes, StatxFlags, StatxTimestamp, openat, readlinkat,
    statx,
};
use rustix::io::Errno;
use std::ffi::CStr;

/// The type of a handle that the system did not make: inode number and time of birth.
const HANDLE_BY_BIRTH: u8 = 0xff;
/// `FILEID_INO32_GEN`: 32 bits of inode number, then the generation.
const HANDLE_BY_INODE_32: u8 = 1;
/// `XFS_FILEID_INO64_GEN`: 64 bits of inode number, then the generation.
const HANDLE_OF_XFS: u8 = 0x81;
/// `FILEID_BTRFS_WITHOUT_PARENT`: 64 bits of inode number, then subvolume and generation.
const HANDLE_OF_BTRFS: u8 = 0x4d;

/// How often a node that is replaced while it is looked at is looked at again.
const ATTEMPTS: u32 = 10;

pub(crate) fn stat(directory: BorrowedFd<'_>, name: &CStr) -> Result<Statx, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let flags = if name.is_empty() { flags | AtFlags::EMPTY_PATH } else { flags };
    statx(directory, name, flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME)
}

/// A node's kind and fingerprint by its name in a directory. Both belong to one node, and a link's target, too.
pub(crate) fn look(
    beneath: &Beneath,
    directory: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(EntryKind, Fingerprint), Errno> {
    for _ in 0..ATTEMPTS {
        let stat = stat(directory, name)?;
        let handle = handle(directory, name, &stat)?;
        // A handle that shows the inode number proves that it is of the node that was just asked about. Otherwise,
        // and for links, the node is held by a descriptor.
        let is_link = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Symlink;
        if !is_link && inode_of(&handle).is_some_and(|inode| inode == stat.stx_ino) {
            return Ok((kind(beneath, &stat, Box::default()), fingerprint(&stat, handle)));
        }
        if let Some(looked) = look_held(beneath, directory, name)? {
            return Ok(looked);
        }
    }
    Err(Errno::AGAIN)
}

/// The same, by a descriptor of the node itself; none if it could not be held.
fn look_held(
    beneath: &Beneath,
    directory: BorrowedFd<'_>,
    name: &CStr,
) -> Result<Option<(EntryKind, Fingerprint)>, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let node = match openat(directory, name, flags, Mode::empty()) {
        Ok(node) => node,
        Err(Errno::INTR) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let stat = stat(node.as_fd(), c"")?;
    let handle = handle(node.as_fd(), c"", &stat)?;
    let is_link = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Symlink;
    let target =
        if is_link { readlinkat(&node, c"", Vec::new())?.into_bytes().into() } else { Box::default() };
    Ok(Some((kind(beneath, &stat, target), fingerprint(&stat, handle))))
}

/// An open node's fingerprint.
pub(crate) fn look_open(node: &impl AsFd) -> Result<(Statx, Fingerprint), Errno> {
    let stat = stat(node.as_fd(), c"")?;
    let handle = handle(node.as_fd(), c"", &stat)?;
    let fingerprint = fingerprint(&stat, handle);
    Ok((stat, fingerprint))
}

pub(crate) fn kind(beneath: &Beneath, stat: &Statx, target: Box<[u8]>) -> EntryKind {
    let is_mount = stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)
        || (stat.stx_dev_major, stat.stx_dev_minor) != beneath.device();
    match FileType::from_raw_mode(stat.stx_mode.into()) {
        _ if is_mount => EntryKind::OtherFileSystem,
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link { target },
        _ => EntryKind::Special,
    }
}

pub(crate) fn fingerprint(stat: &Statx, handle: Handle) -> Fingerprint {
    let is_file = FileType::from_raw_mode(stat.stx_mode.into()) == FileType::RegularFile;
    Fingerprint {
        handle,
        size: if is_file { stat.stx_size } else { 0 },
        mtime: timestamp(stat.stx_mtime),
        ctime: timestamp(stat.stx_ctime),
        executable: is_file && stat.stx_mode & 0o100 != 0,
    }
}

pub(crate) fn timestamp(time: StatxTimestamp) -> Timestamp {
    Timestamp::from_parts(time.tv_sec, time.tv_nsec)
}

/// The system's handle, or, where the file system has none, one of inode number and birth.
pub(crate) fn handle(directory: BorrowedFd<'_>, name: &CStr, stat: &Statx) -> Result<Handle, Errno> {
    match system::handle(directory, name) {
        Ok(bytes) => Ok(Handle(bytes)),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::OVERFLOW) => {
            let mut bytes = vec![HANDLE_BY_BIRTH];
            bytes.extend_from_slice(&stat.stx_ino.to_ne_bytes());
            bytes.extend_from_slice(&timestamp(stat.stx_btime).0.to_le_bytes());
            Ok(Handle(bytes.into()))
        }
        Err(errno) => Err(errno),
    }
}

/// Whether a handle is the system's own.
pub(crate) fn is_from_system(handle: &Handle) -> bool {
    handle.0.first() != Some(&HANDLE_BY_BIRTH)
}

/// The inode number that a handle shows, if it does.
pub(crate) fn inode_of(handle: &Handle) -> Option<u64> {
    let (kind, bytes) = handle.0.split_first()?;
    match (*kind, bytes.len()) {
        // Memory file systems use the same type otherwise, with more bytes.
        (HANDLE_BY_INODE_32, 8) => Some(u64::from(u32::from_ne_bytes(bytes[..4].try_into().ok()?))),
        (HANDLE_OF_XFS | HANDLE_OF_BTRFS | HANDLE_BY_BIRTH, 8..) => {
            Some(u64::from_ne_bytes(bytes[..8].try_into().ok()?))
        }
        _ => None,
    }
}
