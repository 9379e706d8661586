//! The writer thread: group commit.

use crate::error::port_error;
use crate::session::Session;
use crate::{Counts, stopped};
use metadata::{Answer, Error, ErrorKind, Keep, Result, WriteUnit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most units that share a commit.
const BATCH_UNITS: usize = 256;
/// How long units may be added to a commit before it is made durable, so that the first does not wait for ever.
const BATCH_TIME: Duration = Duration::from_millis(20);
/// The most units that wait; who queues more waits in `queue`.
const WAITING_UNITS: usize = 1024;

type Queued = (WriteUnit, Answer);

/// The thread that alone writes.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<SyncSender<Queued>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(session: Session, counts: Arc<Counts>) -> Result<Self> {
        let (queue, waiting) = sync_channel(WAITING_UNITS);
        let thread = std::thread::Builder::new()
            .name("catalog-writer".into())
            .spawn(move || write_all(&session, &counts, &waiting))
            .map_err(|error| Error::with_source(ErrorKind::Unavailable, "open", error))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(crate) fn queue(&self, unit: WriteUnit, answer: Answer) {
        let Some(queue) = &self.queue else { return answer(Err(stopped("write"))) };
        let (_, answer) = match queue.try_send((unit, answer)) {
            Ok(()) => return,
            Err(TrySendError::Full(queued)) => match queue.send(queued) {
                Ok(()) => return,
                Err(error) => error.0,
            },
            Err(TrySendError::Disconnected(queued)) => queued,
        };
        answer(Err(stopped("write")));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // Units do not unwind out of the thread; there is nothing to pass on.
            let _ = thread.join();
        }
    }
}

fn write_all(session: &Session, counts: &Counts, waiting: &Receiver<Queued>) {
    let mut answers = Vec::new();
    while let Ok(first) = waiting.recv() {
        let deadline = Instant::now() + BATCH_TIME;
        let more =
            std::iter::from_fn(|| if Instant::now() < deadline { waiting.try_recv().ok() } else { None });
        let whole =
            run_batch(session, counts, std::iter::once(first).chain(more).take(BATCH_UNITS), &mut answers);
        answers.drain(..).for_each(|(answer, result)| answer(result));
        if let Durability::Lost = whole {
            tracing::error!("the catalog could not be made durable; it is not written to any more");
            // What still waits, and whatever comes, is answered; a restart recovers from the log.
            while let Ok((_, answer)) = waiting.recv() {
                answer(Err(stopped("write")));
            }
        }
    }
}

/// Whether later commits can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Kept,
    Lost,
}

/// Why none of a batch's units is kept.
struct Failure {
    kind: ErrorKind,
    first: Option<Error>,
}

impl Failure {
    fn new(error: Error) -> Self {
        Self { kind: error.kind(), first: Some(error) }
    }

    /// The first to ask gets the error with its cause, the others one of the same kind.
    fn answer(&mut self) -> Result<()> {
        Err(self.first.take().unwrap_or_else(|| Error::new(self.kind, "commit", "the shared commit failed")))
    }
}

/// Runs units in one transaction and collects their answers; what is in `answers` is to be sent by the caller.
pub(crate) fn run_batch(
    session: &Session,
    counts: &Counts,
    units: impl Iterator<Item = Queued>,
    answers: &mut Vec<(Answer, Result<()>)>,
) -> Durability {
    let mut kept: Vec<Answer> = Vec::new();
    let mut failure =
        session.control("BEGIN IMMEDIATE").err().map(|error| Failure::new(port_error("begin", error)));
    for (unit, answer) in units {
        counts.units.fetch_add(1, Ordering::Relaxed);
        if let Some(failure) = &mut failure {
            answers.push((answer, failure.answer()));
            continue;
        }
        match run_unit(session, unit) {
            Ok(Keep::Commit) => kept.push(answer),
            Ok(Keep::RollBack) => answers.push((answer, Ok(()))),
            Err(error) => answers.push((answer, Err(error))),
        }
        // SQLite gives up the whole transaction on some errors (a full disk, a failed write).
        if session.connection.is_autocommit() {
            let lost = "a unit that shared the transaction could not be written";
            failure = Some(Failure::new(Error::new(ErrorKind::Full, "write", lost)));
        }
    }
    let mut durability = Durability::Kept;
    if failure.is_none() {
        let committed = if kept.is_empty() { session.control("ROLLBACK") } else { commit(session, counts) };
        if let Err(error) = committed {
            let error = port_error("commit", error);
            durability = after_failed_commit(session, error.kind());
            failure = Some(Failure::new(error));
        }
    }
    for answer in kept {
        answers.push((answer, failure.as_mut().map_or(Ok(()), Failure::answer)));
    }
    durability
}

fn commit(session: &Session, counts: &Counts) -> rusqlite::Result<()> {
    let begun = Instant::now();
    session.control("COMMIT")?;
    counts.commit_times.note(begun.elapsed());
    counts.commits.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// A full disk is noticed before anything counts as written; any other failure leaves unknown what is on disk.
fn after_failed_commit(session: &Session, kind: ErrorKind) -> Durability {
    let undone = session.connection.is_autocommit() || session.control("ROLLBACK").is_ok();
    match kind {
        ErrorKind::Full | ErrorKind::Busy | ErrorKind::Conflict if undone => Durability::Kept,
        _ => Durability::Lost,
    }
}

/// Runs one unit in a savepoint.
fn run_unit(session: &Session, unit: WriteUnit) -> Result<Keep> {
    session.control("SAVEPOINT unit").map_err(|error| port_error("savepoint", error))?;
    let outcome = catch_unwind(AssertUnwindSafe(|| unit(session)));
    let keep = match outcome {
        Ok(keep) => keep,
        Err(_) => Keep::RollBack,
    };
    if session.connection.is_autocommit() {
        return Err(Error::new(ErrorKind::Full, "write", "the transaction was given up"));
    }
    if keep == Keep::RollBack {
        session.control("ROLLBACK TO unit").map_err(|error| port_error("rollback", error))?;
    }
    session.control("RELEASE unit").map_err(|error| port_error("release", error))?;
    match outcome {
        Ok(keep) => Ok(keep),
        Err(_) => Err(Error::new(ErrorKind::Unavailable, "write", "the unit panicked")),
    }
}
