//! What of the local side is not synced: what is outside of the pair's view, and what `.driftlessignore` names.
//!
//! Both are asked by path, when a directory is listed. Outside of the view nothing is taken up, and what was synced
//! before it was moved there is left alone. A `.driftlessignore` acts on what the remote side does not know yet: what is
//! synced stays synced. Directories that are not synced are kept in L all the same, frozen: so what a user moves into
//! them is found there, and is not missing.
//!
//! Anybody who may write to the folder writes these files, and every device and the server itself read them: so what is
//! used of all of them together is bounded. They are kept by their directory's key, which stays when it is moved.

use crate::event::IgnoreFile;
use crate::paths::DEPTH_MAX;
use crate::store::{Frozen, PairStore, Row, StoreError};
use model::pattern::Progress;
use model::{CompiledView, Name, NodeKey, Patterns, RelativePath, Spot};
use planner::Tree;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file that names what is not taken up.
pub const IGNORE_FILE: &str = ".driftlessignore";

/// How much of all these files together is used, in bytes of patterns and [`PATTERN_BYTES`] for each: about 20 times that
/// in memory, and the most that a look at one name costs.
const IGNORES_MAX: usize = 2 << 20;
const PATTERN_BYTES: usize = 32;

/// What the pair does not sync.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    view: Option<Arc<CompiledView>>,
    /// By the directory that holds the file.
    ignores: BTreeMap<NodeKey, Arc<Patterns>>,
    /// How much they are together.
    ignores_size: usize,
    /// How much was not taken up, by directory.
    skipped: BTreeMap<RelativePath, usize>,
}

/// A directory, as far as it matters to what it holds.
#[derive(Debug)]
pub(super) struct Here {
    /// None without a view; else the spot, none outside of it.
    spot: Option<Option<Spot>>,
    view: Option<Arc<CompiledView>>,
    ignored: bool,
    levels: Vec<(Arc<Patterns>, Progress)>,
}

/// What came of an ignore file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It says what it said before.
    Same,
    /// It says something else than before.
    Other,
    /// It is not used: together with the others it would be too much.
    TooMuch,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Wanted,
    Outside,
    Ignored,
}

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// It is synced.
    Up,
    /// It is kept in L, but left alone.
    Frozen,
    /// It is not taken up.
    Not,
}

impl Filter {
    pub(crate) fn set_view(&mut self, view: Option<Arc<CompiledView>>) {
        self.view = view;
    }

    /// Whether anything is left out.
    pub(crate) fn is_active(&self) -> bool {
        self.view.is_some() || !self.ignores.is_empty()
    }

    /// How much was not taken up.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped.values().sum()
    }

    pub(super) fn note_skipped(&mut self, directory: &RelativePath, count: usize) {
        if count == 0 {
            self.skipped.remove(directory);
        } else {
            self.skipped.insert(directory.clone(), count);
        }
    }

    pub(super) fn forget_counts(&mut self) {
        self.skipped.clear();
    }

    /// Forgets the files of directories that are gone.
    pub(super) fn forget_gone<S: PairStore>(&mut self, store: &S) -> Result<(), StoreError> {
        let mut gone = Vec::new();
        for key in self.ignores.keys().filter(|key| **key != NodeKey::ROOT) {
            if store.row(*key)?.is_none_or(|row| row.triple.local.is_none()) {
                gone.push(*key);
            }
        }
        for key in gone {
            self.put_ignores(key, Patterns::default());
        }
        Ok(())
    }

    /// Takes in the `.driftlessignore` of a directory.
    pub(super) fn note_ignore_file(&mut self, directory: NodeKey, file: IgnoreFile) -> Noted {
        let patterns = match file {
            IgnoreFile::Unknown => return Noted::Same,
            IgnoreFile::None => Patterns::default(),
            IgnoreFile::Text(text) => Patterns::of_file(&text),
        };
        let held = self.ignores.get(&directory);
        if held.map_or(patterns.is_empty(), |held| **held == patterns) {
            return Noted::Same;
        }
        let others = self.ignores_size - held.map_or(0, |held| size(held));
        if others + size(&patterns) > IGNORES_MAX {
            self.put_ignores(directory, Patterns::default());
            return Noted::TooMuch;
        }
        self.put_ignores(directory, patterns);
        Noted::Other
    }

    fn put_ignores(&mut self, directory: NodeKey, patterns: Patterns) {
        self.ignores_size += size(&patterns);
        let before = if patterns.is_empty() {
            self.ignores.remove(&directory)
        } else {
            self.ignores.insert(directory, Arc::new(patterns))
        };
        self.ignores_size -= before.map_or(0, |before| size(&before));
    }

    /// What holds in a directory of L.
    pub(super) fn here<S: PairStore>(&self, store: &S, directory: NodeKey) -> Result<Here, StoreError> {
        let view = self.view.clone();
        let mut here = Here {
            spot: view.as_ref().map(|view| Some(view.start())),
            view,
            ignored: false,
            levels: Vec::new(),
        };
        if !self.is_active() {
            return Ok(here);
        }
        let (mut way, mut at) = (Vec::new(), directory);
        while at != NodeKey::ROOT && way.len() < DEPTH_MAX {
            let Some(local) = store.row(at)?.and_then(|row| row.triple.local) else { break };
            way.push((at, local.name));
            at = local.parent;
        }
        here.add_level(self.ignores.get(&NodeKey::ROOT));
        for (key, name) in way.into_iter().rev() {
            here.enter(&name);
            here.add_level(self.ignores.get(&key));
        }
        Ok(here)
    }
}

