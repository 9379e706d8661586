//! Passkeys.

use crate::folder::found;
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::passkey::{PasskeyRow, ReadPasskeys, WritePasskeys};
use model::{PasskeyId, Timestamp, UserId};
use rusqlite::{Row, params};

macro_rules! select_passkey {
    ($rest:literal) => {
        concat!(
            "SELECT id, user, credential_id, handle, host, name, public_key, created_at, last_used_at FROM passkey ",
            $rest
        )
    };
}

fn passkey(row: &Row<'_>) -> rusqlite::Result<PasskeyRow> {
    Ok(PasskeyRow {
        id: PasskeyId(row.number(0)?),
        user: UserId(row.number(1)?),
        credential_id: row.get(2)?,
        handle: row.array(3)?,
        host: row.get(4)?,
        name: row.get(5)?,
        public_key: row.get(6)?,
        created_at: Timestamp(row.get(7)?),
        last_used_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
    })
}

impl ReadPasskeys for Session {
    fn passkeys(&self, user: UserId) -> Result<Vec<PasskeyRow>> {
        let user = [user.0.cast_signed()];
        self.query("passkeys", select_passkey!("WHERE user = ?1 ORDER BY id"), user, passkey)
    }

    fn passkey_of_credential(&self, credential_id: &[u8]) -> Result<Option<PasskeyRow>> {
        let sql = select_passkey!("WHERE credential_id = ?1");
        self.query_one("passkey_of_credential", sql, [credential_id], passkey)
    }
}

impl WritePasskeys for Session {
    fn create_passkey(&self, passkey: &PasskeyRow) -> Result<PasskeyId> {
        self.execute(
            "create_passkey",
            "INSERT INTO passkey (user, credential_id, handle, host, name, public_key, created_at, last_used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                passkey.user.0.cast_signed(),
                passkey.credential_id,
                passkey.handle,
                passkey.host,
                passkey.name,
                passkey.public_key,
                passkey.created_at.0,
                passkey.last_used_at.map(|at| at.0)
            ],
        )?;
        Ok(PasskeyId(self.connection.last_insert_rowid().cast_unsigned()))
    }

    fn set_passkey(&self, passkey: &PasskeyRow) -> Result<()> {
        let changed = self.execute(
            "set_passkey",
            "UPDATE passkey SET name = ?2, public_key = ?3, last_used_at = ?4 WHERE id = ?1",
            params![
                passkey.id.0.cast_signed(),
                passkey.name,
                passkey.public_key,
                passkey.last_used_at.map(|at| at.0)
            ],
        )?;
        found(changed, "set_passkey")
    }

    fn delete_passkey(&self, id: PasskeyId) -> Result<()> {
        let changed =
            self.execute("delete_passkey", "DELETE FROM passkey WHERE id = ?1", [id.0.cast_signed()])?;
        found(changed, "delete_passkey")
    }
}
