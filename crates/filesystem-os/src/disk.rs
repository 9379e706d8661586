//! The port on a directory of this machine.

use crate::beneath::{Beneath, Directory};
use crate::dress::hand_over;
use crate::error::{at, kind, whole};
use crate::file::{OsReadFile, OsStagedFile, check_is_file, set_mode, set_mtime, times};
use crate::listing::{self, Known};
use crate::node;
use crate::private::Private;
use crate::probe::{Probed, probe};
use crate::system::Lease;
use filesystem::{
    Capabilities, Disk, Error, ErrorKind, Identity, Listing, Operation, Place, ReadFile, Removal, Result,
    Staged, StagedFile, StagedId, SyncCounts, TrashedId, Writers,
};
use model::ignore::PRIVATE_DIRECTORY;
use model::{Entry, EntryKind, Fingerprint, Name, NameRule, RelativePath, Timestamp};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, fdatasync, fstatvfs, fsync, linkat, mkdirat, openat,
    renameat_with, symlinkat, syncfs, unlinkat, utimensat,
};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Up to so many files or directories are synced one by one.
const SYNC_SINGLY_MAX: usize = 32;

/// How deep a directory in the trash may be; it held only ignored names when it went there.
const TRASH_DEPTH_MAX: u32 = 200;

/// A replica in a directory of this machine.
#[derive(Debug, Clone)]
pub struct OsDisk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    marker: Box<str>,
    root: Fingerprint,
    beneath: Beneath,
    private: Private,
    probed: Probed,
    next_id: AtomicU64,
    file_syncs: AtomicU64,
    directory_syncs: AtomicU64,
    file_system_syncs: AtomicU64,
}

impl OsDisk {
    /// Makes a directory a replica, durably, by giving it a marker: a text that names the pair, and that it has to
    /// be opened with. `Exists` if it has another marker already. Whatever else is in the directory stays as it is.
    pub fn create(path: &Path, marker: &str) -> Result<()> {
        let root = open_root(path)?;
        Private::create(root.as_fd(), marker)
    }

    /// Opens a replica. `Offline` if the directory, its private directory or its marker are missing or another's;
    /// `Busy` while another program (or this one) has it open.
    pub fn open(path: &Path, marker: &str) -> Result<Self> {
        let root = open_root(path)?;
        let (_, fingerprint) = node::look_open(&root).map_err(whole(Operation::Open))?;
        let private = Private::open(root.as_fd(), marker)?;
        let beneath = Beneath::new(root).map_err(whole(Operation::Open))?;
        let probed = probe(&private.stage).map_err(whole(Operation::Open))?;
        let inner = Inner {
            path: path.to_owned(),
            marker: marker.into(),
            root: fingerprint,
            beneath,
            private,
            probed,
            next_id: AtomicU64::new(1),
            file_syncs: AtomicU64::new(0),
            directory_syncs: AtomicU64::new(0),
            file_system_syncs: AtomicU64::new(0),
        };
        let disk = Self { inner: Arc::new(inner) };
        let last = disk.staged()?.into_iter().map(|id| id.0).max().unwrap_or(0);
        disk.inner.next_id.store(last + 1, Ordering::Relaxed);
        Ok(disk)
    }

    pub(crate) fn beneath(&self) -> &Beneath {
        &self.inner.beneath
    }

