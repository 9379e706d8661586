//! The daemon's ear: one JSON line asks, one JSON line answers, over `HOME/control.sock`.

use crate::home::{Home, WipeOrder};
use model::Timestamp;
use protocol::admin::Limit;
use protocol::v1::VersionOriginWord;
pub use replica::progress::{Direction, Transfer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// The longest line.
pub const LINE_BYTES_MAX: u64 = 16 << 20;

/// What a command asks of the daemon. Paths are absolute paths of this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ControlRequest {
    /// How is everything?
    Status,
    /// Begin to keep a directory in step.
    Sync(SyncRequest),
    /// Stop keeping a directory in step; its files stay.
    Unsync {
        /// The pair's directory.
        directory: PathBuf,
    },
    /// Stop a pair, or all, for a while.
    Pause {
        /// The pair's directory; all if none.
        directory: Option<PathBuf>,
        /// For how long; for good if none.
        seconds: Option<u64>,
    },
    /// Let a pair, or all, go on.
    Resume {
        /// The pair's directory; all if none.
        directory: Option<PathBuf>,
    },
    /// Wait until every pair is in step.
    Wait {
        /// For how long.
        milliseconds: u64,
    },
    /// What was done, newest first.
    Log {
        /// To this path only.
        path: Option<PathBuf>,
        /// Conflict copies only.
        conflicts: bool,
        /// At most so many.
        limit: usize,
    },
    /// The versions of a file.
    Versions {
        /// The file.
        path: PathBuf,
    },
    /// Pins or labels a version of a file; what is not given stays.
    Pin {
        /// The file.
        path: PathBuf,
        /// Which version.
        version: u64,
        /// Whether it is kept for ever.
        pinned: Option<bool>,
        /// What it is called; an empty text takes the label away.
        label: Option<String>,
    },
    /// Makes an old version of a file the newest.
    Restore {
        /// The file.
        path: PathBuf,
        /// Which version.
        version: Option<u64>,
    },
    /// What was in a directory.
    ListPast {
        /// The directory.
        path: PathBuf,
        /// As of when.
        when: WhenWord,
    },
    /// What has changed below a path since then.
    Compare {
        /// The path.
        path: PathBuf,
        /// Since when.
        when: WhenWord,
        /// At most so many lines.
        limit: usize,
    },
    /// Brings what is below a path to the state of a moment.
    RestorePast {
        /// The path.
        path: PathBuf,
        /// To when.
        when: WhenWord,
        /// Undo this person's changes only.
        only_by: Option<String>,
        /// Undo the changes from this device only.
        only_from: Option<String>,
        /// Say what would be done, and do nothing.
        dry_run: bool,
    },
    /// What was removed.
    Trash {
        /// From this directory; everywhere, if none.
        path: Option<PathBuf>,
        /// At most so many lines.
        limit: usize,
    },
    /// Brings removed files and directories back.
    Undelete {
        /// Where they were.
        paths: Vec<PathBuf>,
    },
    /// Decide about held deletions.
    Hold {
        /// The pair's directory; all that hold if none.
        directory: Option<PathBuf>,
        /// Carry them out, or bring everything back.
        approve: bool,
    },
    /// How fast may this device send and receive? And from now on: what is not given stays.
    Limits {
        /// Bytes a second that it sends at most.
        upload: Option<Limit>,
        /// Bytes a second that it receives at most.
        download: Option<Limit>,
    },
    /// Stop the daemon.
    Stop,
}

/// A directory to be kept in step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The shared folder's name, and the path of a directory in it behind a slash.
    pub folder: String,
    /// The local directory.
    pub directory: PathBuf,
    /// Which way changes travel: `both`, `down` or `up`; none: as before, or else both.
    #[serde(default)]
    pub direction: Option<String>,
    /// How many deletions are held for a person; none: as before, or else the default.
    #[serde(default)]
    pub hold_deletes: Option<HoldDeletes>,
    /// Paths that are wanted; all if none.
    #[serde(default)]
    pub only: Vec<String>,
    /// Patterns of what is not wanted.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// How many deletions are held for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldDeletes {
    /// However many, they are carried out.
    Never,
    /// More than this, and a fifth of all.
    Over(u64),
}

fn both() -> String {
    sync_engine::Direction::Both.as_str().to_owned()
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlAnswer {
    /// Done, with something to say.
    Done(String),
    /// Not done: what happened, and what to do.
    Failed(String),
    /// How everything is.
    Status(DaemonStatus),
    /// How waiting ended.
    Waited(Waited),
    /// What was done.
    Log(Vec<LogLine>),
    /// A file's versions, the newest first.
    Versions(Vec<VersionLine>),
    /// A directory as it was.
    Past(PastList),
    /// What has changed.
    Differences(Differences),
    /// What was, or would be, restored.
    Restored(Restored),
    /// What was removed.
    Trash(Vec<TrashLine>),
    /// How fast bytes move.
    Limits(TrafficStatus),
}

/// As of when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenWord {
    /// A moment as RFC 3339 in UTC.
    At(String),
    /// A number of the folder's journal.
    Seq(u64),
}

