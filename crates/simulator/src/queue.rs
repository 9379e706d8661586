//! What is going to happen, in order of time, and of what was planned first.

use model::Timestamp;
use std::collections::BTreeMap;

/// A clock and everything that is still to come.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: BTreeMap<(Timestamp, u64), T>,
    planned: u64,
    now: Timestamp,
}

impl<T> Queue<T> {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { items: BTreeMap::new(), planned: 0, now }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn after_us(&mut self, microseconds: u64, item: T) {
        let at = Timestamp(self.now.0.saturating_add_unsigned(microseconds.saturating_mul(1000)));
        self.at(at, item);
    }

    /// Plans something; what is in the past happens next.
    pub(crate) fn at(&mut self, at: Timestamp, item: T) {
        self.planned += 1;
        self.items.insert((at.max(self.now), self.planned), item);
    }

    /// Goes on to what happens next.
    pub(crate) fn next(&mut self) -> Option<T> {
        let ((at, _), item) = self.items.pop_first()?;
        self.now = at;
        Some(item)
    }

    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        self.items.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn any(&self, fits: impl Fn(&T) -> bool) -> bool {
        self.items.values().any(fits)
    }
}
