//! The file-system monitor: a pair for each folder that has a plain directory.

use crate::{SharedFolder, Surroundings};
use filesystem::WatchStatus;
use metadata::folder::Folder;
use model::conflict::Author;
use model::{FolderId, NameRule, NodeId, Seq, View};
use replica::{OpenReplica, Pair, PairSettings, Question};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use sync_engine::{Direction, Event, Status};

/// Deletions of more nodes than this (and of a fifth of all) wait for an administrator.
const HOLD_DELETES: u64 = 1_000;

/// Where plain directories lie, and how they are opened.
#[derive(Clone)]
pub struct PlainDirectories {
    /// Opens and watches them.
    pub opener: Arc<dyn OpenReplica>,
    /// Where the pairs remember.
    pub memory: PathBuf,
    /// Where the directories asked for as `auto` lie.
    pub automatic: PathBuf,
    /// The server's own data: no plain directory may hold it or lie in it, but for `automatic`.
    pub data: PathBuf,
    /// How often everything is looked at again, whatever the watcher says.
    pub full_scan: Duration,
}

impl fmt::Debug for PlainDirectories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainDirectories").field("automatic", &self.automatic).finish_non_exhaustive()
    }
}

/// What a monitor starts from.
#[derive(Debug, Clone)]
pub struct MonitorSettings {
    /// The server.
    pub surroundings: Surroundings,
    /// The directories.
    pub plain: PlainDirectories,
    /// A secret of this server, of which markers are made: a directory of another server is not taken for ours.
    pub server_key: [u8; 32],
}

/// How one folder's plain directory stands.
#[derive(Debug, Clone)]
pub struct MonitorStatus {
    /// The directory.
    pub directory: PathBuf,
    /// How the pair stands.
    pub status: Status,
    /// How it is watched, where it is.
    pub watch: Option<WatchStatus>,
    /// Why it is not at work at all, if it is not.
    pub trouble: Option<String>,
}

/// Why a directory cannot become a folder's plain directory.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// Its path is of no use.
    #[error("{path}: {problem}", path = .path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The system refuses.
    #[error("{path}: {source}", path = .path.display())]
    Disk {
        /// The path.
        path: PathBuf,
        /// Why.
        source: filesystem::Error,
    },
    /// The pair's memory cannot be made or removed.
    #[error("{path}: {source}", path = .path.display())]
    Memory {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] metadata::Error),
}

/// All pairs with plain directories of a server. Blocks where it waits for disks: not for threads that must not.
pub struct Monitor {
    settings: MonitorSettings,
    running: Mutex<BTreeMap<FolderId, Running>>,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

struct Running {
    directory: PathBuf,
    pair: Pair,
}

impl Monitor {
    /// A monitor at rest.
    #[must_use]
    pub fn new(settings: MonitorSettings) -> Self {
        Self { settings, running: Mutex::default() }
    }

    /// The directory that a folder gets when asked for as `auto`.
    #[must_use]
    pub fn automatic(&self, folder_name: &str) -> PathBuf {
        self.settings.plain.automatic.join(folder_name)
    }

    /// Makes a directory the plain directory of a folder, once: checks it, makes it if need be, and marks it. It may hold
    /// files, which are taken in. `others` are the plain directories of other folders.
    ///
    /// # Errors
    /// `Path`, `Disk`, `Memory`.
    pub fn prepare(
        &self,
        folder: FolderId,
        directory: &Path,
        others: &[PathBuf],
    ) -> Result<PathBuf, MonitorError> {
        let fault = |problem| MonitorError::Path { path: directory.to_owned(), problem };
        if !directory.is_absolute() {
            return Err(fault("a plain directory is named by its full path"));
        }
        fs::create_dir_all(directory)
            .and_then(|()| fs::create_dir_all(&self.settings.plain.memory))
            .map_err(|source| MonitorError::Memory { path: directory.to_owned(), source })?;
        let real = directory
            .canonicalize()
            .map_err(|source| MonitorError::Memory { path: directory.to_owned(), source })?;
        let overlaps = |other: &Path| real.starts_with(other) || other.starts_with(&real);
        if others.iter().any(|other| overlaps(other)) {
            return Err(fault("it overlaps the plain directory of another folder"));
        }
        let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let automatic = canonical(&self.settings.plain.automatic);
        let own = real.parent() == Some(&automatic);
        if !own && overlaps(&canonical(&self.settings.plain.data)) {
            return Err(fault("it overlaps the server's own data"));
        }
        self.forget(folder)?;
        let disk = |source| MonitorError::Disk { path: real.clone(), source };
        self.settings.plain.opener.prepare(&real, &self.marker(folder)).map_err(disk)?;
        Ok(real)
    }

    /// Ends a folder's plain directory; the files stay where they are.
    ///
    /// # Errors
    /// `Disk`, `Memory`.
    pub fn release(&self, folder: FolderId, directory: &Path) -> Result<(), MonitorError> {
        self.stop_one(folder);
        self.forget(folder)?;
        let released = self.settings.plain.opener.release(directory);
        released.map_err(|source| MonitorError::Disk { path: directory.to_owned(), source })
    }

