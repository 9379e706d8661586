//! Counted failures.

use crate::session::{Columns, Session};
use metadata::Result;
use metadata::throttle::{Failures, ReadThrottle, WriteThrottle};
use model::Timestamp;
use rusqlite::params;

impl ReadThrottle for Session {
    fn failures(&self, key: &str) -> Result<Option<Failures>> {
        self.query_one("failures", "SELECT count, since, last FROM failure WHERE name = ?1", [key], |row| {
            Ok(Failures { count: row.small(0)?, since: Timestamp(row.get(1)?), last: Timestamp(row.get(2)?) })
        })
    }
}

impl WriteThrottle for Session {
    fn put_failures(&self, key: &str, failures: &Failures) -> Result<()> {
        self.execute(
            "put_failures",
            "INSERT INTO failure (name, count, since, last) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET count = excluded.count, since = excluded.since, last = excluded.last",
            params![key, failures.count, failures.since.0, failures.last.0],
        )
        .map(drop)
    }

    fn clear_failures(&self, key: &str) -> Result<()> {
        self.execute("clear_failures", "DELETE FROM failure WHERE name = ?1", [key]).map(drop)
    }

    fn forget_failures(&self, before: Timestamp) -> Result<u64> {
        self.execute("forget_failures", "DELETE FROM failure WHERE last < ?1", [before.0])
            .map(|count| count as u64)
    }
}
