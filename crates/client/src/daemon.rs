//! The daemon: all pairs of a home, the connection to the server, and the control socket.

mod answers;
mod authors;
mod choose;
mod past;
mod wipe;

pub use choose::{Chosen, choose};

use crate::OpenReplica;
use crate::control::{ControlAnswer, ControlRequest, LINE_BYTES_MAX, line_of, socket_path};
use crate::home::{Configuration, Home, HomeError, HomeLock, Link, PairConfiguration};
use crate::pair::Pair;
use crate::remote::{Connection, Distrust, Remote, RemoteError, Signal};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sync_engine::Event;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// Why a daemon cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Its home is not usable.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// No account is linked.
    #[error("this device is not linked to a server yet: run `driftless link URL` first")]
    NotLinked,
    /// The server's address is no good.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The control socket cannot be made.
    #[error("the control socket cannot be made: {0}")]
    Socket(#[source] io::Error),
}

/// A running daemon.
pub(crate) struct Daemon {
    home: Home,
    lock: HomeLock,
    remote: Remote,
    opener: Arc<dyn OpenReplica>,
    runtime: tokio::runtime::Handle,
    state: Mutex<State>,
    online: AtomicBool,
    /// Whether the server does not take the device's token any more.
    unlinked: watch::Sender<bool>,
    /// Why the server that answers is not believed to be the right one.
    distrust: Mutex<Option<Distrust>>,
    /// The removal of all copies, once it was ordered.
    wiping: wipe::Wiping,
    stop: watch::Sender<bool>,
}

struct State {
    configuration: Configuration,
    pairs: BTreeMap<u64, Pair>,
}

/// Keeps every pair of a home in step until `shutdown` is done or a command stops it.
pub async fn run(
    home: Home,
    opener: Arc<dyn OpenReplica>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), DaemonError> {
    let lock = home.lock()?;
    let configuration = home.read()?;
    let link = configuration.link.clone().ok_or(DaemonError::NotLinked)?;
    let remote = Remote::of(&link)?;
    remote.traffic().set_own(configuration.limits.rates());
    let (stop, stopped) = watch::channel(false);
    let daemon = Arc::new(Daemon {
        home,
        lock,
        remote,
        opener,
        runtime: tokio::runtime::Handle::current(),
        state: Mutex::new(State { configuration: configuration.clone(), pairs: BTreeMap::new() }),
        online: AtomicBool::new(false),
        unlinked: watch::Sender::new(false),
        distrust: Mutex::default(),
        wiping: wipe::Wiping::default(),
        stop,
    });
    if daemon.is_wiping() {
        daemon.begin_to_wipe();
    }
    for pair in configuration.pairs {
        daemon.start_pair(&link, pair);
    }
    let listener = daemon.listen().map_err(DaemonError::Socket)?;
    let connection = tokio::spawn(daemon.connection(stopped.clone()).run());
    let serving = tokio::spawn(Arc::clone(&daemon).serve(listener, stopped.clone()));
    let mut told = stopped;
    tokio::select! {
        () = shutdown => {}
        _ = told.wait_for(|stop| *stop) => {}
    }
    tracing::info!("stopping");
    daemon.stop.send_replace(true);
    let _finished = connection.await;
    let _finished = serving.await;
    daemon.end_to_wipe().await;
    let stopping = Arc::clone(&daemon);
    // Pairs finish what they are recording; what is under way on the network is found again as open intents.
    let _finished = tokio::task::spawn_blocking(move || {
        let pairs = std::mem::take(&mut stopping.state().pairs);
        pairs.into_values().for_each(Pair::stop);
    })
    .await;
    let _gone = std::fs::remove_file(daemon.home.socket());
    Ok(())
}

impl Daemon {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is changed whole; a panicking holder leaves it as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_pair(&self, link: &Link, configuration: PairConfiguration) {
        if self.is_wiping() {
            return;
        }
        let number = configuration.number;
        let paused = configuration.paused;
        let until = configuration.paused_until;
        let pair = Pair::start(
            &self.home,
            link,
            configuration,
            self.remote.clone(),
            Arc::clone(&self.opener),
            self.runtime.clone(),
        );
        let Some(pair) = pair else {
            tracing::error!(number, "a pair of the configuration cannot be started");
            return;
        };
        if self.online.load(Ordering::Relaxed) {
            pair.tell(Event::CommitBound(self.commit_operations()));
            pair.tell(Event::Online);
        }
        if paused && until.is_some_and(|until| until <= crate::now().0) {
            pair.ask(replica::Question::Resume);
        }
        self.state().pairs.insert(number, pair);
    }

