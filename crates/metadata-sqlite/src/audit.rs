//! The audit log.

use crate::session::{Columns, Session};
use metadata::audit::{
    AuditEntry, AuditFrom, AuditOf, AuditRow, Digest, ReadAudit, WriteAudit, canonical, seal,
};
use metadata::{Error, ErrorKind, Result};
use model::{DeviceId, FolderId, Timestamp, UserId};
use rusqlite::types::Type;
use rusqlite::{Row, params};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT number, record, previous, digest, at, user, device, address, action, folder, allowed, details \
             FROM audit ",
            $rest
        )
    };
}

fn audit(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    let details = row.get_ref(11)?.as_str()?;
    Ok(AuditRow {
        number: row.number(0)?,
        record: row.get(1)?,
        previous: row.array(2)?,
        digest: row.array(3)?,
        at: Timestamp(row.get(4)?),
        user: row.maybe_number(5)?.map(UserId),
        device: row.maybe_number(6)?.map(DeviceId),
        address: row.get(7)?,
        action: row.get(8)?,
        folder: row.maybe_number(9)?.map(FolderId),
        allowed: row.get(10)?,
        details: serde_json::from_str(details)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(11, Type::Text, error.into()))?,
    })
}

impl ReadAudit for Session {
    fn audit_of(&self, of: AuditOf, from: AuditFrom, limit: usize) -> Result<Vec<AuditRow>> {
        let (sql, id) = match (of, from) {
            (AuditOf::Everything, AuditFrom::Below(_)) => {
                (select!("WHERE number < ?1 AND ?3 = 0 ORDER BY number DESC LIMIT ?2"), 0)
            }
            (AuditOf::Everything, AuditFrom::Above(_)) => {
                (select!("WHERE number > ?1 AND ?3 = 0 ORDER BY number LIMIT ?2"), 0)
            }
            (AuditOf::User(user), AuditFrom::Below(_)) => {
                (select!("WHERE user = ?3 AND number < ?1 ORDER BY number DESC LIMIT ?2"), user.0)
            }
            (AuditOf::User(user), AuditFrom::Above(_)) => {
                (select!("WHERE user = ?3 AND number > ?1 ORDER BY number LIMIT ?2"), user.0)
            }
            (AuditOf::Folder(folder), AuditFrom::Below(_)) => {
                (select!("WHERE folder = ?3 AND number < ?1 ORDER BY number DESC LIMIT ?2"), folder.0)
            }
            (AuditOf::Folder(folder), AuditFrom::Above(_)) => {
                (select!("WHERE folder = ?3 AND number > ?1 ORDER BY number LIMIT ?2"), folder.0)
            }
        };
        let (AuditFrom::Below(number) | AuditFrom::Above(number)) = from;
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.query("audit_of", sql, params![number, limit as i64, id.cast_signed()], audit)
    }

    fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditRow>> {
        self.query(
            "audit",
            select!("WHERE number > ?1 ORDER BY number LIMIT ?2"),
            params![after.cast_signed(), limit as i64],
            audit,
        )
    }

    fn audit_newest(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditRow>> {
        self.query(
            "audit_newest",
            select!("WHERE number < ?1 ORDER BY number DESC LIMIT ?2"),
            params![before.map_or(i64::MAX, u64::cast_signed), limit as i64],
            audit,
        )
    }
}

impl WriteAudit for Session {
    fn append_audit(&self, entry: &AuditEntry, digest: Digest) -> Result<u64> {
        let last = self.query_one(
            "append_audit",
            "SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1",
            [],
            |row| Ok((row.number(0)?, row.array::<32>(1)?)),
        )?;
        let (last, previous) = last.unwrap_or((0, [0; 32]));
        let number = last + 1;
        let record = canonical(number, entry);
        let details = serde_json::to_string(&entry.details)
            .map_err(|error| Error::with_source(ErrorKind::Invalid, "append_audit", error))?;
        self.execute(
            "append_audit",
            "INSERT INTO audit (number, at, user, device, address, action, folder, allowed, details, record, previous,
                 digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                number.cast_signed(),
                entry.at.0,
                entry.user.map(|id| id.0.cast_signed()),
                entry.device.map(|id| id.0.cast_signed()),
                entry.address,
                entry.action,
                entry.folder.map(|id| id.0.cast_signed()),
                entry.allowed,
                details,
                record,
                previous,
                seal(&previous, &record, digest)
            ],
        )?;
        Ok(number)
    }

    fn forget_audit(&self, to: u64) -> Result<u64> {
        let gone = self.execute(
            "forget_audit",
            "DELETE FROM audit WHERE number <= ?1 AND number < (SELECT max(number) FROM audit)",
            [i64::try_from(to).unwrap_or(i64::MAX)],
        )?;
        Ok(gone as u64)
    }
}