    /// Starts what is to run and stops what is not, as the database says now.
    ///
    /// # Errors
    /// `Database`.
    pub fn refresh(&self) -> Result<(), MonitorError> {
        let database = &self.settings.surroundings.database;
        let folders = metadata::read::<_, metadata::Error>(&**database, |snapshot| snapshot.folders())?;
        let wanted: BTreeMap<FolderId, (PathBuf, NameRule)> = folders.iter().filter_map(wanted).collect();
        let gone: Vec<FolderId> = self
            .running()
            .iter()
            .filter(|(folder, running)| {
                wanted.get(folder).is_none_or(|(directory, _)| *directory != running.directory)
            })
            .map(|(folder, _)| *folder)
            .collect();
        gone.into_iter().for_each(|folder| self.stop_one(folder));
        for (folder, (directory, names)) in wanted {
            if self.running().contains_key(&folder) {
                continue;
            }
            match self.start_one(folder, &directory, names) {
                Ok(pair) => {
                    self.running().insert(folder, Running { directory, pair });
                }
                Err(error) => tracing::error!(%folder, %error, "a plain directory is not watched"),
            }
        }
        Ok(())
    }

    /// A folder has a new head.
    pub fn woken(&self, folder: FolderId, head: Seq) {
        if let Some(running) = self.running().get(&folder) {
            running.pair.tell(Event::Woken(head));
        }
    }

    /// Any folder may have changed: every pair asks once more.
    pub fn verify(&self) {
        self.running().values().for_each(|running| running.pair.tell(Event::Verify));
    }

    /// How the folders' plain directories stand.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<FolderId, MonitorStatus> {
        let status = |running: &Running| MonitorStatus {
            directory: running.directory.clone(),
            status: running.pair.status(),
            watch: running.pair.watching(),
            trouble: running.pair.trouble(),
        };
        self.running().iter().map(|(folder, running)| (*folder, status(running))).collect()
    }

    /// Decides about held deletions of a folder; false if it has no plain directory at work.
    pub fn decide_hold(&self, folder: FolderId, approve: bool) -> bool {
        let running = self.running();
        let pair = running.get(&folder);
        if let Some(running) = pair {
            running.pair.ask(Question::Hold(approve));
        }
        pair.is_some()
    }

    /// Stops all pairs and waits for them.
    pub fn stop(&self) {
        let running = std::mem::take(&mut *self.running());
        running.into_values().for_each(|running| running.pair.stop());
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<FolderId, Running>> {
        // The map is changed by single steps; a panicking holder leaves it whole.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_one(&self, folder: FolderId) {
        let stopped = self.running().remove(&folder);
        if let Some(running) = stopped {
            running.pair.stop();
        }
    }

    fn start_one(&self, folder: FolderId, directory: &Path, names: NameRule) -> io::Result<Pair> {
        let settings = PairSettings {
            name: folder.to_string(),
            directory: directory.to_owned(),
            marker: self.marker(folder),
            memory: self.memory(folder),
            names,
            view: View::of(NodeId::ROOT),
            author: Author { user: "outside".to_owned(), device: "server".to_owned() },
            direction: Direction::Both,
            hold_deletes: Some(HOLD_DELETES),
            paused: false,
            full_scan: self.settings.plain.full_scan,
        };
        fs::create_dir_all(&self.settings.plain.memory)?;
        let remote = Arc::new(SharedFolder::new(self.settings.surroundings.clone(), folder)?);
        let pair = Pair::start(settings, remote, Arc::clone(&self.settings.plain.opener))?;
        pair.tell(Event::Online);
        Ok(pair)
    }

    fn memory(&self, folder: FolderId) -> PathBuf {
        self.settings.plain.memory.join(format!("{folder}.db"))
    }

    /// What a pair remembers of an earlier directory says nothing of a new one.
    fn forget(&self, folder: FolderId) -> Result<(), MonitorError> {
        let memory = self.memory(folder);
        for ending in ["", "-wal", "-shm"] {
            let mut path = memory.clone().into_os_string();
            path.push(ending);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(MonitorError::Memory { path: path.into(), source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn marker(&self, folder: FolderId) -> String {
        let mut secret = self.settings.server_key.to_vec();
        secret.extend_from_slice(&folder.0.to_le_bytes());
        format!("folder {folder} {}", chunker::chunk_id(&secret))
    }
}

fn wanted(folder: &Folder) -> Option<(FolderId, (PathBuf, NameRule))> {
    let directory = folder.settings.plain_directory.as_deref()?;
    Some((folder.id, (PathBuf::from(OsStr::from_bytes(directory)), folder.names)))
}

/// A path as the database keeps it.
#[must_use]
pub fn stored_path(path: PathBuf) -> Vec<u8> {
    path.into_os_string().into_vec()
}
