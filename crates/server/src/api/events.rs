//! `GET /api/v1/events`: a WebSocket that says which folder has changed, and nothing more.
//!
//! Small on purpose: a read buffer of 256 bytes, no write buffer, no queue of its own. Wakes of one folder that come
//! faster than they can be sent become one. Rights are decided again whenever somebody's rights have changed, and the
//! socket is closed as soon as its token is worth nothing any more.

use crate::caller::{Caller, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::presence::{self, Present};
use crate::serve::{StillRunning, told_to_stop};
use crate::server::Server;
use auth::rights::Account;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use model::permit::Read;
use model::{Action, FolderId, Principal, Seq};
use protocol::ProblemKind;
use protocol::v1::{CLOSE_RECONNECT, RightsChanged, Wake};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::timeout;

const READ_BUFFER_BYTES: usize = 256;
/// What a client may send: pongs and its close.
const MESSAGE_BYTES_MAX: usize = 256;
/// How often an idle connection is tried, so that middle boxes keep it and dead ones are found.
const PING: Duration = Duration::from_secs(50);
/// How long sending one small message may take.
const SEND: Duration = Duration::from_secs(10);

/// A WebSocket that says which folder has changed
///
/// The server sends text messages: of the schema `Wake` for folders that one may read, and `RightsChanged` when what one
/// may do has changed. The client sends none. It is closed with the reason `reconnect` when the server stops, and
/// `unauthenticated` when the token ends.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "connect_events",
    tag = "changes",
    responses(
        (status = 101, description = "The connection is a WebSocket now."),
        problems::Signed,
        problems::Query
    )
)]
pub(crate) async fn connect(
    State(server): State<Arc<Server>>,
    Extension(running): Extension<StillRunning>,
    caller: Caller,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let upgrade = upgrade.map_err(|rejection| {
        Failure::new(ProblemKind::BadRequest).detail(format!("This address is a WebSocket: {rejection}."))
    })?;
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX);
    // Listening begins before the answer: whoever lists folders once it has come misses nothing.
    let listener = Listener::new(&server, caller.principal).await?;
    let here = Present {
        principal: caller.principal,
        address: peer.map(|Extension(peer)| peer.0),
        agent: presence::agent(&headers),
        since: server.now(),
    };
    Ok(upgrade.on_upgrade(move |socket| async move {
        server.metrics.device_connected();
        let there = server.presence.enter(here);
        listener.run(&server, socket).await;
        drop(there);
        server.metrics.device_gone();
        drop(running);
    }))
}

struct Listener {
    principal: Principal,
    folders: tokio::sync::broadcast::Receiver<(FolderId, Seq)>,
    rights: tokio::sync::watch::Receiver<u64>,
    stopping: tokio::sync::watch::Receiver<bool>,
    /// What the account held when rights last changed; shared with its other devices.
    account: Arc<Account>,
}

/// Why a socket is closed by this side.
enum Close {
    Reconnect,
    NoRights,
    Gone,
}

impl Listener {
    async fn new(server: &Arc<Server>, principal: Principal) -> Result<Self, Failure> {
        let (folders, rights) = (server.wakes.listen(), server.looks.listen());
        let account = server.account(principal).await?;
        let account = account.ok_or_else(|| Failure::new(ProblemKind::Unauthenticated))?;
        Ok(Self { principal, folders, rights, stopping: server.stopping.subscribe(), account })
    }

    async fn run(mut self, server: &Arc<Server>, mut socket: WebSocket) {
        let (code, reason) = match self.forward(server, &mut socket).await {
            Close::Gone => return,
            Close::Reconnect => (close_code::RESTART, CLOSE_RECONNECT),
            Close::NoRights => (close_code::POLICY, "unauthenticated"),
        };
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = timeout(SEND, socket.send(Message::Close(Some(frame)))).await;
        // The other side's close is waited for, so that ours is not lost with the connection.
        let closed = async { while let Some(Ok(_)) = socket.recv().await {} };
        let _ = timeout(Duration::from_secs(2), closed).await;
    }

