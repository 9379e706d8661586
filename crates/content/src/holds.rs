//! Who is at work with locations, so that no pack goes from under them.
//!
//! Whoever takes locations from the database and reads at them later, or appends and writes the rows afterwards, has a
//! [`Hold`] from before the first step until after the last. A pack is *retired* once no row leads to it; it is free
//! when everybody has ended who held at that moment. Holds live in memory: at the end of a process nobody is at work.

use model::location::PackId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The holds on a store. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Holds(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: BTreeSet<u64>,
    /// Which number the next hold would have had when a pack was retired.
    retired: BTreeMap<PackId, u64>,
}

/// Somebody is at work with locations, as long as this lives.
#[derive(Debug)]
pub struct Hold {
    number: u64,
    holds: Holds,
}

impl Holds {
    /// Begins a hold.
    #[must_use]
    pub fn hold(&self) -> Hold {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.open.insert(number);
        drop(state);
        Hold { number, holds: self.clone() }
    }

    /// Notes that no row leads to the pack from now on.
    pub fn retire(&self, pack: PackId) {
        let mut state = self.state();
        let now = state.next;
        state.retired.insert(pack, now);
    }

    /// Whether everybody has ended who held when the pack was retired. One that was not retired here is retired now.
    #[must_use]
    pub fn is_free(&self, pack: PackId) -> bool {
        let mut state = self.state();
        let now = state.next;
        let since = *state.retired.entry(pack).or_insert(now);
        state.open.first().is_none_or(|oldest| *oldest >= since)
    }

    /// Forgets a pack: it is gone, or in use again.
    pub fn forget(&self, pack: PackId) {
        self.state().retired.remove(&pack);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is a single step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holds.state().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_pack_is_free_when_all_have_ended_who_held_then() {
        let (holds, pack) = (Holds::default(), PackId(3));
        let (first, second) = (holds.hold(), holds.hold());
        holds.retire(pack);
        let later = holds.hold();
        assert!(!holds.is_free(pack));
        drop(second);
        assert!(!holds.is_free(pack));
        drop(first);
        assert!(holds.is_free(pack), "who came later cannot know the pack");
        assert!(!holds.is_free(PackId(4)), "a pack that nobody retired is retired when it is asked for");
        drop(later);
        assert!(holds.is_free(PackId(4)));
    }
}