/// A directory as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastList {
    /// The number of the journal that was looked at.
    pub seq: u64,
    /// When the last change before it was made, if it was asked by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What was in it, by name.
    pub entries: Vec<PastLine>,
    /// Whether there is more than is listed.
    pub more: bool,
}

/// Something as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastLine {
    /// Its name.
    pub name: String,
    /// `directory`, `file` or `link`.
    pub kind: String,
    /// A file's size in bytes.
    pub size: u64,
    /// When it was last modified, as RFC 3339.
    pub modified: String,
    /// The number of its version; 0 for a directory.
    pub version: u64,
    /// Whether the very version of then was thinned out, and this is the one kept from before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thinned: bool,
}

/// What has changed since a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differences {
    /// The number of the journal that was compared with.
    pub from: u64,
    /// How many were made since.
    pub added: u64,
    /// How many were removed.
    pub removed: u64,
    /// How many have another content or other attributes.
    pub changed: u64,
    /// How many stand elsewhere.
    pub moved: u64,
    /// A line for each.
    pub lines: Vec<DifferenceLine>,
    /// Whether there are more than are listed.
    pub more: bool,
}

/// Something that has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceLine {
    /// `added`, `removed`, `changed`, `moved`; the last two may come together.
    pub changes: Vec<String>,
    /// Where it is, or last was.
    pub path: PathBuf,
    /// Where it was then, if elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PathBuf>,
}

/// What was, or would be, restored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The number of the journal whose state it is.
    pub seq: u64,
    /// When the last change before it was made, if it was asked by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The newest number before: restoring to it undoes this.
    pub before: u64,
    /// How many went to the trash.
    pub removed: u64,
    /// How many came back.
    pub returned: u64,
    /// How many stand elsewhere now.
    pub moved: u64,
    /// How many have another content or other attributes now.
    pub changed: u64,
    /// How many of them got a mark in their name, because it was taken.
    pub renamed: u64,
    /// Of how many the very version of then was thinned out, so that the one kept from before it stands in.
    #[serde(default)]
    pub thinned: u64,
    /// How many were left as they are.
    pub kept_count: u64,
    /// How many of the first thousand of those for which reason: `changed_by_others`, `in_use`, `impossible`.
    pub kept: BTreeMap<String, u64>,
}

/// Something that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashLine {
    /// Where it was.
    pub path: PathBuf,
    /// `directory`, `file` or `link`.
    pub kind: String,
    /// A file's size in bytes; of one directory's trash, with all that is below.
    pub size: u64,
    /// How many nodes came into the trash with it, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u64>,
    /// When it was removed, as RFC 3339.
    pub removed: String,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// From which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// How waiting ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waited {
    /// Every pair is in step.
    InStep,
    /// Time is up; what it was waiting for.
    TimeUp(String),
    /// Deletions are held for a person.
    Held(String),
    /// The account has no access to a folder any more, or the device is no longer linked.
    NoAccess(String),
    /// All that can be is in step; these cannot.
    Issues(Vec<IssueLine>),
}

/// How the daemon and its pairs are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// The server's address.
    pub server: String,
    /// The account.
    pub user: String,
    /// The device.
    pub device: String,
    /// Whether the server can be reached.
    pub online: bool,
    /// Why the server that answers is not believed to be the right one; nothing is sent to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distrust: Option<String>,
    /// How fast bytes move, and what waits.
    #[serde(default)]
    pub limits: TrafficStatus,
    /// The server's order to remove all copies, which is being carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wipe: Option<WipeStatus>,
    /// The pairs.
    pub pairs: Vec<PairStatus>,
}

/// How far an order to remove all copies is carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WipeStatus {
    /// When this device heard it, as RFC 3339.
    pub heard: String,
    /// How many files were removed.
    pub removed: u64,
    /// How many were kept, since the server does not have them.
    pub kept: u64,
    /// The directories in which they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_in: Vec<PathBuf>,
}

impl WipeStatus {
    /// How far an order is, and so many files further.
    #[must_use]
    pub fn of(order: &WipeOrder, further: u64) -> Self {
        Self {
            heard: Timestamp(order.heard).to_string(),
            removed: order.removed + further,
            kept: order.kept,
            kept_in: order.kept_in.clone(),
        }
    }
}

