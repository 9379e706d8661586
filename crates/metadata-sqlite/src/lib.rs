//! The versioning database on SQLite: WAL, `synchronous=FULL`, one writer, several readers.
//!
//! [`Sqlite::open`] keeps a file and a writer thread. Writing units that wait together share one transaction and
//! one synchronisation of the disk, each in a savepoint of its own, so that one that fails is rolled back alone.
//! Reading units run on their caller's thread on one of a few connections. [`Sqlite::in_memory`] has neither file
//! nor threads: units run at once, one at a time, in the order they come — for tests and simulation.
//!
//! An error while making a commit durable is final: nothing is written any more until the process is started
//! anew and SQLite has recovered from its log. A full disk is not: the batch is rolled back and answered.
//!
//! Start with `writer`, then `session`; the SQL of each concern is in the module of that name. Batches are bound
//! as one parameter (`rows`), sorted by hash before they meet a hash index.

mod account;
mod activity;
mod audit;
mod collection;
mod content;
mod device;
mod error;
mod folder;
mod growth;
mod identity;
mod link;
mod migrate;
mod moment;
mod network;
mod node;
mod operation;
mod passkey;
mod placement;
mod readers;
mod retention;
mod rows;
mod search;
mod session;
mod setting;
mod space;
mod throttle;
mod upload;
mod version;
mod view;
mod writer;

use metadata::{Answer, Database, Error, ErrorKind, Figures, ReadUnit, Result, WriteUnit};
use model::FlushTally;
use readers::Readers;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use session::{Session, Work};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many prepared statements a connection keeps.
const STATEMENTS_KEPT: usize = 160;

/// Counters shared by all connections.
#[derive(Debug, Default)]
struct Counts {
    work: Arc<Work>,
    queued: AtomicU64,
    units: AtomicU64,
    commits: AtomicU64,
    commit_times: FlushTally,
}

/// A versioning database.
#[derive(Debug)]
pub struct Sqlite {
    engine: Engine,
    counts: Arc<Counts>,
}

#[derive(Debug)]
enum Engine {
    File { writer: writer::Writer, readers: Readers },
    Memory(Mutex<Session>),
}

impl Sqlite {
    /// Opens a database, making or migrating it as needed. `Invalid` if a newer program wrote it.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_bounded(path, None)
    }

    /// The same, with a bound on the file's bytes: beyond it the database behaves as on a full disk.
    pub fn open_bounded(path: &Path, bytes_max: Option<u64>) -> Result<Self> {
        let counts = Arc::new(Counts::default());
        let session = Session { connection: connect(path)?, work: Arc::clone(&counts.work) };
        prepare_file(&session.connection).map_err(|error| error::port_error("open", error))?;
        migrate::migrate(&session.connection)?;
        if let Some(bytes) = bytes_max {
            bound(&session.connection, bytes).map_err(|error| error::port_error("open", error))?;
        }
        let readers = Readers::new(path.to_owned(), Arc::clone(&counts.work));
        let writer = writer::Writer::start(session, Arc::clone(&counts))?;
        Ok(Self { engine: Engine::File { writer, readers }, counts })
    }

    /// A database that ends with this value.
    pub fn in_memory() -> Result<Self> {
        let counts = Arc::new(Counts::default());
        let connection = Connection::open_in_memory().map_err(|error| error::port_error("open", error))?;
        prepare(&connection).map_err(|error| error::port_error("open", error))?;
        migrate::migrate(&connection)?;
        let session = Session { connection, work: Arc::clone(&counts.work) };
        Ok(Self { engine: Engine::Memory(Mutex::new(session)), counts })
    }
}

impl Database for Sqlite {
    fn queue_write(&self, unit: WriteUnit, answer: Answer) {
        self.counts.queued.fetch_add(1, Ordering::Relaxed);
        let counts = Arc::clone(&self.counts);
        let answer: Answer = Box::new(move |result| {
            counts.queued.fetch_sub(1, Ordering::Relaxed);
            answer(result);
        });
        match &self.engine {
            Engine::File { writer, .. } => writer.queue(unit, answer),
            Engine::Memory(session) => {
                // A panicking unit is caught before it could poison the lock.
                let session = session.lock().unwrap_or_else(PoisonError::into_inner);
                let mut answers = Vec::new();
                writer::run_batch(&session, &self.counts, std::iter::once((unit, answer)), &mut answers);
                drop(session);
                answers.into_iter().for_each(|(answer, result)| answer(result));
            }
        }
    }

    fn queue_read(&self, unit: ReadUnit, answer: Answer) {
        answer(match &self.engine {
            Engine::File { readers, .. } => readers.run(unit),
            Engine::Memory(session) => {
                let session = session.lock().unwrap_or_else(PoisonError::into_inner);
                readers::run_unit(&session, unit)
            }
        });
    }

    fn copy_to(&self, path: &Path) -> Result<()> {
        let copy = |connection: &Connection| {
            let path = path.to_str().ok_or(rusqlite::Error::InvalidPath(path.to_owned()))?;
            connection.execute("VACUUM INTO ?1", [path]).map(drop)
        };
        let copied = match &self.engine {
            // A connection of its own: it reads for long.
            Engine::File { readers, .. } => copy(&connect(readers.path())?),
            Engine::Memory(session) => {
                copy(&session.lock().unwrap_or_else(PoisonError::into_inner).connection)
            }
        };
        copied.map_err(|error| error::port_error("copy_to", error))
    }

    fn figures(&self) -> Figures {
        Figures {
            statements: self.counts.work.statements.load(Ordering::Relaxed),
            steps: self.counts.work.steps.load(Ordering::Relaxed),
            units: self.counts.units.load(Ordering::Relaxed),
            commits: self.counts.commits.load(Ordering::Relaxed),
            commit_times: self.counts.commit_times.times(),
            queued: self.counts.queued.load(Ordering::Relaxed),
        }
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| error::port_error("open", error))?;
    prepare(&connection).map_err(|error| error::port_error("open", error))?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    rows::load(connection)?;
    search::load(connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.busy_timeout(Duration::from_secs(10))?;
    // Else statements are planned anew whenever other numbers are bound: a quarter of what small reads cost.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)
}

fn prepare_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)
}

fn bound(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page_bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = (bytes / page_bytes.cast_unsigned().max(1)).max(1);
    // The pragma answers with the bound it has set.
    connection.pragma_update_and_check(None, "max_page_count", pages.cast_signed(), |_| Ok(()))
}

/// The answer to a unit that the engine did not live to run.
fn stopped(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, "the database has stopped writing")
}
