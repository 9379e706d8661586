//! The server's side: children are started, fed, listened to and ended.

use crate::sandbox::{Lock, Strictness};
use crate::wire::{self, Answer, HEAD_MAX, Preview, Refusal, Request, Size};
use crate::{INPUT_MAX, OUTPUT_MAX};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How much is decoded, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most children at a time.
    pub at_once: usize,
    /// The most requests that wait for their turn.
    pub waiting: usize,
    /// How long one file may take by the clock, reading it included.
    pub patience: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { at_once: 2, waiting: 32, patience: Duration::from_secs(30) }
    }
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It is the file's fault, and will be so the next time.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too many wait already.
    #[error("too many previews are being made")]
    Busy,
    /// The file ended before its length.
    #[error("the file was not given in full")]
    Starved,
    /// The machine does not give the child all of its sandbox.
    #[error("the sandbox is not whole: {0}")]
    NotSandboxed(&'static str),
    /// The child could not be started or spoken to.
    #[error("the decoding process: {0}")]
    Child(#[from] io::Error),
}

/// Starts children, a bounded number at a time: one for each file.
#[derive(Debug)]
pub struct Decoders {
    program: PathBuf,
    arguments: Vec<OsString>,
    strictness: Strictness,
    bounds: Bounds,
    running: Arc<Semaphore>,
    /// Those that run and those that wait.
    queue: Arc<Semaphore>,
}

/// The right to make one preview now.
#[derive(Debug)]
pub struct Turn<'a> {
    decoders: &'a Decoders,
    _place: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

impl Decoders {
    /// Children are this program with these arguments; it has to call [`crate::child::run`] as strictly as is said here.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>, strictness: Strictness, bounds: Bounds) -> Self {
        let (running, queue) = (bounds.at_once.max(1), bounds.at_once.max(1) + bounds.waiting);
        Self {
            program,
            arguments,
            strictness,
            bounds,
            running: Arc::new(Semaphore::new(running)),
            queue: Arc::new(Semaphore::new(queue)),
        }
    }

    /// How strict the children are.
    #[must_use]
    pub fn strictness(&self) -> Strictness {
        self.strictness
    }

    /// Waits for a turn. Who is dropped while waiting, or later, leaves nothing behind.
    ///
    /// # Errors
    /// If too many wait already.
    pub async fn turn(&self) -> Result<Turn<'_>, Failed> {
        let place = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| Failed::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Failed::Busy)?;
        Ok(Turn { decoders: self, _place: place, _running: running })
    }

    /// Whether a child can lock itself in here and then decode.
    ///
    /// # Errors
    /// If it cannot, with the reason.
    pub async fn probe(&self) -> Result<(), Failed> {
        const TEXT: &[u8] = b"Is anybody there?";
        let (give, given) = mpsc::channel(1);
        let turn = self.turn().await?;
        let _ = give.try_send(TEXT.to_vec());
        drop(give);
        let request = Request { size: Size::Small, page: 0, length: TEXT.len() as u64 };
        let made = turn.make(request, given).await?;
        let same = made.bytes == TEXT;
        if same { Ok(()) } else { Err(io::Error::from(io::ErrorKind::InvalidData).into()) }
    }

    fn start(&self) -> io::Result<(Child, ChildStdin, ChildStdout)> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((child, input, output))
    }
}

impl Turn<'_> {
    /// Makes the preview of a file that is given piece by piece, until the end or until nobody listens any more.
    ///
    /// # Errors
    /// If there is none.
    pub async fn make(self, request: Request, mut given: mpsc::Receiver<Vec<u8>>) -> Result<Preview, Failed> {
        let (mut child, input, output) = self.decoders.start()?;
        let work = async {
            let (fed, heard) = tokio::join!(feed(input, request, &mut given), listen(output));
            Ok::<_, io::Error>((fed?, heard, child.wait().await?))
        };
        // Out of time, the child is dropped, and so killed.
        let work = tokio::time::timeout(self.decoders.bounds.patience, work).await;
        let (fed, heard, ended) = work.map_err(|_| Refusal::TooSlow)??;
        given.close();
        match heard? {
            // Of a file cut short, no answer is an answer.
            _ if fed == Fed::Starved => Err(Failed::Starved),
            Some((answer, bytes)) => answered(answer, bytes),
            None => Err(ended_badly(ended)),
        }
    }
}

/// How the giving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fed {
    /// All of it, or as much as the child wanted.
    Enough,
    /// There was less than announced.
    Starved,
}

async fn feed(mut to: ChildStdin, request: Request, given: &mut mpsc::Receiver<Vec<u8>>) -> io::Result<Fed> {
    let mut left = request.length.min(INPUT_MAX + 1);
    let mut piece = wire::encode(&request)?;
    loop {
        match to.write_all(&piece).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Fed::Enough),
            Err(error) => return Err(error),
        }
        if left == 0 {
            return Ok(Fed::Enough);
        }
        let Some(next) = given.recv().await else { return Ok(Fed::Starved) };
        piece = next;
        piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= piece.len() as u64;
    }
}

/// The child's answer; none if it ended without.
async fn listen(from: ChildStdout) -> io::Result<Option<(Answer, Vec<u8>)>> {
    let mut bytes = Vec::new();
    from.take(OUTPUT_MAX + HEAD_MAX as u64).read_to_end(&mut bytes).await?;
    let mut rest = &*bytes;
    let Ok(answer) = wire::read_head(&mut rest) else { return Ok(None) };
    Ok(Some((answer, rest.to_vec())))
}

/// An answer is what it says it is, or the child is not the child any more.
fn answered(answer: Answer, bytes: Vec<u8>) -> Result<Preview, Failed> {
    match answer {
        Answer::Made { media, pages, cut } if media.fits(&bytes) => Ok(Preview { media, pages, cut, bytes }),
        Answer::Made { .. } => Err(Refusal::Damaged.into()),
        Answer::Refused(refusal) => Err(refusal.into()),
        Answer::NotLocked(Lock::Landlock) => Err(Failed::NotSandboxed("Landlock is not there")),
        Answer::NotLocked(Lock::Seccomp) => Err(Failed::NotSandboxed("seccomp is not there")),
        Answer::NotLocked(Lock::Limits) => Err(Failed::NotSandboxed("limits cannot be set")),
    }
}

/// What it means that a child ended without an answer.
fn ended_badly(ended: ExitStatus) -> Failed {
    tracing::warn!(%ended, "a decoding process was ended by what it decoded");
    match ended.signal() {
        Some(libc::SIGXCPU | libc::SIGKILL) => Refusal::TooSlow.into(),
        // The library's way to say that there is no more memory.
        Some(libc::SIGABRT) => Refusal::TooLarge.into(),
        Some(_) => Refusal::Damaged.into(),
        None => io::Error::other(format!("ended without an answer ({ended})")).into(),
    }
}