    pub(crate) fn cookies(&self) -> BorrowedFd<'_> {
        self.inner.private.cookies.as_fd()
    }

    /// Whether this name of the root is the private directory.
    pub(crate) fn is_private(&self, name: &[u8]) -> bool {
        let private = PRIVATE_DIRECTORY.as_bytes();
        name == private
            || (self.inner.probed.capabilities.case_insensitive && name.eq_ignore_ascii_case(private))
    }

    fn is_private_path(&self, path: &RelativePath) -> bool {
        path.names().first().is_some_and(|name| self.is_private(name.as_str().as_bytes()))
    }

    fn next_id(&self) -> u64 {
        self.inner.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The directory that holds a place, and its name there.
    fn locate(&self, operation: Operation, place: &Place) -> Result<(Directory<'_>, CString)> {
        let private = &self.inner.private;
        let (directory, name) = match place {
            Place::Staged(id) => (Directory::Kept(private.stage.as_fd()), format!("{:x}", id.0).into_bytes()),
            Place::Trashed(id) => (Directory::Kept(private.trash.as_fd()), id.file_name().into_bytes()),
            Place::Tree(path) => {
                if self.is_private_path(path) {
                    return Err(Error::at(ErrorKind::Denied, operation, place));
                }
                self.inner
                    .beneath
                    .parent(path)
                    .map_err(at(operation, place))?
                    .ok_or_else(|| Error::at(ErrorKind::Changed, operation, place))?
            }
        };
        let name = CString::new(name).map_err(|_| Error::at(ErrorKind::NameNotPossible, operation, place))?;
        Ok((directory, name))
    }

    fn open_directory(&self, place: &Place) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let opened = match place {
            Place::Tree(path)
                if path.names().first().is_some_and(|name| self.is_private(&name.to_disk())) =>
            {
                return Err(Error::at(ErrorKind::Denied, Operation::List, place));
            }
            Place::Tree(path) => self.inner.beneath.open(path.names(), flags),
            _ => {
                let (directory, name) = self.locate(Operation::List, place)?;
                openat(directory, &name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
            }
        };
        match opened {
            Err(Errno::NOTDIR | Errno::LOOP) if self.look(place)?.is_some() => {
                Err(Error::at(ErrorKind::Changed, Operation::List, place))
            }
            opened => opened.map_err(at(Operation::List, place)),
        }
    }

    /// Opens a regular file. Anything else there is `Changed`; it is opened only if it took a file's place at the
    /// last moment, and then without waiting for anything.
    fn open_file(&self, operation: Operation, place: &Place, flags: OFlags) -> Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = match place {
            Place::Tree(path) if !self.is_private_path(path) => self.inner.beneath.open(path.names(), flags),
            _ => {
                let (directory, name) = self.locate(operation, place)?;
                openat(&directory, &name, flags, Mode::empty())
            }
        };
        let file = match opened {
            // A link, perhaps above it; a socket; a directory opened for writing.
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR | Errno::NOTDIR) if self.look(place)?.is_some() => {
                return Err(Error::at(ErrorKind::Changed, operation, place));
            }
            opened => opened.map_err(at(operation, place))?,
        };
        check_is_file(&file, operation, place)?;
        Ok(file)
    }

    fn list_directory(&self, place: &Place, known: Option<Known<'_>>) -> Result<Listing> {
        let directory = self.open_directory(place)?;
        let is_root = matches!(place, Place::Tree(path) if path.is_root());
        let hidden = |name: &[u8]| is_root && self.is_private(name);
        listing::list(&self.inner.beneath, &directory, hidden, known).map_err(at(Operation::List, place))
    }

    fn look_at(&self, place: &Place) -> Result<Option<Entry>> {
        if matches!(place, Place::Tree(path) if path.is_root()) {
            let (_, fingerprint) =
                node::look_open(&self.inner.beneath.root()).map_err(at(Operation::Look, place))?;
            return Ok(Some(Entry { name: Name::root(), kind: EntryKind::Directory, fingerprint }));
        }
        let (directory, name) = self.locate(Operation::Look, place)?;
        let (kind, fingerprint) = match node::look(&self.inner.beneath, directory.as_fd(), &name) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            looked => looked.map_err(at(Operation::Look, place))?,
        };
        let name = match place {
            Place::Tree(path) => self.spelling(path, &fingerprint)?,
            _ => Name::new(&name.to_string_lossy())
                .map_err(|_| Error::at(ErrorKind::NameNotPossible, Operation::Look, place))?,
        };
        Ok(Some(Entry { name, kind, fingerprint }))
    }

    /// How the disk writes the last name of a path at which it has found a node.
    fn spelling(&self, path: &RelativePath, found: &Fingerprint) -> Result<Name> {
        let (parent, name) =
            path.split().map_or_else(|| (RelativePath::root(), Name::root()), |(p, n)| (p, n.clone()));
        let Capabilities { case_insensitive, normalisation_insensitive, .. } = self.inner.probed.capabilities;
        if !case_insensitive && !normalisation_insensitive {
            return Ok(name);
        }
        let key = NameRule::Portable.key(&name);
        let listing = self.list(&parent.into())?;
        let spelt = listing.entries.into_iter().find(|entry| {
            entry.fingerprint.handle == found.handle && NameRule::Portable.key(&entry.name) == key
        });
        Ok(spelt.map_or(name, |entry| entry.name))
    }

    fn rename_at(
        &self,
        operation: Operation,
        (from, from_place): (&(Directory<'_>, CString), &Place),
        to: &(Directory<'_>, CString),
        flags: RenameFlags,
    ) -> Result<()> {
        renameat_with(&from.0, &from.1, &to.0, &to.1, flags).map_err(|errno| match errno {
            // A directory into itself.
            Errno::INVAL => {
                Error::at(ErrorKind::Changed, operation, from_place).because(std::io::Error::from(errno))
            }
            errno => at(operation, from_place)(errno),
        })
    }

    /// Where a rename cannot refuse to replace: a second name can only be made where nothing is.
    fn rename_by_link(
        &self,
        from: &(Directory<'_>, CString),
        place: &Place,
        to: &(Directory<'_>, CString),
    ) -> Result<()> {
        let failed = at(Operation::Rename, place);
        let stat = node::stat(from.0.as_fd(), &from.1).map_err(&failed)?;
        if FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory {
            // A directory can only replace an empty directory, so that nothing but that can be lost in between.
            return match node::stat(to.0.as_fd(), &to.1) {
                Err(Errno::NOENT) => {
                    self.rename_at(Operation::Rename, (from, place), to, RenameFlags::empty())
                }
                Ok(_) => Err(Error::at(ErrorKind::Exists, Operation::Rename, place)),
                Err(errno) => Err(failed(errno)),
            };
        }
        linkat(&from.0, &from.1, &to.0, &to.1, AtFlags::empty()).map_err(&failed)?;
        unlinkat(&from.0, &from.1, AtFlags::empty()).map_err(failed)
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn sync_file_system(&self) -> Result<()> {
        self.count(&self.inner.file_system_syncs);
        syncfs(self.inner.private.stage.as_fd()).map_err(whole(Operation::Sync))
    }

    fn set_file_attributes(
        &self,
        place: &Place,
        expected: &Fingerprint,
        mtime: Timestamp,
        executable: bool,
    ) -> Result<Fingerprint> {
        let failed = at(Operation::SetAttributes, place);
        let file = self.open_file(Operation::SetAttributes, place, OFlags::RDONLY)?;
        // While the lease is held nobody writes, so that no save is hidden behind the mtime that is set here.
        let _lease = match Lease::take(&file) {
            Err(Errno::AGAIN) => return Err(Error::at(ErrorKind::Busy, Operation::SetAttributes, place)),
            lease => lease.ok(),
        };
        let (stat, found) = node::look_open(&file).map_err(&failed)?;
        if found != *expected {
            return Err(Error::at(ErrorKind::Changed, Operation::SetAttributes, place));
        }
        if found.executable != executable {
            let mode = u32::from(stat.stx_mode) & 0o7777;
            let mode = if executable { mode | 0o100 | (mode & 0o444) >> 2 } else { mode & !0o111 };
            set_mode(&file, mode).map_err(&failed)?;
        }
        set_mtime(&file, mtime).map_err(&failed)?;
        Ok(node::look_open(&file).map_err(&failed)?.1)
    }

    fn set_link_attributes(
        &self,
        place: &Place,
        expected: &Fingerprint,
        mtime: Timestamp,
    ) -> Result<Fingerprint> {
        let failed = at(Operation::SetAttributes, place);
        let (directory, name) = self.locate(Operation::SetAttributes, place)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = openat(&directory, &name, flags, Mode::empty()).map_err(&failed)?;
        if node::look_open(&link).map_err(&failed)?.1 != *expected {
            return Err(Error::at(ErrorKind::Changed, Operation::SetAttributes, place));
        }
        utimensat(&link, c"", &times(mtime), AtFlags::EMPTY_PATH).map_err(&failed)?;
        Ok(node::look_open(&link).map_err(&failed)?.1)
    }

    fn file_names(&self, directory: BorrowedFd<'_>) -> Result<Vec<String>> {
        let failed = whole(Operation::List);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(directory, c".", flags, Mode::empty()).map_err(&failed)?;
        let mut names = Vec::new();
        listing::each(&directory, |name, _| names.extend(name.to_str().map(str::to_owned)))
            .map_err(failed)?;
        names.sort_unstable();
        Ok(names)
    }
}

fn open_root(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty()).map_err(|errno| {
        let kind = match kind(errno) {
            ErrorKind::NotFound => ErrorKind::Offline,
            kind => kind,
        };
        Error::whole(kind, Operation::Open).because(std::io::Error::from(errno))
    })
}

impl Disk for OsDisk {
    fn capabilities(&self) -> Capabilities {
        self.inner.probed.capabilities
    }

    fn check(&self) -> Result<Identity> {
        let offline = |because: String| Error::whole(ErrorKind::Offline, Operation::Check).because(because);
        let root = open_root(&self.inner.path).map_err(|error| match error.kind {
            ErrorKind::Denied => error,
            _ => offline(error.to_string()),
        })?;
        let (stat, fingerprint) = node::look_open(&root).map_err(whole(Operation::Check))?;
        if (stat.stx_dev_major, stat.stx_dev_minor) != self.inner.beneath.device() {
            return Err(offline("another file system is mounted there".into()));
        }
        if fingerprint.handle != self.inner.root.handle {
            return Err(offline("another directory is there".into()));
        }
        match Private::marker(root.as_fd()) {
            Ok(marker) if marker == self.inner.marker.as_bytes() => {}
            Ok(_) => return Err(offline("its marker is another replica's".into())),
            Err(errno) => return Err(offline(format!("its marker cannot be read: {errno}"))),
        }
        let file_system = u64::from(stat.stx_dev_major) << 32 | u64::from(stat.stx_dev_minor);
        Ok(Identity { marker: self.inner.marker.clone(), root: fingerprint, file_system })
    }

    fn list(&self, directory: &Place) -> Result<Listing> {
        self.list_directory(directory, None)
    }

    fn list_again(&self, directory: &Place, known: &dyn Fn(&Name) -> Option<Fingerprint>) -> Result<Listing> {
        self.list_directory(directory, Some(known))
    }

    fn look(&self, place: &Place) -> Result<Option<Entry>> {
        match self.look_at(place) {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            looked => looked,
        }
    }

    fn owner(&self, place: &Place) -> Result<Option<u32>> {
        let (directory, name) = self.locate(Operation::Look, place)?;
        let stat = node::stat(directory.as_fd(), &name).map_err(at(Operation::Look, place))?;
        Ok(Some(stat.stx_uid))
    }

    fn open_read(&self, place: &Place) -> Result<Box<dyn ReadFile>> {
        let file = self.open_file(Operation::Open, place, OFlags::RDONLY)?;
        OsReadFile::new(file, place).map(|file| Box::new(file) as Box<dyn ReadFile>)
    }

    fn writers(&self, place: &Place) -> Result<Writers> {
        if !self.inner.probed.capabilities.writers {
            return Ok(Writers::Unknown);
        }
        let file = match self.open_file(Operation::Look, place, OFlags::RDONLY) {
            Err(error) if error.kind == ErrorKind::Denied => return Ok(Writers::Unknown),
            file => file?,
        };
        Ok(match Lease::take(&file) {
            Ok(_) => Writers::None,
            Err(Errno::AGAIN) => Writers::Some,
            Err(_) => Writers::Unknown,
        })
    }

    fn stage_file(&self) -> Result<Box<dyn StagedFile>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let id = StagedId(self.next_id());
            let mode = Mode::from_raw_mode(0o666);
            match openat(&self.inner.private.stage, format!("{:x}", id.0), flags, mode) {
                Ok(file) => return Ok(Box::new(OsStagedFile { file, id, size: Some(0) })),
                Err(Errno::EXIST | Errno::INTR) => {}
                Err(errno) => return Err(at(Operation::Stage, &Place::Staged(id))(errno)),
            }
        }
    }

    fn stage_resume(&self, id: StagedId) -> Result<Box<dyn StagedFile>> {
        let file = self.open_file(Operation::Stage, &Place::Staged(id), OFlags::RDWR)?;
        Ok(Box::new(OsStagedFile { file, id, size: None }))
    }

    fn stage_link(&self, target: &[u8], mtime: Timestamp) -> Result<Staged> {
        let stage = &self.inner.private.stage;
        loop {
            let id = StagedId(self.next_id());
            let place = Place::Staged(id);
            let failed = at(Operation::Stage, &place);
            match symlinkat(target, stage, format!("{:x}", id.0)) {
                Err(Errno::EXIST) => continue,
                // Not the link's own name, but its text is too long or empty.
                Err(errno @ (Errno::NAMETOOLONG | Errno::NOENT | Errno::INVAL)) => {
                    return Err(Error::at(ErrorKind::Unsupported, Operation::Stage, &place)
                        .because(std::io::Error::from(errno)));
                }
                made => made.map_err(&failed)?,
            }
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            utimensat(stage, format!("{:x}", id.0), &times(mtime), flags).map_err(&failed)?;
            let entry =
                self.look(&place)?.ok_or_else(|| Error::at(ErrorKind::NotFound, Operation::Stage, &place))?;
            return Ok(Staged { id, fingerprint: entry.fingerprint });
        }
    }

    fn staged(&self) -> Result<Vec<StagedId>> {
        let names = self.file_names(self.inner.private.stage.as_fd())?;
        Ok(names.iter().filter_map(|name| Some(StagedId(u64::from_str_radix(name, 16).ok()?))).collect())
    }

    fn trashed(&self) -> Result<Vec<TrashedId>> {
        let names = self.file_names(self.inner.private.trash.as_fd())?;
        Ok(names.iter().filter_map(|name| TrashedId::parse(name)).collect())
    }

    fn sync_staged(&self, staged: &[StagedId]) -> Result<()> {
        if staged.len() > SYNC_SINGLY_MAX {
            return self.sync_file_system();
        }
        for id in staged {
            let place = Place::Staged(*id);
            let file = match self.open_file(Operation::Sync, &place, OFlags::RDONLY) {
                // A link: durable with its name.
                Err(error) if error.kind == ErrorKind::Changed => continue,
                file => file?,
            };
            self.count(&self.inner.file_syncs);
            fdatasync(&file).map_err(at(Operation::Sync, &place))?;
        }
        Ok(())
    }

    fn sync_directories(&self, directories: &[RelativePath]) -> Result<()> {
        let directories: BTreeSet<&RelativePath> = directories.iter().collect();
        if directories.len() > SYNC_SINGLY_MAX {
            return self.sync_file_system();
        }
        for path in directories {
            let place = Place::from(path);
            let directory = match self.open_directory(&place) {
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Changed) => continue,
                directory => directory?,
            };
            self.count(&self.inner.directory_syncs);
            fsync(&directory).map_err(at(Operation::Sync, &place))?;
        }
        Ok(())
    }

    fn sync_counts(&self) -> SyncCounts {
        SyncCounts {
            files: self.inner.file_syncs.load(Ordering::Relaxed),
            directories: self.inner.directory_syncs.load(Ordering::Relaxed),
            file_systems: self.inner.file_system_syncs.load(Ordering::Relaxed),
        }
    }

    fn rename_new(&self, from: &Place, to: &Place) -> Result<()> {
        let source = self.locate(Operation::Rename, from)?;
        let target = self.locate(Operation::Rename, to)?;
        if let (Place::Staged(_), Place::Tree(_)) = (from, to) {
            hand_over(source.0.as_fd(), target.0.as_fd(), &source.1);
        }
        if self.inner.probed.no_replace {
            self.rename_at(Operation::Rename, (&source, from), &target, RenameFlags::NOREPLACE)
        } else {
            self.rename_by_link(&source, from, &target)
        }
    }

    fn exchange(&self, one: &Place, other: &Place) -> Result<()> {
        if !self.inner.probed.capabilities.exchange {
            return Err(Error::at(ErrorKind::Unsupported, Operation::Exchange, other));
        }
        let from = self.locate(Operation::Exchange, one)?;
        let to = self.locate(Operation::Exchange, other)?;
        self.rename_at(Operation::Exchange, (&from, other), &to, RenameFlags::EXCHANGE)
    }

    fn make_directory(&self, path: &RelativePath) -> Result<()> {
        let place = Place::from(path);
        let (directory, name) = self.locate(Operation::MakeDirectory, &place)?;
        mkdirat(&directory, &name, Mode::from_raw_mode(0o777))
            .map_err(at(Operation::MakeDirectory, &place))?;
        hand_over(directory.as_fd(), directory.as_fd(), &name);
        Ok(())
    }

    fn set_attributes(
        &self,
        path: &RelativePath,
        expected: &Fingerprint,
        mtime: Timestamp,
        executable: bool,
    ) -> Result<Fingerprint> {
        let place = Place::from(path);
        match self.look(&place)?.map(|entry| entry.kind) {
            None => Err(Error::at(ErrorKind::NotFound, Operation::SetAttributes, &place)),
            Some(EntryKind::File) => self.set_file_attributes(&place, expected, mtime, executable),
            Some(EntryKind::Link { .. }) => self.set_link_attributes(&place, expected, mtime),
            Some(_) => Err(Error::at(ErrorKind::Changed, Operation::SetAttributes, &place)),
        }
    }

    fn dress(&self, staged: StagedId, like: &RelativePath) -> Result<()> {
        let place = Place::Staged(staged);
        let file = match self.open_file(Operation::SetAttributes, &place, OFlags::RDONLY) {
            // A link has no permissions of its own.
            Err(error) if error.kind == ErrorKind::Changed => return Ok(()),
            file => file?,
        };
        let like = match self.open_file(Operation::SetAttributes, &like.into(), OFlags::RDONLY) {
            Err(error) if matches!(error.kind, ErrorKind::Changed | ErrorKind::NotFound) => return Ok(()),
            like => like?,
        };
        crate::dress::dress(&file, &like).map_err(at(Operation::SetAttributes, &place))
    }

    fn new_trashed(&self, removal: Removal, path: &RelativePath) -> TrashedId {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let now = Timestamp::from_parts(now.tv_sec, now.tv_nsec as u32);
        TrashedId::new(now, self.next_id(), removal, path)
    }

    fn discard_staged(&self, id: StagedId) -> Result<()> {
        let place = Place::Staged(id);
        let (directory, name) = self.locate(Operation::Discard, &place)?;
        unlinkat(&directory, &name, AtFlags::empty()).map_err(at(Operation::Discard, &place))
    }

    fn discard_trashed(&self, id: &TrashedId) -> Result<()> {
        let place = Place::Trashed(id.clone());
        let (directory, name) = self.locate(Operation::Discard, &place)?;
        discard_below(directory.as_fd(), &name, TRASH_DEPTH_MAX).map_err(at(Operation::Discard, &place))
    }

    fn free_bytes(&self) -> Result<u64> {
        let stat = fstatvfs(self.inner.private.stage.as_fd()).map_err(whole(Operation::Measure))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Destroys what stands under a name of the trash, never through a link.
fn discard_below(parent: BorrowedFd<'_>, name: &CStr, depth: u32) -> std::result::Result<(), Errno> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        result => return result,
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = openat(parent, name, flags, Mode::empty())?;
    let mut names: Vec<CString> = Vec::new();
    listing::each(&directory, |name, _| names.push(name.into()))?;
    if !names.is_empty() && depth == 0 {
        return Err(Errno::NOTEMPTY);
    }
    for name in names {
        discard_below(directory.as_fd(), &name, depth - 1)?;
    }
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}
