//! What the daemon answers to commands about the past: listing, comparing and restoring as of a moment, and the trash.

use super::Daemon;
use super::answers::{absolute, relative};
use crate::control::{
    ControlAnswer, DifferenceLine, Differences, PastLine, PastList, Restored, TrashLine, WhenWord,
};
use model::{FolderId, NodeId, RelativePath};
use protocol::v1::{DifferenceEntry, FolderRestoreRequest, TrashEntry};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The most lines of an answer.
const LINES_MAX: usize = 50_000;

/// A path within a pair.
struct Spot {
    folder: FolderId,
    /// The directory of the folder that the pair syncs.
    root: NodeId,
    /// The pair's directory.
    directory: PathBuf,
    path: RelativePath,
}

impl Daemon {
    /// Which folder a path of this device is in, and where there.
    fn spot(&self, path: &Path) -> Result<Spot, String> {
        let state = self.state();
        let found = state.pairs.values().find_map(|pair| {
            let relative = relative(&pair.configuration.directory, path)?;
            let directory = pair.configuration.directory.clone();
            let root = pair.configuration.root_id()?;
            Some(Spot { folder: pair.folder, root, directory, path: relative })
        });
        found.ok_or_else(|| format!("{} lies in no directory that is kept in step", path.display()))
    }

    pub(super) async fn list_past(&self, path: &Path, when: &WhenWord) -> ControlAnswer {
        answered(self.try_list(path, when).await)
    }

    async fn try_list(&self, path: &Path, when: &WhenWord) -> Result<ControlAnswer, String> {
        let spot = self.spot(path)?;
        let (text, when) = (spot.path.to_string(), query(when));
        let mut list = PastList { seq: 0, time: None, entries: Vec::new(), more: false };
        let mut after = None;
        loop {
            let page = self
                .remote
                .children((spot.folder, spot.root), &text, &when, after)
                .await
                .map_err(|error| error.to_string())?;
            list.seq = page.seq;
            list.time = page.at.map(|at| at.to_string());
            let single = page.node.filter(|node| node.kind != "directory");
            list.entries.extend(single.into_iter().chain(page.entries).map(|entry| PastLine {
                name: entry.name,
                kind: entry.kind,
                size: entry.size,
                modified: entry.mtime.to_string(),
                version: entry.version,
                thinned: entry.thinned,
            }));
            match page.next {
                Some(next) if list.entries.len() < LINES_MAX => after = Some(next),
                next => {
                    list.more = next.is_some();
                    list.entries.sort_by(|one, other| one.name.cmp(&other.name));
                    return Ok(ControlAnswer::Past(list));
                }
            }
        }
    }

    pub(super) async fn compare(&self, path: &Path, when: &WhenWord, limit: usize) -> ControlAnswer {
        answered(self.try_compare(path, when, limit.min(LINES_MAX)).await)
    }

    async fn try_compare(&self, path: &Path, when: &WhenWord, limit: usize) -> Result<ControlAnswer, String> {
        let spot = self.spot(path)?;
        let (text, when) = (spot.path.to_string(), query(when));
        let mut all = Differences::default();
        let mut after = None;
        loop {
            let page = self
                .remote
                .differences((spot.folder, spot.root), &text, &when, after)
                .await
                .map_err(|error| error.to_string())?;
            if let Some(counts) = page.counts {
                (all.added, all.removed) = (counts.added, counts.removed);
                (all.changed, all.moved) = (counts.changed, counts.moved);
            }
            all.from = page.from;
            all.lines.extend(page.differences.iter().filter_map(|entry| line(&spot.directory, entry)));
            match page.next {
                Some(next) if all.lines.len() < limit => after = Some(next),
                next => {
                    all.more = next.is_some() || all.lines.len() > limit;
                    all.lines.truncate(limit);
                    return Ok(ControlAnswer::Differences(all));
                }
            }
        }
    }

    pub(super) async fn restore_past(
        &self,
        path: &Path,
        when: &WhenWord,
        only_by: Option<String>,
        only_from: Option<String>,
        dry_run: bool,
    ) -> ControlAnswer {
        answered(self.try_restore(path, when, only_by, only_from, dry_run).await)
    }

    async fn try_restore(
        &self,
        path: &Path,
        when: &WhenWord,
        only_by: Option<String>,
        only_from: Option<String>,
        dry_run: bool,
    ) -> Result<ControlAnswer, String> {
        let spot = self.spot(path)?;
        let mut request = FolderRestoreRequest {
            node: Some(spot.root),
            path: Some(spot.path.to_string()),
            only_by_user: only_by,
            only_by_device: only_from,
            dry_run,
            ..FolderRestoreRequest::default()
        };
        match when {
            WhenWord::At(at) => {
                let at = at.parse().map_err(|error| format!("{at:?} is {error}"))?;
                request.at = Some(at);
            }
            WhenWord::Seq(seq) => request.seq = Some(*seq),
        }
        let done =
            self.remote.restore_folder(spot.folder, &request).await.map_err(|error| error.to_string())?;
        let mut kept: BTreeMap<String, u64> = BTreeMap::new();
        for entry in &done.kept {
            *kept.entry(entry.reason.clone()).or_default() += 1;
        }
        Ok(ControlAnswer::Restored(Restored {
            dry_run,
            seq: done.seq,
            time: done.at.map(|at| at.to_string()),
            before: done.before,
            removed: done.removed,
            returned: done.returned,
            moved: done.moved,
            changed: done.changed,
            renamed: done.renamed,
            thinned: done.thinned,
            kept_count: done.kept_count,
            kept,
        }))
    }

