//! What this device moves, and what bounds it: its own limits and those that the server announces.
//!
//! *Always:* a transfer begins when fewer than the announced number run, and not before the server's time to come again;
//! contents move at the slower of the two rates, the pairs taking turns. Changes, questions and wakes are not slowed down.

use model::{FolderId, Limits, Rates};
use pace::{Lane, Pace};
use protocol::v1::WireLimits;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How many transfers run while nothing is announced.
const TRANSFERS: usize = 4;
/// How old what was announced may get while bytes move.
const ANNOUNCED_FOR: Duration = Duration::from_secs(60);
/// The longest time to come again that is believed.
const HOLD_OFF_MAX: Duration = Duration::from_secs(300);

/// The traffic of one device with one server.
#[derive(Debug)]
pub(crate) struct Traffic {
    state: Mutex<State>,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    up: Pace<FolderId>,
    down: Pace<FolderId>,
}

#[derive(Debug)]
struct State {
    own: Rates,
    announced: Option<(WireLimits, Instant)>,
    /// How many places there are, taken or not.
    places: usize,
    not_before: Option<Instant>,
}

/// The right to move the bytes of a folder; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    pub(crate) up: Lane,
    pub(crate) down: Lane,
    /// How many bytes a second the device reads at most.
    pub(crate) reads: Option<u64>,
}

/// What bounds the device's traffic, and what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) own: Rates,
    pub(crate) of_server: Rates,
    pub(crate) places: usize,
    pub(crate) running: usize,
    pub(crate) waiting: usize,
    pub(crate) hold_off: Option<Duration>,
}

impl Default for Traffic {
    fn default() -> Self {
        let state = State { own: Rates::default(), announced: None, places: TRANSFERS, not_before: None };
        Self {
            state: Mutex::new(state),
            places: Arc::new(Semaphore::new(TRANSFERS)),
            waiting: AtomicUsize::new(0),
            up: Pace::new(None),
            down: Pace::new(None),
        }
    }
}

impl Traffic {
    /// What the server takes, as far as it is known.
    pub(crate) fn limits(&self) -> Limits {
        self.locked().announced.map(|(limits, _)| limits.to_model()).unwrap_or_default()
    }

    /// Whether the server is to be asked again what it takes.
    pub(crate) fn is_outdated(&self) -> bool {
        self.locked().announced.is_none_or(|(_, since)| since.elapsed() > ANNOUNCED_FOR)
    }

    /// The server has said what it takes.
    pub(crate) fn learn(&self, limits: WireLimits) {
        let mut state = self.locked();
        state.announced = Some((limits, Instant::now()));
        let wanted = usize::try_from(limits.device_transfers).unwrap_or(usize::MAX).clamp(1, 1_000);
        if wanted > state.places {
            self.places.add_permits(wanted - state.places);
            state.places = wanted;
        } else {
            // Places that are taken now go the next time.
            state.places -= self.places.forget_permits(state.places - wanted);
        }
        self.apply(&state);
    }

    /// What this device allows itself from now on.
    pub(crate) fn set_own(&self, own: Rates) {
        let mut state = self.locked();
        state.own = own;
        self.apply(&state);
    }

    /// The server wants to be left alone for so long.
    pub(crate) fn hold_off(&self, time: Duration) {
        let until = Instant::now() + time.min(HOLD_OFF_MAX);
        let mut state = self.locked();
        state.not_before = state.not_before.max(Some(until));
    }

    /// How much longer an answer may take because the server takes bytes slowly: what lies in buffers between, shared with
    /// a few other devices.
    pub(crate) fn slack(&self) -> Duration {
        let rate = self.locked().announced.and_then(|(limits, _)| limits.upload_rate);
        rate.map_or(Duration::ZERO, |rate| Duration::from_secs(((32 << 20) / rate.max(1)).min(3_600)))
    }

