//! The watcher of this machine: fanotify where the process may, else inotify.
//!
//! Both tell the same, and the caller need not know which is at work ([`filesystem::WatchStatus::method`] says it). fanotify puts one
//! mark on the whole file system and costs little whatever the tree's size; it needs Linux 5.17, root's capabilities and
//! a file system with handles. inotify watches every single directory and needs nothing.
//!
//! Neither tells of changes through memory maps, but for the closing of the file; of a write through one of a file's
//! names at its other names; or, on network file systems, of what other machines do. A scan now and then finds those.

mod fanotify;
mod hints;
mod inotify;

use crate::disk::OsDisk;
use crate::error::whole;
use crate::listing;
use filesystem::{
    Barrier, Error, ErrorKind, Operation, Result, WatchEvent, WatchMethod, WatchStatus, Watcher,
};
use hints::Hints;
use model::RelativePath;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::{Errno, write};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What shall tell of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WatchMode {
    /// fanotify where it works, else inotify.
    #[default]
    Auto,
    /// fanotify, or watching fails.
    Fanotify,
    /// inotify.
    Inotify,
    /// Nothing: the first look is told to be taken, and no more.
    Scan,
}

/// A text that names no mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWatchMode(pub String);

impl fmt::Display for UnknownWatchMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is none of auto, fanotify, inotify, scan", self.0)
    }
}

impl std::error::Error for UnknownWatchMode {}

impl FromStr for WatchMode {
    type Err = UnknownWatchMode;

    fn from_str(text: &str) -> std::result::Result<Self, UnknownWatchMode> {
        match text {
            "auto" => Ok(Self::Auto),
            "fanotify" => Ok(Self::Fanotify),
            "inotify" => Ok(Self::Inotify),
            "scan" => Ok(Self::Scan),
            _ => Err(UnknownWatchMode(text.to_owned())),
        }
    }
}

impl fmt::Display for WatchMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Fanotify => "fanotify",
            Self::Inotify => "inotify",
            Self::Scan => "scan",
        })
    }
}

/// How many of fanotify's events the system keeps until they are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WatchQueue {
    /// All. Those of other programs elsewhere on the disk come, too, and are read faster than they can be made; still, what
    /// is waiting takes memory of the system, about 200 bytes each.
    #[default]
    Unbounded,
    /// As many as `fs.fanotify.max_queued_events` says; with more, everything is lost and looked at again.
    System,
}

/// How to watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// By which method.
    pub mode: WatchMode,
    /// inotify: use at most so many of the system's watches; none for as many as it gives.
    pub watches_max: Option<u64>,
    /// fanotify: how much may wait to be read.
    pub queue: WatchQueue,
}

/// Watches a replica until it is dropped.
pub struct OsWatcher {
    disk: OsDisk,
    shared: Arc<Shared>,
    next_cookie: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

/// What the watcher and its thread share.
pub(crate) struct Shared {
    hints: Mutex<Hints>,
    status: Mutex<WatchStatus>,
    unwatched: Mutex<Vec<RelativePath>>,
    commands: Mutex<Vec<Command>>,
    /// Wakes the thread for a command.
    bell: OwnedFd,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Stop,
    Attend(RelativePath),
}

impl fmt::Debug for OsWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OsWatcher").field("disk", &self.disk).field("status", &self.status()).finish()
    }
}

