//! What the daemon answers to commands.

use super::{Daemon, choose, wipe};
use crate::control::{
    ControlAnswer, ControlRequest, DaemonStatus, IssueLine, LogLine, PairStatus, SyncRequest, TrafficStatus,
    VersionLine, Waited,
};
use crate::pair::Pair;
use crate::remote::{Distrust, RemoteError};
use model::{FolderId, Name, NodeId, RelativePath};
use protocol::admin::Limit;
use replica::{Question, Reply, WaitEnd};
use std::collections::BTreeMap;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use sync_engine::ActivityKind;
use tokio::sync::oneshot;

/// What to say where the server does not take the device's token.
const UNLINKED: &str = "the server does not take this device any more: it was unlinked, or the account disabled. The files stay \
     here and are not synced. An account that comes back goes on by itself; else `driftless unsync` the directories, \
     `driftless link` again and `driftless sync` them";

/// How long the server may take to say who changed a file.
const NAMES_WITHIN: Duration = Duration::from_secs(5);

/// How many removed nodes are searched for a path.
const TRASH_SEARCHED: usize = 100_000;

/// An answer of a pair, to be waited for.
fn reply<T: Send + 'static>() -> (Reply<T>, oneshot::Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    // Who does not wait any more need not be told.
    (Reply::to(move |answer| drop(sender.send(answer))), receiver)
}

impl Daemon {
    pub(super) async fn answer(&self, request: ControlRequest) -> ControlAnswer {
        if self.is_wiping() {
            match &request {
                ControlRequest::Status | ControlRequest::Wait { .. } | ControlRequest::Stop => {}
                ControlRequest::Unsync { directory } => return self.give_up(directory),
                _ => return ControlAnswer::Failed(wipe::WIPING.to_owned()),
            }
        }
        match request {
            ControlRequest::Status => ControlAnswer::Status(self.status()),
            ControlRequest::Sync(request) => self.sync(request).await,
            ControlRequest::Unsync { directory } => self.unsync(&directory).await,
            ControlRequest::Pause { directory, seconds } => self.pause(directory.as_deref(), seconds),
            ControlRequest::Resume { directory } => self.resume(directory.as_deref()),
            ControlRequest::Wait { milliseconds } => self.wait(Duration::from_millis(milliseconds)).await,
            ControlRequest::Log { path, conflicts, limit } => self.log(path, conflicts, limit).await,
            ControlRequest::Versions { path } => self.versions(&path).await,
            ControlRequest::Pin { path, version, pinned, label } => {
                self.pin(&path, version, pinned, label).await
            }
            ControlRequest::Restore { path, version } => self.restore(&path, version).await,
            ControlRequest::ListPast { path, when } => self.list_past(&path, &when).await,
            ControlRequest::Compare { path, when, limit } => self.compare(&path, &when, limit).await,
            ControlRequest::RestorePast { path, when, only_by, only_from, dry_run } => {
                self.restore_past(&path, &when, only_by, only_from, dry_run).await
            }
            ControlRequest::Trash { path, limit } => self.trash(path.as_deref(), limit).await,
            ControlRequest::Undelete { paths } => self.undelete(&paths).await,
            ControlRequest::Hold { directory, approve } => self.hold(directory.as_deref(), approve),
            ControlRequest::Limits { upload, download } => self.change_limits(upload, download),
            ControlRequest::Stop => {
                self.stop.send_replace(true);
                ControlAnswer::Done("the daemon stops".to_owned())
            }
        }
    }

    fn status(&self) -> DaemonStatus {
        let state = self.state();
        let distrust = self.distrust();
        let link = state.configuration.link.as_ref();
        DaemonStatus {
            server: link.map(|link| link.server.clone()).unwrap_or_default(),
            user: link.map(|link| link.user.clone()).unwrap_or_default(),
            device: link.map(|link| link.device.clone()).unwrap_or_default(),
            online: self.online.load(Ordering::Relaxed),
            limits: self.traffic_status(),
            distrust: distrust.as_ref().map(ToString::to_string),
            wipe: state.configuration.wipe.as_ref().map(|order| self.wipe_status(order)),
            pairs: if state.configuration.wipe.is_some() {
                self.pairs_being_wiped(&state.configuration)
            } else {
                state.pairs.values().map(|pair| self.pair_status(pair, distrust.as_ref())).collect()
            },
        }
    }

