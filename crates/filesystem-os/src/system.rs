//! The two system calls that no safe wrapper covers: file handles and leases.

#![allow(unsafe_code, reason = "there is no safe wrapper of these calls")]

use rustix::fd::{AsFd, AsRawFd as _, BorrowedFd};
use rustix::io::Errno;
use std::ffi::CStr;
use std::mem::{offset_of, size_of};

/// The largest handle the system makes (`MAX_HANDLE_SZ`).
const HANDLE_BYTES_MAX: usize = 128;

/// `struct file_handle` with room for any handle.
#[repr(C)]
struct FileHandle {
    head: libc::file_handle,
    bytes: [u8; HANDLE_BYTES_MAX],
}

const _: () = assert!(offset_of!(FileHandle, bytes) == size_of::<libc::file_handle>());

/// The handle of what a directory holds under a name, or, with an empty name, of the descriptor's own node; its type
/// comes first. Links are not followed.
pub(crate) fn handle(directory: BorrowedFd<'_>, name: &CStr) -> Result<Box<[u8]>, Errno> {
    let mut handle = FileHandle {
        head: libc::file_handle { handle_bytes: HANDLE_BYTES_MAX as u32, handle_type: 0, f_handle: [] },
        bytes: [0; HANDLE_BYTES_MAX],
    };
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
    if result != 0 {
        return Err(last_error());
    }
    let length = (handle.head.handle_bytes as usize).min(HANDLE_BYTES_MAX);
    let mut bytes = Vec::with_capacity(length + 1);
    bytes.push(handle.head.handle_type as u8);
    bytes.extend_from_slice(&handle.bytes[..length]);
    Ok(bytes.into())
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