    pub(super) async fn trash(&self, path: Option<&Path>, limit: usize) -> ControlAnswer {
        answered(self.try_trash(path, limit.min(LINES_MAX)).await)
    }

    async fn try_trash(&self, path: Option<&Path>, limit: usize) -> Result<ControlAnswer, String> {
        if let Some(path) = path {
            let (folder, node) = self.node_at(path).await?;
            let entries =
                self.remote.trash_of(folder, node, limit).await.map_err(|error| error.to_string())?;
            let directory = self.spot(path)?.directory;
            let lines = entries.into_iter().take(limit).map(|entry| trash_line(&directory, entry));
            return Ok(ControlAnswer::Trash(lines.collect()));
        }
        let pairs: Vec<(FolderId, PathBuf)> = {
            let state = self.state();
            let pairs = state.pairs.values();
            pairs.map(|pair| (pair.folder, pair.configuration.directory.clone())).collect()
        };
        let mut lines = Vec::new();
        for (folder, directory) in pairs {
            let entries = self.remote.trash(folder, limit).await.map_err(|error| error.to_string())?;
            lines.extend(entries.into_iter().take(limit).map(|entry| trash_line(&directory, entry)));
        }
        lines.sort_by(|one, other| other.removed.cmp(&one.removed));
        lines.truncate(limit);
        Ok(ControlAnswer::Trash(lines))
    }

    pub(super) async fn undelete(&self, paths: &[PathBuf]) -> ControlAnswer {
        answered(self.try_undelete(paths).await)
    }

    async fn try_undelete(&self, paths: &[PathBuf]) -> Result<ControlAnswer, String> {
        let mut wanted: BTreeMap<FolderId, Vec<(NodeId, &PathBuf)>> = BTreeMap::new();
        for path in paths {
            let (folder, node) = self.node_at(path).await?;
            wanted.entry(folder).or_default().push((node, path));
        }
        let mut refused = Vec::new();
        for (folder, nodes) in wanted {
            let ids = nodes.iter().map(|(node, _)| *node).collect();
            let answer = self.remote.restore_removed(folder, ids).await.map_err(|error| error.to_string())?;
            for refusal in answer.refused {
                let path = nodes.iter().find(|(node, _)| *node == refusal.node).map(|(_, path)| *path);
                let path = path.map(|path| path.display().to_string()).unwrap_or_default();
                refused.push(match refusal.reason.as_str() {
                    "stale" => format!("{path} is not in the trash; it lives"),
                    reason => format!("{path}: {reason}"),
                });
            }
        }
        match (refused.is_empty(), paths) {
            (false, _) => Err(refused.join("; ")),
            (true, [path]) => Ok(ControlAnswer::Done(format!("{} is restored", path.display()))),
            (true, paths) => Ok(ControlAnswer::Done(format!("{} paths are restored", paths.len()))),
        }
    }
}

fn answered(result: Result<ControlAnswer, String>) -> ControlAnswer {
    result.unwrap_or_else(ControlAnswer::Failed)
}

/// As the server is asked.
fn query(when: &WhenWord) -> String {
    match when {
        WhenWord::At(at) => format!("at={}", crate::remote::encoded(at)),
        WhenWord::Seq(seq) => format!("seq={seq}"),
    }
}

fn line(directory: &Path, entry: &DifferenceEntry) -> Option<DifferenceLine> {
    let whole = |path: &str| Some(absolute(directory, &RelativePath::parse(path).ok()?));
    let then = entry.then.as_ref().and_then(|side| whole(&side.path));
    let now = entry.now.as_ref().and_then(|side| whole(&side.path));
    let before = then.clone().filter(|then| now.as_ref().is_some_and(|now| now != then));
    Some(DifferenceLine { changes: entry.changes.clone(), path: now.or(then)?, before })
}

fn trash_line(directory: &Path, entry: TrashEntry) -> TrashLine {
    let path = RelativePath::parse(&entry.path).unwrap_or_default();
    TrashLine {
        path: absolute(directory, &path),
        kind: entry.kind,
        size: entry.total_size.unwrap_or(entry.size),
        nodes: entry.nodes,
        removed: entry.removed.to_string(),
        user: entry.user,
        device: entry.device,
    }
}
