//! What a new file takes over: from the one it replaces, or from the directory it comes into.

use crate::file::set_mode;
use crate::node;
use rustix::fd::BorrowedFd;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Uid, XattrFlags, chownat, fchown, fgetxattr, flistxattr, fsetxattr,
    openat,
};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::CStr;

/// The longest list of extended attributes, and the longest value, that are taken over.
const XATTR_BYTES_MAX: usize = 64 << 10;

/// Gives `file` the owner, the extended attributes and the permissions of `like`, as far as the system allows, but
/// for the executable bits.
pub(crate) fn dress(file: &OwnedFd, like: &OwnedFd) -> Result<(), Errno> {
    let ours = node::stat(file.as_fd(), c"")?;
    let theirs = node::stat(like.as_fd(), c"")?;
    if (ours.stx_uid, ours.stx_gid) != (theirs.stx_uid, theirs.stx_gid) {
        // Only root may give files away; anybody else's stay their own.
        let _ = fchown(file, Some(Uid::from_raw(theirs.stx_uid)), Some(Gid::from_raw(theirs.stx_gid)));
    }
    copy_xattrs(file, like);
    set_mode(file, merge_modes(ours.stx_mode.into(), theirs.stx_mode.into()))
}

/// `theirs`, but executable only if ours is.
fn merge_modes(ours: u32, theirs: u32) -> u32 {
    match (ours & 0o100 != 0, theirs & 0o100 != 0) {
        (true, true) => theirs & 0o777,
        (true, false) => (theirs & 0o666) | 0o100 | (theirs & 0o444) >> 2,
        (false, _) => theirs & 0o666,
    }
}

/// Takes over what a user can set: `user.*` and access control lists. What cannot be taken over is left.
fn copy_xattrs(file: &OwnedFd, like: &OwnedFd) {
    let mut names = vec![0; XATTR_BYTES_MAX];
    let Ok(length) = flistxattr(like, &mut names[..]) else { return };
    let mut value = Vec::new();
    for name in names[..length].split(|byte| *byte == 0) {
        if !name.starts_with(b"user.") && name != b"system.posix_acl_access" {
            continue;
        }
        value.resize(XATTR_BYTES_MAX, 0);
        if let Ok(length) = fgetxattr(like, name, &mut value[..]) {
            let _ = fsetxattr(file, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// What root makes for others is theirs: gives a new node in a directory that is not root's the directory's owner and
/// group, and permits with it what the directory permits. Anybody else's new nodes are their own already. What the
/// system does not allow is left.
pub(crate) fn hand_over(directory: BorrowedFd<'_>, parent: BorrowedFd<'_>, name: &CStr) {
    if !geteuid().is_root() {
        return;
    }
    let Ok(above) = node::stat(parent, c"") else { return };
    if (above.stx_uid, above.stx_gid) == (0, 0) {
        return;
    }
    let (owner, group) = (Uid::from_raw(above.stx_uid), Gid::from_raw(above.stx_gid));
    let _ = chownat(directory, name, Some(owner), Some(group), AtFlags::SYMLINK_NOFOLLOW);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(node) = openat(directory, name, flags, Mode::empty()) else { return };
    let Ok(ours) = node::stat(node.as_fd(), c"") else { return };
    let allowed: u32 = above.stx_mode.into();
    let mode = match FileType::from_raw_mode(ours.stx_mode.into()) {
        FileType::Directory => allowed & 0o2777,
        FileType::RegularFile => merge_modes(ours.stx_mode.into(), allowed & 0o666),
        _ => return,
    };
    let _ = set_mode(&node, mode);
}

#[cfg(test)]
mod tests {
    use super::merge_modes;

    #[test]
    fn permissions_are_kept_and_the_executable_bit_is_the_new_one() {
        assert_eq!(merge_modes(0o644, 0o600), 0o600);
        assert_eq!(merge_modes(0o755, 0o600), 0o700);
        assert_eq!(merge_modes(0o644, 0o755), 0o644);
        assert_eq!(merge_modes(0o755, 0o750), 0o750);
        assert_eq!(merge_modes(0o755, 0o640), 0o750);
    }
}
