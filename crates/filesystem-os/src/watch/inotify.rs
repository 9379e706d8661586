//! The thread that reads inotify.
//!
//! inotify watches single directories, so every directory of the tree gets a watch, and a new one gets it *before* it
//! is listed: what is made in it earlier is in the listing, what is made later is told. That listing is only of
//! directories to watch in turn; the caller is told that the whole new subtree has to be looked at. So nothing is
//! missed where many programs, which only add the watch, miss most (`mkdir -p a/b/c; touch a/b/c/d`).
//!
//! Where the system's limit of watches is reached, the directories in which something happened last stay watched, and
//! [`filesystem::Watcher::unwatched`] names the others.

mod tree;

use super::{Command, Shared, WatchOptions, lock};
use crate::disk::OsDisk;
use crate::listing;
use crate::node;
use filesystem::Barrier;
use model::{Name, RelativePath};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, unlinkat};
use rustix::io::{Errno, read};
use std::mem::MaybeUninit;
use std::sync::Arc;
use tree::{Id, ROOT, Tree};

/// Room for at least 200 events with the longest names; most are far shorter.
const BUFFER_BYTES: usize = 64 << 10;

/// How long a directory that was moved away may take to arrive elsewhere; both events come together.
const ARRIVAL_NS: i64 = 200_000_000;

/// So many unwatched directories are named.
const UNWATCHED_MAX: usize = 100_000;

/// Everything that can change what a look or a listing shows.
const EVENTS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::EXCL_UNLINK)
    .union(WatchFlags::ONLYDIR);

/// An event, taken out of the buffer.
#[derive(Debug)]
struct Event {
    watch: i32,
    flags: ReadFlags,
    cookie: u32,
    name: Option<Box<[u8]>>,
}

pub(crate) struct Worker {
    disk: OsDisk,
    inotify: OwnedFd,
    tree: Tree,
    cookies: i32,
    /// Directories that were moved away and may yet arrive elsewhere.
    leaving: Vec<(u32, Id)>,
    watches_max: u64,
    /// The system or the options allow no more watches.
    is_full: bool,
    /// The tree's revision when unwatched directories were last named.
    published: u64,
    /// Barriers to tell once everything before them has been told.
    passed: Vec<Barrier>,
    shared: Arc<Shared>,
}

