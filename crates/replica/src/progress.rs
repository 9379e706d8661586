//! What is being transferred right now, for people to look at.

use model::RelativePath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Transfers under way; shared between those who move bytes and those who show it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    transfers: BTreeMap<u64, Transfer>,
    sent: u64,
    received: u64,
}

/// One transfer, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Up or down.
    pub direction: Direction,
    /// The file, or the first of several.
    pub path: String,
    /// How many files it has.
    pub files: usize,
    /// Plain bytes moved so far.
    pub done_bytes: u64,
    /// Plain bytes in all.
    pub total_bytes: u64,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the server.
    Up,
    /// From the server.
    Down,
}

/// A transfer under way; over when dropped.
#[derive(Debug)]
pub struct Moving {
    progress: Progress,
    id: u64,
}

impl Progress {
    /// Begins a transfer of files, named by the first.
    pub fn begin(
        &self,
        direction: Direction,
        first: &RelativePath,
        files: usize,
        total_bytes: u64,
    ) -> Moving {
        let transfer = Transfer { direction, path: first.to_string(), files, done_bytes: 0, total_bytes };
        let id = self.with(|inner| {
            inner.next += 1;
            inner.transfers.insert(inner.next, transfer);
            inner.next
        });
        Moving { progress: self.clone(), id }
    }

    /// What is under way, and how many bytes were sent and received since the start.
    pub fn now(&self) -> (Vec<Transfer>, u64, u64) {
        self.with(|inner| (inner.transfers.values().cloned().collect(), inner.sent, inner.received))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        // Counters stay meaningful whatever a panicking holder did.
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Moving {
    /// So many more plain bytes were moved.
    pub fn moved(&self, bytes: u64) {
        self.progress.with(|inner| {
            let Some(transfer) = inner.transfers.get_mut(&self.id) else { return };
            transfer.done_bytes += bytes;
            match transfer.direction {
                Direction::Up => inner.sent += bytes,
                Direction::Down => inner.received += bytes,
            }
        });
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.progress.with(|inner| inner.transfers.remove(&self.id));
    }
}
