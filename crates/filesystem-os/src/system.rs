//! The system calls that no safe wrapper covers: file handles, leases and fanotify.

#![allow(unsafe_code, reason = "there is no safe wrapper of these calls")]

use rustix::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::ffi::CStr;
use std::mem::{offset_of, size_of};

/// The largest handle the system makes (`MAX_HANDLE_SZ`).
const HANDLE_BYTES_MAX: usize = 128;

/// `struct file_handle` with room for any handle.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct FileHandle {
    head: libc::file_handle,
    bytes: [u8; HANDLE_BYTES_MAX],
}

const _: () = assert!(offset_of!(FileHandle, bytes) == size_of::<libc::file_handle>());

/// A node's handle, as the system writes it: what kind of handle it is, and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HandleRef<'h> {
    pub(crate) kind: i32,
    pub(crate) bytes: &'h [u8],
}

impl FileHandle {
    fn empty() -> Self {
        Self {
            head: libc::file_handle { handle_bytes: HANDLE_BYTES_MAX as u32, handle_type: 0, f_handle: [] },
            bytes: [0; HANDLE_BYTES_MAX],
        }
    }

    /// The handle without the room behind it.
    pub(crate) fn as_ref(&self) -> HandleRef<'_> {
        let length = (self.head.handle_bytes as usize).min(HANDLE_BYTES_MAX);
        HandleRef { kind: self.head.handle_type, bytes: &self.bytes[..length] }
    }
}

/// The handle of what a directory holds under a name, or, with an empty name, of the descriptor's own node, and the
/// mount it is in. Links are not followed.
pub(crate) fn name_to_handle(
    directory: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(FileHandle, libc::c_int), Errno> {
    let mut handle = FileHandle::empty();
    let mut mount = 0;
    let flags = if name.is_empty() { libc::AT_EMPTY_PATH } else { 0 };
    // SAFETY: the descriptor is open and the name ends with NUL for the time of the call; `handle` has as many bytes
    // behind its head as the head says, at the place where the system writes them, and `mount` is a whole int.
    let result = unsafe {
        libc::name_to_handle_at(
            directory.as_raw_fd(),
            name.as_ptr(),
            (&raw mut handle).cast::<libc::file_handle>(),
            &raw mut mount,
            flags,
        )
    };
    if result == 0 { Ok((handle, mount)) } else { Err(last_error()) }
}

/// The handle of what a directory holds under a name, or, with an empty name, of the descriptor's own node; its type
/// comes first. Links are not followed.
pub(crate) fn handle(directory: BorrowedFd<'_>, name: &CStr) -> Result<Box<[u8]>, Errno> {
    let (handle, _) = name_to_handle(directory, name)?;
    let HandleRef { kind, bytes } = handle.as_ref();
    let mut all = Vec::with_capacity(bytes.len() + 1);
    all.push(kind as u8);
    all.extend_from_slice(bytes);
    Ok(all.into())
}

/// Opens the node that a handle names, wherever it is by now, in the file system that `mount` is open in. `STALE` if it
/// is gone. Needs the capability `DAC_READ_SEARCH`.
pub(crate) fn open_by_handle(
    mount: BorrowedFd<'_>,
    handle: HandleRef<'_>,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let length = handle.bytes.len();
    if length > HANDLE_BYTES_MAX {
        return Err(Errno::INVAL);
    }
    let mut whole = FileHandle::empty();
    whole.head.handle_bytes = length as u32;
    whole.head.handle_type = handle.kind;
    whole.bytes[..length].copy_from_slice(handle.bytes);
    let flags = (flags | OFlags::CLOEXEC).bits() as libc::c_int;
    // SAFETY: the descriptor is open for the time of the call, and `whole` has as many bytes behind its head as the
    // head says.
    let result = unsafe {
        libc::open_by_handle_at(mount.as_raw_fd(), (&raw mut whole).cast::<libc::file_handle>(), flags)
    };
    if result < 0 {
        return Err(last_error());
    }
    // SAFETY: the system has just opened it for us, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(result) })
}

/// A read lease on a file: while it is held, no program has the file open for writing, and one that tries to open it
/// so waits until the lease is gone.
#[derive(Debug)]
pub(crate) struct Lease<'fd> {
    file: BorrowedFd<'fd>,
}

impl<'fd> Lease<'fd> {
    /// Takes a lease on a file open for reading only. `AGAIN` if a program has it open for writing.
    pub(crate) fn take(file: &'fd impl AsFd) -> Result<Self, Errno> {
        let file = file.as_fd();
        // The system tells of a program that waits by a signal. The usual one would end the process; this one is
        // ignored unless somebody asks for it.
        fcntl(file, libc::F_SETSIG, libc::SIGURG)?;
        fcntl(file, libc::F_SETLEASE, libc::F_RDLCK)?;
        Ok(Self { file })
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // It would end with the descriptor anyway.
        let _ = fcntl(self.file, libc::F_SETLEASE, libc::F_UNLCK);
    }
}

/// How many events the system keeps until they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventQueue {
    /// All of them.
    Unbounded,
    /// As many as `fs.fanotify.max_queued_events` says; more are told as an overflow.
    System,
}

/// Everything that can change what a look or a listing shows.
const FANOTIFY_EVENTS: u64 = libc::FAN_CREATE
    | libc::FAN_DELETE
    | libc::FAN_RENAME
    | libc::FAN_MODIFY
    | libc::FAN_CLOSE_WRITE
    | libc::FAN_ATTRIB
    | libc::FAN_ONDIR;

/// A new fanotify group, from which events are read. They name a node by its handle, and by its name in a directory that is named
/// by its handle. `INVAL` before Linux 5.17, `PERM` without the capability `SYS_ADMIN`.
pub(crate) fn fanotify_group(queue: EventQueue) -> Result<OwnedFd, Errno> {
    let flags = libc::FAN_CLASS_NOTIF
        | libc::FAN_CLOEXEC
        | libc::FAN_NONBLOCK
        | libc::FAN_REPORT_DFID_NAME_TARGET
        | match queue {
            EventQueue::Unbounded => libc::FAN_UNLIMITED_QUEUE,
            EventQueue::System => 0,
        };
    // SAFETY: it takes two numbers and touches no memory.
    let result = unsafe { libc::fanotify_init(flags, libc::O_RDONLY as libc::c_uint) };
    if result < 0 {
        return Err(last_error());
    }
    // SAFETY: the system has just opened it for us, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(result) })
}

/// Lets a group be told of everything that changes in the file system of an open directory.
pub(crate) fn mark_file_system(group: &OwnedFd, directory: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM;
    // SAFETY: both descriptors are open and the path ends with NUL for the time of the call.
    let result = unsafe {
        libc::fanotify_mark(group.as_raw_fd(), flags, FANOTIFY_EVENTS, directory.as_raw_fd(), c".".as_ptr())
    };
    if result == 0 { Ok(()) } else { Err(last_error()) }
}

/// `F_SETSIG`, which libc lacks for most targets.
mod libc {
    pub(super) use ::libc::*;
    pub(super) const F_SETSIG: c_int = 10;
}

fn fcntl(file: BorrowedFd<'_>, command: libc::c_int, argument: libc::c_int) -> Result<(), Errno> {
    // SAFETY: the descriptor is open for the time of the call, and both commands take an int and touch no memory.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
    if result < 0 { Err(last_error()) } else { Ok(()) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