/// What bounds the device's traffic. Rates are bytes a second; one that is absent is not bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficStatus {
    /// What this device allows itself to send.
    pub upload_rate: Option<u64>,
    /// What this device allows itself to receive.
    pub download_rate: Option<u64>,
    /// What the server takes from all devices of the account.
    pub server_upload_rate: Option<u64>,
    /// What the server sends to all devices of the account.
    pub server_download_rate: Option<u64>,
    /// The largest file that the server takes in bytes.
    pub file_bytes: u64,
    /// How many transfers of this device may run at a time.
    pub transfers: usize,
    /// How many run.
    pub running: usize,
    /// How many wait for their turn.
    pub waiting: usize,
    /// For how many seconds the server wants no transfer to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// How a pair is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairStatus {
    /// The shared folder.
    pub folder: String,
    /// The local directory.
    pub directory: PathBuf,
    /// Paths that are wanted; all if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Patterns of what is not wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// How many entries here are not synced since the choice or a `.driftlessignore` says so.
    #[serde(default)]
    pub excluded: usize,
    /// `in_step`, `syncing`, `looking`, `paused`, `offline`, `held`, `issues`, `gone`, `no_access`, `unlinked`,
    /// `wiping`, `trouble`.
    pub state: String,
    /// Which way changes travel: `both`, `down` or `up`.
    #[serde(default = "both")]
    pub direction: String,
    /// The account may only read the folder: nothing is sent, whatever the direction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// More about it, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Changes waiting.
    pub pending: usize,
    /// Transfers under way.
    pub transfers: Vec<Transfer>,
    /// Plain bytes sent since the daemon began.
    pub sent_bytes: u64,
    /// Plain bytes received since the daemon began.
    pub received_bytes: u64,
    /// Nodes that cannot be synced.
    pub issues: Vec<IssueLine>,
}

/// A node that cannot be synced, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueLine {
    /// The node.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When, as RFC 3339.
    pub time: String,
    /// What: `downloaded`, `uploaded`, `moved_here`, `moved_there`, `removed_here`, `removed_there`, `conflict_copy`,
    /// `kept`, `refused`.
    pub action: String,
    /// The node.
    pub path: PathBuf,
    /// Where it was before, or what a conflict copy belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<PathBuf>,
    /// Why, as a word: such as `changed_there` or `both_changed`; absent in what an older version wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The number of the folder's journal under which the server knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Who made the change, where one file is asked for and the server knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// From which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A version of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionLine {
    /// Its number.
    pub number: u64,
    /// Its size in bytes.
    pub size: u64,
    /// When the server took it, as RFC 3339.
    pub time: String,
    /// How it came to be: `commit`, `copy`, `restore` or `outside` (found in the folder's plain directory).
    pub origin: VersionOriginWord,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// From which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Whether it is the file's state now.
    pub current: bool,
    /// Whether it is kept for ever.
    #[serde(default)]
    pub pinned: bool,
    /// What somebody called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Whether a daemon listens.
pub async fn is_running(home: &Home) -> bool {
    UnixStream::connect(socket_path(home.directory())).await.is_ok()
}

/// Asks the daemon, waiting for it to be there for at most so long.
pub async fn ask(home: &Home, request: &ControlRequest, patience: Duration) -> io::Result<ControlAnswer> {
    let begun = Instant::now();
    let stream = loop {
        match UnixStream::connect(socket_path(home.directory())).await {
            Ok(stream) => break stream,
            Err(_) if begun.elapsed() < patience => tokio::time::sleep(Duration::from_millis(30)).await,
            Err(error) => return Err(error),
        }
    };
    let (read, mut write) = stream.into_split();
    write.write_all(&line_of(request)?).await?;
    let mut line = String::new();
    BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the daemon stopped"));
    }
    serde_json::from_str(&line).map_err(io::Error::other)
}

/// A message as a line.
pub(crate) fn line_of(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

/// Where the socket is reached. A socket's path has at most 107 bytes, so a deep home is reached through the
/// process's own handle of it.
pub(crate) fn socket_path(home: &Path) -> PathBuf {
    let path = home.join("control.sock");
    if path.as_os_str().len() < 100 {
        return path;
    }
    static HANDLES: std::sync::Mutex<Vec<(PathBuf, std::fs::File)>> = std::sync::Mutex::new(Vec::new());
    let mut handles = HANDLES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !handles.iter().any(|(held, _)| held == home)
        && let Ok(directory) = std::fs::File::open(home)
    {
        handles.push((home.to_owned(), directory));
    }
    use std::os::fd::AsRawFd as _;
    match handles.iter().find(|(held, _)| held == home) {
        Some((_, directory)) => {
            PathBuf::from(format!("/proc/self/fd/{}/control.sock", directory.as_raw_fd()))
        }
        None => path,
    }
}
