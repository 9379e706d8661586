//! The machine, and what somebody should look at.

use super::Known;
use crate::previews::Previews;
use crate::server::Server;
use model::Timestamp;
use protocol::RfcTime;
use protocol::admin::PlainState;
use protocol::v1::{Finding, FindingKind, Health, PreviewState, WorkKind, WorkResult};

/// Less than this much of a disk free is little.
const FREE_PERCENT: u64 = 5;
const DAY_NS: i64 = 86_400_000_000_000;
/// A certificate that ends within these days needs somebody.
const CERTIFICATE_DAYS: i64 = 14;
/// Backups are made at least so often.
const BACKUP_DAYS: i64 = 7;

pub(super) fn of(server: &Server, known: &Known) -> Health {
    let data = server.settings.data.as_deref();
    let disk = data.and_then(|data| rustix::fs::statvfs(data).ok());
    let size = |name: &str| Some(std::fs::metadata(data?.join(name)).ok()?.len());
    let tls = server.settings.tls.as_deref();
    let validity = tls.filter(|tls| !tls.is_self_signed()).and_then(crate::tls::Tls::validity);
    let last = |kind| known.last.iter().find(|result| result.kind == kind).map(|result| result.at);
    Health {
        disk_free_bytes: disk.as_ref().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        disk_bytes: disk.as_ref().map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize)),
        database_bytes: size("catalog.db").map(|bytes| bytes + size("catalog.db-wal").unwrap_or(0)),
        database_queue: server.database.figures().queued,
        certificate_until: validity.map(|validity| RfcTime(Timestamp::from_parts(validity.until_seconds, 0))),
        last_backup: last(WorkKind::Backup),
        last_verify: last(WorkKind::Verify),
        previews: server.previews.as_ref().map_or(PreviewState::Off, Previews::state),
    }
}

fn finding(kind: FindingKind, urgent: bool, subject: Option<String>, at: Option<RfcTime>) -> Finding {
    Finding { kind, urgent, subject, at }
}

/// What somebody should look at, the worst first.
pub(super) fn findings(server: &Server, known: &Known, health: &Health) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(known.last.iter().filter(|result| !result.good).map(of_work));
    if let (Some(free), Some(all)) = (health.disk_free_bytes, health.disk_bytes)
        && free < all / 100 * FREE_PERCENT
    {
        findings.push(finding(FindingKind::DiskLow, true, Some(free.to_string()), None));
    }
    findings.extend(plain(known));
    let within = |days: i64| known.now.0.saturating_add(days * DAY_NS);
    if let Some(until) = health.certificate_until
        && until.0.0 < within(CERTIFICATE_DAYS)
    {
        let ends_tomorrow = until.0.0 < within(1);
        findings.push(finding(FindingKind::CertificateEnds, ends_tomorrow, None, Some(until)));
    }
    let holds_files = known.folders.iter().any(|folder| folder.counters.nodes > 0);
    if holds_files && health.last_backup.is_none_or(|last| last.0.0 < within(-BACKUP_DAYS)) {
        findings.push(finding(FindingKind::BackupOld, false, None, health.last_backup));
    }
    if let Some(missing) = server.previews.as_ref().and_then(Previews::missing) {
        findings.push(finding(FindingKind::PreviewsUnsafe, false, Some(missing.to_owned()), None));
    }
    if let Some(from) = server.proxies_seen.report().disbelieved_from {
        findings.push(finding(FindingKind::ProxyDisbelieved, false, Some(from), None));
    }
    findings.sort_by_key(|finding| (!finding.urgent, finding.kind));
    findings
}

fn of_work(result: &WorkResult) -> Finding {
    let faults = result.figures.iter().find(|figure| figure.name == "faults").map(|figure| figure.value);
    match faults {
        Some(faults) => finding(FindingKind::VerifyFaults, true, Some(faults.to_string()), Some(result.at)),
        None => {
            let kind = match result.kind {
                WorkKind::Verify => "verify",
                WorkKind::Collect => "collect",
                WorkKind::Backup => "backup",
            };
            finding(FindingKind::WorkFailed, false, Some(kind.to_owned()), Some(result.at))
        }
    }
}

fn plain(known: &Known) -> impl Iterator<Item = Finding> + '_ {
    known.folders.iter().filter_map(|folder| {
        let status = known.plain.get(&folder.id)?;
        let (kind, urgent) = match crate::admin::folders::plain_state(status) {
            PlainState::Offline => (FindingKind::PlainOffline, true),
            PlainState::Held => (FindingKind::PlainHeld, true),
            PlainState::InStep | PlainState::Working if status.status.issues.is_empty() => return None,
            PlainState::InStep | PlainState::Working => (FindingKind::PlainIssues, false),
        };
        Some(finding(kind, urgent, Some(folder.settings.name.clone()), None))
    })
}
