//! A shared folder in the same process, as the remote side of a pair.
//!
//! Pulls and commits run on a thread of their own, one after the other, as they would over a connection.

mod commit;

use crate::Surroundings;
use chunker::{Entry, Manifest};
use model::location::Located;
use model::permit::Access;
use model::{Action, ChunkId, ContentId, Epoch, FolderId, NodeId, Permit, Principal, Seq};
use replica::{CommitJob, Inbox, Remote, Unavailable};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use sync_engine::{CommitFailure, Cursor, Event, PullFailure};
use versioning::Error;
use versioning::changes::Cursor as Place;
use versioning::fetch::{self, Wanted};

/// How many nodes are read at a time: each is a short look at the database.
const PAGE_NODES: usize = 10_000;

/// A folder of this server.
#[derive(Debug)]
pub struct SharedFolder {
    access: FolderAccess,
    work: Mutex<Sender<Work>>,
}

/// What is done on the folder's thread.
enum Work {
    Pull(Option<String>, Option<Epoch>, Inbox),
    Commit(Box<CommitJob>),
}

/// A folder, and what is needed to reach it.
#[derive(Debug, Clone)]
struct FolderAccess {
    surroundings: Surroundings,
    folder: FolderId,
}

impl SharedFolder {
    /// The folder with this id.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(surroundings: Surroundings, folder: FolderId) -> std::io::Result<Self> {
        let access = FolderAccess { surroundings, folder };
        let (work, todo) = channel();
        let at_work = access.clone();
        std::thread::Builder::new().name(format!("folder-{folder}")).spawn(move || at_work.work(&todo))?;
        Ok(Self { access, work: Mutex::new(work) })
    }

    fn give(&self, work: Work) {
        // The thread ends with this sender, not before.
        let _ended = self.work.lock().unwrap_or_else(PoisonError::into_inner).send(work);
    }
}

impl Remote for SharedFolder {
    fn pull(&self, since: Option<String>, known_epoch: Option<Epoch>, inbox: Inbox) {
        self.give(Work::Pull(since, known_epoch, inbox));
    }

    fn commit(&self, job: CommitJob) {
        self.give(Work::Commit(Box::new(job)));
    }

    fn manifests(&self, wanted: &[(NodeId, ContentId)]) -> Result<Vec<(ContentId, Manifest)>, Unavailable> {
        self.access.manifests(wanted).map_err(unavailable)
    }

    fn chunks(
        &self,
        wanted: &[(NodeId, ChunkId)],
        sink: &mut (dyn FnMut(ChunkId, &[u8]) + Send),
    ) -> Result<(), Unavailable> {
        self.access.chunks(wanted, sink).map_err(unavailable)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: Error) -> Unavailable {
    Unavailable(error.to_string())
}

impl FolderAccess {
    fn work(&self, todo: &Receiver<Work>) {
        while let Ok(work) = todo.recv() {
            match work {
                Work::Pull(since, known_epoch, inbox) => {
                    let end = match self.pull(since.as_deref(), known_epoch, &inbox) {
                        Ok((cursor, epoch)) => Event::ChangesDone { cursor, epoch },
                        Err(failure) => Event::PullFailed(failure),
                    };
                    inbox.tell(end);
                }
                Work::Commit(job) => {
                    let (key, inbox) = (job.commit.intent.key, job.inbox.clone());
                    match self.commit(&job) {
                        Ok((answer, changed)) => {
                            inbox.tell(Event::Committed { key, answer });
                            inbox.changed(&changed);
                        }
                        Err(error) => {
                            tracing::warn!(folder = %self.folder, %error, "a change of the plain directory was not committed");
                            let failure = commit_failure(&error);
                            inbox.tell(Event::CommitFailed { key, failure });
                        }
                    }
                }
            }
        }
    }

