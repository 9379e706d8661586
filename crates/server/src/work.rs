//! What takes long: at most one thing at a time that somebody started from the page, how far it is, and what each kind came to
//! when it was last done, whoever had it done. The results outlive a restart.

use crate::admin::{By, carry_out};
use crate::failure::Failure;
use crate::server::Server;
use metadata::Snapshot;
use metadata::setting::Setting;
use protocol::admin::{AdminAnswer, AdminRequest, BackupReport, CollectReport, VerifyReport};
use protocol::v1::{RunningWork, WorkFigure, WorkKind, WorkRequest, WorkResult};
use protocol::{ProblemKind, RfcTime};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many faults are kept.
const FAULTS_KEPT: usize = 100;

/// What runs.
#[derive(Debug, Default)]
pub(crate) struct Work(Mutex<Option<RunningWork>>);

impl Work {
    pub(crate) fn running(&self) -> Option<RunningWork> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Option<RunningWork>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing runs any more when this is dropped, also by a panic.
struct Running(Arc<Server>);

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.work.locked() = None;
    }
}

/// Starts something on a thread of its own. Refused while something else runs.
pub(crate) fn start(
    server: &Arc<Server>,
    by: By,
    name: Option<String>,
    wanted: &WorkRequest,
) -> Result<(), Failure> {
    let request = match wanted.kind {
        WorkKind::Verify => AdminRequest::Verify { all_bytes: wanted.all_bytes, progress: true },
        WorkKind::Collect => {
            AdminRequest::Collect { dry_run: wanted.dry_run, grace_hours: None, any_share: false }
        }
        WorkKind::Backup => return Err(Failure::invalid("A backup is started on the server's machine.")),
    };
    let kind = wanted.kind;
    {
        let mut running = server.work.locked();
        if running.is_some() {
            let text = "Something runs already; it has to end first.";
            return Err(Failure::new(ProblemKind::AlreadyExists).detail(text));
        }
        *running = Some(RunningWork { kind, since: RfcTime(server.now()), by: name, progress: None });
    }
    let running = Running(Arc::clone(server));
    let telling = Arc::clone(server);
    let tell = Arc::new(move |progress| {
        if let Some(running) = telling.work.locked().as_mut() {
            running.progress = Some(progress);
        }
    });
    let run = move || {
        if let Err(error) = carry_out(&running.0, &by, request, tell) {
            tracing::error!(?error, ?kind, "what was started from the page failed");
            note(
                &running.0,
                WorkResult {
                    kind,
                    at: RfcTime(running.0.now()),
                    good: false,
                    figures: vec![],
                    faults: vec![],
                },
            );
        }
    };
    // Not one of the runtime's: it must not keep the program from ending.
    std::thread::Builder::new().name("work".to_owned()).spawn(run).map_err(Failure::internal)?;
    Ok(())
}

/// What each kind came to when it was last done.
pub(crate) fn last(snapshot: &dyn Snapshot) -> metadata::Result<Vec<WorkResult>> {
    let text = snapshot.setting(Setting::Work)?;
    // What a newer program wrote is not understood, and is forgotten with the next result.
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default())
}

/// Remembers a result in place of the last one of its kind.
pub(crate) fn note(server: &Server, result: WorkResult) {
    let noted = metadata::write(&*server.database, move |transaction| {
        let mut results = last(transaction.as_snapshot())?;
        results.retain(|known| known.kind != result.kind);
        results.push(result);
        let text = serde_json::to_vec(&results).unwrap_or_default();
        transaction.put_setting(Setting::Work, &text)
    });
    if let Err(error) = noted {
        tracing::warn!(%error, "what long work came to was not remembered");
    }
}

/// Remembers what an answer says, if it is of something that takes long.
pub(crate) fn note_answer(server: &Server, answer: &AdminAnswer) {
    let (kind, good, figures, faults) = match answer {
        AdminAnswer::Verified(report) => {
            (WorkKind::Verify, report.fault_count == 0, verified(report), &report.faults[..])
        }
        AdminAnswer::Collected(report) => (WorkKind::Collect, !report.braked, collected(report), &[][..]),
        AdminAnswer::BackedUp(report) => (WorkKind::Backup, true, backed_up(report), &[][..]),
        _ => return,
    };
    let figures =
        figures.into_iter().map(|(name, value)| WorkFigure { name: name.to_owned(), value }).collect();
    let faults = faults.iter().take(FAULTS_KEPT).cloned().collect();
    note(server, WorkResult { kind, at: RfcTime(server.now()), good, figures, faults });
}

fn verified(report: &VerifyReport) -> Vec<(&'static str, u64)> {
    vec![
        ("faults", report.fault_count),
        ("nodes", report.nodes),
        ("chunks", report.chunks),
        ("bytes_read", report.bytes_read),
    ]
}

fn collected(report: &CollectReport) -> Vec<(&'static str, u64)> {
    vec![
        ("dry_run", u64::from(report.dry_run)),
        ("stored_bytes", report.stored_bytes),
        ("unnamed_bytes", report.unnamed_bytes),
        ("due_bytes", report.due_bytes),
        ("freed_bytes", report.freed_bytes),
    ]
}

fn backed_up(report: &BackupReport) -> Vec<(&'static str, u64)> {
    vec![("bytes", report.bytes), ("written_bytes", report.written_bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_something_runs_nothing_else_begins() {
        let database = Arc::new(metadata_sqlite::Sqlite::in_memory().unwrap());
        let store = Arc::new(content::MemoryStore::new());
        let server = Server::new(database, store, crate::Settings::default()).unwrap();
        let request = WorkRequest { kind: WorkKind::Verify, all_bytes: false, dry_run: false };
        let running =
            RunningWork { kind: WorkKind::Collect, since: RfcTime(server.now()), by: None, progress: None };
        *server.work.locked() = Some(running.clone());
        let refused = start(&server, By::default(), None, &request).unwrap_err().into_problem();
        assert_eq!(refused.kind(), Some(ProblemKind::AlreadyExists));
        assert_eq!(server.work.running(), Some(running));
        drop(Running(Arc::clone(&server)));
        start(&server, By::default(), None, &request).unwrap();
    }
}
