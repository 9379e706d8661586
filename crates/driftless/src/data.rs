//! A server's data directory: who holds it, and the server on top of it.
//!
//! `DATA/lock` has one holder, the only writer. The running server holds it and listens on `DATA/admin.sock`;
//! commands hold it only while no server runs.

use crate::replica::OsReplicas;
use anyhow::{Context as _, bail};
use content_store::PackStore;
use filesystem_os::WatchMode;
use metadata_sqlite::Sqlite;
use pairs::PlainDirectories;
use server::{Server, Settings};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to wait for whoever holds the directory.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How often plain directories are looked at as a whole, whatever their watchers say.
const FULL_SCAN: Duration = Duration::from_secs(6 * 3_600);

/// The same where nothing is watched.
const SCAN_ALONE: Duration = Duration::from_secs(60);

/// What may be in a directory before it is a server's.
const FIRST_FILES: [&str; 4] = ["driftless.toml", "lock", "lost+found", "tls"];

/// A data directory.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    directory: PathBuf,
}

/// The right to change a data directory; given back when dropped.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: fs::File,
}

impl Data {
    /// The directory asked for, or the default one.
    pub(crate) fn at(asked: Option<&Path>) -> anyhow::Result<Self> {
        let directory = match asked {
            Some(directory) => directory.to_owned(),
            None => default_directory("XDG_DATA_HOME", ".local/share")?.join("server"),
        };
        Ok(Self { directory })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn admin_socket(&self) -> PathBuf {
        self.directory.join("admin.sock")
    }

    /// Whether a server was made here.
    pub(crate) fn exists(&self) -> bool {
        self.directory.join("catalog.db").exists()
    }

    pub(crate) fn must_exist(&self) -> anyhow::Result<()> {
        if !self.exists() {
            bail!(
                "{} is no server's data directory; `driftless serve --data {0}` makes one, or `driftless admin init --data {0} \
                 --user NAME`",
                self.directory.display()
            );
        }
        Ok(())
    }

    /// Makes it a server's, unless it is or something else is in it.
    pub(crate) fn make_if_empty(&self) -> anyhow::Result<()> {
        if self.exists() {
            return Ok(());
        }
        let may_be_there = |name: &OsStr| FIRST_FILES.iter().any(|first| name == *first);
        match fs::read_dir(&self.directory) {
            Ok(mut entries) => {
                if entries.any(|entry| !entry.is_ok_and(|entry| may_be_there(&entry.file_name()))) {
                    bail!(
                        "{} is no server's data directory, and not empty; name another one with --data",
                        self.directory.display()
                    );
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot look into {}", self.directory.display()));
            }
        }
        self.make()?;
        // One that was there may be open to others.
        fs::set_permissions(&self.directory, fs::Permissions::from_mode(0o700))
            .with_context(|| format!("cannot close {} to others", self.directory.display()))
    }

    /// Makes the directory, readable by its owner only.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .with_context(|| format!("cannot make {}", self.directory.display()))
    }

    /// Takes the lock, if nobody has it.
    pub(crate) fn try_lock(&self) -> anyhow::Result<Option<DataLock>> {
        let path = self.directory.join("lock");
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DataLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error).context("cannot lock the data directory"),
        }
    }

    /// Takes the lock, waiting for a command that holds it for a moment.
    pub(crate) fn lock(&self) -> anyhow::Result<DataLock> {
        let begun = Instant::now();
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            if begun.elapsed() > PATIENCE {
                bail!("another driftless process is using {}", self.directory.display());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where folders' plain directories lie; those for which no directory is named below a root, if one was chosen.
    pub(crate) fn plain_directories(&self, watch: WatchMode, root: Option<PathBuf>) -> PlainDirectories {
        PlainDirectories {
            opener: Arc::new(OsReplicas { watch }),
            memory: self.directory.join("pairs"),
            automatic: root.unwrap_or_else(|| self.directory.join("folders")),
            data: self.directory.clone(),
            full_scan: if watch == WatchMode::Scan { SCAN_ALONE } else { FULL_SCAN },
        }
    }

    /// Opens database and store. Only for whoever holds the lock.
    pub(crate) fn open(&self, _lock: &DataLock, mut settings: Settings) -> anyhow::Result<Arc<Server>> {
        settings.system_user = Arc::new(system_user);
        settings.data = Some(full_path(&self.directory)?);
        settings.plain.get_or_insert_with(|| self.plain_directories(WatchMode::Auto, None));
        let catalog = self.directory.join("catalog.db");
        let database =
            Sqlite::open(&catalog).with_context(|| format!("cannot open {}", catalog.display()))?;
        let store = self.directory.join("store");
        let packs = store.join("packs");
        settings.content = Some(full_path(&store)?);
        let chunks = PackStore::open(&packs).with_context(|| format!("cannot open {}", packs.display()))?;
        Server::new(Arc::new(database), Arc::new(chunks), settings).context("the server cannot start")
    }
}

/// The number of a login of this system.
fn system_user(login: &str) -> Option<u32> {
    uzers::get_user_by_name(login).map(|user| user.uid())
}

/// Where programs keep such things on this system.
pub(crate) fn default_directory(variable: &str, otherwise: &str) -> anyhow::Result<PathBuf> {
    Ok(base_directory(variable, otherwise)?.join("driftless"))
}

/// A directory of the XDG specification, by its variable or below the home directory.
pub(crate) fn base_directory(variable: &str, otherwise: &str) -> anyhow::Result<PathBuf> {
    Ok(match std::env::var_os(variable).filter(|value| Path::new(value).is_absolute()) {
        Some(value) => PathBuf::from(value),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("the variable HOME is not set")?).join(otherwise)
        }
    })
}

/// A path for somebody who stands elsewhere.
pub(crate) fn full_path(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}
