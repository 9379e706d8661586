//! A device's home directory: who it is on which server, and its pairs.
//!
//! ```text
//! HOME/client.json    the link to the server (with the token, so 0600) and the pairs
//! HOME/lock           held by the daemon, or by a command that changes client.json without one
//! HOME/control.sock   the daemon's ear
//! HOME/pairs/N.db     what pair N remembers
//! ```

use model::{DeviceId, FolderId, NameRule, NodeId, Rates, UserId, View};
use protocol::Fingerprint;
use protocol::admin::Limit;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use sync_engine::Direction;

/// A device's home directory.
#[derive(Debug, Clone)]
pub struct Home {
    directory: PathBuf,
}

/// What went wrong with a home directory.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The system said no.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The configuration is not one.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another process has it.
    #[error("another driftless process is using {}", .0.display())]
    Locked(PathBuf),
}

/// What `client.json` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The account and device; none before `link`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The pairs.
    #[serde(default)]
    pub pairs: Vec<PairConfiguration>,
    /// The number of the next pair.
    #[serde(default)]
    pub next_pair: u64,
    /// How fast this device may send and receive.
    #[serde(default, skip_serializing_if = "OwnLimits::is_none")]
    pub limits: OwnLimits,
    /// The server's order to remove all copies, and what came of it. Goes when the device is linked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wipe: Option<WipeOrder>,
}

/// The server's order to remove all copies, and what came of it so far. The link and the pairs go as it is carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WipeOrder {
    /// When this device heard it, in nanoseconds since 1970.
    pub heard: i64,
    /// Which server gave it.
    pub server: String,
    /// The server's lineage: what was agreed on with another it may not have.
    pub epoch: String,
    /// Whether it is carried out, and the server told.
    #[serde(default)]
    pub done: bool,
    /// How many files were removed.
    #[serde(default)]
    pub removed: u64,
    /// How many were kept, since the server does not have them.
    #[serde(default)]
    pub kept: u64,
    /// The directories in which they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_in: Vec<PathBuf>,
}

/// How fast a device may send and receive, as its person chose: bytes a second; none: as fast as it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnLimits {
    /// To the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_rate: Option<u64>,
    /// From the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_rate: Option<u64>,
}

impl OwnLimits {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// As the traffic takes them.
    #[must_use]
    pub fn rates(self) -> Rates {
        Rates { upload: self.upload_rate, download: self.download_rate }
    }

    /// Takes over what is chosen anew.
    pub fn change(&mut self, upload: Option<Limit>, download: Option<Limit>) {
        let chosen = |old, new| match new {
            None => old,
            Some(Limit::Unlimited) => None,
            Some(Limit::To(rate)) => Some(rate.max(pace::RATE_MIN)),
        };
        self.upload_rate = chosen(self.upload_rate, upload);
        self.download_rate = chosen(self.download_rate, download);
    }
}

/// Who this device is on which server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The server's address, such as `https://files.example.org:7440`.
    pub server: String,
    /// The one certificate that the server may show; if none, any that an authority vouches for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The account's name.
    pub user: String,
    /// What the person calls the device.
    pub device: String,
    /// The account, in its text form.
    pub user_id: String,
    /// The device, in its text form.
    pub device_id: String,
    /// The device's token.
    pub token: String,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("server", &self.server)
            .field("user", &self.user)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// The link that a server's answer makes.
    #[must_use]
    pub fn new(server: String, user: String, device: String, ids: (UserId, DeviceId), token: String) -> Self {
        let (user_id, device_id) = (ids.0.to_string(), ids.1.to_string());
        Self { server, fingerprint: None, user, device, user_id, device_id, token }
    }
}

/// A directory kept in step with a shared folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairConfiguration {
    /// Its number on this device.
    pub number: u64,
    /// The shared folder, in the id's text form.
    pub folder: String,
    /// The shared folder's name when it was paired.
    pub folder_name: String,
    /// Whether names clash byte for byte only.
    #[serde(default)]
    pub exact_names: bool,
    /// The directory of the folder that is synced, in the id's text form; the folder's root if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Where that directory was when it was paired.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subdirectory: String,
    /// Paths that are wanted; all if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Patterns of what is not wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The local directory, absolute.
    pub directory: PathBuf,
    /// What the replica's marker says.
    pub marker: String,
    /// Which way changes travel: `both`, `down` or `up`.
    #[serde(default = "both")]
    pub direction: String,
    /// A plan that deletes more than this many nodes (and a fifth of all) waits for a person; none: never.
    #[serde(default = "hold_deletes_default")]
    pub hold_deletes: Option<u64>,
    /// A person paused it; until when, in nanoseconds since 1970, if not for good.
    #[serde(default)]
    pub paused: bool,
    /// See `paused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<i64>,
}

