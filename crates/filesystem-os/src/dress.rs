//! What a new file takes over from the one it replaces.

use crate::file::set_mode;
use crate::node;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Gid, Uid, XattrFlags, fchown, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

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
