//! Changing the disk for the engine: download and stage everything, make it durable at once, then install.

mod staging;

use crate::progress::Progress;
use crate::remote::{Known, Remote};
use chunker::Manifest;
use filesystem::change::{self, Expected, Outcome};
use filesystem::touched::Touched;
use filesystem::{Disk, Error, ErrorKind, Staged, StagedId};
use model::conflict::{Author, conflict_name};
use model::{Content, ContentId, Fingerprint, Name, NodeKey, NodeState, RelativePath, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sync_engine::{Frozen, LocalAction, LocalActionKind, LocalOutcome};

/// What applying needs from its surroundings.
pub(crate) struct Applier {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) remote: Arc<dyn Remote>,
    pub(crate) author: Author,
    pub(crate) progress: Progress,
    /// Told when the download of a long content begins.
    pub(crate) note_download: Box<dyn Fn(ContentId, StagedId) + Send + Sync>,
}

/// Files half downloaded, found again after a restart.
pub(crate) type Resumable = BTreeMap<ContentId, StagedId>;

/// What came of a batch besides its outcomes.
#[derive(Default)]
pub(crate) struct Learnt {
    pub(crate) manifests: Vec<(ContentId, Manifest)>,
    /// Begun (with the staged file) or over (without) downloads of long files.
    pub(crate) resumable: Vec<(ContentId, Option<StagedId>)>,
}

impl Applier {
    /// Carries out a batch in order.
    pub(crate) fn apply(
        &self,
        actions: &[LocalAction],
        known: &Known,
        resumable: &Resumable,
    ) -> (Vec<(usize, LocalOutcome)>, Learnt) {
        let mut learnt = Learnt::default();
        let mut staged = self.stage(actions, known, resumable, &mut learnt);
        let ready: Vec<StagedId> = staged.values().flatten().map(|staged| staged.id).collect();
        if let Err(error) = self.disk.sync_staged(&ready) {
            tracing::error!(%error, "downloads cannot be made durable");
            let failed = actions.iter().enumerate().map(|(index, _)| (index, LocalOutcome::Failed));
            ready.into_iter().for_each(|id| self.discard(id));
            return (failed.collect(), learnt);
        }
        let mut outcomes: Vec<(usize, LocalOutcome)> = Vec::with_capacity(actions.len());
        let mut undone = BTreeSet::new();
        let mut touched = Touched::default();
        for (index, action) in actions.iter().enumerate() {
            let outcome = if action.needs.iter().any(|need| undone.contains(need)) {
                LocalOutcome::Skipped
            } else {
                self.act(&action.kind, staged.remove(&index), &mut touched)
            };
            if !matches!(outcome, LocalOutcome::Done(_)) {
                undone.insert(index);
            }
            outcomes.push((index, outcome));
        }
        staged.into_values().flatten().for_each(|left| self.discard(left.id));
        if let Err(error) = self.disk.sync_directories(&touched.into_directories()) {
            // Without this the changes may be undone by a power cut, and L would say otherwise: look again.
            tracing::error!(%error, "changes of directories cannot be made durable");
            for (_, outcome) in &mut outcomes {
                *outcome = LocalOutcome::Changed;
            }
        }
        (outcomes, learnt)
    }

    fn discard(&self, id: StagedId) {
        if let Err(error) = self.disk.discard_staged(id) {
            tracing::debug!(%error, "left in the stage until it is swept");
        }
    }

