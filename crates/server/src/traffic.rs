//! How fast the bytes of each account move.
//!
//! An account's devices share its rates fairly ([`pace`]). The rates are looked up with every request and taken over at
//! once, also by transfers that run. Only contents are slowed down: never wakes, changes and questions.

use crate::meters::{Meter, Meters, Way};
use axum::http::HeaderMap;
use model::{DeviceId, Principal, Rates, UserId};
use pace::Pace;
use protocol::RATE_HEADER;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What lies between the two ends while a reader that has said that it is slow reads: the buffers of both systems.
const BETWEEN_BYTES: u64 = 8 << 20;
/// The longest that a slow reader is waited for.
const PATIENCE_MAX: Duration = Duration::from_secs(600);

/// All accounts that have moved bytes since the start.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    accounts: Mutex<HashMap<UserId, Arc<Account>>>,
    pub(crate) meters: Meters,
}

/// A place for somebody who moves bytes: as fast as the account may, and counted.
#[derive(Debug)]
pub(crate) struct Lane {
    lane: pace::Lane,
    meters: [Arc<Meter>; 2],
    way: Way,
}

impl Lane {
    /// The most bytes to move at a time as things stand.
    pub(crate) fn piece(&self) -> usize {
        self.lane.piece()
    }

    /// Waits until so many bytes may move.
    pub(crate) async fn take(&self, bytes: usize) {
        self.lane.take(bytes).await;
        self.meters.iter().for_each(|meter| meter.add(self.way, bytes as u64));
    }
}

/// The traffic of one account.
#[derive(Debug)]
pub(crate) struct Account {
    up: Pace<Option<DeviceId>>,
    down: Pace<Option<DeviceId>>,
}

impl Traffic {
    /// Where a caller's upload goes.
    pub(crate) fn up(&self, principal: Principal, rates: Rates) -> Lane {
        let lane = self.account(principal.user, rates).up.lane(principal.device);
        Lane { lane, meters: self.meters.of(principal), way: Way::Up }
    }

    /// Where a caller's download goes.
    pub(crate) fn down(&self, principal: Principal, rates: Rates) -> Lane {
        let lane = self.account(principal.user, rates).down.lane(principal.device);
        Lane { lane, meters: self.meters.of(principal), way: Way::Down }
    }

    /// New rates for an account, if any of its bytes have moved.
    pub(crate) fn set(&self, user: UserId, rates: Rates) {
        if let Some(account) = self.locked().get(&user) {
            account.set(rates);
        }
    }

    /// How many accounts are held to a rate.
    pub(crate) fn bounded_accounts(&self) -> usize {
        let is_bounded = |account: &&Arc<Account>| account.up.rate().or(account.down.rate()).is_some();
        self.locked().values().filter(is_bounded).count()
    }

    fn account(&self, user: UserId, rates: Rates) -> Arc<Account> {
        let mut accounts = self.locked();
        let account = accounts
            .entry(user)
            .or_insert_with(|| Arc::new(Account { up: Pace::new(None), down: Pace::new(None) }));
        account.set(rates);
        Arc::clone(account)
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Account>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn set(&self, rates: Rates) {
        self.up.set_rate(rates.upload);
        self.down.set_rate(rates.download);
    }
}

/// How long a reader may take no bytes: longer if it has said that it reads slowly, because then what is between empties
/// slowly, too.
pub(crate) fn patience(headers: &HeaderMap, pause: Duration) -> Duration {
    let rate = headers.get(RATE_HEADER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match rate {
        Some(rate) => (pause + Duration::from_secs(BETWEEN_BYTES / rate.max(1))).min(PATIENCE_MAX),
        None => pause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn who_says_that_it_reads_slowly_is_given_time() {
        let pause = Duration::from_secs(30);
        let said =
            |text| HeaderMap::from_iter([(RATE_HEADER.parse().unwrap(), HeaderValue::from_static(text))]);
        assert_eq!(patience(&HeaderMap::new(), pause), pause);
        assert_eq!(patience(&said("1048576"), pause), Duration::from_secs(38));
        assert_eq!(patience(&said("0"), pause), PATIENCE_MAX);
        assert_eq!(patience(&said("fast"), pause), pause);
    }
}
