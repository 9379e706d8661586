//! The audit log as administrators see it: pages through a filter, and what is too old taken away.
//!
//! A page looks through [`SCANNED`] rows at most, however few of them fit: who wants more goes on from there. Rows are taken away
//! from the beginning only, and the entry that says so seals the new beginning ([`metadata::audit::THINNED`]).

use crate::failure::Failure;
use crate::server::Server;
use metadata::audit::{AuditEntry, AuditFrom, AuditOf, AuditRow, THINNED, thinned};
use metadata::setting::Setting;
use metadata::{Database, Snapshot};
use model::{DeviceId, FolderId, Timestamp, UserId};

/// The most rows that are looked through for one page.
pub(crate) const SCANNED: usize = 10_000;
/// Rows read at a time.
pub(crate) const READ: usize = 1_000;
/// The most rows that go in one transaction.
const THINNED_AT_ONCE: u64 = 20_000;
const DAY_NS: i64 = 86_400_000_000_000;

/// Which rows are wanted; all of it must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) user: Option<UserId>,
    pub(crate) device: Option<DeviceId>,
    /// A whole action, or its area.
    pub(crate) action: Option<String>,
    pub(crate) folder: Option<FolderId>,
    pub(crate) allowed: Option<bool>,
    /// How the address begins.
    pub(crate) address: Option<String>,
    /// What a detail's name or value contains, in lower case.
    pub(crate) text: Option<String>,
}

impl Filter {
    /// The rows among which those that fit are.
    pub(crate) fn of(&self) -> AuditOf {
        match (self.user, self.folder) {
            (Some(user), _) => AuditOf::User(user),
            (None, Some(folder)) => AuditOf::Folder(folder),
            (None, None) => AuditOf::Everything,
        }
    }

    pub(crate) fn fits(&self, row: &AuditRow) -> bool {
        let action = |wanted: &String| {
            let rest = row.action.strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let text = |wanted: &String| {
            let contains = |value: &String| value.to_lowercase().contains(wanted.as_str());
            row.details.iter().any(|(name, value)| contains(name) || contains(value))
        };
        self.from.is_none_or(|from| row.at >= from)
            && self.until.is_none_or(|until| row.at < until)
            && self.user.is_none_or(|user| row.user == Some(user))
            && self.device.is_none_or(|device| row.device == Some(device))
            && self.folder.is_none_or(|folder| row.folder == Some(folder))
            && self.allowed.is_none_or(|allowed| row.allowed == allowed)
            && self.action.as_ref().is_none_or(action)
            && self.address.as_ref().is_none_or(|address| row.address.starts_with(address.as_str()))
            && self.text.as_ref().is_none_or(text)
    }
}

/// What a page found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// In the order that was read.
    pub(crate) rows: Vec<AuditRow>,
    /// The last number that was looked at, if any was.
    pub(crate) looked_to: Option<u64>,
    /// Whether there are no more rows that way.
    pub(crate) at_end: bool,
}

/// Rows that fit, from a number on.
pub(crate) fn page(
    snapshot: &dyn Snapshot,
    filter: &Filter,
    from: AuditFrom,
    limit: usize,
) -> metadata::Result<Found> {
    let (mut found, mut from, mut scanned) = (Found::default(), from, 0);
    while scanned < SCANNED {
        let rows = snapshot.audit_of(filter.of(), from, READ)?;
        let is_last = rows.len() < READ;
        scanned += rows.len();
        for row in rows {
            let number = row.number;
            found.looked_to = Some(number);
            from = match from {
                AuditFrom::Below(_) => AuditFrom::Below(number),
                AuditFrom::Above(_) => AuditFrom::Above(number),
            };
            if filter.fits(&row) {
                found.rows.push(row);
                if found.rows.len() == limit {
                    return Ok(found);
                }
            }
        }
        if is_last {
            found.at_end = true;
            break;
        }
    }
    Ok(found)
}

