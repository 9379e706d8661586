//! Removing the copies that a pair keeps, by order of whoever owns them: what is on the remote side goes, what is not stays.
//!
//! No engine is at work, and the remote side is not asked: what the pair remembers is enough. A file goes if its bytes are those
//! that both sides agreed on (S) and the remote side was not heard to have removed it (R), wherever in the directory it is by now. What was changed or made
//! since, or was never synced, stays, and so do the directories above it. Only what file managers leave in a directory of the
//! remote side ([`model::ignore::is_left_by_file_manager`]) goes without having been there: it shows what was.
//!
//! Every removal is that of [`filesystem::change`], so what a user saves at the same moment is kept. The trash and the stage
//! are emptied at the end. Interrupted at any point, it can be done again.

use crate::apply::{kept_name, last_name};
use crate::look;
use filesystem::change::{self, Outcome, Tended};
use filesystem::touched::Touched;
use filesystem::{Disk, Error, ErrorKind, Place};
use model::conflict::Author;
use model::{
    Content, Entry, EntryKind, Epoch, Fingerprint, Handle, Name, NameRule, NodeKey, RelativePath, Timestamp,
};
use pair_store::SqliteStore;
use planner::{Tree, View as _};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use sync_engine::{HashOutcome, HashRequest, PairStore as _, Row, StoreError};

/// Where a disk's times are coarser, an edit may leave no trace in them: every file is read there.
const COARSE_NS: u64 = 100_000_000;
/// How long what left the tree is kept where nobody can tell whether it is being written to.
const SETTLED_NS: i64 = 30_000_000_000;
/// How many entries are looked up at once.
const AT_ONCE: usize = 2_000;

/// What came of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Wiped {
    /// How many files and links were removed.
    pub removed: u64,
    /// How many were kept, since the remote side does not have them.
    pub kept: u64,
    /// How many copies are left that could not be removed: a program writes to them, or the disk refuses.
    pub left: u64,
}

/// Why it cannot be done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum WipeError {
    /// The replica is not there, or its disk fails.
    #[error(transparent)]
    Disk(#[from] Error),
    /// What the pair remembers cannot be read, so nothing is known to be on the remote side.
    #[error(transparent)]
    Memory(#[from] StoreError),
    /// It was told to stop.
    #[error("stopped")]
    Stopped,
}

/// A pair whose copies are to be removed. It is not at work.
#[derive(Debug, Clone, Copy)]
pub struct Copies<'a> {
    /// Where they are.
    pub disk: &'a dyn Disk,
    /// The file of the pair's memory.
    pub memory: &'a Path,
    /// Which names clash on the remote side.
    pub names: NameRule,
    /// The lineage of the remote side that ordered it. What was agreed on with another, it may not have: all is kept then.
    pub epoch: Epoch,
    /// Who names files after whose name is taken.
    pub author: &'a Author,
}

/// Removes the copies that a pair keeps. `removed` counts along for whoever looks; `stop` is asked now and then.
///
/// # Errors
/// The replica or the memory cannot be read, or it was told to stop. It is to be done again then.
pub fn wipe(copies: Copies<'_>, removed: &AtomicU64, stop: &dyn Fn() -> bool) -> Result<Wiped, WipeError> {
    let Copies { disk, memory, names, epoch, author } = copies;
    disk.check()?;
    let store = SqliteStore::open(memory, names)?;
    let is_known = store.state()?.epoch == Some(epoch);
    let (wiped, touched) = (Wiped::default(), Touched::default());
    let can = disk.capabilities();
    let tells_changes = can.writers && can.mtime_granularity_ns <= COARSE_NS;
    let mut wiping = Wiping { disk, store, author, is_known, tells_changes, wiped, touched, removed, stop };
    // What a power cut left in the trash unexpectedly comes back into the tree first, to be looked at like all else.
    wiping.empty_trash()?;
    let root = Directory { key: is_known.then_some(NodeKey::ROOT), is_there: is_known };
    let mut todo = vec![Todo::Enter(RelativePath::root(), root)];
    while let Some(next) = todo.pop() {
        match next {
            Todo::Enter(path, directory) => wiping.enter(&path, directory, &mut todo)?,
            Todo::Leave(path, fingerprint) => wiping.leave(&path, &fingerprint),
        }
    }
    let rest = wiping.empty_trash()?;
    wiping.wiped.kept += rest.rescued.len() as u64;
    wiping.wiped.left += rest.kept + rest.problems.len() as u64;
    disk.sync_directories(&wiping.touched.into_directories())?;
    Ok(wiping.wiped)
}

