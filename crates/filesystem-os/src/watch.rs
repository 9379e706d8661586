//! The watcher of this machine: inotify.
//!
//! inotify watches single directories, so every directory of the tree gets a watch, and a new one gets it *before* it
//! is listed: what is made in it earlier is in the listing, what is made later is told. That listing is only of
//! directories to watch in turn; the caller is told that the whole new subtree has to be looked at. So nothing is
//! missed where many programs, which only add the watch, miss most (`mkdir -p a/b/c; touch a/b/c/d`).
//!
//! Where the system's limit of watches is reached, the directories in which something happened last stay watched, and
//! [`Watcher::unwatched`] names the others. Changes through memory maps, and on network file systems those of other
//! machines, are never told by the system.

mod hints;
mod tree;
mod worker;

use crate::disk::OsDisk;
use crate::error::whole;
use crate::listing;
use filesystem::{Barrier, Error, ErrorKind, Operation, Result, WatchEvent, WatchStatus, Watcher};
use hints::Hints;
use model::RelativePath;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::{Errno, write};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How to watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// Use at most so many of the system's watches; none for as many as it gives.
    pub watches_max: Option<u64>,
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
        let worker = worker::Worker::new(self.clone(), options, Arc::clone(&shared)).map_err(&failed)?;
        let thread = std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || worker.run())
            .map_err(|error| Error::whole(ErrorKind::TooManyLinks, Operation::Watch).because(error))?;
        Ok(OsWatcher { disk: self.clone(), shared, next_cookie: AtomicU64::new(1), thread: Some(thread) })
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
