//! How long flushes of a disk took: counted by fixed bounds, so that a disk that stalls now and then shows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bounds in microseconds; a flush counts for the first that it does not exceed. A last count is for longer ones.
pub const FLUSH_BOUNDS_US: [u64; 12] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

const COUNTS: usize = FLUSH_BOUNDS_US.len() + 1;

/// How long flushes took until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlushTimes {
    /// How many for each bound, and how many beyond the last one.
    pub counts: [u64; COUNTS],
    /// How long they took in all, in microseconds.
    pub sum_us: u64,
}

impl FlushTimes {
    /// How many flushes there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Counts flushes as they are done, by many threads.
#[derive(Debug, Default)]
pub struct FlushTally {
    counts: [AtomicU64; COUNTS],
    sum_us: AtomicU64,
}

impl FlushTally {
    /// A flush took so long.
    pub fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bound = FLUSH_BOUNDS_US.partition_point(|bound| *bound < took);
        self.counts[bound].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(took, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn times(&self) -> FlushTimes {
        let counts = std::array::from_fn(|bound| self.counts[bound].load(Ordering::Relaxed));
        FlushTimes { counts, sum_us: self.sum_us.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_counts_for_the_first_bound_that_it_does_not_exceed() {
        let tally = FlushTally::default();
        for us in [0, 250, 251, 1_000, 5_000_000, 5_000_001, 60_000_000] {
            tally.note(Duration::from_micros(us));
        }
        let times = tally.times();
        assert_eq!(times.counts, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!((times.count(), times.sum_us), (7, 70_001_502));
    }
}