fn both() -> String {
    Direction::Both.as_str().to_owned()
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn hold_deletes_default() -> Option<u64> {
    Some(HOLD_DELETES)
}

/// How many deletions are held by default.
pub const HOLD_DELETES: u64 = 1_000;

impl PairConfiguration {
    /// The shared folder.
    #[must_use]
    pub fn folder_id(&self) -> Option<FolderId> {
        self.folder.parse().ok()
    }

    /// Which way changes travel. A word of a later version is taken for the careful one: nothing is sent.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction.parse().unwrap_or(Direction::Down)
    }

    /// The directory of the folder that is synced.
    #[must_use]
    pub fn root_id(&self) -> Option<NodeId> {
        self.root.as_ref().map_or(Some(NodeId::ROOT), |root| root.parse().ok())
    }

    /// What of the folder is wanted; none if the configuration makes no sense.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        View::new(self.root_id()?, &self.only, &self.exclude).ok()
    }

    /// The folder, and the directory in it, as a person names them.
    #[must_use]
    pub fn remote_name(&self) -> String {
        match &*self.subdirectory {
            "" => self.folder_name.clone(),
            subdirectory => format!("{}/{subdirectory}", self.folder_name),
        }
    }

    /// When two names clash.
    #[must_use]
    pub fn name_rule(&self) -> NameRule {
        if self.exact_names { NameRule::Exact } else { NameRule::Portable }
    }
}

/// The right to change a home directory; given back when dropped.
#[derive(Debug)]
pub struct HomeLock {
    _file: fs::File,
}

impl Home {
    /// Takes a directory as home, making it if need be.
    pub fn open(directory: &Path) -> Result<Self, HomeError> {
        let pairs = directory.join("pairs");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&pairs).map_err(io_error("make", &pairs))?;
        let directory = directory.canonicalize().map_err(io_error("open", directory))?;
        Ok(Self { directory })
    }

    /// The directory itself.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The daemon's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("control.sock")
    }

    /// The file of a pair's memory.
    #[must_use]
    pub fn pair_file(&self, number: u64) -> PathBuf {
        self.directory.join("pairs").join(format!("{number}.db"))
    }

    /// Takes the right to change it; fails at once if another process has it.
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        let path = self.directory.join("lock");
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(io_error("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(HomeLock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(HomeError::Locked(self.directory.clone())),
            Err(fs::TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
        }
    }

    /// Reads the configuration; an empty one if there is none yet.
    pub fn read(&self) -> Result<Configuration, HomeError> {
        let path = self.directory.join("client.json");
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|source| HomeError::Unreadable { path, source })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Configuration::default()),
            Err(error) => Err(io_error("read", &path)(error)),
        }
    }

    /// Replaces the configuration, whole or not at all.
    pub fn write(&self, configuration: &Configuration, _lock: &HomeLock) -> Result<(), HomeError> {
        let path = self.directory.join("client.json");
        let fresh = self.directory.join("client.json.new");
        let mut text = serde_json::to_vec_pretty(configuration).expect("plain data can be written");
        text.push(b'\n');
        let write = || -> io::Result<()> {
            let mut file =
                fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            fs::File::open(&self.directory)?.sync_all()
        };
        write().map_err(io_error("write", &path))
    }

    /// Forgets what a pair remembers.
    pub fn remove_pair_file(&self, number: u64) -> Result<(), HomeError> {
        let path = self.pair_file(number);
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("remove", Path::new(&name))(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::Io { what, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_home_keeps_its_token_private_and_has_one_holder() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::open(&directory.path().join("deep/home")).unwrap();
        let lock = home.lock().unwrap();
        assert!(matches!(home.lock(), Err(HomeError::Locked(_))));
        let link = Link::new(
            "http://x".into(),
            "alice".into(),
            "laptop".into(),
            (UserId(1), DeviceId(2)),
            "t".into(),
        );
        let link = Link { fingerprint: Some(Fingerprint::of(b"x")), ..link };
        let configuration = Configuration { link: Some(link), ..Configuration::default() };
        home.write(&configuration, &lock).unwrap();
        assert_eq!(home.read().unwrap(), configuration);
        let mode = fs::metadata(home.directory().join("client.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{configuration:?}").contains("token: \"t\""));
    }
}