    fn traffic_status(&self) -> TrafficStatus {
        let standing = self.remote.traffic().standing();
        TrafficStatus {
            upload_rate: standing.own.upload,
            download_rate: standing.own.download,
            server_upload_rate: standing.of_server.upload,
            server_download_rate: standing.of_server.download,
            file_bytes: self.remote.limits().file_bytes,
            transfers: standing.places,
            running: standing.running,
            waiting: standing.waiting,
            retry_after_seconds: standing.hold_off.map(|left| left.as_secs() + 1),
        }
    }

    fn change_limits(&self, upload: Option<Limit>, download: Option<Limit>) -> ControlAnswer {
        if upload.or(download).is_some() {
            let written = self.configure(|configuration| configuration.limits.change(upload, download));
            if let Err(error) = written {
                return ControlAnswer::Failed(error.to_string());
            }
            self.remote.traffic().set_own(self.state().configuration.limits.rates());
        }
        ControlAnswer::Limits(self.traffic_status())
    }

    async fn sync(&self, request: SyncRequest) -> ControlAnswer {
        let before = self.state().configuration.clone();
        let chosen = match choose(&self.remote, &before, &request).await {
            Ok(chosen) => chosen,
            Err(reason) => return ControlAnswer::Failed(reason),
        };
        let pair = chosen.pair.clone();
        if chosen.is_new
            && let Err(error) = self.opener.prepare(&pair.directory, &pair.marker)
        {
            return ControlAnswer::Failed(format!("{} cannot be used: {error}", pair.directory.display()));
        }
        let said = chosen.said();
        let running = self.state().pairs.remove(&pair.number);
        if let Some(running) = running {
            let _finished = tokio::task::spawn_blocking(move || running.stop()).await;
        }
        let written = self.configure(|configuration| chosen.put_into(configuration));
        let link = self.state().configuration.link.clone();
        // If the choice could not be noted, the pair goes on with the old one.
        let begins = match &written {
            Ok(()) => Some(pair),
            Err(_) => before.pairs.into_iter().find(|held| held.number == pair.number),
        };
        if let (Some(link), Some(pair)) = (link, begins) {
            self.start_pair(&link, pair);
        }
        match written {
            Ok(()) => ControlAnswer::Done(said),
            Err(error) => ControlAnswer::Failed(error.to_string()),
        }
    }

    async fn unsync(&self, directory: &Path) -> ControlAnswer {
        let number = self
            .state()
            .pairs
            .values()
            .find(|pair| pair.configuration.directory == *directory)
            .map(|pair| pair.configuration.number);
        let Some(number) = number else { return ControlAnswer::Failed(no_such_pair(directory)) };
        let stopped = self.state().pairs.remove(&number);
        if let Some(pair) = stopped {
            let _finished = tokio::task::spawn_blocking(move || pair.stop()).await;
        }
        if let Err(error) =
            self.configure(|configuration| configuration.pairs.retain(|pair| pair.number != number))
        {
            return ControlAnswer::Failed(error.to_string());
        }
        self.forget(number, directory);
        ControlAnswer::Done(format!("{} is no longer kept in step; its files stay", directory.display()))
    }

    /// Tells one pair or all; gives how many.
    fn tell_pairs(&self, directory: Option<&Path>, tell: impl Fn(&Pair)) -> Result<usize, String> {
        let state = self.state();
        let chosen: Vec<&Pair> = state
            .pairs
            .values()
            .filter(|pair| directory.is_none_or(|directory| pair.configuration.directory == directory))
            .collect();
        if let (Some(directory), true) = (directory, chosen.is_empty()) {
            return Err(no_such_pair(directory));
        }
        chosen.iter().for_each(|pair| tell(pair));
        Ok(chosen.len())
    }

    fn pause(&self, directory: Option<&Path>, seconds: Option<u64>) -> ControlAnswer {
        let told = self.tell_pairs(directory, |pair| pair.ask(Question::Pause));
        let until = seconds.map(|seconds| crate::now().plus_ms(seconds.saturating_mul(1_000)).0);
        self.remember_pause(directory, true, until);
        if let Some(seconds) = seconds {
            self.resume_later(directory, Duration::from_secs(seconds));
        }
        counted(told, "paused")
    }

