//! What there is to tell, in bounded memory.

use filesystem::{Barrier, WatchEvent};
use model::{Name, RelativePath};
use std::collections::{BTreeMap, BTreeSet};

/// So many entries of one directory are told one by one; more make the directory dirty.
const ENTRIES_MAX: usize = 64;
/// So many directories are told one by one; more are `Lost` of the root.
const DIRECTORIES_MAX: usize = 20_000;

#[derive(Debug)]
enum Directory {
    Entries(BTreeSet<Name>),
    Dirty,
}

/// Hints not yet taken.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    directories: BTreeMap<RelativePath, Directory>,
    lost: BTreeSet<RelativePath>,
    passed: Vec<Barrier>,
    status: bool,
    /// The caller has been woken and has not come yet.
    is_told: bool,
}

impl Hints {
    pub(crate) fn entry(&mut self, directory: RelativePath, name: Name) {
        let known = self.directories.entry(directory).or_insert_with(|| Directory::Entries(BTreeSet::new()));
        if let Directory::Entries(names) = known {
            names.insert(name);
            if names.len() > ENTRIES_MAX {
                *known = Directory::Dirty;
            }
        }
        self.bound();
    }

    pub(crate) fn dirty(&mut self, directory: RelativePath) {
        self.directories.insert(directory, Directory::Dirty);
        self.bound();
    }

    pub(crate) fn lost(&mut self, subtree: RelativePath) {
        self.lost.insert(subtree);
        self.bound();
    }

    pub(crate) fn passed(&mut self, barrier: Barrier) {
        self.passed.push(barrier);
    }

    pub(crate) fn status(&mut self) {
        self.status = true;
    }

    fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.lost.is_empty() && self.passed.is_empty() && !self.status
    }

    /// Whether the caller has to be woken: once for each time it comes.
    pub(crate) fn must_wake(&mut self) -> bool {
        !self.is_empty() && !std::mem::replace(&mut self.is_told, true)
    }

    fn bound(&mut self) {
        if self.directories.len() + self.lost.len() > DIRECTORIES_MAX {
            self.directories.clear();
            self.lost = BTreeSet::from([RelativePath::root()]);
        }
    }

    /// All of them; barriers come last. What lies within a lost subtree is not told again, but for the entry that
    /// the subtree itself is: that stands in a directory outside.
    pub(crate) fn take(&mut self) -> Vec<WatchEvent> {
        let Self { directories, lost, passed, status, is_told: _ } = std::mem::take(self);
        let mut events = Vec::new();
        // Sorted: a subtree comes right before what lies within it.
        let mut tops: Vec<RelativePath> = Vec::new();
        for subtree in lost {
            if !tops.last().is_some_and(|top| subtree.is_within(top)) {
                tops.push(subtree);
            }
        }
        for (directory, hint) in directories {
            let is_lost = match tops.partition_point(|top| *top <= directory) {
                0 => false,
                after => directory.is_within(&tops[after - 1]),
            };
            match hint {
                _ if is_lost => {}
                Directory::Dirty => events.push(WatchEvent::Dirty(directory)),
                Directory::Entries(names) => {
                    events.extend(names.iter().map(|name| WatchEvent::Entry(directory.join(name))));
                }
            }
        }
        events.extend(tops.into_iter().map(WatchEvent::Lost));
        events.extend(status.then_some(WatchEvent::Status));
        events.extend(passed.into_iter().map(WatchEvent::Passed));
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    #[test]
    fn a_lost_subtree_covers_what_is_below_it_and_barriers_come_last() {
        let mut hints = Hints::default();
        hints.passed(Barrier(1));
        for at in ["a/b", "a/b/c", "a-b"] {
            hints.dirty(path(at));
        }
        hints.entry(path("a"), Name::new("b").unwrap());
        hints.lost(path("a/b/c"));
        hints.lost(path("a/b"));
        let expected = [
            WatchEvent::Entry(path("a/b")),
            WatchEvent::Dirty(path("a-b")),
            WatchEvent::Lost(path("a/b")),
            WatchEvent::Passed(Barrier(1)),
        ];
        let taken = hints.take();
        assert_eq!(taken.len(), expected.len());
        assert!(expected.iter().all(|event| taken.contains(event)), "{taken:?}");
        assert_eq!(taken.last(), expected.last());
        assert!(hints.is_empty() && hints.take().is_empty() && !hints.must_wake());
        hints.dirty(path("a"));
        assert!(hints.must_wake() && !hints.must_wake(), "once is enough");
        hints.take();
        hints.dirty(path("a"));
        assert!(hints.must_wake());
    }

    #[test]
    fn too_many_hints_become_coarser() {
        let mut hints = Hints::default();
        for index in 0..=ENTRIES_MAX {
            hints.entry(path("d"), Name::new(&index.to_string()).unwrap());
        }
        assert_eq!(hints.take(), [WatchEvent::Dirty(path("d"))]);
        for index in 0..=DIRECTORIES_MAX {
            hints.dirty(path(&format!("d/{index}")));
        }
        assert_eq!(hints.take(), [WatchEvent::Lost(RelativePath::root())]);
    }
}