/// A thread that panicked has left nothing half done that matters more than the hints it still could give.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OsDisk {
    /// Watches this disk. `wake` is called, from another thread, whenever there is something to take; the first thing
    /// is `Lost` of the root, once every directory is watched.
    pub fn watch(&self, options: WatchOptions, wake: Box<dyn Fn() + Send + Sync>) -> Result<OsWatcher> {
        let failed = whole(Operation::Watch);
        clear_cookies(self)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(&failed)?;
        let shared = Arc::new(Shared {
            hints: Mutex::default(),
            status: Mutex::default(),
            unwatched: Mutex::default(),
            commands: Mutex::default(),
            bell,
            wake,
        });
        let worker = self.worker(options, &shared)?;
        let thread = std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || worker.run())
            .map_err(|error| Error::whole(ErrorKind::TooManyLinks, Operation::Watch).because(error))?;
        Ok(OsWatcher { disk: self.clone(), shared, next_cookie: AtomicU64::new(1), thread: Some(thread) })
    }

    fn worker(&self, options: WatchOptions, shared: &Arc<Shared>) -> Result<Worker> {
        let mut instead = None;
        if matches!(options.mode, WatchMode::Auto | WatchMode::Fanotify) {
            match fanotify::Worker::new(self.clone(), &options, Arc::clone(shared)) {
                Ok(worker) => {
                    lock(&shared.status).method = WatchMethod::Fanotify;
                    return Ok(Worker::Fanotify(Box::new(worker)));
                }
                Err(unfit) if options.mode == WatchMode::Fanotify => {
                    return Err(Error::whole(ErrorKind::Unsupported, Operation::Watch).because(unfit));
                }
                Err(unfit) => instead = Some(unfit.to_string()),
            }
        }
        let mut status = lock(&shared.status);
        status.instead = instead;
        if options.mode == WatchMode::Scan {
            status.stopped = Some("it is only looked at now and then, as was asked for".to_owned());
            return Ok(Worker::Scan(Arc::clone(shared)));
        }
        status.method = WatchMethod::Inotify;
        drop(status);
        let worker = inotify::Worker::new(self.clone(), options, Arc::clone(shared));
        Ok(Worker::Inotify(Box::new(worker.map_err(whole(Operation::Watch))?)))
    }
}

/// What the watcher's thread does.
enum Worker {
    Fanotify(Box<fanotify::Worker>),
    Inotify(Box<inotify::Worker>),
    Scan(Arc<Shared>),
}

impl Worker {
    fn run(self) {
        match self {
            Self::Fanotify(worker) => worker.run(),
            Self::Inotify(worker) => worker.run(),
            Self::Scan(shared) => {
                lock(&shared.hints).lost(RelativePath::root());
                (shared.wake)();
            }
        }
    }
}

impl Shared {
    /// The thread is at its end.
    fn end(&self, result: std::result::Result<(), Errno>) {
        lock(&self.status).stopped = Some(match result {
            Ok(()) => "it was stopped".to_owned(),
            Err(errno) => std::io::Error::from(errno).to_string(),
        });
        if let Err(errno) = result {
            tracing::error!(error = %errno, "watching ended; changes are found by scanning only");
            let mut hints = lock(&self.hints);
            hints.lost(RelativePath::root());
            hints.status();
            drop(hints);
            (self.wake)();
        }
    }
}

/// What an earlier program left behind.
fn clear_cookies(disk: &OsDisk) -> Result<()> {
    let failed = whole(Operation::Watch);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat(disk.cookies(), c".", flags, Mode::empty()).map_err(&failed)?;
    let mut names = Vec::new();
    listing::each(&directory, |name, _| names.push(name.to_owned())).map_err(&failed)?;
    for name in names {
        match unlinkat(&directory, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(())
}

impl OsWatcher {
    fn command(&self, command: Command) {
        lock(&self.shared.commands).push(command);
        // It fails only where the bell has been rung so often that it rings anyway.
        let _ = write(&self.shared.bell, &1_u64.to_ne_bytes());
    }
}

impl Watcher for OsWatcher {
    fn take(&self) -> Vec<WatchEvent> {
        lock(&self.shared.hints).take()
    }

    fn barrier(&self) -> Result<Barrier> {
        if let Some(reason) = self.status().stopped {
            return Err(Error::whole(ErrorKind::Unsupported, Operation::Watch).because(reason));
        }
        let barrier = Barrier(self.next_cookie.fetch_add(1, Ordering::Relaxed));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        openat(self.disk.cookies(), barrier.0.to_string(), flags, Mode::RUSR | Mode::WUSR)
            .map_err(whole(Operation::Watch))?;
        Ok(barrier)
    }

    fn status(&self) -> WatchStatus {
        lock(&self.shared.status).clone()
    }

    fn unwatched(&self) -> Vec<RelativePath> {
        lock(&self.shared.unwatched).clone()
    }

    fn attend(&self, directory: &RelativePath) {
        self.command(Command::Attend(directory.clone()));
    }
}

impl Drop for OsWatcher {
    fn drop(&mut self) {
        self.command(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic there has been told in the status already.
            let _ = thread.join();
        }
    }
}