    /// Resumes pairs when their pause is over, if nobody did before.
    fn resume_later(&self, directory: Option<&Path>, after: Duration) {
        let socket = self.home.clone();
        let directory = directory.map(Path::to_owned);
        let mut stop = self.stop.subscribe();
        self.runtime.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(after) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let request = ControlRequest::Resume { directory };
            let _answer = crate::control::ask(&socket, &request, Duration::ZERO).await;
        });
    }

    fn resume(&self, directory: Option<&Path>) -> ControlAnswer {
        let told = self.tell_pairs(directory, |pair| pair.ask(Question::Resume));
        self.remember_pause(directory, false, None);
        counted(told, "resumed")
    }

    fn remember_pause(&self, directory: Option<&Path>, paused: bool, until: Option<i64>) {
        let written = self.configure(|configuration| {
            for pair in &mut configuration.pairs {
                if directory.is_none_or(|directory| pair.directory == directory) {
                    (pair.paused, pair.paused_until) = (paused, until);
                }
            }
        });
        if let Err(error) = written {
            tracing::warn!(%error, "the pause is not remembered");
        }
    }

    fn hold(&self, directory: Option<&Path>, approve: bool) -> ControlAnswer {
        let told = self.tell_pairs(directory, |pair| pair.ask(Question::Hold(approve)));
        counted(
            told,
            if approve { "told to carry out what they hold" } else { "told to bring back what they hold" },
        )
    }

    async fn wait(&self, at_most: Duration) -> ControlAnswer {
        if self.is_wiping() {
            return ControlAnswer::Waited(Waited::NoAccess(wipe::WIPING.to_owned()));
        }
        let mut waiting = Vec::new();
        for pair in self.state().pairs.values() {
            let (reply, answered) = reply();
            pair.ask(Question::Wait(reply));
            waiting.push((pair.configuration.directory.clone(), answered));
        }
        let deadline = tokio::time::Instant::now() + at_most;
        let mut unlinked = self.unlinked.subscribe();
        let (mut issues, mut held, mut no_access) = (Vec::new(), Vec::new(), Vec::new());
        for (directory, answered) in waiting {
            let answered = tokio::select! {
                answered = tokio::time::timeout_at(deadline, answered) => answered,
                _ = unlinked.wait_for(|unlinked| *unlinked) => Ok(Ok(WaitEnd::NoAccess)),
            };
            match answered {
                Ok(Ok(WaitEnd::InStep)) => {}
                Ok(Ok(WaitEnd::NoAccess)) => no_access.push(self.why_not(&directory)),
                Ok(Ok(WaitEnd::Held(here, there))) => held.push(format!(
                    "{}: {here} deletions here and {there} on the server are held",
                    directory.display()
                )),
                Ok(Ok(WaitEnd::Issues(found))) => issues.extend(issue_lines(&directory, found)),
                Ok(Err(_)) | Err(_) => {
                    return ControlAnswer::Waited(Waited::TimeUp(self.why_not(&directory)));
                }
            }
        }
        ControlAnswer::Waited(if !no_access.is_empty() {
            Waited::NoAccess(no_access.join("; "))
        } else if !held.is_empty() {
            Waited::Held(held.join("; "))
        } else if issues.is_empty() {
            Waited::InStep
        } else {
            Waited::Issues(issues)
        })
    }

    fn why_not(&self, directory: &Path) -> String {
        let state = self.state();
        let pair = state.pairs.values().find(|pair| pair.configuration.directory == directory);
        let status = pair.map(|pair| self.pair_status(pair, self.distrust().as_ref())).unwrap_or_default();
        let place = directory.display();
        match status.detail {
            Some(detail) => format!("{place}: {}: {detail}", status.state),
            None => format!("{place}: {}", status.state),
        }
    }

    fn is_unlinked(&self) -> bool {
        *self.unlinked.borrow()
    }

    fn pair_status(&self, pair: &Pair, distrust: Option<&Distrust>) -> PairStatus {
        pair_status(pair, distrust, self.is_unlinked())
    }

    async fn log(&self, path: Option<PathBuf>, conflicts: bool, limit: usize) -> ControlAnswer {
        let mut asked = Vec::new();
        {
            let state = self.state();
            for pair in state.pairs.values() {
                let wanted = match &path {
                    Some(path) => match relative(&pair.configuration.directory, path) {
                        Some(path) => Some(path),
                        None => continue,
                    },
                    None => None,
                };
                let kind = conflicts.then_some(ActivityKind::ConflictCopy);
                let (reply, answered) = reply();
                pair.ask(Question::Log(wanted, kind, limit, reply));
                asked.push((pair.configuration.directory.clone(), answered));
            }
        }
        let mut lines = Vec::new();
        for (directory, answered) in asked {
            for line in answered.await.unwrap_or_default() {
                let place = |path: &RelativePath| absolute(&directory, path);
                lines.push(LogLine {
                    time: line.time.to_string(),
                    action: action_word(line.activity.kind).to_owned(),
                    path: place(&line.activity.path),
                    other: line.activity.other.as_ref().map(place),
                    reason: line.activity.why.map(|why| why.word().to_owned()),
                    why: line.activity.why.map(|why| why.in_words().to_owned()),
                    seq: line.activity.seq.map(|seq| seq.0),
                    user: None,
                    device: None,
                });
            }
        }
        lines.sort_by(|one, other| other.time.cmp(&one.time));
        lines.truncate(limit);
        if let Some(path) = &path
            && self.online.load(Ordering::Relaxed)
        {
            // Who it was is good to know; the log is there without it.
            let _late = tokio::time::timeout(NAMES_WITHIN, self.name_authors(path, &mut lines)).await;
        }
        ControlAnswer::Log(lines)
    }

    pub(super) async fn node_at(&self, path: &Path) -> Result<(FolderId, NodeId), String> {
        let found = {
            let state = self.state();
            state.pairs.values().find_map(|pair| {
                let relative = relative(&pair.configuration.directory, path)?;
                let (reply, answered) = reply();
                pair.ask(Question::Node(relative, reply));
                Some((pair.folder, answered))
            })
        };
        let Some((folder, answered)) = found else {
            return Err(format!("{} lies in no directory that is kept in step", path.display()));
        };
        let unknown = || format!("the server does not know {} (yet)", path.display());
        let Ok(Some((node, rest))) = answered.await else { return Err(unknown()) };
        if rest.is_root() {
            return Ok((folder, node));
        }
        self.removed_node(folder, node, &rest).await.ok_or_else(unknown)
    }

    /// The node last removed from this place below a living directory.
    async fn removed_node(
        &self,
        folder: FolderId,
        from: NodeId,
        rest: &RelativePath,
    ) -> Option<(FolderId, NodeId)> {
        let removed = self.remote.trash(folder, TRASH_SEARCHED).await.ok()?;
        let node = rest.names().iter().try_fold(from, |parent, name| {
            let found = removed.iter().find(|entry| entry.parent == parent && entry.name == name.as_str())?;
            Some(found.node)
        })?;
        Some((folder, node))
    }

    async fn versions(&self, path: &Path) -> ControlAnswer {
        let (folder, node) = match self.node_at(path).await {
            Ok(found) => found,
            Err(reason) => return ControlAnswer::Failed(reason),
        };
        match self.remote.versions(folder, node).await {
            Ok(answer) => ControlAnswer::Versions(
                answer
                    .versions
                    .into_iter()
                    .map(|version| VersionLine {
                        number: version.number,
                        size: version.size,
                        time: version.time.0.to_string(),
                        origin: version.origin,
                        user: version.user,
                        device: version.device,
                        current: version.current,
                        pinned: version.pinned,
                        label: version.label,
                    })
                    .collect(),
            ),
            Err(error) => failed(&error),
        }
    }

    async fn pin(
        &self,
        path: &Path,
        version: u64,
        pinned: Option<bool>,
        label: Option<String>,
    ) -> ControlAnswer {
        let (folder, node) = match self.node_at(path).await {
            Ok(found) => found,
            Err(reason) => return ControlAnswer::Failed(reason),
        };
        match self.remote.pin(folder, node, version, pinned, label).await {
            Ok(()) => ControlAnswer::Done(format!("version {version} of {} is noted", path.display())),
            Err(error) => failed(&error),
        }
    }

    async fn restore(&self, path: &Path, version: Option<u64>) -> ControlAnswer {
        let (folder, node) = match self.node_at(path).await {
            Ok(found) => found,
            Err(reason) => return ControlAnswer::Failed(reason),
        };
        match self.remote.restore(folder, node, version).await {
            Ok(_) => ControlAnswer::Done(format!("{} is restored", path.display())),
            Err(error) => failed(&error),
        }
    }
}

