//! Handshakes: what happens between an accepted connection and its first request.
//!
//! They cost memory and computing before anybody has said who they are. So each has to end in time, only so many run at
//! a time, and a quarter of them at most for one network.

use super::Tls;
use protocol::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;

/// The first byte of a TLS connection: a record that holds a handshake.
const HANDSHAKE: u8 = 0x16;
/// How long a refused peer may take to read why.
const FAREWELL: Duration = Duration::from_secs(2);
/// What is read of what a refused peer sends, so that the answer is not lost with the connection.
const FAREWELL_BYTES: u64 = 256 << 10;

/// Bounds how many handshakes run.
#[derive(Debug)]
pub(crate) struct Handshakes {
    places: Arc<Semaphore>,
    of_one_network: usize,
    running: Mutex<HashMap<IpAddr, usize>>,
}

/// The right to shake hands, given back when dropped.
#[derive(Debug)]
struct Turn {
    handshakes: Arc<Handshakes>,
    network: IpAddr,
    _place: OwnedSemaphorePermit,
}

impl Handshakes {
    pub(crate) fn new(at_once: usize) -> Arc<Self> {
        let at_once = at_once.max(1);
        Arc::new(Self {
            places: Arc::new(Semaphore::new(at_once)),
            of_one_network: at_once.div_ceil(4),
            running: Mutex::default(),
        })
    }

    fn running(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Counts are changed in one step each.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn, waited for; none if this network has its share already.
    async fn turn(self: &Arc<Self>, peer: IpAddr) -> Option<Turn> {
        let network = network(peer);
        let has_its_share = |count: Option<&usize>| count.is_some_and(|count| *count >= self.of_one_network);
        if has_its_share(self.running().get(&network)) {
            return None;
        }
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let mut running = self.running();
        if has_its_share(running.get(&network)) {
            return None;
        }
        *running.entry(network).or_default() += 1;
        Some(Turn { handshakes: Arc::clone(self), network, _place: place })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self.handshakes.running();
        if let Some(count) = running.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.network);
            }
        }
    }
}

/// What one customer of an access provider has: an address of IPv4, a /64 of IPv6.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// Why a connection did not come to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHandshake {
    #[error("too many handshakes from there at once")]
    TooMany,
    #[error("it took too long")]
    Late,
    #[error("it speaks no TLS")]
    NoTls,
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// Shakes hands, or tells somebody who speaks plain HTTP that this is the wrong door.
pub(crate) async fn shake(
    mut stream: TcpStream,
    peer: IpAddr,
    tls: &Tls,
    handshakes: &Arc<Handshakes>,
    within: Duration,
) -> Result<TlsStream<TcpStream>, NoHandshake> {
    let late = tokio::time::Instant::now() + within;
    let turn = tokio::time::timeout_at(late, handshakes.turn(peer)).await.map_err(|_| NoHandshake::Late)?;
    let turn = turn.ok_or(NoHandshake::TooMany)?;
    let mut first = [0];
    let peeked = tokio::time::timeout_at(late, stream.peek(&mut first)).await;
    match peeked.map_err(|_| NoHandshake::Late)?? {
        0 => return Err(NoHandshake::Broken(io::ErrorKind::UnexpectedEof.into())),
        _ if first[0] == HANDSHAKE => {}
        _ => {
            drop(turn);
            if first[0].is_ascii_uppercase() {
                let detail = "This port speaks TLS: use an address that begins with https://.";
                refuse_plainly(&mut stream, ProblemKind::BadRequest, detail).await;
            }
            return Err(NoHandshake::NoTls);
        }
    }
    let accepting = tls.acceptor().accept_with(stream, super::bound);
    let accepted = tokio::time::timeout_at(late, accepting).await.map_err(|_| NoHandshake::Late)??;
    drop(turn);
    Ok(accepted)
}

/// Answers a plain HTTP request with a problem, whatever it was, and lets the peer read it.
pub(crate) async fn refuse_plainly(stream: &mut TcpStream, kind: ProblemKind, detail: &str) {
    let problem = Problem::new(kind).detail(detail);
    let status = problem.status;
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: {PROBLEM_MEDIA_TYPE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        problem.title,
        body.len()
    );
    let farewell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // A connection that is closed with unread bytes is reset, and the answer may be lost with it.
        tokio::io::copy(&mut stream.take(FAREWELL_BYTES), &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_network_gets_a_quarter_and_gives_it_back() {
        let handshakes = Handshakes::new(8);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = handshakes.turn(address("2001:db8::1")).await.unwrap();
        let _second = handshakes.turn(address("2001:db8::ffff:2")).await.unwrap();
        assert!(handshakes.turn(address("2001:db8::3")).await.is_none());
        assert!(handshakes.turn(address("2001:db8:0:1::1")).await.is_some());
        assert!(handshakes.turn(address("192.0.2.1")).await.is_some());
        drop(first);
        assert!(handshakes.turn(address("2001:db8::3")).await.is_some());
    }

    #[tokio::test]
    async fn nothing_is_remembered_of_networks_that_are_done() {
        let handshakes = Handshakes::new(4);
        for last in 0..200 {
            drop(handshakes.turn(IpAddr::from([192, 0, 2, last])).await.unwrap());
        }
        assert!(handshakes.running().is_empty());
    }
}
