//! How many transfers run at a time, of one device and in all.

use crate::failure::Failure;
use model::DeviceId;
use protocol::ProblemKind;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts running transfers.
#[derive(Debug, Clone)]
pub(crate) struct Transfers {
    running: Arc<Mutex<Running>>,
    maximum: usize,
    device_maximum: usize,
}

#[derive(Debug, Default)]
struct Running {
    total: usize,
    of_device: HashMap<DeviceId, usize>,
}

/// A running transfer; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Transfer {
    running: Arc<Mutex<Running>>,
    device: Option<DeviceId>,
}

impl Transfers {
    pub(crate) fn new(maximum: usize, device_maximum: usize) -> Self {
        Self { running: Arc::default(), maximum: maximum.max(1), device_maximum: device_maximum.max(1) }
    }

    /// Begins a transfer, unless too many run.
    pub(crate) fn begin(&self, device: Option<DeviceId>) -> Result<Transfer, Failure> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.total >= self.maximum {
            return Err(too_many("transfers", self.maximum));
        }
        if let Some(device) = device {
            let count = running.of_device.entry(device).or_default();
            if *count >= self.device_maximum {
                return Err(too_many("device_transfers", self.device_maximum));
            }
            *count += 1;
        }
        running.total += 1;
        Ok(Transfer { running: Arc::clone(&self.running), device })
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.total -= 1;
        let Some(device) = self.device else { return };
        let count = running.of_device.get_mut(&device).expect("it was counted when it began");
        *count -= 1;
        if *count == 0 {
            running.of_device.remove(&device);
        }
    }
}

fn too_many(limit: &'static str, maximum: usize) -> Failure {
    Failure::new(ProblemKind::TooManyRequests)
        .detail("Too many transfers run at the moment.")
        .member("limit", limit)
        .member("maximum", maximum)
        .retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_and_all_together_have_their_bounds() {
        let transfers = Transfers::new(3, 2);
        let one = transfers.begin(Some(DeviceId(1))).unwrap();
        let _two = transfers.begin(Some(DeviceId(1))).unwrap();
        assert!(transfers.begin(Some(DeviceId(1))).is_err());
        let _three = transfers.begin(Some(DeviceId(2))).unwrap();
        assert!(transfers.begin(Some(DeviceId(3))).is_err());
        drop(one);
        assert_eq!(transfers.running(), 2);
        assert!(transfers.begin(Some(DeviceId(1))).is_ok());
        assert_eq!(transfers.running(), 2);
    }
}