/// For how many days the log is kept; none: for ever.
pub(crate) fn days(snapshot: &dyn Snapshot) -> metadata::Result<Option<u32>> {
    let value = snapshot.setting(Setting::LogDays)?;
    let days = value.and_then(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?)));
    Ok(days.filter(|days| *days > 0))
}

/// Takes away what is older than is kept; says how many rows went. Blocks. It begins once there is a day's worth, so that the
/// entries that say so do not become most of the log.
pub(crate) fn thin(server: &Server, now: Timestamp) -> Result<u64, Failure> {
    let database = &*server.database;
    let Some(days) = metadata::read(database, days)? else { return Ok(0) };
    let before = Timestamp(now.0.saturating_sub(i64::from(days).saturating_mul(DAY_NS)));
    let first = metadata::read(database, |snapshot| snapshot.audit(0, 1))?.pop();
    if first.is_none_or(|row| row.at.0 >= before.0.saturating_sub(DAY_NS)) {
        return Ok(0);
    }
    let mut gone = 0;
    while let Some(last) = last_old(database, before)? {
        let entry = AuditEntry {
            at: now,
            user: None,
            device: None,
            address: String::new(),
            action: THINNED,
            folder: None,
            allowed: true,
            details: thinned(last.number, &last.digest),
        };
        gone += metadata::write(database, move |transaction| {
            transaction.append_audit(&entry, auth::digest::audit)?;
            transaction.forget_audit(last.number)
        })?;
    }
    Ok(gone)
}

/// The last of the rows at the beginning that are all older than a moment, as far as they go at once.
fn last_old(database: &dyn Database, before: Timestamp) -> Result<Option<AuditRow>, Failure> {
    let (mut last, mut looked): (Option<AuditRow>, u64) = (None, 0);
    loop {
        let after = last.as_ref().map_or(0, |row| row.number);
        let rows = metadata::read(database, move |snapshot| snapshot.audit(after, READ))?;
        let count = rows.len();
        for row in rows {
            if row.at >= before {
                return Ok(last);
            }
            last = Some(row);
        }
        looked += count as u64;
        if count < READ || looked >= THINNED_AT_ONCE {
            return Ok(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(action: &str, address: &str, details: &[(&str, &str)]) -> AuditRow {
        AuditRow {
            number: 1,
            record: Vec::new(),
            previous: [0; 32],
            digest: [0; 32],
            at: Timestamp(50),
            user: Some(UserId(1)),
            device: None,
            address: address.to_owned(),
            action: action.to_owned(),
            folder: None,
            allowed: false,
            details: details.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        }
    }

    #[test]
    fn everything_that_is_asked_for_must_fit() {
        let row = row("folder.grant", "10.0.0.7", &[("to", "Ärzte")]);
        let fits = |filter: Filter| filter.fits(&row);
        let action = |text: &str| Filter { action: Some(text.to_owned()), ..Filter::default() };
        assert!(fits(Filter::default()) && fits(action("folder")) && fits(action("folder.grant")));
        assert!(!fits(action("fold")) && !fits(action("folder.gran")));
        let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
        assert!(fits(text("ärz")) && fits(text("to")) && !fits(text("grant")));
        assert!(fits(Filter { address: Some("10.0.".into()), allowed: Some(false), ..Filter::default() }));
        assert!(!fits(Filter { address: Some("0.0.7".into()), ..Filter::default() }));
        assert!(!fits(Filter { allowed: Some(true), ..Filter::default() }));
        let at = |from, until| Filter {
            from: Some(Timestamp(from)),
            until: Some(Timestamp(until)),
            ..Filter::default()
        };
        assert!(fits(at(50, 51)) && !fits(at(51, 60)) && !fits(at(40, 50)));
        assert!(!fits(Filter { device: Some(DeviceId(1)), ..Filter::default() }));
        assert!(!fits(Filter { folder: Some(FolderId(1)), ..Filter::default() }));
    }
}
