//! Changing a disk as the engine asks: fetch, stage, make durable, install, make durable, report.

use crate::remote::Bytes;
use filesystem::change::{self, Expected, Outcome};
use filesystem::touched::Touched;
use filesystem::{Disk, Error, ErrorKind, Staged, StagedId};
use model::conflict::{Author, conflict_name};
use model::{Content, ContentId, EntryKind, Fingerprint, Name, NodeKey, NodeState, RelativePath, Timestamp};
use sync_engine::{Frozen, LocalAction, LocalActionKind, LocalOutcome};

/// A list of local actions on its way.
#[derive(Debug)]
pub(crate) struct ApplyRun {
    pub(crate) actions: Vec<LocalAction>,
    /// Contents fetched, for the actions that need one.
    pub(crate) fetched: Vec<Option<Bytes>>,
    pub(crate) fetching: usize,
    pub(crate) staged: Vec<Option<Staged>>,
    pub(crate) outcomes: Vec<Option<LocalOutcome>>,
    /// How many were tried.
    pub(crate) next: usize,
    /// How many were reported.
    pub(crate) reported: usize,
    touched: Touched,
}

/// A rule of the shell broken on purpose, to show that the simulation would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellFault {
    /// Replaces and removes whatever stands there, without looking at what came out.
    BlindInstall,
    /// Downloads are not made durable before they are installed.
    NoSync,
    /// A directory that cannot be read is empty.
    ErrorsAreEmpty,
}

impl ShellFault {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::BlindInstall, Self::NoSync, Self::ErrorsAreEmpty];
}

impl ApplyRun {
    pub(crate) fn new(actions: Vec<LocalAction>) -> Self {
        let count = actions.len();
        Self {
            actions,
            fetched: vec![None; count],
            fetching: 0,
            staged: vec![None; count],
            outcomes: vec![None; count],
            next: 0,
            reported: 0,
            touched: Touched::default(),
        }
    }

    /// What has to be fetched.
    pub(crate) fn wanted(&self) -> Vec<(usize, model::NodeId, ContentId)> {
        let of = |(index, action): (usize, &LocalAction)| match &action.kind {
            LocalActionKind::PlaceFile { node, content, .. } if *content != ContentId::EMPTY => {
                Some((index, *node, *content))
            }
            _ => None,
        };
        self.actions.iter().enumerate().filter_map(of).collect()
    }

    /// Stages everything that is to be installed and makes it durable.
    pub(crate) fn stage(&mut self, disk: &dyn Disk, fault: Option<ShellFault>) {
        for index in 0..self.actions.len() {
            let staged = match &self.actions[index].kind {
                LocalActionKind::PlaceFile { content, size, mtime, executable, .. } => {
                    let bytes = self.fetched[index].take();
                    let bytes = if *content == ContentId::EMPTY { Some(Bytes::default()) } else { bytes };
                    match bytes.filter(|bytes| chunker::hash_bytes(bytes).0 == *content) {
                        Some(bytes) => stage_file(disk, &bytes, *size, *mtime, *executable),
                        None => {
                            self.outcomes[index] = Some(LocalOutcome::ContentUnavailable);
                            continue;
                        }
                    }
                }
                LocalActionKind::PlaceLink { target, .. } => disk.stage_link(target, Timestamp::default()),
                _ => continue,
            };
            match staged {
                Ok(staged) => self.staged[index] = Some(staged),
                Err(error) => self.outcomes[index] = Some(outcome_of(&error)),
            }
        }
        let ids: Vec<StagedId> = self.staged.iter().flatten().map(|staged| staged.id).collect();
        if ids.is_empty() || fault == Some(ShellFault::NoSync) {
            return;
        }
        if let Err(error) = disk.sync_staged(&ids) {
            for index in 0..self.actions.len() {
                if self.staged[index].take().is_some() {
                    self.outcomes[index] = Some(outcome_of(&error));
                }
            }
        }
    }

    /// Tries the next action. Answers what a watcher might not tell: directories to look at again.
    pub(crate) fn step(
        &mut self,
        disk: &dyn Disk,
        author: &Author,
        fault: Option<ShellFault>,
    ) -> Vec<RelativePath> {
        let index = self.next;
        self.next += 1;
        if self.outcomes[index].is_some() {
            return Vec::new();
        }
        let done = |need: &usize| matches!(self.outcomes[*need], Some(LocalOutcome::Done(_)));
        if !self.actions[index].needs.iter().all(done) {
            self.outcomes[index] = Some(LocalOutcome::Skipped);
            return Vec::new();
        }
        let kind = &self.actions[index].kind;
        let mut places: Vec<RelativePath> = places(kind).filter_map(|path| Some(path.split()?.0)).collect();
        let outcome = perform(disk, kind, self.staged[index].as_ref(), author, fault);
        let outcome = match outcome {
            Ok(Outcome::Done { fingerprint, .. }) => {
                for place in places.drain(..) {
                    self.touch(place);
                }
                if let LocalActionKind::Move { from, to, .. } = &self.actions[index].kind {
                    self.touched.moved(from, to);
                }
                let removed = matches!(kind_of(&self.actions[index]), LocalActionKind::Remove { .. });
                LocalOutcome::Done((!removed).then_some(fingerprint))
            }
            Ok(Outcome::Refused { kept: None, .. }) => {
                places.clear();
                LocalOutcome::Changed
            }
            Ok(Outcome::Refused { .. }) => LocalOutcome::Changed,
            Err(error) => outcome_of(&error),
        };
        self.outcomes[index] = Some(outcome);
        places
    }

    /// A directory whose entries are to be made durable, with all above it: it may be new itself.
    fn touch(&mut self, directory: RelativePath) {
        let mut next = Some(directory);
        while let Some(path) = next {
            next = path.split().map(|(parent, _)| parent);
            self.touched.insert(path);
        }
    }