impl Worker {
    pub(crate) fn new(disk: OsDisk, options: WatchOptions, shared: Arc<Shared>) -> Result<Self, Errno> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let cookies = add_watch(&inotify, disk.cookies().as_raw_fd(), WatchFlags::CREATE)?;
        let root = add_watch(&inotify, disk.beneath().root().as_raw_fd(), EVENTS)?;
        let watches_max = options.watches_max.unwrap_or(u64::MAX);
        let tree = Tree::new(root);
        Ok(Self {
            disk,
            inotify,
            tree,
            cookies,
            leaving: Vec::new(),
            watches_max,
            is_full: false,
            published: 0,
            passed: Vec::new(),
            shared,
        })
    }

    pub(crate) fn run(mut self) {
        self.watch_below(ROOT);
        lock(&self.shared.hints).lost(RelativePath::root());
        let result = self.serve();
        self.shared.end(result);
    }

    fn serve(&mut self) -> Result<(), Errno> {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER_BYTES];
        loop {
            self.publish();
            if !self.wait()? {
                self.forget_leaving();
            }
            let commands = std::mem::take(&mut *lock(&self.shared.commands));
            for command in commands {
                match command {
                    Command::Stop => return Ok(()),
                    Command::Attend(directory) => self.attend(&directory),
                }
            }
            for event in self.read_events(&mut buffer)? {
                self.handle(event);
            }
        }
    }

    /// Waits for something to do; false if nothing came in time for a directory on its way.
    fn wait(&self) -> Result<bool, Errno> {
        let timeout = (!self.leaving.is_empty()).then_some(Timespec { tv_sec: 0, tv_nsec: ARRIVAL_NS });
        let mut polled =
            [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&self.shared.bell, PollFlags::IN)];
        match poll(&mut polled, timeout.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        // Whatever it counts: the commands are what matters.
        let _ = read(&self.shared.bell, &mut [0; 8]);
        Ok(true)
    }

    fn read_events(&self, buffer: &mut [MaybeUninit<u8>]) -> Result<Vec<Event>, Errno> {
        let mut events = Vec::new();
        let mut reader = inotify::Reader::new(&self.inotify, buffer);
        loop {
            match reader.next() {
                Ok(event) => events.push(Event {
                    watch: event.wd(),
                    flags: event.events(),
                    cookie: event.cookie(),
                    name: event.file_name().map(|name| name.to_bytes().into()),
                }),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(events),
                Err(errno) => return Err(errno),
            }
            // What is in the buffer belongs together; what comes later can wait for the next turn.
            if reader.is_buffer_empty() {
                return Ok(events);
            }
        }
    }

    fn handle(&mut self, event: Event) {
        if event.flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            return self.start_over();
        }
        if event.watch == self.cookies {
            return self.pass(event.name.as_deref());
        }
        let Some(id) = self.tree.by_watch(event.watch) else { return };
        if event.flags.contains(ReadFlags::IGNORED) {
            return self.forget_watch(id);
        }
        self.tree.touch(id);
        match event.name {
            Some(bytes) if id == ROOT && self.disk.is_private(&bytes) => {}
            Some(bytes) => match Name::from_disk(&bytes) {
                Ok(name) => self.handle_entry(id, &name, event.flags, event.cookie),
                Err(_) => self.tell_dirty(id),
            },
            None => self.handle_self(id, event.flags),
        }
    }

    fn handle_entry(&mut self, directory: Id, name: &Name, flags: ReadFlags, cookie: u32) {
        if let Some(path) = self.tree.path(directory) {
            lock(&self.shared.hints).entry(path, name.clone());
        }
        if !flags.contains(ReadFlags::ISDIR) {
            return;
        }
        let child = self.tree.child(directory, name);
        if flags.contains(ReadFlags::MOVED_FROM) {
            if let Some(child) = child {
                self.tree.detach(child);
                self.leaving.push((cookie, child));
            }
        } else if flags.contains(ReadFlags::MOVED_TO) {
            self.arrive(directory, name, cookie);
        } else if flags.contains(ReadFlags::CREATE)
            || (flags.contains(ReadFlags::ATTRIB) && !child.is_some_and(|child| self.tree.is_watched(child)))
        {
            self.discover(directory, name);
        }
    }

    /// A directory came here from elsewhere. On the way, events of it could not be told, so all of it is lost.
    fn arrive(&mut self, directory: Id, name: &Name, cookie: u32) {
        if let Some(index) = self.leaving.iter().position(|(leaving, _)| *leaving == cookie) {
            let (_, id) = self.leaving.swap_remove(index);
            // It may have been found here already, below another new directory.
            if self.tree.path(id).is_none() {
                if let Some(stale) = self.tree.child(directory, name) {
                    let watches = self.tree.remove(stale);
                    self.remove_watches(&watches);
                }
                self.tree.attach(id, directory, name);
            }
        }
        self.discover(directory, name);
    }

    /// A directory may have appeared here: it is watched with all below it, then told as lost.
    fn discover(&mut self, directory: Id, name: &Name) {
        if self.tree.path(directory).is_none() {
            return;
        }
        if let Some((id, _)) = self.watch_one(directory, name, true) {
            self.watch_below(id);
        }
        if let Some(path) = self.tree.path(directory) {
            lock(&self.shared.hints).lost(path.join(name));
        }
    }

    /// A change of a directory itself.
    fn handle_self(&mut self, id: Id, flags: ReadFlags) {
        if id == ROOT && flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT)
        {
            lock(&self.shared.hints).lost(RelativePath::root());
        } else if flags.contains(ReadFlags::ATTRIB) {
            self.tell_dirty(id);
        }
    }

    fn tell_dirty(&self, id: Id) {
        if let Some(path) = self.tree.path(id) {
            lock(&self.shared.hints).dirty(path);
        }
    }

    /// The system has given up a watch: its directory is gone.
    fn forget_watch(&mut self, id: Id) {
        if id == ROOT {
            return lock(&self.shared.hints).lost(RelativePath::root());
        }
        self.tree.set_watch(id, None);
        let below = self.tree.remove(id);
        self.remove_watches(&below);
        self.is_full = false;
    }

    /// A barrier's cookie was made.
    fn pass(&mut self, name: Option<&[u8]>) {
        let Some(name) = name.and_then(|name| str::from_utf8(name).ok()) else { return };
        // It has done its work, whether it can be removed or not.
        let _ = unlinkat(self.disk.cookies(), name, AtFlags::empty());
        self.passed.extend(name.parse().map(Barrier));
    }

    /// What was moved away and has not arrived is outside, or where nothing is watched; unless it was found by
    /// itself meanwhile.
    fn forget_leaving(&mut self) {
        for (_, id) in std::mem::take(&mut self.leaving) {
            if self.tree.path(id).is_some() {
                continue;
            }
            let watches = self.tree.remove(id);
            self.remove_watches(&watches);
        }
    }

    /// Events were lost: what is known of directories may be wrong, so they are all found anew. The watch of a
    /// directory that is watched already is found again by its node.
    fn start_over(&mut self) {
        tracing::debug!("events were lost; all directories are watched anew");
        self.leaving.clear();
        let Some(root) = self.tree.watch_of(ROOT) else { return };
        let old = std::mem::replace(&mut self.tree, Tree::new(root));
        self.is_full = false;
        self.watch_below(ROOT);
        let stale: Vec<i32> = old.watches().filter(|watch| self.tree.by_watch(*watch).is_none()).collect();
        self.remove_watches(&stale);
        lock(&self.shared.hints).lost(RelativePath::root());
    }

    fn attend(&mut self, directory: &RelativePath) {
        let Some((parent, name)) = directory.split() else { return };
        // Perhaps neither it nor what is above it is known yet.
        let known = (0..=parent.names().len()).rev().find_map(|length| {
            let above: RelativePath = directory.names()[..length].iter().cloned().collect();
            self.tree.find(&above).map(|id| (id, length))
        });
        let Some((mut at, length)) = known else { return };
        for name in &parent.names()[length.min(parent.names().len())..] {
            match self.watch_one(at, name, true) {
                Some((id, _)) => at = id,
                None => return,
            }
        }
        if let Some((id, _)) = self.watch_one(at, name, true) {
            self.tree.touch(id);
            self.watch_below(id);
        }
        lock(&self.shared.hints).lost(directory.clone());
    }

    /// Watches all directories below one that is known. Each is watched before it is listed.
    fn watch_below(&mut self, top: Id) {
        let Some(path) = self.tree.path(top) else { return };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let Ok(directory) = self.disk.beneath().open(path.names(), flags) else { return };
        let mut next: Vec<(Id, Name)> =
            self.subdirectories(&directory, top).into_iter().map(|name| (top, name)).collect();
        while let Some((parent, name)) = next.pop() {
            if let Some((id, directory)) = self.watch_one(parent, &name, false) {
                next.extend(self.subdirectories(&directory, id).into_iter().map(|name| (id, name)));
            }
        }
    }

    /// The names of the directories in one. What cannot be listed has none: a change of its permissions is told.
    fn subdirectories(&self, directory: &OwnedFd, id: Id) -> Vec<Name> {
        let mut names = Vec::new();
        let listed = listing::each(directory, |name, kind| {
            let is_directory = match kind {
                FileType::Directory => true,
                // Some file systems do not say.
                FileType::Unknown => node::stat(directory.as_fd(), name)
                    .is_ok_and(|stat| FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory),
                _ => false,
            };
            if is_directory && !(id == ROOT && self.disk.is_private(name.to_bytes())) {
                names.extend(Name::from_disk(name.to_bytes()));
            }
        });
        if let Err(errno) = listed {
            tracing::debug!(error = %errno, "a directory cannot be listed to be watched");
        }
        names
    }

    /// Watches one directory, if it is there, or at least knows of it. For an active one an idle one's watch is given
    /// up, if need be.
    fn watch_one(&mut self, parent: Id, name: &Name, is_active: bool) -> Option<(Id, OwnedFd)> {
        let path = self.tree.path(parent)?.join(name);
        // Gone already, another file system, or not to be read: its own directory will tell when that changes.
        let directory = self.disk.beneath().open(path.names(), OFlags::RDONLY | OFlags::DIRECTORY).ok()?;
        let mut watch = self.try_watch(&directory);
        if watch.is_none() && is_active {
            self.give_up_idlest();
            watch = self.try_watch(&directory);
        }
        let (id, gone) = self.tree.put(parent, name, watch);
        self.remove_watches(&gone);
        if is_active {
            self.tree.touch(id);
        }
        Some((id, directory))
    }

    /// None where there are no more watches.
    fn try_watch(&mut self, directory: &OwnedFd) -> Option<i32> {
        if self.is_full || self.tree.watched() >= self.watches_max {
            // It may be watched already; that costs nothing, but cannot be asked for without adding one.
            self.is_full = true;
            return None;
        }
        match add_watch(&self.inotify, directory.as_raw_fd(), EVENTS) {
            Ok(watch) => Some(watch),
            Err(errno) => {
                if errno == Errno::NOSPC {
                    self.is_full = true;
                }
                tracing::debug!(error = %errno, "a directory cannot be watched");
                None
            }
        }
    }

    fn give_up_idlest(&mut self) {
        let Some(id) = self.tree.idlest() else { return };
        if let Some(watch) = self.tree.watch_of(id) {
            self.tree.set_watch(id, None);
            self.remove_watches(&[watch]);
            self.is_full = false;
        }
    }

    fn remove_watches(&self, watches: &[i32]) {
        for watch in watches {
            // One whose directory is gone is gone with it.
            let _ = inotify::remove_watch(&self.inotify, *watch);
        }
    }

    /// Brings the status up to date, and wakes the caller if there is something to take.
    fn publish(&mut self) {
        let (watched, unwatched) = (self.tree.watched(), self.tree.unwatched_count());
        let mut status = lock(&self.shared.status);
        let is_degraded = (unwatched > 0) != (status.unwatched > 0);
        let has_changed = unwatched.max(status.unwatched) > 0 && self.published != self.tree.revision();
        (status.watched, status.unwatched) = (watched, unwatched);
        if is_degraded {
            status.limit = (unwatched > 0).then(|| self.limit()).flatten();
        }
        drop(status);
        if has_changed {
            let mut paths = self.tree.unwatched();
            paths.truncate(UNWATCHED_MAX);
            self.published = self.tree.revision();
            *lock(&self.shared.unwatched) = paths;
        }
        let mut hints = lock(&self.shared.hints);
        if is_degraded {
            hints.status();
        }
        self.passed.drain(..).for_each(|barrier| hints.passed(barrier));
        let must_wake = hints.must_wake();
        drop(hints);
        if must_wake {
            (self.shared.wake)();
        }
    }

    /// The system's limit for one user.
    fn limit(&self) -> Option<u64> {
        let file = openat(
            rustix::fs::CWD,
            "/proc/sys/fs/inotify/max_user_watches",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .ok()?;
        let mut text = [0; 32];
        let length = read(&file, &mut text).ok()?;
        let system: u64 = str::from_utf8(&text[..length]).ok()?.trim().parse().ok()?;
        Some(system.min(self.watches_max))
    }
}

/// Watches the very directory that is open, whatever its path is by now.
fn add_watch(inotify: &OwnedFd, directory: i32, events: WatchFlags) -> Result<i32, Errno> {
    inotify::add_watch(inotify, format!("/proc/self/fd/{directory}"), events)
}
