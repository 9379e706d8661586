//! Previews as the server makes them: the files come from its store, and what cannot be shown is not tried again.

use crate::failure::Failure;
use crate::server::Server;
use model::ContentId;
use preview::{Decoders, Failed, Preview, Refusal, Request, Size, Strictness};
use protocol::ProblemKind;
use protocol::v1::PreviewState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use versioning::fetch::File;

/// How many files that there is no preview of are remembered.
const REFUSED_MAX: usize = 4_096;
/// How many pieces of a file wait for the child.
const PIECES: usize = 2;
/// How long a file that took too long is not tried again: the machine may have been busy with something else.
const SLOW_FOR: Duration = Duration::from_secs(600);
/// When to come again where too many wait.
const AGAIN_SECONDS: u64 = 2;

/// What is asked for: one page of one content at one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub(crate) content: ContentId,
    pub(crate) size: Size,
    pub(crate) page: u32,
}

/// What makes previews, and which files it cannot make any of.
#[derive(Debug)]
pub(crate) struct Previews {
    decoders: Arc<Decoders>,
    /// A file that has no preview will have none the next time: until the program is another one, its answer stands.
    refused: Mutex<HashMap<Wanted, (Refusal, Instant)>>,
    /// What of the sandbox the machine does not give, as soon as it is known.
    missing: Mutex<Option<&'static str>>,
}

impl Previews {
    pub(crate) fn new(decoders: Arc<Decoders>) -> Self {
        Self { decoders, refused: Mutex::default(), missing: Mutex::default() }
    }

    /// Finds out whether the machine can lock a decoding process in, and tells the log.
    pub(crate) async fn look(&self) {
        let strictness = self.decoders.strictness();
        match self.decoders.probe().await {
            Ok(()) => tracing::info!(?strictness, "previews are made in a process that is locked in"),
            Err(failed) => {
                self.note(&failed);
                tracing::warn!(%failed, "no previews are made: `driftless doctor` says what to do");
            }
        }
    }

    /// How files are decoded.
    pub(crate) fn state(&self) -> PreviewState {
        match (self.missing(), self.decoders.strictness()) {
            (Some(_), _) => PreviewState::Unsafe,
            (None, Strictness::Whole) => PreviewState::Sandboxed,
            (None, Strictness::WithoutLandlock) => PreviewState::WithoutLandlock,
        }
    }

    /// What the machine does not give of what a decoding process needs to be locked in.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, failed: &Failed) {
        if let Failed::NotSandboxed(missing) = failed {
            *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = Some(missing);
        }
    }

    /// Makes the preview of a file of the store. Who gives up waiting ends the child by that.
    pub(crate) async fn make(
        &self,
        server: &Arc<Server>,
        file: File,
        wanted: Wanted,
    ) -> Result<Preview, Failure> {
        if let Some(refusal) = self.refused(&wanted) {
            return Err(of_refusal(refusal));
        }
        let turn = self.decoders.turn().await.map_err(failure)?;
        let request = Request { size: wanted.size, page: wanted.page, length: file.size };
        let (give, given) = mpsc::channel(PIECES);
        let reader = Arc::clone(server);
        // Before its chunks were looked up somebody may have asked for collection; they stay while they are read.
        let reading = tokio::task::spawn_blocking(move || read(&reader, &file, &give));
        match turn.make(request, given).await {
            Ok(preview) => Ok(preview),
            Err(Failed::Starved) => {
                // The store says why.
                reading.await.map_err(Failure::internal)??;
                Err(Failure::internal(Failed::Starved))
            }
            Err(failed) => {
                self.note(&failed);
                if let Failed::Refused(refusal) = &failed {
                    self.remember(wanted, *refusal);
                }
                Err(failure(failed))
            }
        }
    }

    fn refused(&self, wanted: &Wanted) -> Option<Refusal> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (refusal, since) = refused.get(wanted).copied()?;
        let again = refusal == Refusal::TooSlow && since.elapsed() > SLOW_FOR;
        (!again).then_some(refusal)
    }

    fn remember(&self, wanted: Wanted, refusal: Refusal) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= REFUSED_MAX {
            refused.clear();
        }
        refused.insert(wanted, (refusal, Instant::now()));
    }
}

/// Reads a file's chunks in order, as long as somebody takes them.
fn read(server: &Server, file: &File, give: &mpsc::Sender<Vec<u8>>) -> Result<(), Failure> {
    for located in &file.chunks {
        let plain = server.chunks.read_chunk(located).map_err(Failure::from)?;
        if give.blocking_send(plain).is_err() {
            break;
        }
    }
    Ok(())
}

fn failure(failed: Failed) -> Failure {
    match failed {
        Failed::Refused(refusal) => of_refusal(refusal),
        Failed::Busy => Failure::new(ProblemKind::TooManyRequests).retry_after(AGAIN_SECONDS),
        Failed::NotSandboxed(_) => {
            tracing::warn!(%failed, "no preview is made: `driftless doctor` says what is missing");
            none("not_sandboxed", "This machine does not allow the server to decode files safely.")
        }
        Failed::Starved | Failed::Child(_) => Failure::internal(failed),
    }
}

fn of_refusal(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Unsupported => none("unsupported", "Files of this kind are not shown."),
        Refusal::Damaged => none("damaged", "The file is damaged, or not what it says it is."),
        Refusal::TooLarge => none("too_large", "The file is too large to be shown."),
        Refusal::TooSlow => none("too_slow", "It takes too long to make a preview of the file."),
        Refusal::Protected => none("protected", "The document is protected by a password."),
        Refusal::NoSuchPage => none("no_such_page", "The document has no such page."),
    }
}

/// No previews at all.
pub(crate) fn switched_off() -> Failure {
    none("off", "Previews are switched off on this server.")
}

fn none(reason: &str, detail: &str) -> Failure {
    Failure::new(ProblemKind::NoPreview).detail(detail).member("reason", reason)
}