    /// Makes what was done durable; what cannot be is not reported as done.
    pub(crate) fn finish(&mut self, disk: &dyn Disk, fault: Option<ShellFault>) {
        let touched = std::mem::take(&mut self.touched).into_directories();
        if touched.is_empty() || fault == Some(ShellFault::NoSync) {
            return;
        }
        // A failure here is no reason to forget what was done: a later look would find it, but not durable.
        for _ in 0..3 {
            if disk.sync_directories(&touched).is_ok() {
                return;
            }
        }
    }
}

fn kind_of(action: &LocalAction) -> &LocalActionKind {
    &action.kind
}

/// The places an action works on.
fn places(kind: &LocalActionKind) -> impl Iterator<Item = &RelativePath> {
    let (one, other) = match kind {
        LocalActionKind::MakeDirectory { path }
        | LocalActionKind::PlaceFile { path, .. }
        | LocalActionKind::PlaceLink { path, .. }
        | LocalActionKind::SetAttributes { path, .. }
        | LocalActionKind::SetAside { path, .. }
        | LocalActionKind::Remove { path, .. } => (path, None),
        LocalActionKind::Move { from, to, .. } => (from, Some(to)),
    };
    std::iter::once(one).chain(other)
}

fn stage_file(
    disk: &dyn Disk,
    bytes: &[u8],
    size: u64,
    mtime: Timestamp,
    executable: bool,
) -> filesystem::error::Result<Staged> {
    let mut file = disk.stage_file()?;
    file.reserve(size)?;
    file.write_at(0, bytes)?;
    file.finish(size, mtime, executable)
}

fn perform(
    disk: &dyn Disk,
    kind: &LocalActionKind,
    staged: Option<&Staged>,
    author: &Author,
    fault: Option<ShellFault>,
) -> filesystem::error::Result<Outcome> {
    let aside_of = |path: &RelativePath| {
        let name =
            path.split().map_or_else(|| Name::new("rescued").expect("a name"), |(_, name)| name.clone());
        let author = author.clone();
        move |attempt: u32| aside(&name, &author, attempt)
    };
    match kind {
        LocalActionKind::MakeDirectory { path } => change::make_directory(disk, path),
        LocalActionKind::PlaceFile { path, expected, .. }
        | LocalActionKind::PlaceLink { path, expected, .. } => {
            let Some(staged) = staged else {
                return Err(Error::at(ErrorKind::Changed, filesystem::Operation::Stage, &path.into()));
            };
            if fault == Some(ShellFault::BlindInstall) {
                blind_remove(disk, path)?;
                return change::install(disk, staged, path, Expected::Absent, &aside_of(path));
            }
            let expected = match expected {
                None => Expected::Absent,
                Some(fingerprint) => Expected::Present { fingerprint, proof: None },
            };
            change::install(disk, staged, path, expected, &aside_of(path))
        }
        LocalActionKind::SetAttributes { path, expected, mtime, executable } => {
            change::set_attributes(disk, path, expected, *mtime, *executable)
        }
        LocalActionKind::Move { from, to, expected } => {
            change::move_node(disk, from, to, expected, &aside_of(from))
        }
        LocalActionKind::SetAside { path, name, expected } => {
            change::set_aside(disk, path, name, expected, &aside_of(path))
        }
        LocalActionKind::Remove { path, .. } if fault == Some(ShellFault::BlindInstall) => {
            let fingerprint = blind_remove(disk, path)?.unwrap_or_else(nothing);
            Ok(Outcome::Done { fingerprint, trashed: None })
        }
        LocalActionKind::Remove { path, expected, .. } => {
            change::remove(disk, path, expected, None, &aside_of(path))
        }
    }
}

fn nothing() -> Fingerprint {
    Fingerprint {
        handle: model::Handle([].into()),
        size: 0,
        mtime: Timestamp::default(),
        ctime: Timestamp::default(),
        executable: false,
    }
}

/// What must never be done: takes out whatever stands there.
fn blind_remove(disk: &dyn Disk, path: &RelativePath) -> filesystem::error::Result<Option<Fingerprint>> {
    let Some(found) = disk.look(&path.into())? else { return Ok(None) };
    let removal = filesystem::Removal::of(&EntryKind::File, &found.fingerprint, None);
    let bin = filesystem::Place::Trashed(disk.new_trashed(removal, path));
    disk.rename_new(&path.into(), &bin)?;
    Ok(Some(found.fingerprint))
}

/// The name under which a user's file is kept whose own was taken.
pub(crate) fn aside(name: &Name, author: &Author, attempt: u32) -> Name {
    let loser = NodeState {
        parent: NodeKey::ROOT,
        name: name.clone(),
        content: Content::File { id: ContentId::EMPTY, size: 0 },
        executable: false,
        mtime: Timestamp::default(),
    };
    conflict_name(name, &loser, author, attempt)
}

fn outcome_of(error: &Error) -> LocalOutcome {
    match error.kind {
        ErrorKind::NotFound
        | ErrorKind::Exists
        | ErrorKind::Changed
        | ErrorKind::NotEmpty
        | ErrorKind::Busy => LocalOutcome::Changed,
        ErrorKind::NoSpace => LocalOutcome::NoSpace,
        ErrorKind::Denied | ErrorKind::ReadOnly => LocalOutcome::NotPossible(Frozen::Unwritable),
        ErrorKind::NameNotPossible => LocalOutcome::NotPossible(Frozen::NameNotPossible),
        ErrorKind::Unsupported => LocalOutcome::NotPossible(Frozen::KindNotPossible),
        ErrorKind::Offline | ErrorKind::TooManyLinks | ErrorKind::Io => LocalOutcome::Failed,
    }
}
