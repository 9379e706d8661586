//! The thread that reads fanotify: one mark on the whole file system.
//!
//! The system tells of every change with the handle of the directory it was in, so nothing has to be watched before it can
//! be told of. What has to be known is which handles are directories of the tree ([`Directories`]): found by a walk that
//! begins after the mark was set, and kept current by the events of directories.
//!
//! Such an event is not replayed, since by now more may have happened, and the system merges events into earlier ones.
//! It only says which name of which directory to look at: the directory is opened by its handle, wherever it is, and what
//! stands there under the name now is what counts. Each later change of that name makes another event, which is read
//! later, so the last look at every name is the true one. Hence:
//! - a directory whose place was unknown for a while had events that could not be told: when it has a path again, all of
//!   it is lost;
//! - a directory found by a walk is known from then on, and what happened in it before is lost with the walk's top, told
//!   when the walk is over; barriers wait for that, too;
//! - a hint names a path, and the path is wrong once a directory above it is renamed; so a renamed directory in which
//!   something happened of late is lost, and one in which nothing did is not.
//!
//! Events of other directories of the file system are read and dropped. While there are only such, they are read a few
//! milliseconds late, many at once.

mod active;
mod directories;
mod event;
mod fit;
mod walk;

use super::{Command, Shared, WatchOptions, WatchQueue, lock};
use crate::disk::OsDisk;
use crate::node;
use crate::system::{
    EventQueue, HandleRef, fanotify_group, mark_file_system, name_to_handle, open_by_handle,
};
use active::Active;
use directories::{Directories, Id, Key, Keys, Placed, ROOT};
use event::{Event, Events, Slot};
use filesystem::Barrier;
use fit::{Unfit, check_events, check_handle, unfit};
use model::{Name, RelativePath};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, OFlags, unlinkat};
use rustix::io::{Errno, read};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::CStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Room for some thousand events.
const BUFFER_BYTES: usize = 256 << 10;

/// How long events wait to be read while only others' come.
const PAUSE_NS: i64 = 3_000_000;

/// What has left the tree is forgotten after so long, or later, so that this takes one part in so many of the time.
const SWEEP: Duration = Duration::from_secs(1);
const SWEEP_SHARE: u32 = 100;

/// So long at most it waits while there is something to forget, or to try again.
const IDLE_S: i64 = 1;

/// What could not be listed is tried again after so long.
const RETRY: Duration = Duration::from_secs(20);

/// So many names of a directory are told one by one.
const NAMES_MAX: usize = 64;

/// Files written through their handles alone (by an NFS server that has just begun, say) have no name that could be told.
/// Everything is looked at again, but not more often than this.
const NAMELESS: Duration = Duration::from_secs(300);

/// A handle of our own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Handle {
    kind: i32,
    bytes: Box<[u8]>,
}

impl Handle {
    fn new(handle: HandleRef<'_>) -> Self {
        Self { kind: handle.kind, bytes: handle.bytes.into() }
    }

    fn as_ref(&self) -> HandleRef<'_> {
        HandleRef { kind: self.kind, bytes: &self.bytes }
    }
}

pub(crate) struct Worker {
    disk: OsDisk,
    group: OwnedFd,
    keys: Keys,
    root: Handle,
    /// The mount that the root is in: what is in another is not ours.
    mount: i32,
    cookies: Key,
    tree: Directories,
    /// Directories yet to be listed for those below them.
    walk: Vec<Handle>,
    /// What is lost, told once the walk is over.
    lost: HashSet<Id>,
    /// Names to tell; none for all of a directory.
    told: HashMap<Id, Option<BTreeSet<Name>>>,
    active: Active,
    /// Directories that could not be listed: what is below them is not known.
    blind: HashSet<Handle>,
    tried: Instant,
    /// A file without a name was written, and nothing has been told of it.
    is_nameless: bool,
    /// When everything was last lost for such a file.
    nameless: Option<Instant>,
    /// Barriers to tell once everything before them has been told.
    passed: Vec<Barrier>,
    swept: Instant,
    sweep_took: Duration,
    /// The first walk is over.
    is_ready: bool,
    /// The last events were all of others.
    is_foreign: bool,
    shared: Arc<Shared>,
}

