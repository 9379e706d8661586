//! A few connections that read, each a snapshot at a time, on the caller's thread.

use crate::error::port_error;
use crate::session::{Session, Work};
use metadata::{Error, ErrorKind, ReadUnit, Result};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The most connections that read at once; who comes then waits.
const CONNECTIONS: usize = 6;

#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    work: Arc<Work>,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Session>,
    busy: usize,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, work: Arc<Work>) -> Self {
        Self { path, work, pool: Mutex::default(), returned: Condvar::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn run(&self, unit: ReadUnit) -> Result<()> {
        let session = self.take()?;
        let result = run_unit(&session, unit);
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.busy -= 1;
        // A connection that failed is closed; the next caller opens another.
        if result.is_ok() {
            pool.idle.push(session);
        }
        drop(pool);
        self.returned.notify_one();
        result
    }

    fn take(&self) -> Result<Session> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pool = self
            .returned
            .wait_while(pool, |pool| pool.idle.is_empty() && pool.busy >= CONNECTIONS)
            .unwrap_or_else(PoisonError::into_inner);
        pool.busy += 1;
        if let Some(session) = pool.idle.pop() {
            return Ok(session);
        }
        drop(pool);
        self.open().inspect_err(|_| {
            self.pool.lock().unwrap_or_else(PoisonError::into_inner).busy -= 1;
            self.returned.notify_one();
        })
    }

    fn open(&self) -> Result<Session> {
        let connection: Connection = crate::connect(&self.path)?;
        let set = || {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -2048)
        };
        set().map_err(|error| port_error("open", error))?;
        Ok(Session { connection, work: Arc::clone(&self.work) })
    }
}

/// Runs a unit on one snapshot.
pub(crate) fn run_unit(session: &Session, unit: ReadUnit) -> Result<()> {
    session.control("BEGIN").map_err(|error| port_error("read", error))?;
    let outcome = catch_unwind(AssertUnwindSafe(|| unit(session)));
    session.control("COMMIT").map_err(|error| port_error("read", error))?;
    outcome.map_err(|_| Error::new(ErrorKind::Unavailable, "read", "the unit panicked"))
}
