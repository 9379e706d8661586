//! Bytes a second, shared fairly between those who move them.
//!
//! A [`Pace`] is one direction of one account, or of one device. Those who move bytes take a [`Lane`] each, and wait in it
//! before they move a piece. Lanes of one key take turns among themselves, and the keys take turns for the pace: somebody
//! with eight lanes gets no more than somebody with one, and a short piece waits for at most one piece of each other key.
//!
//! *Always:* pieces are short ([`Lane::piece`]), so that a new rate holds within moments, and what was allowed but not used
//! for a while is forgotten, so that no burst follows a rest. *Absent on purpose:* threads and timers of its own.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// The slowest rate: below, a body that is cut into a few lanes would look like one that has stopped.
pub const RATE_MIN: u64 = 16 << 10;

/// What may be made up for after a rest.
const BURST: Duration = Duration::from_millis(100);
/// How many pieces a second are moved, within the bounds of a piece.
const PIECES_A_SECOND: u64 = 20;
const PIECE_MIN: u64 = 1 << 10;
const PIECE_MAX: u64 = 64 << 10;

/// One direction of somebody's traffic.
#[derive(Debug)]
pub struct Pace<K> {
    flow: Arc<Mutex<Flow>>,
    turns: Mutex<HashMap<K, Weak<Turn>>>,
}

/// Whose turn it is among the lanes of one key.
type Turn = tokio::sync::Mutex<()>;

#[derive(Debug)]
struct Flow {
    /// Bytes a second; none: as fast as it goes.
    rate: Option<u64>,
    /// When the next piece may be moved.
    free_at: Instant,
}

/// A place in the traffic of one key.
#[derive(Debug, Clone)]
pub struct Lane {
    flow: Arc<Mutex<Flow>>,
    turn: Arc<Turn>,
}

impl<K: Eq + Hash + Debug> Pace<K> {
    /// Traffic of at most so many bytes a second; none: as fast as it goes.
    #[must_use]
    pub fn new(rate: Option<u64>) -> Self {
        let flow = Flow { rate: rate.map(at_least), free_at: Instant::now() };
        Self { flow: Arc::new(Mutex::new(flow)), turns: Mutex::default() }
    }

    /// From now on so many bytes a second.
    pub fn set_rate(&self, rate: Option<u64>) {
        let mut flow = locked(&self.flow);
        let rate = rate.map(at_least);
        if flow.rate != rate {
            flow.rate = rate;
            flow.free_at = flow.free_at.min(Instant::now() + BURST);
        }
    }

    /// How many bytes a second.
    pub fn rate(&self) -> Option<u64> {
        locked(&self.flow).rate
    }

    /// A place for somebody who moves bytes, beside the others of the same key.
    pub fn lane(&self, key: K) -> Lane {
        let mut turns = locked(&self.turns);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = turns.get(&key).and_then(Weak::upgrade).unwrap_or_else(|| {
            let turn = Arc::new(Turn::default());
            turns.insert(key, Arc::downgrade(&turn));
            turn
        });
        Lane { flow: Arc::clone(&self.flow), turn }
    }
}

impl Lane {
    /// The most bytes to move at a time as things stand.
    #[must_use]
    pub fn piece(&self) -> usize {
        locked(&self.flow).piece().map_or(usize::MAX, |piece| usize::try_from(piece).unwrap_or(usize::MAX))
    }

    /// Waits until so many bytes may be moved.
    pub async fn take(&self, bytes: usize) {
        let mut left = bytes as u64;
        while left > 0 {
            let Some(piece) = locked(&self.flow).piece() else { return };
            let turn = self.turn.lock().await;
            let now = left.min(piece);
            let wait = locked(&self.flow).book(now);
            if let Some(until) = wait {
                tokio::time::sleep_until(until).await;
            }
            drop(turn);
            left -= now;
        }
    }
}

impl Flow {
    fn piece(&self) -> Option<u64> {
        self.rate.map(|rate| (rate / PIECES_A_SECOND).clamp(PIECE_MIN, PIECE_MAX))
    }

