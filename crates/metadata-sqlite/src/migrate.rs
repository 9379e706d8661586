//! Numbered migrations, forward only, each in a transaction of its own at start.

use crate::error::port_error;
use metadata::{Error, ErrorKind, Result};
use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as ours ("drft").
const APPLICATION_ID: i64 = 0x6472_6674;

const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_catalog.sql"),
    include_str!("../migrations/0002_history.sql"),
    include_str!("../migrations/0003_retention.sql"),
    include_str!("../migrations/0004_rates.sql"),
    include_str!("../migrations/0005_rights.sql"),
    include_str!("../migrations/0006_views.sql"),
    include_str!("../migrations/0007_collection.sql"),
    include_str!("../migrations/0008_links.sql"),
    include_str!("../migrations/0009_people.sql"),
    include_str!("../migrations/0010_growth.sql"),
    include_str!("../migrations/0011_sign_in.sql"),
    include_str!("../migrations/0012_networks.sql"),
    include_str!("../migrations/0013_single_sign_on.sql"),
    include_str!("../migrations/0014_wipe.sql"),
];

pub(crate) fn migrate(connection: &Connection) -> Result<()> {
    let failed = |error| port_error("migrate", error);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = number("application_id").map_err(failed)?;
    let version = number("user_version").map_err(failed)?;
    if application != APPLICATION_ID && (application != 0 || version != 0) {
        return Err(Error::new(ErrorKind::Invalid, "migrate", "this is another program's database"));
    }
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(Error::new(
            ErrorKind::Invalid,
            "migrate",
            "a newer version of Driftless wrote this database",
        ));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        tracing::debug!(migration = index + 1, "migrating the catalog");
        let apply = || {
            let transaction =
                rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", index as i64 + 1)?;
            transaction.commit()
        };
        apply().map_err(failed)?;
    }
    Ok(())
}
