//! What is limited to some networks.

use crate::session::{Columns, Session};
use metadata::network::{ReadNetworks, WriteNetworks};
use metadata::{Error, ErrorKind, Result};
use model::{Facts, FolderId, Network, Origin, Purpose, Reach};
use rusqlite::{Params, params};

/// A purpose as its two columns.
fn columns(purpose: Purpose) -> (i64, i64) {
    match purpose {
        Purpose::Administration => (0, 0),
        Purpose::Guests => (1, 0),
        Purpose::Folder(folder) => (2, folder.0.cast_signed()),
    }
}

impl Session {
    fn networks_where(&self, sql: &'static str, params: impl Params) -> Result<Reach> {
        let rows = self.query("networks", sql, params, |row| {
            Ok((row.get::<_, i64>(0)?, FolderId(row.number(1)?), row.get::<_, String>(2)?))
        })?;
        // What cannot be read limits more than was meant if it is left out, or less: neither.
        let broken = || Error::new(ErrorKind::Corrupt, "networks", "there is one that is none");
        rows.into_iter()
            .map(|(purpose, folder, network)| {
                let purpose = match purpose {
                    0 => Purpose::Administration,
                    1 => Purpose::Guests,
                    2 => Purpose::Folder(folder),
                    _ => return Err(broken()),
                };
                Ok((purpose, network.parse().map_err(|_| broken())?))
            })
            .collect()
    }

    /// What is left of the facts for who asks from there.
    pub(crate) fn reached_from(&self, facts: Facts, folder: FolderId, from: Origin) -> Result<Facts> {
        if from == Origin::Inside {
            return Ok(facts);
        }
        let sql = "SELECT purpose, folder, network FROM network
                   WHERE (purpose = 0 AND folder = 0) OR (purpose = 2 AND folder = ?1)";
        Ok(self.networks_where(sql, [folder.0.cast_signed()])?.limit(facts, folder, from))
    }
}

impl ReadNetworks for Session {
    fn reach(&self) -> Result<Reach> {
        self.networks_where("SELECT purpose, folder, network FROM network ORDER BY 1, 2, 3", [])
    }
}

impl WriteNetworks for Session {
    fn set_networks(&self, purpose: Purpose, networks: &[Network]) -> Result<()> {
        let (purpose, folder) = columns(purpose);
        self.execute(
            "set_networks",
            "DELETE FROM network WHERE purpose = ?1 AND folder = ?2",
            [purpose, folder],
        )?;
        for network in networks {
            self.execute(
                "set_networks",
                "INSERT OR IGNORE INTO network (purpose, folder, network) VALUES (?1, ?2, ?3)",
                params![purpose, folder, network.to_string()],
            )?;
        }
        Ok(())
    }
}
