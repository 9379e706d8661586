//! When to try again what did not work: at once the first time, then ever later.

use model::{NodeKey, Timestamp};
use std::collections::BTreeMap;

const FIRST_MS: u64 = 250;
const LAST_MS: u64 = 300_000;

/// Nodes whose operations were refused, and when each may be tried again.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    waiting: BTreeMap<NodeKey, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    tries: u32,
    until: Timestamp,
}

impl Retries {
    /// Notes a failure.
    pub(crate) fn failed(&mut self, key: NodeKey, now: Timestamp) {
        let waiting = self.waiting.entry(key).or_insert(Waiting { tries: 0, until: now });
        waiting.until = match waiting.tries {
            0 => now,
            tries => now.plus_ms(delay_ms(tries - 1)),
        };
        waiting.tries = waiting.tries.saturating_add(1);
    }

    /// Notes a failure that no quick repetition can mend.
    pub(crate) fn failed_for_long(&mut self, key: NodeKey, now: Timestamp) {
        let waiting = self.waiting.entry(key).or_insert(Waiting { tries: 0, until: now });
        waiting.tries = waiting.tries.saturating_add(1).max(6);
        waiting.until = now.plus_ms(delay_ms(waiting.tries));
    }

    /// How often it failed in a row.
    pub(crate) fn tries(&self, key: NodeKey) -> u32 {
        self.waiting.get(&key).map_or(0, |waiting| waiting.tries)
    }

    /// Notes a success.
    pub(crate) fn succeeded(&mut self, key: NodeKey) {
        self.waiting.remove(&key);
    }

    /// Lets everything be tried at once.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Whether the node must wait still.
    pub(crate) fn must_wait(&self, key: NodeKey, now: Timestamp) -> bool {
        self.waiting.get(&key).is_some_and(|waiting| waiting.until > now)
    }

    /// When the first of those that wait may be tried.
    pub(crate) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.waiting.values().map(|waiting| waiting.until).filter(|until| *until > now).min()
    }
}

/// How long to wait after so many failures.
pub(crate) fn delay_ms(tries: u32) -> u64 {
    FIRST_MS.checked_shl(tries.min(20)).unwrap_or(LAST_MS).min(LAST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_repetition_comes_at_once_and_later_ones_ever_later() {
        let mut retries = Retries::default();
        let (key, now) = (NodeKey(7), Timestamp(0));
        retries.failed(key, now);
        assert!(!retries.must_wait(key, now));
        retries.failed(key, now);
        assert_eq!(retries.next(now), Some(now.plus_ms(250)));
        for _ in 0..40 {
            retries.failed(key, now);
        }
        assert_eq!(retries.next(now), Some(now.plus_ms(300_000)));
        retries.succeeded(key);
        assert!(!retries.must_wait(key, now));
    }
}
