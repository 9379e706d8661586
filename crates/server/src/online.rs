//! Which devices listen for changes at this moment.

use model::DeviceId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Devices and how many connections each listens on.
#[derive(Debug, Default)]
pub(crate) struct Online {
    listening: Mutex<HashMap<DeviceId, u32>>,
}

/// A device counts as online as long as this lives.
#[derive(Debug)]
pub(crate) struct Listening {
    online: Arc<Online>,
    device: DeviceId,
}

impl Online {
    pub(crate) fn begin(self: &Arc<Self>, device: DeviceId) -> Listening {
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner).entry(device).or_default() += 1;
        Listening { online: Arc::clone(self), device }
    }

    pub(crate) fn has(&self, device: DeviceId) -> bool {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&device)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut listening = self.online.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = listening.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                listening.remove(&self.device);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_online_as_long_as_any_of_its_connections_listens() {
        let (online, device) = (Arc::new(Online::default()), DeviceId(7));
        let first = online.begin(device);
        let second = online.begin(device);
        drop(first);
        assert!(online.has(device));
        drop(second);
        assert!(!online.has(device));
    }
}