fn size(patterns: &Patterns) -> usize {
    patterns.texts().map(|text| text.len() + PATTERN_BYTES).sum()
}

impl Here {
    fn add_level(&mut self, patterns: Option<&Arc<Patterns>>) {
        self.levels.extend(patterns.map(|patterns| (Arc::clone(patterns), patterns.start())));
    }

    fn enter(&mut self, name: &Name) {
        self.ignored |= self.names(name, true);
        for (patterns, progress) in &mut self.levels {
            *progress = patterns.enter(progress, name);
        }
        if let (Some(view), Some(spot)) = (&self.view, &mut self.spot) {
            *spot = spot.as_ref().and_then(|at| view.enter(at, name));
        }
    }

    /// Whether a `.driftlessignore` names it; the deepest that says anything decides.
    fn names(&self, name: &Name, directory: bool) -> bool {
        let mut said = self.levels.iter().rev().map(|(patterns, at)| patterns.verdict(at, name, directory));
        said.find_map(|said| said).unwrap_or(false)
    }

    fn verdict(&self, name: &Name, directory: bool) -> Verdict {
        let inside = match (&self.view, &self.spot) {
            (Some(view), Some(spot)) => spot.as_ref().is_some_and(|spot| view.covers(spot, name, directory)),
            _ => true,
        };
        if !inside {
            Verdict::Outside
        } else if self.ignored || self.names(name, directory) {
            Verdict::Ignored
        } else {
            Verdict::Wanted
        }
    }

    /// What becomes of an entry of the directory `parent`, which L may know.
    pub(super) fn take<S: PairStore>(
        &self,
        store: &S,
        parent: NodeKey,
        (name, directory): (&Name, bool),
        known: Option<&Row>,
    ) -> Result<Take, StoreError> {
        if self.view.is_none() && self.levels.is_empty() {
            return Ok(Take::Up);
        }
        let agreed = known.is_some_and(|row| row.triple.synced.is_some() || row.triple.remote.is_some());
        let left_alone = if directory { Take::Frozen } else { Take::Not };
        let take = match self.verdict(name, directory) {
            Verdict::Wanted => Take::Up,
            // Our own doing, and but for a moment.
            Verdict::Outside if agreed && planner::is_a_shelf_name(name) => Take::Up,
            Verdict::Outside if agreed => Take::Frozen,
            Verdict::Outside => left_alone,
            Verdict::Ignored if agreed => Take::Up,
            Verdict::Ignored if !store.named(Tree::Remote, parent, &store.name_key(name))?.is_empty() => {
                Take::Up
            }
            Verdict::Ignored => left_alone,
        };
        // What is on its way to the remote side is known there soon.
        if take == Take::Not && known.is_some() && !store.intents()?.is_empty() {
            return Ok(Take::Up);
        }
        Ok(take)
    }
}

/// Leaves a node of L alone, or no more. True if that is new.
pub(super) fn settle<S: PairStore>(store: &mut S, key: NodeKey, take: Take) -> Result<bool, StoreError> {
    let Some(mut row) = store.row(key)? else { return Ok(false) };
    let frozen = match (take, row.extra.frozen) {
        // Whatever else keeps it back may pass; this does not.
        (Take::Frozen, held) if held != Some(Frozen::Excluded) => Some(Frozen::Excluded),
        (Take::Up, Some(Frozen::Excluded)) => None,
        _ => return Ok(false),
    };
    row.triple.frozen = frozen.is_some();
    row.extra.frozen = frozen;
    store.put(key, row)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_files_are_used_up_to_a_bound_for_all_of_them_together() {
        let mut filter = Filter::default();
        let long = |number: u64| IgnoreFile::Text(format!("{number}{}\n", "a".repeat(900)).repeat(140));
        let used: Vec<bool> = (1..100)
            .map(|number| filter.note_ignore_file(NodeKey(number), long(number)) == Noted::Other)
            .collect();
        let count = used.iter().filter(|used| **used).count();
        assert!((10..99).contains(&count) && used[..count].iter().all(|used| *used), "{used:?}");
        assert!(filter.ignores_size <= IGNORES_MAX);
        assert_eq!(filter.note_ignore_file(NodeKey(99), long(99)), Noted::TooMuch);
        assert_eq!(filter.note_ignore_file(NodeKey(1), long(1)), Noted::Same);
        assert_eq!(filter.note_ignore_file(NodeKey(1), IgnoreFile::Unknown), Noted::Same);
        assert_eq!(filter.note_ignore_file(NodeKey(1), IgnoreFile::None), Noted::Other);
        assert_eq!(filter.note_ignore_file(NodeKey(99), long(99)), Noted::Other, "there is room again");
        for number in 1..100 {
            filter.note_ignore_file(NodeKey(number), IgnoreFile::None);
        }
        assert_eq!((filter.ignores_size, filter.is_active()), (0, false));
    }
}
