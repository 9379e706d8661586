//! A pair of this device: a directory, and a shared folder on the server.

use crate::home::{Home, Link, PairConfiguration};
use crate::remote::{
    AskedView, Pulled, Remote, RemoteError, Sending, fetch_chunks, fetch_manifests, pull, send_commit,
};
use chunker::Manifest;
use model::conflict::Author;
use model::{ChunkId, ContentId, Epoch, FolderId, NodeId, Privilege};
use protocol::bundle::{NodeContent, WantedChunk};
use protocol::problem::ProblemKind;
use replica::{CommitJob, Inbox, OpenReplica, PairSettings, Unavailable};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use sync_engine::{CommitFailure, Event, PullFailure};

/// How often everything is looked at again, whatever the watcher says.
const FULL_SCAN: Duration = Duration::from_secs(3_600);

/// A pair at work, as the daemon holds it.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) configuration: PairConfiguration,
    pub(crate) folder: FolderId,
    pair: replica::Pair,
}

impl Pair {
    /// Begins to keep a pair in step.
    pub(crate) fn start(
        home: &Home,
        link: &Link,
        configuration: PairConfiguration,
        remote: Remote,
        opener: Arc<dyn OpenReplica>,
        runtime: tokio::runtime::Handle,
    ) -> Option<Self> {
        let folder = configuration.folder_id()?;
        let view = configuration.view()?;
        let settings = PairSettings {
            name: configuration.number.to_string(),
            directory: configuration.directory.clone(),
            marker: configuration.marker.clone(),
            memory: home.pair_file(configuration.number),
            names: configuration.name_rule(),
            view: view.clone(),
            author: Author { user: link.user.clone(), device: link.device.clone() },
            direction: configuration.direction(),
            hold_deletes: configuration.hold_deletes,
            paused: configuration.paused,
            full_scan: FULL_SCAN,
        };
        let view = (!view.is_everything()).then(|| Arc::new(AskedView::new(remote.clone(), folder, view)));
        let remote = Arc::new(SharedFolder { remote, folder, view, runtime });
        let pair = replica::Pair::start(settings, remote, opener).ok()?;
        Some(Self { configuration, folder, pair })
    }

    /// Stops the pair and waits for it.
    pub(crate) fn stop(self) {
        self.pair.stop();
    }
}

impl Deref for Pair {
    type Target = replica::Pair;

    fn deref(&self) -> &Self::Target {
        &self.pair
    }
}

/// A shared folder on a server, over HTTP.
#[derive(Debug)]
struct SharedFolder {
    remote: Remote,
    folder: FolderId,
    /// None: the whole folder.
    view: Option<Arc<AskedView>>,
    runtime: tokio::runtime::Handle,
}

impl replica::Remote for SharedFolder {
    fn pull(&self, since: Option<String>, known_epoch: Option<Epoch>, inbox: Inbox) {
        let (remote, folder, view) = (self.remote.clone(), self.folder, self.view.clone());
        self.runtime.spawn(async move {
            let take = |pulled| {
                inbox.tell(match pulled {
                    Pulled::Privilege(privilege) => Event::MayWrite(privilege >= Privilege::Write),
                    Pulled::Nodes(nodes) => Event::ChangesPart(nodes),
                });
            };
            let pulled = match view {
                Some(view) => view.pull(since, known_epoch, take).await,
                None => pull(&remote, folder, None, since, known_epoch, take).await,
            };
            inbox.tell(match pulled {
                Ok((cursor, epoch)) => Event::ChangesDone { cursor, epoch },
                Err(error) => Event::PullFailed(pull_failure(&error)),
            });
        });
    }

    fn commit(&self, job: CommitJob) {
        let (key, inbox) = (job.commit.intent.key, job.inbox.clone());
        // Contents go with a commit the first time only: what is turned away then was not carried out.
        let first = !job.commit.sends.is_empty();
        let (remote, folder, view) = (self.remote.clone(), self.folder, self.view.clone());
        self.runtime.spawn(async move {
            let sent = async {
                let view = match view {
                    Some(view) => Some(view.name().await?),
                    None => None,
                };
                send_commit(Sending { remote, folder, view, job }).await
            };
            match sent.await {
                Ok(sent) => {
                    inbox.tell(Event::Committed { key, answer: sent.answer });
                    inbox.changed(&sent.changed);
                }
                Err(error) => {
                    let failure = commit_failure(&error, first);
                    tracing::warn!(%error, ?failure, "a commit was not answered");
                    inbox.tell(Event::CommitFailed { key, failure });
                }
            }
        });
    }

    fn manifests(&self, wanted: &[(NodeId, ContentId)]) -> Result<Vec<(ContentId, Manifest)>, Unavailable> {
        let asked: Vec<NodeContent> =
            wanted.iter().map(|(node, content)| NodeContent { node: *node, content: *content }).collect();
        let found = self.runtime.block_on(fetch_manifests(&self.remote, self.folder, &asked));
        Ok(found.map_err(|error| Unavailable(error.to_string()))?.into_iter().collect())
    }

    fn chunks(
        &self,
        wanted: &[(NodeId, ChunkId)],
        sink: &mut (dyn FnMut(ChunkId, &[u8]) + Send),
    ) -> Result<(), Unavailable> {
        let asked: Vec<WantedChunk> =
            wanted.iter().map(|(node, chunk)| WantedChunk { chunk: *chunk, node: Some(*node) }).collect();
        let fetched = self.runtime.block_on(fetch_chunks(&self.remote, self.folder, &asked, sink));
        fetched.map_err(|error| Unavailable(error.to_string()))
    }
}

fn pull_failure(error: &RemoteError) -> PullFailure {
    match (error, error.problem()) {
        (RemoteError::EpochChanged, _) => PullFailure::EpochChanged,
        (_, Some(ProblemKind::CursorExpired)) => PullFailure::CursorExpired,
        (_, Some(ProblemKind::ViewGone)) => PullFailure::RootGone,
        (
            _,
            Some(
                ProblemKind::Unauthenticated
                | ProblemKind::WipeOrdered
                | ProblemKind::NotFound
                | ProblemKind::Forbidden,
            ),
        ) => PullFailure::NoAccess,
        _ => {
            tracing::debug!(%error, "a pull failed");
            PullFailure::Unreachable
        }
    }
}

fn commit_failure(error: &RemoteError, first: bool) -> CommitFailure {
    match (error, error.problem()) {
        (_, Some(ProblemKind::TooManyRequests)) if first => CommitFailure::Refused,
        (RemoteError::EpochChanged, _) => CommitFailure::EpochChanged,
        (_, Some(ProblemKind::Unauthenticated | ProblemKind::WipeOrdered | ProblemKind::NotFound)) => {
            CommitFailure::NoAccess
        }
        // The pull says so.
        (_, Some(ProblemKind::ViewGone)) => CommitFailure::Unreachable,
        (
            _,
            Some(
                ProblemKind::TooManyRequests
                | ProblemKind::Unavailable
                | ProblemKind::Internal
                | ProblemKind::Timeout
                | ProblemKind::DiskFull,
            ),
        ) => CommitFailure::Unreachable,
        (_, Some(_)) | (RemoteError::Confused(_), _) => CommitFailure::Refused,
        (
            RemoteError::Unreachable { .. } | RemoteError::Distrusted { .. } | RemoteError::Problem(_),
            None,
        ) => CommitFailure::Unreachable,
    }
}