fn no_access(directory: &Path) -> String {
    format!(
        "you have no access to this folder any more; the files stay here and are not synced. Once somebody who manages \
         the folder gives it back, syncing goes on by itself; `driftless unsync {}` ends it",
        directory.display()
    )
}

fn failed(error: &RemoteError) -> ControlAnswer {
    ControlAnswer::Failed(error.to_string())
}

fn counted(told: Result<usize, String>, what: &str) -> ControlAnswer {
    match told {
        Ok(1) => ControlAnswer::Done(format!("1 directory {what}")),
        Ok(count) => ControlAnswer::Done(format!("{count} directories {what}")),
        Err(reason) => ControlAnswer::Failed(reason),
    }
}

pub(super) fn no_such_pair(directory: &Path) -> String {
    format!("{} is not kept in step; `driftless status` shows what is", directory.display())
}

fn pair_status(pair: &Pair, distrust: Option<&Distrust>, unlinked: bool) -> PairStatus {
    let status = pair.status();
    let (transfers, sent_bytes, received_bytes) = pair.progress().now();
    let directory = pair.configuration.directory.clone();
    let trouble = pair.trouble();
    let (state, detail) = match &status {
        _ if trouble.is_some() => ("trouble", trouble),
        _ if unlinked => ("unlinked", Some(UNLINKED.to_owned())),
        status if status.no_access => ("no_access", Some(no_access(&directory))),
        status if status.root_gone => {
            let gone = "the directory is gone from the shared folder; nothing here is touched, `driftless unsync` ends it";
            ("gone", Some(gone.to_owned()))
        }
        status if status.paused => ("paused", None),
        status if status.local_offline => {
            ("offline", Some("the directory is not there (unmounted?)".to_owned()))
        }
        _ if let Some(reason) = distrust => ("distrusted", Some(reason.to_string())),
        status if !status.online => ("offline", Some("the server cannot be reached".to_owned())),
        status if status.held.is_some() => {
            let (here, there) = status.held.unwrap_or_default();
            let detail =
                format!("{here} deletions here and {there} on the server wait: driftless holds approve|undo");
            ("held", Some(detail))
        }
        status if status.in_step && status.issues.is_empty() => ("in_step", None),
        status if !status.issues.is_empty() && (status.blocked || status.in_step) => ("issues", None),
        status if status.pending > 0 => ("syncing", None),
        _ => ("looking", None),
    };
    PairStatus {
        folder: pair.configuration.remote_name(),
        only: pair.configuration.only.clone(),
        exclude: pair.configuration.exclude.clone(),
        excluded: status.excluded,
        issues: issue_lines(&directory, [status.issues, status.never_synced].concat()),
        directory,
        state: state.to_owned(),
        direction: pair.configuration.direction().as_str().to_owned(),
        read_only: status.read_only,
        detail,
        pending: status.pending,
        transfers,
        sent_bytes,
        received_bytes,
    }
}

