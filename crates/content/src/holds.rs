//! Who is at work with locations, so that no pack goes from under them.
//!
//! Whoever takes locations from the database and reads at them later, or appends and writes the rows afterwards, has a
//! [`Hold`] from before the first step until after the last. A pack is *retired* once no row leads to it; it is free
//! when everybody has ended who held at that moment. Whoever lists packs and reads them all holds them all, the retired
//! too ([`Holds::hold_all`]). Holds live in memory: at the end of a process nobody is at work.

use model::location::PackId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The holds on a store. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Holds(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    /// Each by the number from which on it knows nothing of a pack retired before, and its own number.
    open: BTreeSet<(u64, u64)>,
    /// Which number the next hold would have had when a pack was retired.
    retired: BTreeMap<PackId, u64>,
}

/// Somebody is at work with locations, as long as this lives.
#[derive(Debug)]
pub struct Hold {
    key: (u64, u64),
    holds: Holds,
}

impl Holds {
    /// Begins a hold.
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.begin(|number| number)
    }

    /// Begins a hold on every pack, also on those that were retired before.
    #[must_use]
    pub fn hold_all(&self) -> Hold {
        self.begin(|_| 0)
    }

    fn begin(&self, since: impl FnOnce(u64) -> u64) -> Hold {
        let mut state = self.state();
        state.last += 1;
        let key = (since(state.last), state.last);
        state.open.insert(key);
        drop(state);
        Hold { key, holds: self.clone() }
    }

    /// Notes that no row leads to the pack from now on.
    pub fn retire(&self, pack: PackId) {
        let mut state = self.state();
        let next = state.last + 1;
        state.retired.insert(pack, next);
    }

    /// Whether everybody has ended who held when the pack was retired. One that was not retired here is retired now.
    #[must_use]
    pub fn is_free(&self, pack: PackId) -> bool {
        let mut state = self.state();
        let next = state.last + 1;
        let since = *state.retired.entry(pack).or_insert(next);
        state.open.first().is_none_or(|(oldest, _)| *oldest >= since)
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
        self.holds.state().open.remove(&self.key);
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

    #[test]
    fn whoever_holds_all_holds_what_was_retired_before_too() {
        let (holds, pack) = (Holds::default(), PackId(3));
        holds.retire(pack);
        let (one, other) = (holds.hold_all(), holds.hold_all());
        assert!(!holds.is_free(pack));
        drop(one);
        assert!(!holds.is_free(pack));
        drop(other);
        assert!(holds.is_free(pack));
    }
}