/// What still has to be looked at.
enum Todo {
    /// A directory.
    Enter(RelativePath, Directory),
    /// A directory of the remote side whose entries were all seen.
    Leave(RelativePath, Fingerprint),
}

/// What the pair remembers of a directory.
#[derive(Clone, Copy)]
struct Directory {
    /// Its node, if it has one.
    key: Option<NodeKey>,
    /// Whether the remote side has it, too.
    is_there: bool,
}

struct Wiping<'a> {
    disk: &'a dyn Disk,
    store: SqliteStore,
    author: &'a Author,
    /// Whether what the memory says of the remote side is of that which ordered it.
    is_known: bool,
    /// Whether a file that looks as it was recorded has the bytes that it had then.
    tells_changes: bool,
    wiped: Wiped,
    touched: Touched,
    removed: &'a AtomicU64,
    stop: &'a dyn Fn() -> bool,
}

impl Wiping<'_> {
    /// Empties the stage, and the trash but for what nobody knows to be dispensable.
    fn empty_trash(&self) -> Result<Tended, Error> {
        if !self.is_known {
            return Ok(Tended::default());
        }
        let aside = |entry: &Entry, name: &Name, attempt| {
            kept_name(self.author, name, entry.fingerprint.mtime, attempt)
        };
        // Where nobody can tell whether a program still writes, what left the tree just now may change yet.
        let before = match self.disk.capabilities().writers {
            true => i64::MAX,
            false => crate::now().0.saturating_sub(SETTLED_NS),
        };
        let tended = change::tend(self.disk, &|_| false, Timestamp(before), &aside)?;
        for problem in &tended.problems {
            tracing::warn!(%problem, "something in the trash cannot be destroyed");
        }
        Ok(tended)
    }

    fn enter(
        &mut self,
        path: &RelativePath,
        directory: Directory,
        todo: &mut Vec<Todo>,
    ) -> Result<(), WipeError> {
        let listing = match self.disk.list(&Place::from(path)) {
            Ok(listing) => listing,
            Err(error) if error.kind == ErrorKind::Offline || path.is_root() => return Err(error.into()),
            Err(error) => {
                if error.kind != ErrorKind::NotFound {
                    tracing::warn!(%path, %error, "a directory cannot be looked into");
                    self.wiped.left += 1;
                }
                return Ok(());
            }
        };
        self.wiped.kept += listing.unseen.len() as u64;
        for entries in listing.entries.chunks(AT_ONCE) {
            let handles: Vec<Handle> = entries.iter().map(|entry| entry.fingerprint.handle.clone()).collect();
            let known = self.store.keys_of_handles(&handles)?;
            self.store.prefetch(&known.values().flatten().copied().collect::<Vec<_>>())?;
            for entry in entries {
                if (self.stop)() {
                    return Err(WipeError::Stopped);
                }
                let at = path.join(&entry.name);
                let rows = self.rows(directory.key, entry, &known)?;
                match entry.kind {
                    EntryKind::Directory => {
                        let is_there = rows.iter().any(|(_, row)| row.triple.synced.is_some());
                        if is_there {
                            todo.push(Todo::Leave(at.clone(), entry.fingerprint.clone()));
                        }
                        let key = rows.first().map(|(key, _)| *key);
                        todo.push(Todo::Enter(at, Directory { key, is_there }));
                    }
                    EntryKind::OtherFileSystem => {}
                    EntryKind::File | EntryKind::Link { .. } | EntryKind::Special => {
                        self.file(&at, entry, &rows, directory.is_there);
                    }
                }
            }
            // Nothing was changed: this only bounds what the memory keeps of it.
            self.store.commit()?;
        }
        Ok(())
    }

    /// What the pair remembers of an entry: by what it is, wherever it was, or else by its name.
    fn rows(
        &self,
        directory: Option<NodeKey>,
        entry: &Entry,
        known: &BTreeMap<Handle, Vec<NodeKey>>,
    ) -> Result<Vec<(NodeKey, Row)>, StoreError> {
        if !self.is_known {
            return Ok(Vec::new());
        }
        let mut keys = known.get(&entry.fingerprint.handle).cloned().unwrap_or_default();
        if let (true, Some(directory)) = (keys.is_empty(), directory) {
            keys = self.store.named(Tree::Local, directory, &self.store.name_key(&entry.name))?;
        }
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.extend(self.store.row(key)?.map(|row| (key, row)));
        }
        Ok(rows)
    }

    fn file(&mut self, path: &RelativePath, entry: &Entry, rows: &[(NodeKey, Row)], is_there: bool) {
        if is_there && model::ignore::is_left_by_file_manager(&entry.name) {
            if let Err(error) = self.remove(path, &entry.fingerprint) {
                tracing::warn!(%path, %error, "what a file manager left cannot be removed");
            }
            return;
        }
        let Some(fingerprint) = rows.iter().find_map(|(_, row)| self.agreed(path, entry, row)) else {
            self.wiped.kept += 1;
            return;
        };
        match self.remove(path, &fingerprint) {
            Ok(Outcome::Done { .. }) => {
                self.wiped.removed += 1;
                self.removed.fetch_add(1, Ordering::Relaxed);
            }
            // Changed since it was looked at, so it is the user's; or gone.
            Ok(Outcome::Refused { found, kept }) => {
                self.wiped.kept += u64::from(found.is_some()) + u64::from(kept.is_some());
            }
            Err(error) => {
                tracing::warn!(%path, %error, "a copy cannot be removed");
                self.wiped.left += 1;
            }
        }
    }

    /// As what it may go, if its bytes are those that both sides have agreed on.
    fn agreed(&self, path: &RelativePath, entry: &Entry, row: &Row) -> Option<Fingerprint> {
        // What is gone from the remote side, and not from here yet, may be the last there is.
        let synced = row.triple.synced.as_ref().filter(|_| row.triple.remote.is_some())?;
        match (&entry.kind, &synced.content) {
            (EntryKind::Link { target }, Content::Link { target: agreed }) => {
                (target == agreed).then(|| entry.fingerprint.clone())
            }
            (EntryKind::File, Content::File { id, size }) if entry.fingerprint.size == *size => {
                let recorded = row.triple.local.as_ref().map(|local| &local.content);
                let is_as_recorded = row.extra.disk.as_ref() == Some(&entry.fingerprint);
                if self.tells_changes && is_as_recorded && recorded == Some(&synced.content) {
                    return Some(entry.fingerprint.clone());
                }
                let request =
                    HashRequest { token: 0, path: path.clone(), expected: entry.fingerprint.clone() };
                match look::hash(self.disk, &request).0.outcome {
                    HashOutcome::Stable { fingerprint, content } if content == *id => Some(fingerprint),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A directory goes once it is empty: what is never synced is not on the remote side either.
    fn leave(&mut self, path: &RelativePath, fingerprint: &Fingerprint) {
        let listing = self.disk.list(&Place::from(path));
        if !listing.is_ok_and(|listing| listing.entries.is_empty() && listing.unseen.is_empty()) {
            return;
        }
        if let Err(error) = self.remove(path, fingerprint) {
            tracing::warn!(%path, %error, "a directory cannot be removed");
        }
    }

    fn remove(&mut self, path: &RelativePath, expected: &Fingerprint) -> Result<Outcome, Error> {
        self.touched.entry(path);
        let aside = |attempt| kept_name(self.author, &last_name(path), expected.mtime, attempt);
        change::remove(self.disk, path, expected, None, &aside)
    }
}