    /// A permit for the server's own pairs: given where the folder has a plain directory.
    fn permit<A: Access>(&self, action: Action) -> Result<Permit<A>, Error> {
        let (folder, now) = (self.folder, (self.surroundings.clock)());
        let facts = metadata::read(&*self.surroundings.database, move |snapshot| {
            Ok::<_, Error>(snapshot.facts(Principal::SERVER, folder, now)?)
        })?;
        Ok(model::authorize(Principal::SERVER, folder, action, facts)?)
    }

    fn pull(
        &self,
        since: Option<&str>,
        known_epoch: Option<Epoch>,
        inbox: &Inbox,
    ) -> Result<(Cursor, Epoch), PullFailure> {
        let epoch = (self.surroundings.epoch)();
        if known_epoch.is_some_and(|known| known != epoch) {
            return Err(PullFailure::EpochChanged);
        }
        let since: Option<u64> = since.map(str::parse).transpose().map_err(|_| PullFailure::CursorExpired)?;
        let mut place = since.map(|since| Place { since: Seq(since), listing: None });
        loop {
            let page = self.page(place).map_err(|error| pull_failure(&error))?;
            if !page.nodes.is_empty() {
                inbox.tell(Event::ChangesPart(page.nodes));
            }
            if !page.more {
                return Ok((cursor(page.next.since), epoch));
            }
            place = Some(page.next);
        }
    }

    fn page(&self, place: Option<Place>) -> Result<versioning::Page, Error> {
        let Surroundings { database, clock, .. } = &self.surroundings;
        versioning::changes(&**database, self.permit(Action::List)?, place, PAGE_NODES, clock())
    }

    fn manifests(&self, wanted: &[(NodeId, ContentId)]) -> Result<Vec<(ContentId, Manifest)>, Error> {
        let Surroundings { database, clock, limits, .. } = &self.surroundings;
        let mut found = Vec::new();
        for wanted in wanted.chunks(limits.chunks as usize) {
            let permit = self.permit(Action::Read)?;
            let held = fetch::manifests(&**database, permit, wanted.to_vec(), limits, clock())?;
            for ((_, content), chunks) in wanted.iter().zip(held) {
                let Some(chunks) = chunks else { continue };
                let entries = chunks.into_iter().map(|(chunk, length)| Entry { chunk, length });
                found.push((*content, entries.collect()));
            }
        }
        Ok(found)
    }

    fn chunks(
        &self,
        wanted: &[(NodeId, ChunkId)],
        sink: &mut (dyn FnMut(ChunkId, &[u8]) + Send),
    ) -> Result<(), Error> {
        let Surroundings { database, clock, limits, chunks, .. } = &self.surroundings;
        for wanted in wanted.chunks(limits.chunks as usize) {
            let _hold = chunks.hold();
            let asked = wanted.iter().map(|(node, chunk)| Wanted { chunk: *chunk, node: Some(*node) });
            let permit = self.permit(Action::Read)?;
            let located = fetch::plan(&**database, permit, asked.collect(), limits, clock())?;
            let located: Vec<Located> = located.into_iter().flatten().collect();
            chunks.read(&located, &mut |index, plain| sink(located[index].chunk, plain))?;
        }
        Ok(())
    }
}

fn cursor(seq: Seq) -> Cursor {
    Cursor { text: seq.0.to_string(), seq }
}

fn pull_failure(error: &Error) -> PullFailure {
    match error {
        Error::Denied(_) | Error::NotFound(_) => PullFailure::NoAccess,
        Error::CursorExpired => PullFailure::CursorExpired,
        Error::ViewGone => PullFailure::RootGone,
        Error::RolledBack => PullFailure::EpochChanged,
        error => {
            tracing::warn!(%error, "the folder cannot be read");
            PullFailure::Unreachable
        }
    }
}

/// What cannot be known to have failed for good is sent again under the same key.
fn commit_failure(error: &Error) -> CommitFailure {
    match error {
        Error::Denied(_) | Error::NotFound(_) => CommitFailure::NoAccess,
        Error::RolledBack => CommitFailure::EpochChanged,
        Error::KeyReused | Error::Limit { .. } | Error::Invalid(_) => CommitFailure::Refused,
        _ => CommitFailure::Unreachable,
    }
}
