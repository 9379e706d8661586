//! Who listens for changes now.

use axum::http::{HeaderMap, header};
use model::{Principal, Timestamp};
use std::collections::BTreeMap;
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
        listeners.there.insert(number, present);
        There { listeners: Arc::clone(&self.0), number }
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
        locked(&self.listeners).there.remove(&self.number);
    }
}

/// What a program says of itself, without what would not be text.
pub(crate) fn agent(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(said.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect())
}
