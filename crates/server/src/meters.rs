//! How fast contents move at this moment, of each device and of all together, second by second.

use model::{DeviceId, Principal, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many seconds are remembered.
pub(crate) const SECONDS: usize = 64;
/// Over how many whole seconds a rate is taken.
const RATE_SECONDS: u64 = 3;
/// How many devices are remembered before those at rest are forgotten.
const DEVICES_KEPT: usize = 2_000;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From devices.
    Up,
    /// To devices.
    Down,
}

/// Whose bytes.
type Key = (UserId, Option<DeviceId>);

/// All meters.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    all: Arc<Meter>,
    devices: Mutex<HashMap<Key, Arc<Meter>>>,
}

/// Bytes of one device, or of all.
#[derive(Debug)]
pub(crate) struct Meter {
    begun: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// The second that was counted last, since the meter began.
    second: u64,
    /// Up and down of the last seconds, at the second's place in the ring.
    ring: [[u64; 2]; SECONDS],
    total: [u64; 2],
}

/// What a meter shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Bytes a second, up and down.
    pub(crate) rate: [u64; 2],
    /// Bytes so far, up and down.
    pub(crate) total: [u64; 2],
}

impl Default for Meter {
    fn default() -> Self {
        Self { begun: Instant::now(), counts: Mutex::default() }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self { second: 0, ring: [[0; 2]; SECONDS], total: [0; 2] }
    }
}

impl Counts {
    /// Makes the place of this second and of those that nobody counted in.
    fn go_to(&mut self, second: u64) {
        let empty = second.saturating_sub(self.second).min(SECONDS as u64);
        for passed in 0..empty {
            self.ring[((second - passed) % SECONDS as u64) as usize] = [0; 2];
        }
        self.second = second.max(self.second);
    }

    /// What was counted so many seconds ago.
    fn ago(&self, seconds: u64) -> [u64; 2] {
        match self.second.checked_sub(seconds) {
            Some(second) if seconds < SECONDS as u64 => self.ring[(second % SECONDS as u64) as usize],
            _ => [0; 2],
        }
    }
}

impl Counts {
    fn add(&mut self, way: Way, bytes: u64) {
        self.ring[(self.second % SECONDS as u64) as usize][way as usize] += bytes;
        self.total[way as usize] += bytes;
    }

    fn read(&self) -> Reading {
        let sum = |way: usize| (1..=RATE_SECONDS).map(|ago| self.ago(ago)[way]).sum::<u64>();
        Reading { rate: [0, 1].map(|way| sum(way) / RATE_SECONDS), total: self.total }
    }

    fn history(&self, seconds: u64) -> Vec<[u64; 2]> {
        (1..=seconds).rev().map(|ago| self.ago(ago)).collect()
    }

    fn is_at_rest(&self) -> bool {
        self.ring.iter().all(|counted| *counted == [0; 2])
    }
}

impl Meter {
    pub(crate) fn add(&self, way: Way, bytes: u64) {
        self.now().add(way, bytes);
    }

    pub(crate) fn read(&self) -> Reading {
        self.now().read()
    }

    /// Up and down of so many whole seconds, oldest first.
    pub(crate) fn history(&self, seconds: u64) -> Vec<[u64; 2]> {
        self.now().history(seconds)
    }

    fn now(&self) -> MutexGuard<'_, Counts> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.go_to(self.begun.elapsed().as_secs());
        counts
    }
}

impl Meters {
    /// The meters that a principal's bytes are counted with.
    pub(crate) fn of(&self, principal: Principal) -> [Arc<Meter>; 2] {
        let mut devices = self.locked();
        if devices.len() >= DEVICES_KEPT {
            devices.retain(|_, meter| !meter.now().is_at_rest());
        }
        let own = devices.entry((principal.user, principal.device)).or_default();
        [Arc::clone(own), Arc::clone(&self.all)]
    }

    pub(crate) fn all(&self) -> &Meter {
        &self.all
    }

    /// What each device's meter shows, of those that are not at rest.
    pub(crate) fn readings(&self) -> Vec<(Key, Reading)> {
        let devices: Vec<(Key, Arc<Meter>)> =
            self.locked().iter().map(|(key, meter)| (*key, Arc::clone(meter))).collect();
        let readings = devices.into_iter().map(|(key, meter)| (key, meter.read()));
        readings.filter(|(_, reading)| reading.rate != [0; 2]).collect()
    }

    /// What the meter of a device shows, whoever's it is.
    pub(crate) fn of_device(&self, device: Option<DeviceId>) -> Option<(Key, Reading)> {
        let devices = self.locked();
        let (key, meter) = devices.iter().find(|(key, _)| key.1 == device)?;
        Some((*key, meter.read()))
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Key, Arc<Meter>>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_last_whole_seconds_and_fades() {
        let mut counts = Counts::default();
        for second in 1..=3 {
            counts.add(Way::Up, 300);
            counts.add(Way::Down, 30);
            counts.go_to(second);
        }
        assert_eq!(counts.read(), Reading { rate: [300, 30], total: [900, 90] });
        assert_eq!(counts.history(4), [[0, 0], [300, 30], [300, 30], [300, 30]]);
        counts.go_to(5);
        assert_eq!(counts.read().rate, [100, 10]);
        assert!(!counts.is_at_rest());
        counts.go_to(1_000);
        assert_eq!(counts.read(), Reading { rate: [0, 0], total: [900, 90] });
        assert!(counts.is_at_rest());
    }

    #[test]
    fn bytes_count_for_their_device_and_for_all() {
        let meters = Meters::default();
        let principal = |device| Principal { user: UserId(1), device: Some(DeviceId(device)) };
        for device in [2, 3] {
            meters.of(principal(device)).iter().for_each(|meter| meter.add(Way::Down, 10));
        }
        assert_eq!(meters.all().read().total, [0, 20]);
        let (key, reading) = meters.of_device(Some(DeviceId(3))).unwrap();
        assert_eq!((key, reading.total), ((UserId(1), Some(DeviceId(3))), [0, 10]));
        assert!(meters.of_device(None).is_none());
    }
}