    /// Books the time that so many bytes take; gives when they may be moved, if not at once.
    fn book(&mut self, bytes: u64) -> Option<Instant> {
        let rate = self.rate?;
        let now = Instant::now();
        let start = self.free_at.max(now.checked_sub(BURST).unwrap_or(now));
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
        self.free_at = start + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        (start > now).then_some(start)
    }
}

fn at_least(rate: u64) -> u64 {
    rate.max(RATE_MIN)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both states are changed whole; a panicking holder leaves them as they were.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Moves bytes in a lane until time is up; gives how many.
    async fn moved(lane: Lane, time: Duration) -> u64 {
        let moved = AtomicU64::new(0);
        let work = async {
            loop {
                let piece = lane.piece().min(1 << 20);
                lane.take(piece).await;
                moved.fetch_add(piece as u64, Ordering::Relaxed);
            }
        };
        let _ = tokio::time::timeout(time, work).await;
        moved.into_inner()
    }

    fn about(bytes: u64, expected: u64) -> bool {
        bytes.abs_diff(expected) * 7 <= expected
    }

    #[tokio::test]
    async fn a_rate_is_kept_whatever_it_is() {
        let rates = [RATE_MIN, 100_000, 1 << 20, 5_000_000, 50_000_000];
        let paces = rates.map(|rate| Pace::new(Some(rate)));
        let time = Duration::from_secs(3);
        let running = paces.each_ref().map(|pace| tokio::spawn(moved(pace.lane(1), time)));
        for (rate, bytes) in rates.into_iter().zip(running) {
            let bytes = bytes.await.unwrap();
            assert!(about(bytes, rate * 3), "{bytes} at {rate}");
        }
    }

    #[tokio::test]
    async fn the_slowest_rate_is_bounded() {
        assert_eq!(Pace::<u8>::new(Some(0)).rate(), Some(RATE_MIN));
    }

    #[tokio::test]
    async fn one_with_eight_lanes_gets_no_more_than_one_with_one() {
        let pace = Pace::new(Some(1 << 20));
        let time = Duration::from_secs(2);
        let many: Vec<_> = (0..8).map(|_| tokio::spawn(moved(pace.lane("many"), time))).collect();
        let one = tokio::spawn(moved(pace.lane("one"), time));
        let mut of_many = 0;
        for lane in many {
            of_many += lane.await.unwrap();
        }
        let of_one = one.await.unwrap();
        assert!(about(of_one, 1 << 20) && about(of_many, 1 << 20), "{of_one} and {of_many}");
    }

    #[tokio::test]
    async fn a_small_file_does_not_wait_for_a_large_one() {
        let pace = Pace::new(Some(1 << 20));
        let large = tokio::spawn(moved(pace.lane("large"), Duration::from_secs(20)));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let begun = Instant::now();
        pace.lane("small").take(4_000).await;
        assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
        large.abort();
    }

    #[tokio::test]
    async fn a_new_rate_holds_at_once() {
        let pace = Arc::new(Pace::new(Some(RATE_MIN)));
        let faster = Arc::clone(&pace);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            faster.set_rate(Some(10 << 20));
        });
        let begun = Instant::now();
        pace.lane(1).take(10 << 20).await;
        assert!(begun.elapsed().as_millis().abs_diff(1_500) < 300, "{:?}", begun.elapsed());
        // What is not bounded any more is done in no time.
        pace.set_rate(Some(RATE_MIN));
        let lane = pace.lane(1);
        let unbounded = Arc::clone(&pace);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            unbounded.set_rate(None);
        });
        let begun = Instant::now();
        lane.take(usize::MAX).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn no_burst_follows_a_rest() {
        let pace = Pace::new(Some(1 << 20));
        let lane = pace.lane(1);
        lane.take(1000).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let bytes = moved(lane, Duration::from_secs(1)).await;
        assert!(bytes < (1 << 20) + (1 << 18), "{bytes}");
    }
}
