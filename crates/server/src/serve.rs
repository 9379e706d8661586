//! Connections: accepting them, bounding them, and letting them end in peace.
//!
//! With TLS, everybody may come. Without it only this machine and the trusted proxies are answered, wherever the listener
//! stands: what others would send could be read on its way.

use crate::admin;
use crate::caller::PeerAddress;
use crate::connection::Connection;
use crate::housekeeping;
use crate::metrics::Counted;
use crate::plain;
use crate::proxies::TrustedProxies;
use crate::rights;
use crate::router::router;
use crate::server::Server;
use crate::tls;
use crate::tls::handshakes::{Handshakes, refuse_plainly, shake};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::ProblemKind;
use std::io;
use std::net::{IpAddr, SocketAddr};
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
    if let Ok(address) = listener.local_addr() {
        // A server serves once.
        let _ = server.listening.set(address);
    }
    let socket = match &server.settings.admin_socket {
        Some(path) => Some(admin::socket::bind(path).map_err(ServeError::AdminSocket)?),
        None => None,
    };
    if let Some(socket) = socket {
        tokio::spawn(admin::socket::answer(socket, Arc::clone(&server), running.clone()));
    }
    tokio::spawn(housekeeping::keep(Arc::clone(&server), running.clone()));
    tokio::spawn(plain::keep(Arc::clone(&server), running.clone()));
    tokio::spawn(rights::keep(Arc::clone(&server), running.clone()));
    tokio::spawn(tls::keep(Arc::clone(&server), running.clone()));
    let connections = Arc::new(Connections {
        handshakes: Handshakes::new(server.settings.handshakes),
        places: Arc::new(Semaphore::new(server.settings.connections)),
        service: router(Arc::clone(&server)),
        server: Arc::clone(&server),
        running,
    });
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
    handshakes: Arc<Handshakes>,
    places: Arc<Semaphore>,
    service: axum::Router,
    server: Arc<Server>,
    running: mpsc::Sender<()>,
}

impl Connections {
    async fn accept(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let place =
                Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, peer)) => {
                    tokio::spawn(Arc::clone(self).answer(stream, peer, place));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// From the first byte to the last. What opens a connection and what answers on it are in boxes of their own, so that
    /// neither takes memory while the other runs.
    async fn answer(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        let held = StillRunning(Arc::new(Running {
            _idle: self.running.clone(),
            _place: place,
            _counted: self.server.metrics.connection_opened(),
        }));
        let mut stopping = self.server.stopping.subscribe();
        let opened = tokio::select! {
            opened = Box::pin(self.open(stream, peer)) => opened,
            () = told_to_stop(&mut stopping) => None,
        };
        if let Some(connection) = opened {
            Box::pin(self.converse(connection, peer, held, stopping)).await;
        }
    }

    /// Makes a connection of a stream, if this peer may have one.
    async fn open(&self, mut stream: TcpStream, peer: SocketAddr) -> Option<Connection> {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a socket takes no options");
        }
        let settings = &self.server.settings;
        let Some(tls) = &settings.tls else {
            if may_speak_plainly(peer.ip(), &settings.trusted_proxies) {
                return Some(Connection::Plain(stream));
            }
            tracing::debug!(%peer, "refused: plain HTTP from elsewhere");
            let detail = "Plain HTTP is for this machine and its trusted proxies only.";
            refuse_plainly(&mut stream, ProblemKind::Forbidden, detail).await;
            return None;
        };
        match shake(stream, peer.ip(), tls, &self.handshakes, settings.handshake_timeout).await {
            Ok(stream) => Some(Connection::Tls(Box::new(stream))),
            Err(error) => {
                tracing::debug!(%peer, %error, "a TLS handshake failed");
                None
            }
        }
    }

    /// Answers requests until the connection or the server ends.
    async fn converse(
        &self,
        connection: Connection,
        peer: SocketAddr,
        still_running: StillRunning,
        mut stopping: watch::Receiver<bool>,
    ) {
        let router = TowerToHyperService::new(self.service.clone());
        let server = Arc::clone(&self.server);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let trusted = &server.settings.trusted_proxies;
            server.proxies_seen.note(trusted, peer.ip(), request.uri().path(), request.headers());
            let client = trusted.client(peer.ip(), request.headers());
            let extensions = request.extensions_mut();
            extensions.insert(PeerAddress(client));
            extensions.insert(still_running.clone());
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.server.settings.header_timeout)
            .max_headers(HEADERS)
            .max_header_size(HEAD_BYTES)
            .max_buf_size(READ_BYTES)
            .serve_connection(TokioIo::new(connection), service)
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
    }
}

/// Whether what this peer sends without TLS stays on this machine, or comes from a proxy that an administrator trusts.
fn may_speak_plainly(peer: IpAddr, proxies: &TrustedProxies) -> bool {
    peer.to_canonical().is_loopback() || proxies.contains(peer)
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

#[cfg(test)]
mod tests {
    use super::*;
    use model::Network;

    #[test]
    fn plain_http_is_for_this_machine_and_trusted_proxies() {
        let proxies = ["192.0.2.0/24"].iter().map(|text| text.parse::<Network>().unwrap()).collect();
        let may = |address: &str| may_speak_plainly(address.parse().unwrap(), &proxies);
        for good in ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "192.0.2.9", "::ffff:192.0.2.9"] {
            assert!(may(good), "{good}");
        }
        for bad in ["198.51.100.1", "10.0.0.1", "::2", "fe80::1", "0.0.0.0"] {
            assert!(!may(bad), "{bad}");
        }
    }
}