fn issue_lines(directory: &Path, issues: Vec<(RelativePath, String)>) -> Vec<IssueLine> {
    let unique: BTreeMap<PathBuf, String> =
        issues.into_iter().map(|(path, reason)| (absolute(directory, &path), reason)).collect();
    unique.into_iter().map(|(path, reason)| IssueLine { path, reason }).collect()
}

/// A node's path on this device, in the disk's own bytes.
pub(super) fn absolute(directory: &Path, path: &RelativePath) -> PathBuf {
    let mut whole = directory.to_owned();
    for name in path.names() {
        whole.push(std::ffi::OsString::from_vec(name.to_disk()));
    }
    whole
}

/// A path of this device within a pair's directory.
pub(super) fn relative(directory: &Path, path: &Path) -> Option<RelativePath> {
    let rest = path.strip_prefix(directory).ok()?;
    rest.components().map(|part| Name::from_disk(part.as_os_str().as_bytes()).ok()).collect()
}

fn action_word(kind: ActivityKind) -> &'static str {
    match kind {
        ActivityKind::Downloaded => "downloaded",
        ActivityKind::Uploaded => "uploaded",
        ActivityKind::MovedHere => "moved_here",
        ActivityKind::MovedThere => "moved_there",
        ActivityKind::RemovedHere => "removed_here",
        ActivityKind::RemovedThere => "removed_there",
        ActivityKind::ConflictCopy => "conflict_copy",
        ActivityKind::Kept => "kept",
        ActivityKind::Refused => "refused",
    }
}
