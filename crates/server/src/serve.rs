//! Connections: accepting them, bounding them, and letting them end in peace.

use crate::admin;
use crate::caller::PeerAddress;
use crate::housekeeping;
use crate::metrics::Counted;
use crate::plain;
use crate::router::router;
use crate::server::Server;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// The most bytes of a request's head.
const HEAD_BYTES: usize = 32 << 10;
/// The most headers of a request.
const HEADERS: usize = 64;
/// What hyper may read ahead of a body.
const READ_BYTES: usize = 256 << 10;
/// A pause after an error of `accept`, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why serving could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The administration socket could not be made.
    #[error("the administration socket could not be made: {0}")]
    AdminSocket(io::Error),
}

/// Answers on a listener until `stop` is done. Then `/readyz` says no, no connection is accepted any more, running requests
/// finish (within the grace of the settings) and WebSockets are closed with the reason "reconnect".
///
/// # Errors
/// If the administration socket cannot be made.
pub async fn serve(
    listener: TcpListener,
    server: Arc<Server>,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    // Everything that runs holds a sender; when all are gone, nothing runs any more.
    let (running, mut idle) = mpsc::channel::<()>(1);
    let socket = match &server.settings.admin_socket {
        Some(path) => Some(admin::socket::bind(path).map_err(ServeError::AdminSocket)?),
        None => None,
    };
    if let Some(socket) = socket {
        tokio::spawn(admin::socket::answer(socket, Arc::clone(&server), running.clone()));
    }
    tokio::spawn(housekeeping::keep(Arc::clone(&server), running.clone()));
    tokio::spawn(plain::keep(Arc::clone(&server), running.clone()));
    let connections = Connections {
        places: Arc::new(Semaphore::new(server.settings.connections)),
        service: router(Arc::clone(&server)),
        server: Arc::clone(&server),
        running,
    };
    tokio::select! {
        () = stop => {}
        () = connections.accept(&listener) => {}
    }
    tracing::info!("stopping: running requests may finish");
    server.stopping.send_replace(true);
    drop(listener);
    drop(connections);
    if tokio::time::timeout(server.settings.stop_grace, idle.recv()).await.is_err() {
        tracing::warn!("some requests were still running when the time to stop was over");
    }
    Ok(())
}

struct Connections {
    places: Arc<Semaphore>,
    service: axum::Router,
    server: Arc<Server>,
    running: mpsc::Sender<()>,
}

impl Connections {
    async fn accept(&self, listener: &TcpListener) {
        loop {
            let place =
                Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, peer)) => {
                    tokio::spawn(self.answer(stream, peer, place));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn answer(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + use<> {
        let still_running = StillRunning(Arc::new(Running {
            _idle: self.running.clone(),
            _place: place,
            _counted: self.server.metrics.connection_opened(),
        }));
        let running = still_running.clone();
        let mut stopping = self.server.stopping.subscribe();
        let router = TowerToHyperService::new(self.service.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let extensions = request.extensions_mut();
            extensions.insert(PeerAddress(peer.ip()));
            extensions.insert(still_running.clone());
            router.call(request)
        });
        let header_timeout = self.server.settings.header_timeout;
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a socket takes no options");
            }
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(header_timeout)
                .max_headers(HEADERS)
                .max_header_size(HEAD_BYTES)
                .max_buf_size(READ_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            let mut connection = std::pin::pin!(connection);
            let result = tokio::select! {
                result = connection.as_mut() => result,
                () = told_to_stop(&mut stopping) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = result {
                tracing::debug!(%peer, %error, "a connection ended badly");
            }
            drop(running);
        }
    }
}

/// Held by whatever outlives its connection's task (upgraded connections), so that stopping waits for it and its place is
/// taken.
#[derive(Debug, Clone)]
pub(crate) struct StillRunning(#[expect(dead_code, reason = "what counts is that it is held")] Arc<Running>);

#[derive(Debug)]
struct Running {
    _idle: mpsc::Sender<()>,
    _place: OwnedSemaphorePermit,
    _counted: Counted,
}

/// Waits until the server is told to stop.
pub(crate) async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // The sender lives in the server, which outlives every connection; if not, that is a stop too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
