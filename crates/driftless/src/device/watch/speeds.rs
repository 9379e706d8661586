//! How fast bytes move, from looks at how many have moved.

use client::control::{DaemonStatus, Direction, Transfer};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// Over how many milliseconds speeds are meant: long enough to be calm, short enough to be true.
const WINDOW_MS: u64 = 5_000;

/// Of which transfer: its pair, its way, its first file.
type Key = (PathBuf, bool, String);

/// What was seen of late.
#[derive(Debug, Default)]
pub(super) struct Speeds {
    transfers: BTreeMap<Key, VecDeque<(u64, u64)>>,
    sent: VecDeque<(u64, u64)>,
    received: VecDeque<(u64, u64)>,
}

/// A transfer's speed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct TransferSpeed {
    /// The pair's directory.
    pub(super) directory: PathBuf,
    #[serde(flatten)]
    pub(super) transfer: Transfer,
    /// Plain bytes a second; none before there were two looks.
    pub(super) bytes_per_second: Option<u64>,
    /// At that speed; none if nothing moves.
    pub(super) seconds_left: Option<u64>,
}

impl Speeds {
    /// Takes in how everything is so many milliseconds after the beginning.
    pub(super) fn sample(&mut self, now_ms: u64, status: &DaemonStatus) {
        let sent = status.pairs.iter().map(|pair| pair.sent_bytes).sum();
        let received = status.pairs.iter().map(|pair| pair.received_bytes).sum();
        remember(&mut self.sent, now_ms, sent);
        remember(&mut self.received, now_ms, received);
        let mut kept = BTreeMap::new();
        for (key, transfer) in keys(status) {
            let mut samples = self.transfers.remove(&key).unwrap_or_default();
            remember(&mut samples, now_ms, transfer.done_bytes);
            kept.insert(key, samples);
        }
        self.transfers = kept;
    }

    /// Plain bytes a second sent and received in all.
    pub(super) fn totals(&self) -> (u64, u64) {
        (rate(&self.sent).unwrap_or(0), rate(&self.received).unwrap_or(0))
    }

    /// The speeds of what is under way.
    pub(super) fn transfers(&self, status: &DaemonStatus) -> Vec<TransferSpeed> {
        let speed = |(key, transfer): (Key, &Transfer)| {
            let bytes_per_second = self.transfers.get(&key).and_then(rate);
            let left = transfer.total_bytes.saturating_sub(transfer.done_bytes);
            let seconds_left = bytes_per_second.filter(|rate| *rate > 0).map(|rate| left.div_ceil(rate));
            TransferSpeed { directory: key.0, transfer: transfer.clone(), bytes_per_second, seconds_left }
        };
        keys(status).map(speed).collect()
    }
}

fn keys(status: &DaemonStatus) -> impl Iterator<Item = (Key, &Transfer)> {
    status.pairs.iter().flat_map(|pair| {
        pair.transfers.iter().map(|transfer| {
            let up = transfer.direction == Direction::Up;
            ((pair.directory.clone(), up, transfer.path.clone()), transfer)
        })
    })
}

fn remember(samples: &mut VecDeque<(u64, u64)>, now_ms: u64, count: u64) {
    if samples.back().is_some_and(|(_, last)| *last > count) {
        // Another beginning: the daemon was started again, or the same file is sent once more.
        samples.clear();
    }
    samples.push_back((now_ms, count));
    // The oldest is as old as the window or the one before it, so that a slow look still has two.
    while samples.get(1).is_some_and(|(time, _)| *time + WINDOW_MS <= now_ms) {
        samples.pop_front();
    }
}

fn rate(samples: &VecDeque<(u64, u64)>) -> Option<u64> {
    let ((begun, from), (ended, to)) = (samples.front()?, samples.back()?);
    let milliseconds = ended.checked_sub(*begun).filter(|time| *time > 0)?;
    Some((to - from).saturating_mul(1_000) / milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::control::PairStatus;

    fn status(done: u64, sent: u64) -> DaemonStatus {
        let transfer = Transfer {
            direction: Direction::Up,
            path: "film.mkv".to_owned(),
            files: 1,
            done_bytes: done,
            total_bytes: 10_000,
        };
        let pair = PairStatus {
            directory: "/d".into(),
            transfers: vec![transfer],
            sent_bytes: sent,
            ..PairStatus::default()
        };
        DaemonStatus { pairs: vec![pair], ..DaemonStatus::default() }
    }

    #[test]
    fn a_speed_is_of_the_last_seconds_and_tells_the_time_left() {
        let mut speeds = Speeds::default();
        speeds.sample(0, &status(0, 0));
        assert_eq!(speeds.transfers(&status(0, 0))[0].bytes_per_second, None, "one look tells nothing");
        for second in 1..=10 {
            let done = if second <= 4 { second * 10 } else { 40 + (second - 4) * 1_000 };
            speeds.sample(second * 1_000, &status(done, done));
        }
        let now = status(6_040, 6_040);
        let seen = &speeds.transfers(&now)[0];
        assert_eq!(seen.bytes_per_second, Some(1_000), "the slow beginning is forgotten");
        assert_eq!(seen.seconds_left, Some(4));
        assert_eq!(speeds.totals(), (1_000, 0));
    }

    #[test]
    fn what_stands_still_has_no_time_left_and_what_begins_again_is_new() {
        let mut speeds = Speeds::default();
        for second in 0..10 {
            speeds.sample(second * 1_000, &status(5_000, 5_000));
        }
        let seen = &speeds.transfers(&status(5_000, 5_000))[0];
        assert_eq!((seen.bytes_per_second, seen.seconds_left), (Some(0), None));
        speeds.sample(10_000, &status(100, 0));
        assert_eq!(speeds.transfers(&status(100, 0))[0].bytes_per_second, None);
        assert_eq!(speeds.totals(), (0, 0));
    }
}
