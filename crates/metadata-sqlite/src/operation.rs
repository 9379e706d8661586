//! Stored answers.

use crate::session::{Columns, Session};
use metadata::Result;
use metadata::operation::{Caller, OperationRow, ReadOperations, WriteOperations};
use model::{IdempotencyKey, Timestamp};
use rusqlite::params;

fn caller_columns(caller: Caller) -> (i64, i64) {
    match caller {
        Caller::Device(id) => (0, id.0.cast_signed()),
        Caller::User(id) => (1, id.0.cast_signed()),
    }
}

impl ReadOperations for Session {
    fn operation(&self, caller: Caller, key: IdempotencyKey) -> Result<Option<OperationRow>> {
        let (kind, caller) = caller_columns(caller);
        self.query_one(
            "operation",
            "SELECT digest, result, at FROM operation WHERE caller_kind = ?1 AND caller = ?2 AND key = ?3",
            params![kind, caller, key.0],
            |row| Ok(OperationRow { digest: row.array(0)?, result: row.get(1)?, at: Timestamp(row.get(2)?) }),
        )
    }
}

impl WriteOperations for Session {
    fn put_operation(&self, caller: Caller, key: IdempotencyKey, row: &OperationRow) -> Result<()> {
        let (kind, caller) = caller_columns(caller);
        self.execute(
            "put_operation",
            "INSERT INTO operation (caller_kind, caller, key, digest, result, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![kind, caller, key.0, row.digest, row.result, row.at.0],
        )
        .map(drop)
    }

    fn forget_operations(&self, before: Timestamp, limit: usize) -> Result<u64> {
        self.execute(
            "forget_operations",
            "DELETE FROM operation WHERE (caller_kind, caller, key) IN
                 (SELECT caller_kind, caller, key FROM operation WHERE at < ?1 ORDER BY at LIMIT ?2)",
            params![before.0, limit as i64],
        )
        .map(|count| count as u64)
    }
}
