//! Instant notification: a WebSocket that says "folder F is at N", and a long poll where WebSockets are blocked.

use super::changes::wait_for_change;
use super::{Distrust, Remote, RemoteError};
use futures_util::StreamExt as _;
use model::{Epoch, FolderId, Seq};
use protocol::problem::ProblemKind;
use protocol::v1::{RightsChanged, Wake};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Pauses between attempts to connect.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_LAST: Duration = Duration::from_secs(30);
/// The same while another server answers: it may be gone in a moment, as where a network wants its own sign-in first.
const PAUSE_DISTRUSTED: Duration = Duration::from_secs(2);
/// How long one long poll waits, and how long WebSockets are left alone after they were found blocked.
const POLL_SECONDS: u64 = 25;
const BLOCKED_FOR: Duration = Duration::from_secs(120);

/// What the connection tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The server can be reached.
    Online,
    /// It cannot.
    Offline,
    /// The token is no longer taken.
    Unlinked,
    /// The same, and all copies of what this lineage of the server has are to be removed.
    WipeOrdered(Epoch),
    /// It is not believed to be the right server.
    Distrusted(Distrust),
    /// What the account may do has changed.
    RightsChanged,
    /// A folder has changed.
    Wake(FolderId, Seq),
}

/// Where the pairs stand, for long polls: their folders and cursors.
pub(crate) type Positions = Arc<dyn Fn() -> Vec<(FolderId, Option<String>)> + Send + Sync>;

/// Keeps a device connected and tells what it hears, until told to stop.
pub struct Connection {
    /// The server.
    pub remote: Remote,
    /// Asked before each long poll.
    pub(crate) positions: Positions,
    /// Told everything, in order.
    pub tell: Arc<dyn Fn(Signal) + Send + Sync>,
    /// True once it is to stop.
    pub stop: watch::Receiver<bool>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("remote", &self.remote).finish_non_exhaustive()
    }
}

enum End {
    /// It was connected and the connection ended.
    Closed,
    /// The server answers, but WebSockets do not get through.
    Blocked,
    /// Nobody answers.
    Unreachable,
    /// The token is not taken.
    Unlinked,
    /// The same, and all copies of what this lineage of the server has are to be removed.
    WipeOrdered(Epoch),
    /// Somebody answers who is not believed to be the server.
    Distrusted(Distrust),
}

impl Connection {
    /// Runs until told to stop.
    pub async fn run(mut self) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = self.keep_connected() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn keep_connected(&mut self) {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.listen().await {
                End::Closed => pause = PAUSE_FIRST,
                End::Blocked => {
                    tracing::info!("WebSockets do not get through to the server; polling instead");
                    self.poll_for(BLOCKED_FOR).await;
                    continue;
                }
                End::Unreachable => (self.tell)(Signal::Offline),
                End::Unlinked => {
                    (self.tell)(Signal::Unlinked);
                    pause = PAUSE_LAST;
                }
                End::WipeOrdered(epoch) => {
                    (self.tell)(Signal::WipeOrdered(epoch));
                    pause = PAUSE_LAST;
                }
                End::Distrusted(reason) => {
                    (self.tell)(Signal::Distrusted(reason));
                    pause = pause.max(PAUSE_DISTRUSTED);
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_LAST);
        }
    }

    async fn listen(&self) -> End {
        let address = self.remote.server().replacen("http", "ws", 1);
        let Ok(mut request) = format!("{address}/api/v1/events").into_client_request() else {
            return End::Unreachable;
        };
        if let Some(token) = self.remote.token()
            && let Ok(value) = format!("Bearer {token}").parse()
        {
            request.headers_mut().insert("authorization", value);
        }
        let small = WebSocketConfig::default().read_buffer_size(1024).max_message_size(Some(64 << 10));
        let stream = match self.remote.connect().await {
            Ok(stream) => stream,
            Err(RemoteError::Distrusted { reason, .. }) => return End::Distrusted(reason),
            Err(_) => return End::Unreachable,
        };
        let upgrading = tokio_tungstenite::client_async_with_config(request, stream, Some(small));
        let mut socket = match tokio::time::timeout(Duration::from_secs(10), upgrading).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(_)) | Err(_) => return self.reachable_otherwise().await,
        };
        self.remote.learn_limits().await;
        (self.tell)(Signal::Online);
        while let Some(message) = socket.next().await {
            match message {
                Ok(Message::Text(text)) => {
                    if let Ok(Wake { folder, head }) = serde_json::from_str(text.as_str()) {
                        (self.tell)(Signal::Wake(folder, Seq(head)));
                    } else if let Ok(RightsChanged { .. }) = serde_json::from_str(text.as_str()) {
                        (self.tell)(Signal::RightsChanged);
                    }
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        End::Closed
    }

    /// Whether the server answers ordinary requests, and how.
    async fn reachable_otherwise(&self) -> End {
        match self.remote.folders().await {
            Ok(_) => End::Blocked,
            Err(error) if error.problem() == Some(ProblemKind::Unauthenticated) => End::Unlinked,
            Err(RemoteError::Distrusted { reason, .. }) => End::Distrusted(reason),
            Err(error) => error.wipe_ordered().map_or(End::Unreachable, End::WipeOrdered),
        }
    }

    /// Long polls, one for each folder, for a while.
    async fn poll_for(&self, duration: Duration) {
        self.remote.learn_limits().await;
        (self.tell)(Signal::Online);
        let until = tokio::time::Instant::now() + duration;
        while tokio::time::Instant::now() < until {
            let known = (self.positions)();
            let polls = known.iter().filter_map(|(folder, cursor)| Some((*folder, cursor.as_deref()?)));
            let mut waiting: Vec<_> =
                polls.map(|(folder, cursor)| Box::pin(self.poll(folder, cursor))).collect();
            if waiting.is_empty() {
                tokio::time::sleep(Duration::from_millis(250)).await;
                continue;
            }
            // The first answer ends the round, since every cursor may have moved by then.
            let reached = futures_util::future::select_all(waiting.drain(..)).await.0;
            if !reached {
                (self.tell)(Signal::Offline);
                return;
            }
            // Time for the pull that the answer causes, so that the next poll starts from the new cursor.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn poll(&self, folder: FolderId, cursor: &str) -> bool {
        match wait_for_change(&self.remote, folder, cursor, POLL_SECONDS).await {
            Ok(Some(head)) => {
                (self.tell)(Signal::Wake(folder, head));
                true
            }
            Ok(None) => true,
            Err(RemoteError::Unreachable { .. } | RemoteError::Distrusted { .. }) => false,
            Err(_) => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                true
            }
        }
    }
}
