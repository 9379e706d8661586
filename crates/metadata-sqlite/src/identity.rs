//! Identities of single sign-on.

use crate::folder::found;
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::identity::{IdentityRow, ReadIdentities, WriteIdentities};
use model::{Timestamp, UserId};
use rusqlite::{Row, params};

macro_rules! select_identity {
    ($rest:literal) => {
        concat!("SELECT issuer, subject, user, name, created_at, last_used_at FROM identity ", $rest)
    };
}

fn identity(row: &Row<'_>) -> rusqlite::Result<IdentityRow> {
    Ok(IdentityRow {
        issuer: row.get(0)?,
        subject: row.get(1)?,
        user: UserId(row.number(2)?),
        name: row.get(3)?,
        created_at: Timestamp(row.get(4)?),
        last_used_at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
    })
}

impl ReadIdentities for Session {
    fn identities(&self, user: UserId) -> Result<Vec<IdentityRow>> {
        let user = [user.0.cast_signed()];
        self.query("identities", select_identity!("WHERE user = ?1 ORDER BY issuer"), user, identity)
    }

    fn identity(&self, issuer: &str, subject: &str) -> Result<Option<IdentityRow>> {
        let sql = select_identity!("WHERE issuer = ?1 AND subject = ?2");
        self.query_one("identity", sql, [issuer, subject], identity)
    }
}

impl WriteIdentities for Session {
    fn create_identity(&self, identity: &IdentityRow) -> Result<()> {
        self.execute(
            "create_identity",
            "INSERT INTO identity (issuer, subject, user, name, created_at, last_used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                identity.issuer,
                identity.subject,
                identity.user.0.cast_signed(),
                identity.name,
                identity.created_at.0,
                identity.last_used_at.map(|at| at.0)
            ],
        )
        .map(drop)
    }

    fn set_identity(&self, identity: &IdentityRow) -> Result<()> {
        let changed = self.execute(
            "set_identity",
            "UPDATE identity SET name = ?3, last_used_at = ?4 WHERE issuer = ?1 AND subject = ?2",
            params![identity.issuer, identity.subject, identity.name, identity.last_used_at.map(|at| at.0)],
        )?;
        found(changed, "set_identity")
    }

    fn delete_identity(&self, issuer: &str, subject: &str) -> Result<()> {
        let sql = "DELETE FROM identity WHERE issuer = ?1 AND subject = ?2";
        found(self.execute("delete_identity", sql, [issuer, subject])?, "delete_identity")
    }
}
