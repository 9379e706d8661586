//! Answers that are made while they are sent, by a thread that may wait for the disk.

use crate::failure::Failure;
use crate::server::Server;
use crate::traffic::Lane;
use crate::transfers::Transfer;
use axum::body::{Body, Bytes};
use futures_util::stream;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// How many pieces wait to be sent.
const PIECES: usize = 4;

/// The sending end, for a thread that may wait.
pub(crate) struct Outgoing {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    pause: Duration,
    server: Arc<Server>,
    lane: Lane,
    _transfer: Transfer,
}

/// Why nothing more is sent.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// The other side has gone, or has not read for too long.
    Gone,
    /// This side cannot go on.
    Failed(Failure),
}

impl From<Failure> for StreamEnd {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Outgoing {
    /// Both ends: one to send on, and the body of the answer. The transfer lasts as long as the sending.
    pub(crate) fn new(server: &Arc<Server>, transfer: Transfer, lane: Lane, pause: Duration) -> (Self, Body) {
        let (pieces, receiver) = mpsc::channel(PIECES);
        let body = Body::from_stream(stream::unfold(receiver, async |mut receiver| {
            let piece = receiver.recv().await?;
            Some((piece, receiver))
        }));
        let outgoing = Self {
            pieces,
            runtime: Handle::current(),
            pause,
            server: Arc::clone(server),
            lane,
            _transfer: transfer,
        };
        (outgoing, body)
    }

    /// Sends a piece, as fast as its reader's account may, waiting for room no longer than a body may pause.
    pub(crate) fn send(&mut self, piece: Bytes) -> Result<(), StreamEnd> {
        self.server.metrics.bytes_out(piece.len() as u64);
        self.runtime.block_on(self.send_paced(piece))
    }

    async fn send_paced(&self, mut piece: Bytes) -> Result<(), StreamEnd> {
        while !piece.is_empty() {
            let now = piece.split_to(piece.len().min(self.lane.piece()));
            // Who has gone is not waited for at a slow pace.
            tokio::select! {
                () = self.lane.take(now.len()) => {}
                () = self.pieces.closed() => return Err(StreamEnd::Gone),
            }
            match tokio::time::timeout(self.pause, self.pieces.send(Ok(now))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(StreamEnd::Gone),
            }
        }
        Ok(())
    }

    /// Breaks the answer off, so that its reader cannot take it for whole.
    pub(crate) fn break_off(&mut self) {
        let broken = io::Error::other("the server could not send the rest");
        // If there is no room, the connection is closed by dropping this end's half before its announced length.
        let _ = self.pieces.try_send(Err(broken));
    }
}
