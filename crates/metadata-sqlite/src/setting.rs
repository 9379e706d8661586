//! The server's own few values.

use crate::session::Session;
use metadata::Result;
use metadata::setting::{ReadSettings, Setting, WriteSettings};
use rusqlite::params;

impl ReadSettings for Session {
    fn setting(&self, setting: Setting) -> Result<Option<Vec<u8>>> {
        self.query_one("setting", "SELECT value FROM setting WHERE name = ?1", [setting.as_str()], |row| {
            row.get(0)
        })
    }

    fn damage(&self) -> Result<Vec<String>> {
        let found = self.query("damage", "PRAGMA integrity_check(100)", [], |row| row.get::<_, String>(0))?;
        Ok(found.into_iter().filter(|text| text != "ok").collect())
    }
}

impl WriteSettings for Session {
    fn put_setting(&self, setting: Setting, value: &[u8]) -> Result<()> {
        self.execute(
            "put_setting",
            "INSERT INTO setting (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![setting.as_str(), value],
        )
        .map(drop)
    }
}
