//! What was seen of proxies: for an administrator who set one up and sees the wrong addresses.

use super::TrustedProxies;
use axum::http::HeaderMap;
use protocol::admin::ForwardingReport;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts since the server started.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    silent: AtomicU64,
    disbelieved: AtomicU64,
    last_disbelieved: Mutex<Option<IpAddr>>,
}

impl Seen {
    /// Notes a request as it comes.
    pub(crate) fn note(&self, trusted: &TrustedProxies, peer: IpAddr, path: &str, headers: &HeaderMap) {
        let tells = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
        let believed = trusted.contains(peer);
        // Proxies ask by themselves whether the server is well.
        if believed && !tells && path.starts_with("/api/") {
            self.silent.fetch_add(1, Ordering::Relaxed);
        }
        if !believed && tells {
            self.disbelieved.fetch_add(1, Ordering::Relaxed);
            let mut last = self.last_disbelieved.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(peer.to_canonical());
        }
    }

    pub(crate) fn report(&self) -> ForwardingReport {
        let last = *self.last_disbelieved.lock().unwrap_or_else(PoisonError::into_inner);
        ForwardingReport {
            silent: self.silent.load(Ordering::Relaxed),
            disbelieved: self.disbelieved.load(Ordering::Relaxed),
            disbelieved_from: last.map(|address| address.to_string()),
        }
    }
}