    /// How many operations the server takes in a commit.
    fn commit_operations(&self) -> usize {
        usize::try_from(self.remote.limits().commit_operations).unwrap_or(usize::MAX)
    }

    fn connection(self: &Arc<Self>, stop: watch::Receiver<bool>) -> Connection {
        let (told, asked) = (Arc::clone(self), Arc::clone(self));
        Connection {
            remote: self.remote.clone(),
            positions: Arc::new(move || {
                asked.state().pairs.values().map(|pair| (pair.folder, pair.cursor())).collect()
            }),
            tell: Arc::new(move |signal| told.take_signal(signal)),
            stop,
        }
    }

    fn take_signal(self: &Arc<Self>, signal: Signal) {
        if let Signal::WipeOrdered(epoch) = signal {
            self.hear_wipe(epoch);
        }
        let state = self.state();
        let offline = || {
            self.online.store(false, Ordering::Relaxed);
            state.pairs.values().for_each(|pair| pair.tell(Event::Offline));
        };
        match signal {
            Signal::Online => {
                self.note_distrust(None);
                self.unlinked.send_replace(false);
                self.online.store(true, Ordering::Relaxed);
                state.pairs.values().for_each(|pair| {
                    pair.tell(Event::CommitBound(self.commit_operations()));
                    pair.tell(Event::Online);
                });
            }
            Signal::Offline => {
                self.note_distrust(None);
                offline();
            }
            Signal::Distrusted(reason) => {
                self.note_distrust(Some(reason));
                offline();
            }
            Signal::Unlinked | Signal::WipeOrdered(_) => {
                self.note_distrust(None);
                if !self.unlinked.send_replace(true) {
                    tracing::warn!("the server no longer takes this device's token");
                }
                offline();
            }
            Signal::RightsChanged => state.pairs.values().for_each(|pair| pair.tell(Event::Verify)),
            Signal::Wake(folder, head) => {
                for pair in state.pairs.values().filter(|pair| pair.folder == folder) {
                    pair.tell(Event::Woken(head));
                }
            }
        }
    }

    fn note_distrust(&self, reason: Option<Distrust>) {
        let mut known = self.distrust.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == reason {
            return;
        }
        match &reason {
            Some(reason) => tracing::error!(%reason, "the server is not believed; nothing is sent to it"),
            None => tracing::info!("nobody who is not believed answers for the server any more"),
        }
        *known = reason;
    }

    /// Why the server that answers is not believed to be the right one.
    fn distrust(&self) -> Option<Distrust> {
        self.distrust.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn listen(&self) -> io::Result<UnixListener> {
        let path = socket_path(self.home.directory());
        // The lock is held, so a socket that is there is a dead daemon's.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    async fn serve(self: Arc<Self>, listener: UnixListener, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let daemon = Arc::clone(&self);
                    tokio::spawn(async move {
                        if let Err(error) = daemon.converse(stream).await {
                            tracing::debug!(%error, "a command went away");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a command cannot be heard");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn converse(self: Arc<Self>, stream: UnixStream) -> io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut line = String::new();
        BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
        let answer = match serde_json::from_str::<ControlRequest>(&line) {
            Ok(request) => self.answer(request).await,
            Err(error) => {
                ControlAnswer::Failed(format!("the daemon does not understand this command: {error}"))
            }
        };
        write.write_all(&line_of(&answer)?).await
    }

    /// Removes what is left of a pair that is not in the configuration any more; its files stay.
    fn forget(&self, number: u64, directory: &Path) {
        if let Err(error) = self.home.remove_pair_file(number) {
            tracing::warn!(%error, "what the pair remembered is left behind");
        }
        if let Err(error) = self.opener.release(directory) {
            tracing::warn!(%error, "the replica's private directory is left behind");
        }
    }

    /// Changes the configuration on disk and in memory.
    fn configure(&self, change: impl FnOnce(&mut Configuration)) -> Result<(), HomeError> {
        let mut state = self.state();
        let mut changed = state.configuration.clone();
        change(&mut changed);
        self.home.write(&changed, &self.lock)?;
        state.configuration = changed;
        Ok(())
    }
}

/// Whether one directory is the other or lies in it.
#[must_use]
pub fn overlaps(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