    /// Waits for the right to move bytes of a folder.
    pub(crate) async fn place(&self, folder: FolderId) -> Place {
        let waiting = Waiting::new(&self.waiting);
        loop {
            let Some(until) = self.locked().not_before.filter(|until| *until > Instant::now()) else { break };
            tokio::time::sleep_until(until).await;
        }
        // The semaphore is never closed.
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        drop(waiting);
        let reads = self.locked().own.download;
        Place { _permit: permit, up: self.up.lane(folder), down: self.down.lane(folder), reads }
    }

    /// How everything stands.
    pub(crate) fn standing(&self) -> Standing {
        let state = self.locked();
        let announced = state.announced.map(|(limits, _)| limits);
        Standing {
            own: state.own,
            of_server: announced
                .map(|limits| Rates { upload: limits.upload_rate, download: limits.download_rate })
                .unwrap_or_default(),
            places: state.places,
            running: state.places.saturating_sub(self.places.available_permits()),
            waiting: self.waiting.load(Ordering::Relaxed),
            hold_off: state.not_before.and_then(|until| until.checked_duration_since(Instant::now())),
        }
    }

    fn apply(&self, state: &State) {
        let announced = state.announced.and_then(|(limits, _)| limits.upload_rate);
        let slower = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.up.set_rate(slower(state.own.upload, announced));
        // The server holds what it sends to the account's rate by itself.
        self.down.set_rate(state.own.download);
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counted among those who wait while it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::v1::TransferLimits;

    fn announced(device_transfers: u64, upload: Option<u64>) -> WireLimits {
        let transfers =
            TransferLimits { of_a_device: device_transfers, in_all: 64, wait_seconds: 20, zip_entries: 0 };
        WireLimits::new(Limits::default(), transfers, Rates { upload, download: None })
    }

    const FOLDER: FolderId = FolderId(1);

    #[tokio::test]
    async fn no_more_transfers_run_than_the_server_announces() {
        let traffic = Traffic::default();
        traffic.learn(announced(2, None));
        let one = traffic.place(FOLDER).await;
        let _two = traffic.place(FOLDER).await;
        let mut third = Box::pin(traffic.place(FOLDER));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(third.as_mut().poll(&mut context).is_pending());
        let standing = traffic.standing();
        assert_eq!((standing.places, standing.running, standing.waiting), (2, 2, 1));
        drop(one);
        let _third = third.await;
        assert_eq!(traffic.standing().waiting, 0);
        traffic.learn(announced(5, None));
        let _fourth = traffic.place(FOLDER).await;
        assert_eq!((traffic.standing().places, traffic.standing().running), (5, 3));
    }

    #[tokio::test]
    async fn the_slower_of_both_rates_holds() {
        let traffic = Traffic::default();
        traffic.set_own(Rates { upload: Some(5 << 20), download: Some(1 << 20) });
        assert_eq!((traffic.up.rate(), traffic.down.rate()), (Some(5 << 20), Some(1 << 20)));
        traffic.learn(announced(8, Some(2 << 20)));
        assert_eq!(traffic.up.rate(), Some(2 << 20));
        traffic.set_own(Rates { upload: Some(1 << 20), download: None });
        assert_eq!((traffic.up.rate(), traffic.down.rate()), (Some(1 << 20), None));
        traffic.set_own(Rates::default());
        assert_eq!(traffic.up.rate(), Some(2 << 20));
        assert_eq!(traffic.slack(), Duration::from_secs(16));
    }

    #[tokio::test]
    async fn the_servers_time_to_come_again_is_kept() {
        let traffic = Traffic::default();
        traffic.hold_off(Duration::from_millis(200));
        traffic.hold_off(Duration::ZERO);
        assert!(traffic.standing().hold_off.is_some());
        let begun = Instant::now();
        let _place = traffic.place(FOLDER).await;
        assert!(begun.elapsed() >= Duration::from_millis(200));
        assert_eq!(traffic.standing().hold_off, None);
    }
}