impl Worker {
    /// Sets the mark, and makes sure that it tells what is needed here.
    pub(crate) fn new(disk: OsDisk, options: &WatchOptions, shared: Arc<Shared>) -> Result<Self, Unfit> {
        let queue = match options.queue {
            WatchQueue::Unbounded => EventQueue::Unbounded,
            WatchQueue::System => EventQueue::System,
        };
        let group = fanotify_group(queue).map_err(|errno| match errno {
            Errno::MFILE => {
                Unfit { what: "no more can be watched at once (fs.fanotify.max_user_groups)", errno }
            }
            _ => Unfit { what: "fanotify needs Linux 5.17 and the capability SYS_ADMIN", errno },
        })?;
        let root = disk.beneath().root();
        let (handle, mount) = name_to_handle(root, c"").map_err(unfit("the file system has no handles"))?;
        check_handle(&disk, handle.as_ref()).map_err(unfit(
            "directories cannot be opened by their handles (the capability DAC_READ_SEARCH)",
        ))?;
        mark_file_system(&group, root).map_err(unfit("the file system cannot be marked"))?;
        let (cookies, _) =
            name_to_handle(disk.cookies(), c"").map_err(unfit("the file system has no handles"))?;
        check_events(&disk, &group, cookies.as_ref())
            .map_err(unfit("the file system does not tell of changes"))?;
        let keys = Keys::default();
        let root = Handle::new(handle.as_ref());
        Ok(Self {
            disk,
            group,
            mount,
            cookies: keys.of(cookies.as_ref()),
            tree: Directories::new(keys.of(root.as_ref())),
            keys,
            root,
            walk: Vec::new(),
            lost: HashSet::new(),
            told: HashMap::new(),
            active: Active::new(),
            blind: HashSet::new(),
            tried: Instant::now(),
            is_nameless: false,
            nameless: None,
            passed: Vec::new(),
            swept: Instant::now(),
            sweep_took: Duration::ZERO,
            is_ready: false,
            is_foreign: false,
            shared,
        })
    }

    pub(crate) fn run(mut self) {
        self.start_over();
        let result = self.serve();
        self.shared.end(result);
    }

