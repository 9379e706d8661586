//! The remote side of a pair, as the pair's threads reach it: a shared folder over HTTP, or in the same process.

use crate::pair::Question;
use crate::progress::Progress;
use chunker::Manifest;
use filesystem::{Disk, StagedId};
use model::{ChunkId, ContentId, Epoch, NodeId, RelativePath, UploadId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use sync_engine::{Commit, Event};

/// Manifests known to the pair, by content.
pub type Known = BTreeMap<ContentId, Arc<Manifest>>;

/// The remote side could not give what was asked for; the engine asks again later.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// A shared folder.
///
/// It retries nothing: the engine decides when to try again. [`Event::Online`], [`Event::Offline`] and
/// [`Event::Woken`] are told by whoever started the pair.
pub trait Remote: Send + Sync + fmt::Debug {
    /// Begins to pull what changed past a cursor, or everything there is. The inbox is told
    /// [`Event::ChangesPart`]s, then one [`Event::ChangesDone`] or [`Event::PullFailed`] (which it is at once if the
    /// lineage is not the known one).
    fn pull(&self, since: Option<String>, known_epoch: Option<Epoch>, inbox: Inbox);

    /// Begins to send a commit. The inbox is told one [`Event::Committed`] or [`Event::CommitFailed`].
    fn commit(&self, job: CommitJob);

    /// The manifests of contents of several chunks that these nodes hold or held; what cannot be had is left out. Called where waiting is no harm.
    ///
    /// # Errors
    /// None could be had.
    fn manifests(&self, wanted: &[(NodeId, ContentId)]) -> Result<Vec<(ContentId, Manifest)>, Unavailable>;

    /// Chunks of contents that these nodes hold or held, each given to `sink` verified, in the order asked; what
    /// cannot be had is left out. Called where waiting is no harm.
    ///
    /// # Errors
    /// It broke off; what came before was given.
    fn chunks(
        &self,
        wanted: &[(NodeId, ChunkId)],
        sink: &mut (dyn FnMut(ChunkId, &[u8]) + Send),
    ) -> Result<(), Unavailable>;
}

/// A commit and all that is needed to send it.
#[derive(Debug)]
pub struct CommitJob {
    /// Where the contents are.
    pub disk: Arc<dyn Disk>,
    /// Groups, and which files go with them.
    pub commit: Commit,
    /// Manifests known already, of contents to send and of those they replace.
    pub manifests: Known,
    /// Uploads begun before, by content.
    pub uploads: BTreeMap<ContentId, UploadId>,
    /// To be told the answer, and of every upload begun and over.
    pub inbox: Inbox,
    /// To show what moves.
    pub progress: Progress,
}

/// Where a pair is told things.
#[derive(Clone)]
pub struct Inbox {
    sender: Arc<Mutex<Sender<Message>>>,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

/// What a pair is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// For the engine.
    Event(Event),
    /// The watcher has something.
    Watch,
    /// A manifest was learnt.
    Manifest(ContentId, Manifest),
    /// An upload was begun or is over.
    Upload(ContentId, Option<UploadId>),
    /// A download was begun or is over.
    Download(ContentId, Option<StagedId>),
    /// A person asks.
    Ask(Question),
    /// The end.
    Stop,
}

impl Inbox {
    pub(crate) fn new(sender: Sender<Message>) -> Self {
        Self { sender: Arc::new(Mutex::new(sender)) }
    }

    /// Something happened.
    pub fn tell(&self, event: Event) {
        self.send(Message::Event(event));
    }

    /// An upload was begun (to be found again after a restart) or is over.
    pub fn upload(&self, content: ContentId, upload: Option<UploadId>) {
        self.send(Message::Upload(content, upload));
    }

    /// These files are no longer as they were hashed: to be looked at again.
    pub fn changed(&self, files: &[RelativePath]) {
        let directories: Vec<RelativePath> = files.iter().filter_map(|path| Some(path.split()?.0)).collect();
        if !directories.is_empty() {
            self.tell(Event::Hints { directories, subtrees: Vec::new() });
        }
    }

    /// A pair that has ended is told nothing any more.
    pub(crate) fn send(&self, message: Message) {
        let _gone = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(message);
    }
}