    fn act(
        &self,
        kind: &LocalActionKind,
        staged: Option<Result<Staged, LocalOutcome>>,
        touched: &mut Touched,
    ) -> LocalOutcome {
        let done = match kind {
            LocalActionKind::MakeDirectory { path } => {
                touched.entry(path);
                change::make_directory(&*self.disk, path)
            }
            LocalActionKind::PlaceFile { path, expected, .. }
            | LocalActionKind::PlaceLink { path, expected, .. } => {
                touched.entry(path);
                match staged {
                    Some(Ok(staged)) => self.install(&staged, path, expected.as_ref()),
                    Some(Err(outcome)) => return outcome,
                    None => return LocalOutcome::Failed,
                }
            }
            LocalActionKind::SetAttributes { path, expected, mtime, executable } => {
                change::set_attributes(&*self.disk, path, expected, *mtime, *executable)
            }
            LocalActionKind::Move { from, to, expected } => {
                touched.entry(from);
                touched.entry(to);
                let moved =
                    change::move_node(&*self.disk, from, to, expected, &|attempt| self.aside(from, attempt));
                if let Ok(Outcome::Done { .. }) = &moved {
                    touched.moved(from, to);
                }
                moved
            }
            LocalActionKind::SetAside { path, name, expected } => {
                let aside = RelativePath::root().join(&model::ignore::not_synced());
                touched.entry(path);
                touched.entry(&aside);
                let done = change::set_aside(&*self.disk, path, name, expected, &|attempt| {
                    self.aside(path, attempt)
                });
                if let Ok(Outcome::Done { .. }) = &done {
                    touched.moved(path, &aside.join(name));
                }
                done
            }
            LocalActionKind::Remove { path, expected, .. } => {
                touched.entry(path);
                let removed =
                    change::remove(&*self.disk, path, expected, None, &|attempt| self.aside(path, attempt));
                return match removed {
                    Ok(Outcome::Done { .. }) => LocalOutcome::Done(None),
                    other => outcome_of(other, path),
                };
            }
        };
        outcome_of(done, path_of(kind))
    }

    fn install(
        &self,
        staged: &Staged,
        path: &RelativePath,
        expected: Option<&Fingerprint>,
    ) -> Result<Outcome, Error> {
        let expected = match expected {
            Some(fingerprint) => Expected::Present { fingerprint, proof: None },
            None => Expected::Absent,
        };
        let installed =
            change::install(&*self.disk, staged, path, expected, &|attempt| self.aside(path, attempt));
        if !matches!(installed, Ok(Outcome::Done { .. })) {
            self.discard(staged.id);
        }
        installed
    }

    /// The name for a user's file that came out of a place unexpectedly and could not be put back.
    fn aside(&self, path: &RelativePath, attempt: u32) -> Name {
        kept_name(&self.author, &last_name(path), crate::now(), attempt)
    }
}

/// The name for a user's file of that time that cannot have its own.
pub(crate) fn kept_name(author: &Author, name: &Name, mtime: Timestamp, attempt: u32) -> Name {
    let content = Content::File { id: ContentId::EMPTY, size: 0 };
    let loser = NodeState { parent: NodeKey::ROOT, name: name.clone(), content, executable: false, mtime };
    conflict_name(name, &loser, author, attempt)
}

/// The name at the end of a path.
pub(crate) fn last_name(path: &RelativePath) -> Name {
    path.names().last().cloned().unwrap_or_else(|| Name::new("rescued").expect("a name"))
}

fn path_of(kind: &LocalActionKind) -> &RelativePath {
    match kind {
        LocalActionKind::MakeDirectory { path }
        | LocalActionKind::PlaceFile { path, .. }
        | LocalActionKind::PlaceLink { path, .. }
        | LocalActionKind::SetAttributes { path, .. }
        | LocalActionKind::SetAside { path, .. }
        | LocalActionKind::Remove { path, .. }
        | LocalActionKind::Move { to: path, .. } => path,
    }
}

fn outcome_of(done: Result<Outcome, Error>, path: &RelativePath) -> LocalOutcome {
    match done {
        Ok(Outcome::Done { fingerprint, .. }) => LocalOutcome::Done(Some(fingerprint)),
        Ok(Outcome::Refused { kept, .. }) => {
            if let Some(kept) = kept {
                tracing::warn!(%path, %kept, "a file that was saved meanwhile is kept under another name");
            }
            LocalOutcome::Changed
        }
        Err(error) => failure(&error, path),
    }
}

/// What an error of the disk means for the engine.
pub(crate) fn failure(error: &Error, path: &RelativePath) -> LocalOutcome {
    match error.kind {
        ErrorKind::NotFound | ErrorKind::Exists | ErrorKind::Changed | ErrorKind::NotEmpty => {
            LocalOutcome::Changed
        }
        ErrorKind::NoSpace => LocalOutcome::NoSpace,
        ErrorKind::Denied | ErrorKind::ReadOnly => LocalOutcome::NotPossible(Frozen::Unwritable),
        ErrorKind::NameNotPossible => LocalOutcome::NotPossible(Frozen::NameNotPossible),
        ErrorKind::Unsupported => LocalOutcome::NotPossible(Frozen::KindNotPossible),
        ErrorKind::Offline | ErrorKind::TooManyLinks | ErrorKind::Busy | ErrorKind::Io => {
            tracing::warn!(%path, %error, "a change of the disk failed");
            LocalOutcome::Failed
        }
    }
}
