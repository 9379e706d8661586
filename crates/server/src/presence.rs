//! Who listens for changes now.

use axum::http::{HeaderMap, header};
use model::{DeviceId, Principal, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many characters are kept of what a program says of itself.
const AGENT_MAX: usize = 120;

/// Somebody who listens.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    pub(crate) principal: Principal,
    pub(crate) address: Option<IpAddr>,
    /// What the program says of itself.
    pub(crate) agent: Option<String>,
    pub(crate) since: Timestamp,
}

/// All who listen.
#[derive(Debug, Default)]
pub(crate) struct Presence(Arc<Mutex<Listeners>>);

#[derive(Debug, Default)]
struct Listeners {
    next: u64,
    there: BTreeMap<u64, Present>,
    /// How many times each device is among them.
    devices: HashMap<DeviceId, u32>,
}

/// Somebody counts as there as long as this lives.
#[derive(Debug)]
pub(crate) struct There {
    listeners: Arc<Mutex<Listeners>>,
    number: u64,
}

impl Presence {
    pub(crate) fn enter(&self, present: Present) -> There {
        let mut listeners = locked(&self.0);
        let number = listeners.next;
        listeners.next += 1;
        if let Some(device) = present.principal.device {
            *listeners.devices.entry(device).or_default() += 1;
        }
        listeners.there.insert(number, present);
        There { listeners: Arc::clone(&self.0), number }
    }

    /// Whether a device is among them.
    pub(crate) fn has(&self, device: DeviceId) -> bool {
        locked(&self.0).devices.contains_key(&device)
    }

    /// How many are there, and those that have been there longest.
    pub(crate) fn there(&self, limit: usize) -> (usize, Vec<Present>) {
        let listeners = locked(&self.0);
        (listeners.there.len(), listeners.there.values().take(limit).cloned().collect())
    }
}

fn locked(listeners: &Mutex<Listeners>) -> MutexGuard<'_, Listeners> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for There {
    fn drop(&mut self) {
        let mut listeners = locked(&self.listeners);
        let gone = listeners.there.remove(&self.number);
        let Some(device) = gone.and_then(|present| present.principal.device) else { return };
        if let Some(count) = listeners.devices.get_mut(&device) {
            *count -= 1;
            if *count == 0 {
                listeners.devices.remove(&device);
            }
        }
    }
}

/// What a program says of itself, without what would not be text.
pub(crate) fn agent(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(said.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::UserId;

    #[test]
    fn a_device_is_there_as_long_as_any_of_its_connections_listens() {
        let (presence, device) = (Presence::default(), DeviceId(7));
        let principal = Principal { user: UserId(1), device: Some(device) };
        let present = Present { principal, address: None, agent: None, since: Timestamp(0) };
        let first = presence.enter(present.clone());
        let second = presence.enter(present);
        drop(first);
        assert!(presence.has(device));
        drop(second);
        assert!(!presence.has(device));
    }
}