    fn serve(&mut self) -> Result<(), Errno> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            self.lose_nameless_if_due();
            self.list_some();
            self.publish();
            self.wait()?;
            let commands = std::mem::take(&mut *lock(&self.shared.commands));
            for command in commands {
                match command {
                    Command::Stop => return Ok(()),
                    Command::Attend(_) => self.try_blind_again(),
                }
            }
            self.sweep_if_due();
            if !self.blind.is_empty() && self.tried.elapsed() >= RETRY {
                self.try_blind_again();
            }
            match read(&self.group, &mut *buffer) {
                Ok(length) => self.take(&buffer[..length]),
                Err(Errno::AGAIN | Errno::INTR) => self.is_foreign = false,
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Waits for something to do.
    fn wait(&self) -> Result<(), Errno> {
        if !self.walk.is_empty() {
            return Ok(());
        }
        let bell = PollFd::new(&self.shared.bell, PollFlags::IN);
        let group = PollFd::new(&self.group, PollFlags::IN);
        if self.is_foreign {
            let pause = Timespec { tv_sec: 0, tv_nsec: PAUSE_NS };
            poll_some(&mut [bell.clone()], Some(&pause))?;
        }
        let is_idle_work = self.tree.is_littered() || !self.blind.is_empty() || self.is_nameless;
        let patience = is_idle_work.then_some(Timespec { tv_sec: IDLE_S, tv_nsec: 0 });
        poll_some(&mut [group, bell], patience.as_ref())?;
        // Whatever it counts: the commands are what matters.
        let _ = read(&self.shared.bell, &mut [0; 8]);
        Ok(())
    }

    /// Forgets what has left the tree, now and then: it takes a look at every directory that is known.
    fn sweep_if_due(&mut self) {
        let is_due = self.swept.elapsed() >= SWEEP.max(self.sweep_took * SWEEP_SHARE);
        if is_due && self.tree.is_littered() && self.walk.is_empty() {
            let begin = Instant::now();
            self.tree.sweep();
            self.swept = Instant::now();
            self.sweep_took = self.swept - begin;
        }
    }

    fn take(&mut self, buffer: &[u8]) {
        self.is_foreign = true;
        self.active.turn();
        for event in Events::new(buffer) {
            match event {
                Ok(event) if event.mask.is_overflow() => {
                    tracing::debug!("events were lost; all directories are found anew");
                    self.start_over();
                }
                Ok(event) => self.handle(&event),
                Err(event::Malformed) => {
                    tracing::warn!("the system's events are malformed; everything is looked at again");
                    self.start_over();
                }
            }
        }
    }

    /// What is known of directories may be wrong, so they are all found anew.
    fn start_over(&mut self) {
        self.is_foreign = false;
        self.tree = Directories::new(self.keys.of(self.root.as_ref()));
        self.walk = vec![self.root.clone()];
        self.lost = HashSet::from([ROOT]);
        self.told.clear();
        self.active = Active::new();
        self.blind.clear();
    }

    fn handle(&mut self, event: &Event<'_>) {
        let is_structure = event.mask.is_of_directory() && event.mask.is_of_name();
        if is_structure && event.target == Some(self.root.as_ref()) {
            // The root itself was removed or renamed.
            self.lost.insert(ROOT);
        }
        // Where it went comes first: so a directory is never taken for gone on its way.
        for slot in [event.to, event.slot, event.from].into_iter().flatten() {
            self.handle_slot(event, slot, is_structure);
        }
        let has_place = event.slot.is_some() || event.to.is_some();
        self.is_nameless |= !has_place && event.mask.is_write() && !event.mask.is_of_directory();
    }

    fn handle_slot(&mut self, event: &Event<'_>, slot: Slot<'_>, is_structure: bool) {
        if slot.directory.bytes.is_empty() {
            // The system could not say where.
            return self.start_over();
        }
        let key = self.keys.of(slot.directory);
        let Some(id) = self.tree.id(key) else {
            if key == self.cookies && event.mask.is_create() {
                self.pass(slot.name);
            }
            return;
        };
        let Some(bytes) = slot.name else { return self.handle_self(id, slot.directory) };
        if id == ROOT && self.disk.is_private(bytes.to_bytes()) {
            return;
        }
        self.is_foreign = false;
        self.active.insert(id);
        let Ok(name) = Name::from_disk(bytes.to_bytes()) else {
            return drop(self.told.insert(id, None));
        };
        if is_structure {
            self.settle(id, slot.directory, (bytes, &name), event.target);
        }
        self.tell(id, name);
    }

    /// A directory may have come to this name, or have left it: what is there now is what counts.
    fn settle(
        &mut self,
        parent: Id,
        directory: HandleRef<'_>,
        (bytes, name): (&CStr, &Name),
        target: Option<HandleRef<'_>>,
    ) {
        let Some(target) = target.filter(|target| !target.bytes.is_empty()) else {
            return self.look_again(parent, directory);
        };
        let key = self.keys.of(target);
        match self.is_at(directory, bytes, target) {
            Ok(true) => match self.tree.place(key, parent, name) {
                Placed::New(id) => {
                    self.walk.push(Handle::new(target));
                    self.lost.insert(id);
                }
                Placed::Arrived(id) => drop(self.lost.insert(id)),
                Placed::Moved(id) => {
                    if self.active.any(|active| self.tree.is_within(active, id)) {
                        self.lost.insert(id);
                    }
                }
                Placed::Same(_) => {}
            },
            Ok(false) => {
                if let Some(id) = self.tree.id(key)
                    && self.tree.place_of(id) == Some((parent, name))
                {
                    self.tree.detach(id);
                }
            }
            Err(errno) => self.give_up(Handle::new(directory), errno),
        }
    }

    /// Whether a directory, wherever it is, holds a node under a name.
    fn is_at(&self, directory: HandleRef<'_>, name: &CStr, node: HandleRef<'_>) -> Result<bool, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let found = open_by_handle(self.disk.beneath().root(), directory, flags)
            .and_then(|directory| name_to_handle(directory.as_fd(), name));
        match found {
            Ok((handle, mount)) => Ok(mount == self.mount && handle.as_ref() == node),
            Err(errno) if is_gone(errno) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// In doubt about what a directory holds.
    fn look_again(&mut self, id: Id, directory: HandleRef<'_>) {
        self.walk.push(Handle::new(directory));
        self.lost.insert(id);
    }

    /// A change of a directory itself: of its permissions, say, or its end, where another was renamed over it.
    fn handle_self(&mut self, id: Id, directory: HandleRef<'_>) {
        self.is_foreign = false;
        let opened = open_by_handle(self.disk.beneath().root(), directory, OFlags::PATH | OFlags::DIRECTORY);
        let is_gone = match opened {
            Ok(directory) => node::stat(directory.as_fd(), c"").is_ok_and(|stat| stat.stx_nlink == 0),
            Err(errno) => is_gone(errno),
        };
        if is_gone {
            return self.tree.detach(id);
        }
        self.active.insert(id);
        self.told.insert(id, None);
        if let Some((parent, name)) = self.tree.place_of(id) {
            let name = name.clone();
            self.tell(parent, name);
        }
    }

    /// Everything is lost for files that were written without a name, but not too often.
    fn lose_nameless_if_due(&mut self) {
        if self.is_nameless && self.nameless.is_none_or(|last| last.elapsed() >= NAMELESS) {
            tracing::debug!("a file was written whose name the system does not know");
            self.is_nameless = false;
            self.nameless = Some(Instant::now());
            self.lost.insert(ROOT);
        }
    }

    fn tell(&mut self, directory: Id, name: Name) {
        let told = self.told.entry(directory).or_insert_with(|| Some(BTreeSet::new()));
        if let Some(names) = told {
            names.insert(name);
            if names.len() > NAMES_MAX {
                *told = None;
            }
        }
    }

    /// A barrier's cookie was made.
    fn pass(&mut self, name: Option<&CStr>) {
        self.is_foreign = false;
        let Some(name) = name.and_then(|name| name.to_str().ok()) else { return };
        // It has done its work, whether it can be removed or not.
        let _ = unlinkat(self.disk.cookies(), name, AtFlags::empty());
        self.passed.extend(name.parse().map(Barrier));
    }

    /// Tells what there is to tell, brings the status up to date, and wakes the caller if need be.
    fn publish(&mut self) {
        let is_whole = self.walk.is_empty();
        let blind: Vec<RelativePath> = self
            .blind
            .iter()
            .filter_map(|handle| self.tree.path(self.tree.id(self.keys.of(handle.as_ref()))?))
            .collect();
        let mut status = lock(&self.shared.status);
        let has_changed = status.unwatched != blind.len() as u64;
        (status.watched, status.unwatched) = (self.tree.count(), blind.len() as u64);
        drop(status);
        *lock(&self.shared.unwatched) = blind;
        let mut hints = lock(&self.shared.hints);
        if has_changed {
            hints.status();
        }
        if is_whole {
            for id in self.lost.drain() {
                self.is_ready |= id == ROOT;
                self.tree.path(id).into_iter().for_each(|path| hints.lost(path));
            }
        }
        // What came before the first walk was over is in the loss of everything.
        for (id, names) in self.told.drain().filter(|_| self.is_ready) {
            let Some(path) = self.tree.path(id) else { continue };
            match names {
                Some(names) => names.into_iter().for_each(|name| hints.entry(path.clone(), name)),
                None => hints.dirty(path),
            }
        }
        if is_whole {
            self.passed.drain(..).for_each(|barrier| hints.passed(barrier));
        }
        let must_wake = hints.must_wake();
        drop(hints);
        if must_wake {
            (self.shared.wake)();
        }
    }
}

fn poll_some(polled: &mut [PollFd<'_>], patience: Option<&Timespec>) -> Result<(), Errno> {
    match poll(polled, patience) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Whether an error says that there is no such directory, rather than that it could not be looked at.
fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::STALE | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::WatchMode;
    use filesystem::{WatchEvent, Watcher as _};
    use rustix::fs::{Mode, openat};
    use rustix::io::write;
    use std::path::Path;
    use std::process::Command;
    use std::sync::mpsc::channel;

    fn run(program: &str, arguments: &[&str]) -> bool {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    }

    /// A small file system of its own, until it is dropped.
    struct Image<'p>(&'p Path);

    impl<'p> Image<'p> {
        fn mount(image: &Path, at: &'p Path) -> Option<Self> {
            run("mount", &["-o", "loop", image.to_str()?, at.to_str()?]).then_some(Self(at))
        }
    }

    impl Drop for Image<'_> {
        fn drop(&mut self) {
            run("umount", &["-l", self.0.to_str().unwrap()]);
        }
    }

    #[test]
    #[allow(clippy::print_stderr, reason = "who runs the tests has to know what was not tested")]
    fn a_file_written_by_its_handle_alone_loses_everything() {
        let directory = tempfile::tempdir().unwrap();
        let (image, at) = (directory.path().join("image"), directory.path().join("mount"));
        std::fs::create_dir(&at).unwrap();
        std::fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
        let is_made = run("mkfs.ext4", &["-q", image.to_str().unwrap()]);
        let Some(mounted) = is_made.then(|| Image::mount(&image, &at)).flatten() else {
            return eprintln!("skipped: an image cannot be mounted here");
        };
        std::fs::create_dir_all(at.join("root/d")).unwrap();
        std::fs::write(at.join("root/d/x"), b"1").unwrap();
        OsDisk::create(&at.join("root"), "marker").unwrap();
        let open = |path: &Path, flags| openat(rustix::fs::CWD, path, flags, Mode::empty());
        let handle = {
            let file = open(&at.join("root/d/x"), OFlags::PATH).unwrap();
            Handle::new(name_to_handle(file.as_fd(), c"").unwrap().0.as_ref())
        };
        // Once mounted anew, the system knows no names until somebody asks for them.
        drop(mounted);
        let Some(_mounted) = Image::mount(&image, &at) else {
            return eprintln!("skipped: cannot be mounted again");
        };
        let disk = OsDisk::open(&at.join("root"), "marker").unwrap();
        let (sender, woken) = channel();
        let options = WatchOptions { mode: WatchMode::Fanotify, ..WatchOptions::default() };
        let wake = Box::new(move || sender.send(()).unwrap_or_default());
        let watcher = disk.watch(options, wake).unwrap();
        woken.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(watcher.take(), [WatchEvent::Lost(RelativePath::root())]);
        let file = open_by_handle(disk.beneath().root(), handle.as_ref(), OFlags::WRONLY).unwrap();
        write(&file, b"2").unwrap();
        woken.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(watcher.take(), [WatchEvent::Lost(RelativePath::root())]);
    }
}
