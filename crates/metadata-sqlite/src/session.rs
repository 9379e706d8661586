//! A connection as the port's snapshot and transaction: every statement goes through here and is counted.

use crate::error::port_error;
use metadata::{Result, Snapshot, Transaction};
use rusqlite::{Connection, Params, Row, Statement, StatementStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the statements of all connections have cost.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) statements: AtomicU64,
    pub(crate) steps: AtomicU64,
}

impl Work {
    fn count(&self, statement: &Statement<'_>) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let steps = statement.reset_status(StatementStatus::VmStep);
        self.steps.fetch_add(u64::try_from(steps).unwrap_or(0), Ordering::Relaxed);
    }
}

/// A connection within a unit of work.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) work: Arc<Work>,
}

impl Session {
    /// All rows of a query.
    pub(crate) fn query<T>(
        &self,
        operation: &'static str,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = || -> rusqlite::Result<Vec<T>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map(params, read)?.collect();
            self.work.count(&statement);
            rows
        };
        rows().map_err(|error| port_error(operation, error))
    }

    /// The first row of a query.
    pub(crate) fn query_one<T>(
        &self,
        operation: &'static str,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.query(operation, sql, params, read)?.into_iter().next())
    }

    /// Changes rows; says how many.
    pub(crate) fn execute(
        &self,
        operation: &'static str,
        sql: &'static str,
        params: impl Params,
    ) -> Result<usize> {
        let run = || -> rusqlite::Result<usize> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let changed = statement.execute(params);
            self.work.count(&statement);
            changed
        };
        run().map_err(|error| port_error(operation, error))
    }

    /// A statement about transactions.
    pub(crate) fn control(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

impl Snapshot for Session {}

impl Transaction for Session {
    fn as_snapshot(&self) -> &dyn Snapshot {
        self
    }
}

/// Reads of columns in the model's types.
pub(crate) trait Columns {
    /// A 64-bit number with the same bits.
    fn number(&self, column: usize) -> rusqlite::Result<u64>;
    /// The same, or nothing.
    fn maybe_number(&self, column: usize) -> rusqlite::Result<Option<u64>>;
    /// A blob of fixed length.
    fn array<const N: usize>(&self, column: usize) -> rusqlite::Result<[u8; N]>;
    /// A number that fits 32 bits.
    fn small(&self, column: usize) -> rusqlite::Result<u32>;
}

impl Columns for Row<'_> {
    fn number(&self, column: usize) -> rusqlite::Result<u64> {
        self.get::<_, i64>(column).map(i64::cast_unsigned)
    }

    fn maybe_number(&self, column: usize) -> rusqlite::Result<Option<u64>> {
        self.get::<_, Option<i64>>(column).map(|number| number.map(i64::cast_unsigned))
    }

    fn array<const N: usize>(&self, column: usize) -> rusqlite::Result<[u8; N]> {
        self.get(column)
    }

    fn small(&self, column: usize) -> rusqlite::Result<u32> {
        self.get(column)
    }
}
