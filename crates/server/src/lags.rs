//! How far each device is behind, for the metrics.
//!
//! A device stands where the last page of changes that it was sent ends, or where its own commit took it. Kept in memory:
//! after a start, a device counts from its first pull.

use model::{DeviceId, FolderId, Seq};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// How many devices are shown: those that are furthest behind.
pub(crate) const DEVICES_SHOWN: usize = 1_000;
/// How many are remembered.
const DEVICES_KEPT: usize = 100_000;

/// Where devices stand.
#[derive(Debug, Default)]
pub(crate) struct Lags {
    devices: Mutex<HashMap<DeviceId, Standing>>,
}

#[derive(Debug)]
struct Standing {
    cursors: HashMap<FolderId, Seq>,
    /// When it was last seen to have everything.
    in_step_at: Instant,
}

/// How far a device is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lag {
    pub(crate) device: DeviceId,
    /// Numbers of the journals that it has not been sent.
    pub(crate) changes: u64,
    /// Seconds since it was last seen to have everything; 0 if it has.
    pub(crate) seconds: u64,
}

impl Lags {
    /// A device was sent everything up to here.
    pub(crate) fn pulled(&self, device: Option<DeviceId>, folder: FolderId, to: Seq) {
        let Some(device) = device else { return };
        let mut devices = self.locked();
        if devices.len() >= DEVICES_KEPT && !devices.contains_key(&device) {
            return;
        }
        devices.entry(device).or_insert_with(Standing::new).cursors.insert(folder, to);
    }

    /// A device's own commit took the folder from one number to another.
    pub(crate) fn committed(&self, device: Option<DeviceId>, folder: FolderId, before: Seq, after: Seq) {
        let Some(device) = device else { return };
        if let Some(standing) = self.locked().get_mut(&device)
            && let Some(cursor) = standing.cursors.get_mut(&folder)
            && *cursor >= before
        {
            *cursor = after.max(*cursor);
        }
    }

    /// How far devices are behind these heads, the furthest first; folders that are gone count no more.
    pub(crate) fn lags(&self, heads: &HashMap<FolderId, Seq>) -> Vec<Lag> {
        let now = Instant::now();
        let mut lags = Vec::new();
        for (device, standing) in self.locked().iter_mut() {
            standing.cursors.retain(|folder, _| heads.contains_key(folder));
            let behind = |(folder, cursor): (&FolderId, &Seq)| {
                heads.get(folder).map_or(0, |head| head.0.saturating_sub(cursor.0))
            };
            let changes = standing.cursors.iter().map(behind).sum();
            if changes == 0 {
                standing.in_step_at = now;
            }
            let seconds = now.saturating_duration_since(standing.in_step_at).as_secs();
            lags.push(Lag { device: *device, changes, seconds });
        }
        lags.sort_unstable_by_key(|lag| (std::cmp::Reverse(lag.changes), lag.device));
        lags.truncate(DEVICES_SHOWN);
        lags
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<DeviceId, Standing>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn new() -> Self {
        Self { cursors: HashMap::new(), in_step_at: Instant::now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_behind_by_what_it_was_not_sent() {
        let lags = Lags::default();
        let (laptop, phone) = (DeviceId(1), DeviceId(2));
        lags.pulled(Some(laptop), FolderId(1), Seq(5));
        lags.pulled(Some(phone), FolderId(1), Seq(2));
        lags.pulled(Some(phone), FolderId(2), Seq(1));
        lags.pulled(None, FolderId(1), Seq(0));
        let shown = |heads: [(u64, u64); 2]| {
            let heads = heads.map(|(folder, head)| (FolderId(folder), Seq(head))).into();
            lags.lags(&heads).iter().map(|lag| (lag.device, lag.changes)).collect::<Vec<_>>()
        };
        assert_eq!(shown([(1, 5), (2, 4)]), [(phone, 6), (laptop, 0)]);
        // Its own commit brings a device forward only from where it stood.
        lags.committed(Some(laptop), FolderId(1), Seq(5), Seq(7));
        lags.committed(Some(phone), FolderId(1), Seq(5), Seq(7));
        assert_eq!(shown([(1, 7), (2, 1)]), [(phone, 5), (laptop, 0)]);
        // A folder that is gone holds nobody up.
        assert_eq!(shown([(2, 1), (3, 9)]), [(laptop, 0), (phone, 0)]);
    }
}