    async fn forward(&mut self, server: &Arc<Server>, socket: &mut WebSocket) -> Close {
        let mut unanswered_pings = 0;
        loop {
            tokio::select! {
                () = told_to_stop(&mut self.stopping) => return Close::Reconnect,
                changed = self.rights.changed() => {
                    if changed.is_err() {
                        return Close::Reconnect;
                    }
                    if let Err(close) = Box::pin(self.look_at_rights(server, socket)).await {
                        return close;
                    }
                }
                wake = self.folders.recv() => {
                    if let Err(close) = Box::pin(self.wake(server, socket, wake)).await {
                        return close;
                    }
                }
                message = socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Close::Gone,
                    Some(Ok(_)) => unanswered_pings = 0,
                },
                () = tokio::time::sleep(PING) => {
                    unanswered_pings += 1;
                    let ping = Message::Ping(axum::body::Bytes::new());
                    if unanswered_pings > 2 || !matches!(timeout(SEND, socket.send(ping)).await, Ok(Ok(()))) {
                        return Close::Gone;
                    }
                }
            }
        }
    }

    /// Sends what wakes it, as far as it may see it at this moment.
    async fn wake(
        &mut self,
        server: &Arc<Server>,
        socket: &mut WebSocket,
        wake: Result<(FolderId, Seq), RecvError>,
    ) -> Result<(), Close> {
        let wakes = match wake {
            Ok(first) => self.coalesce(first),
            Err(RecvError::Lagged(_)) => self.all_heads(server).await.map_err(|_| Close::Reconnect)?,
            Err(RecvError::Closed) => return Err(Close::Reconnect),
        };
        for (folder, head) in wakes {
            let permit = server.permit::<Read>(self.principal, folder, Action::List).await;
            if permit.is_ok() && !send_wake(socket, folder, head).await {
                return Err(Close::Gone);
            }
        }
        Ok(())
    }

    /// Rights have changed, somebody's: ends if this token is worth nothing any more, tells if it is this account's.
    async fn look_at_rights(&mut self, server: &Arc<Server>, socket: &mut WebSocket) -> Result<(), Close> {
        let account = server.account(self.principal).await.map_err(|_| Close::Reconnect)?;
        let account = account.ok_or(Close::NoRights)?;
        let before = std::mem::replace(&mut self.account, account);
        if !before.holds_as(&self.account) && !send_rights(socket).await {
            return Err(Close::Gone);
        }
        Ok(())
    }

    /// The newest head of each folder among the wakes that have come by now.
    fn coalesce(&mut self, first: (FolderId, Seq)) -> BTreeMap<FolderId, Seq> {
        let mut newest = BTreeMap::from([first]);
        loop {
            match self.folders.try_recv() {
                Ok((folder, head)) => {
                    let known = newest.entry(folder).or_insert(head);
                    *known = head.max(*known);
                }
                // What was skipped here is made up for by the next `recv`, which says so again.
                Err(TryRecvError::Empty | TryRecvError::Closed | TryRecvError::Lagged(_)) => return newest,
            }
        }
    }

    /// Every folder, for a listener that has missed wakes.
    async fn all_heads(&self, server: &Server) -> Result<BTreeMap<FolderId, Seq>, Failure> {
        server
            .read(|snapshot| {
                let folders = snapshot.folders()?;
                Ok::<_, Failure>(folders.iter().map(|folder| (folder.id, folder.counters.head)).collect())
            })
            .await
    }
}

async fn send_rights(socket: &mut WebSocket) -> bool {
    let text = serde_json::to_string(&RightsChanged { rights_changed: true }).expect("string keys only");
    matches!(timeout(SEND, socket.send(Message::Text(text.into()))).await, Ok(Ok(())))
}

async fn send_wake(socket: &mut WebSocket, folder: FolderId, head: Seq) -> bool {
    let wake = Wake { folder, head: head.0 };
    let text = serde_json::to_string(&wake).expect("a wake has string keys only");
    matches!(timeout(SEND, socket.send(Message::Text(text.into()))).await, Ok(Ok(())))
}
