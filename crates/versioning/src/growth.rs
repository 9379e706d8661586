//! What folders took, day by day: counted now and then, and kept for as long as a plot of it makes sense.
//!
//! Counting reads every version of a folder, so a folder is counted at most once in [`PAUSE_NS`], and within a day only if
//! something has changed.

use crate::Error;
use metadata::folder::Folder;
use metadata::growth::GrowthRow;
use metadata::{Database, read, write};
use model::Timestamp;

/// For how many days counts are kept.
pub const DAYS_KEPT: u32 = 800;
/// How long a count is good on its day.
const PAUSE_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 86_400_000_000_000;

/// The day of a moment, from 1970-01-01 in UTC.
#[must_use]
pub fn day(at: Timestamp) -> u32 {
    u32::try_from(at.0.div_euclid(DAY_NS)).unwrap_or(0)
}

/// Counts each folder that is due, one transaction each, and forgets what is older than is kept. Says how many were counted.
///
/// # Errors
/// `Database`. What was counted before stays.
pub fn round(database: &dyn Database, now: Timestamp, go_on: &dyn Fn() -> bool) -> Result<u64, Error> {
    let (folders, newest) =
        read(database, |snapshot| Ok::<_, Error>((snapshot.folders()?, snapshot.newest_growth()?)))?;
    let mut counted = 0;
    for folder in folders {
        if !go_on() {
            break;
        }
        let last = newest.iter().find(|row| row.folder == folder.id);
        if last.is_none_or(|last| is_due(last, &folder, now)) {
            count(database, &folder, now)?;
            counted += 1;
        }
    }
    if counted > 0 {
        let oldest = day(now).saturating_sub(DAYS_KEPT);
        write(database, move |transaction| transaction.forget_growth(oldest).map_err(Error::from))?;
    }
    Ok(counted)
}

fn is_due(last: &GrowthRow, folder: &Folder, now: Timestamp) -> bool {
    let age = now.0.saturating_sub(last.at.0);
    last.day != day(now) || (last.head != folder.counters.head && age >= PAUSE_NS)
}

fn count(database: &dyn Database, folder: &Folder, now: Timestamp) -> Result<(), Error> {
    let (id, head) = (folder.id, folder.counters.head);
    let sums = read(database, move |snapshot| snapshot.version_sums(id).map_err(Error::from))?;
    let row = GrowthRow {
        folder: id,
        day: day(now),
        at: now,
        head,
        current_bytes: sums.current_bytes,
        history_bytes: sums.history_bytes,
        trash_bytes: sums.trash_bytes,
        versions: sums.versions,
    };
    write(database, move |transaction| transaction.put_growth(&[row]).map_err(Error::from))
}
