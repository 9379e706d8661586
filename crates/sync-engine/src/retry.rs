//! When to try again what did not work: at once the first time, then ever later.

use model::{NodeKey, Timestamp};
use std::collections::BTreeMap;

const FIRST_MS: u64 = 250;
const LAST_MS: u64 = 300_000;
/// How soon after a failure what gives reason for hope is followed, the first time.
const HOPE_FIRST_MS: u64 = 1_000;

/// Nodes whose operations were refused, and when each may be tried again.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    waiting: BTreeMap<NodeKey, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    tries: u32,
    until: Timestamp,
    failed_at: Timestamp,
    /// How often it was tried early since there was reason for hope.
    hopes: u32,
}

impl Waiting {
    fn new(now: Timestamp) -> Self {
        Self { tries: 0, until: now, failed_at: now, hopes: 0 }
    }
}

impl Retries {
    /// Notes a failure.
    pub(crate) fn failed(&mut self, key: NodeKey, now: Timestamp) {
        let waiting = self.waiting.entry(key).or_insert(Waiting::new(now));
        waiting.failed_at = now;
        waiting.until = match waiting.tries {
            0 => now,
            tries => now.plus_ms(delay_ms(tries - 1)),
        };
        waiting.tries = waiting.tries.saturating_add(1);
    }

    /// Notes a failure that no quick repetition can mend.
    pub(crate) fn failed_for_long(&mut self, key: NodeKey, now: Timestamp) {
        let waiting = self.waiting.entry(key).or_insert(Waiting::new(now));
        waiting.failed_at = now;
        waiting.tries = waiting.tries.saturating_add(1).max(6);
        waiting.until = now.plus_ms(delay_ms(waiting.tries));
    }

    /// Something was seen that may have mended it: it is tried early, though ever later after its last failure if
    /// that was in vain. Whether this changes when it is tried.
    pub(crate) fn hope(&mut self, key: NodeKey, now: Timestamp) -> bool {
        let Some(waiting) = self.waiting.get_mut(&key) else { return false };
        let pause = HOPE_FIRST_MS << waiting.hopes.min(10);
        let until = waiting.failed_at.plus_ms(pause).max(now);
        let sooner = until < waiting.until;
        if sooner {
            waiting.until = until;
            waiting.hopes += 1;
        }
        sooner
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

    #[test]
    fn what_may_be_mended_is_tried_early_but_ever_later_if_that_is_in_vain() {
        let mut retries = Retries::default();
        let (key, mut now) = (NodeKey(7), Timestamp(0));
        assert!(!retries.hope(key, now));
        for seconds in [1, 2, 4, 8] {
            retries.failed_for_long(key, now);
            assert!(retries.hope(key, now));
            assert!(!retries.hope(key, now));
            now = now.plus_ms(seconds * 1_000);
            assert_eq!(retries.next(now.plus_ms(0)), None);
            assert!(!retries.must_wait(key, now));
        }
    }
}
