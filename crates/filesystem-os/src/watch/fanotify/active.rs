//! Where something happened of late.
//!
//! A hint names a path, and whoever was told of it may not have looked there yet when a directory above it is renamed.

use super::directories::Id;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// So long at least, at most twice as long, a hint may take until somebody has looked where it says.
const ACTIVE: Duration = Duration::from_secs(30);
/// More active directories than this are not told apart.
const ACTIVE_MAX: usize = 4096;

/// Directories in which something happened of late.
#[derive(Debug)]
pub(crate) struct Active {
    since: Instant,
    now: HashSet<Id>,
    before: HashSet<Id>,
    /// Too many to say.
    is_all: [bool; 2],
}

impl Active {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), now: HashSet::new(), before: HashSet::new(), is_all: [false; 2] }
    }

    pub(crate) fn insert(&mut self, id: Id) {
        if self.now.len() < ACTIVE_MAX {
            self.now.insert(id);
        } else if !self.now.contains(&id) {
            self.is_all[0] = true;
        }
    }

    pub(crate) fn turn(&mut self) {
        if self.since.elapsed() >= ACTIVE {
            self.since = Instant::now();
            self.before = std::mem::take(&mut self.now);
            self.is_all = [false, self.is_all[0]];
        }
    }

    pub(crate) fn any(&self, is_wanted: impl Fn(Id) -> bool) -> bool {
        self.is_all.contains(&true) || self.now.iter().chain(&self.before).any(|id| is_wanted(*id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_remembered_for_a_turn_and_too_much_is_everything() {
        let mut active = Active::new();
        active.insert(7);
        let turn = |active: &mut Active| {
            active.since = Instant::now().checked_sub(ACTIVE).unwrap();
            active.turn();
        };
        active.turn();
        assert!(active.any(|id| id == 7) && !active.any(|id| id == 8));
        turn(&mut active);
        assert!(active.any(|id| id == 7));
        turn(&mut active);
        assert!(!active.any(|_| true));
        for id in 0..=ACTIVE_MAX as Id {
            active.insert(id);
        }
        assert!(active.any(|_| false));
        turn(&mut active);
        assert!(active.any(|_| false));
        turn(&mut active);
        assert!(!active.any(|_| true));
    }
}
