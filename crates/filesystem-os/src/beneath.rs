//! Resolving paths beneath the root.

use model::{Name, RelativePath};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags, openat, openat2, statx};
use rustix::io::Errno;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a resolution that a concurrent rename disturbed is tried.
const ATTEMPTS: u32 = 100;

/// The root's open directory, from which everything is resolved.
#[derive(Debug)]
pub(crate) struct Beneath {
    root: OwnedFd,
    device: (u32, u32),
    /// Linux before 5.6, or a sandbox that does not know the call.
    lacks_openat2: AtomicBool,
}

/// A directory open for the time of a call, or one that stays open.
#[derive(Debug)]
pub(crate) enum Directory<'a> {
    Opened(OwnedFd),
    Kept(BorrowedFd<'a>),
}

impl AsFd for Directory<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Opened(fd) => fd.as_fd(),
            Self::Kept(fd) => *fd,
        }
    }
}

impl Beneath {
    pub(crate) fn new(root: OwnedFd) -> Result<Self, Errno> {
        let stat = statx(&root, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        let device = (stat.stx_dev_major, stat.stx_dev_minor);
        Ok(Self { root, device, lacks_openat2: AtomicBool::new(false) })
    }

    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    pub(crate) fn device(&self) -> (u32, u32) {
        self.device
    }

    /// Opens what stands at a path, itself if it is a link (which fails with `LOOP` but for `O_PATH`).
    pub(crate) fn open(&self, names: &[Name], flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        if !self.lacks_openat2.load(Ordering::Relaxed) {
            match self.open_at_once(names, flags) {
                Err(Errno::NOSYS) => self.lacks_openat2.store(true, Ordering::Relaxed),
                result => return result,
            }
        }
        self.open_one_by_one(names, flags)
    }

    /// Opens a directory to name things in, not to read it.
    pub(crate) fn directory(&self, names: &[Name]) -> Result<Directory<'_>, Errno> {
        if names.is_empty() {
            return Ok(Directory::Kept(self.root.as_fd()));
        }
        self.open(names, OFlags::PATH | OFlags::DIRECTORY).map(Directory::Opened)
    }

    /// The directory that holds a path's last name, and that name; none for the root.
    pub(crate) fn parent<'a>(
        &'a self,
        path: &RelativePath,
    ) -> Result<Option<(Directory<'a>, Vec<u8>)>, Errno> {
        let Some((name, parents)) = path.names().split_last() else { return Ok(None) };
        Ok(Some((self.directory(parents)?, name.to_disk())))
    }

    fn open_at_once(&self, names: &[Name], flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut path = Vec::new();
        for name in names {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name.to_disk());
        }
        if path.is_empty() {
            path.push(b'.');
        }
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV;
        for _ in 0..ATTEMPTS {
            match openat2(&self.root, path.as_slice(), flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                result => return result,
            }
        }
        Err(Errno::AGAIN)
    }

    fn open_one_by_one(&self, names: &[Name], flags: OFlags) -> Result<OwnedFd, Errno> {
        let Some((last, parents)) = names.split_last() else {
            return openat(&self.root, c".", flags, Mode::empty());
        };
        let mut at = Directory::Kept(self.root.as_fd());
        for name in parents {
            let next = openat(
                &at,
                name.to_disk(),
                OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
            self.check_device(&next)?;
            at = Directory::Opened(next);
        }
        let opened = openat(&at, last.to_disk(), flags, Mode::empty())?;
        self.check_device(&opened)?;
        Ok(opened)
    }

    fn check_device(&self, fd: &OwnedFd) -> Result<(), Errno> {
        let stat = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        if (stat.stx_dev_major, stat.stx_dev_minor) == self.device { Ok(()) } else { Err(Errno::XDEV) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn names(path: &str) -> Vec<Name> {
        RelativePath::parse(path).unwrap().names().to_vec()
    }

    #[test]
    fn nothing_is_opened_through_a_link_with_or_without_openat2() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("root/a/b")).unwrap();
        fs::create_dir(at("outside")).unwrap();
        fs::write(at("outside/x"), b"secret").unwrap();
        fs::write(at("root/a/b/x"), b"mine").unwrap();
        symlink(at("outside"), at("root/absolute")).unwrap();
        symlink("../outside", at("root/relative")).unwrap();
        symlink("a", at("root/inside")).unwrap();
        symlink("../../../outside/x", at("root/a/b/file")).unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, at("root"), flags, Mode::empty()).unwrap();
        let beneath = Beneath::new(root).unwrap();
        for lacks_openat2 in [false, true] {
            beneath.lacks_openat2.store(lacks_openat2, Ordering::Relaxed);
            assert!(beneath.open(&names("a/b/x"), OFlags::RDONLY).is_ok());
            assert!(beneath.open(&[], OFlags::RDONLY | OFlags::DIRECTORY).is_ok());
            for bad in ["absolute/x", "relative/x", "inside/b/x", "a/b/file", "a/b/none", "a/b/x/y"] {
                let errno = beneath.open(&names(bad), OFlags::RDONLY).unwrap_err();
                assert!(matches!(errno, Errno::LOOP | Errno::NOTDIR | Errno::NOENT), "{bad}: {errno}");
            }
            assert_eq!(beneath.lacks_openat2.load(Ordering::Relaxed), lacks_openat2);
        }
    }
}
