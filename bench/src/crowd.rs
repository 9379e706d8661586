//! Very many linked clients that do nothing but listen, each as small as it can be.

use anyhow::{Context as _, Result, bail, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

/// How many clients connect or ask at the same moment.
const AT_ONCE: usize = 256;
/// Clients of one source address: a port each.
const OF_AN_ADDRESS: usize = 4_000;

/// A connection, with TLS around it or without.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}
type Stream = Box<dyn Bytes>;

/// Clients of a server that shows this certificate of its own.
pub(crate) fn believing(certificate: &Path) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What each client has heard.
pub(crate) struct Crowd {
    server: SocketAddr,
    tls: Option<TlsConnector>,
    tokens: Vec<String>,
    begun: Instant,
    heard: Vec<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// The newest head.
    head: AtomicU64,
    /// When, in nanoseconds since the crowd began.
    at: AtomicU64,
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr, tls: Option<TlsConnector>, tokens: Vec<String>) -> Arc<Self> {
        let heard = tokens.iter().map(|_| Heard::default()).collect();
        Arc::new(Self { server, tls, tokens, begun: Instant::now(), heard })
    }

    /// Connects everybody; they listen until the runtime ends.
    pub(crate) async fn connect(self: &Arc<Self>) -> Result<()> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut connecting = Vec::new();
        for index in 0..self.tokens.len() {
            let place = Arc::clone(&places).acquire_owned().await?;
            let crowd = Arc::clone(self);
            connecting.push(tokio::spawn(async move {
                let stream = crowd.open(index).await?;
                drop(place);
                // A client that is cut off is noticed by what it does not hear.
                tokio::spawn(async move { crowd.listen(index, stream).await });
                anyhow::Ok(())
            }));
        }
        for client in connecting {
            client.await??;
        }
        Ok(())
    }

    async fn stream(&self, index: usize) -> Result<Stream> {
        let address = Ipv4Addr::new(127, 0, 0, u8::try_from(1 + index / OF_AN_ADDRESS).unwrap_or(u8::MAX));
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((address, 0)))?;
        let stream = socket.connect(self.server).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            Some(tls) => Ok(Box::new(tls.connect(ServerName::try_from("localhost")?, stream).await?)),
            None => Ok(Box::new(stream)),
        }
    }

    async fn open(&self, index: usize) -> Result<Stream> {
        let mut stream = self.stream(index).await?;
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.tokens[index]
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            ensure!(head.len() < 4_096, "the answer has no end");
            head.push(stream.read_u8().await?);
        }
        ensure!(head.starts_with(b"HTTP/1.1 101"), "not upgraded: {}", String::from_utf8_lossy(&head));
        Ok(stream)
    }

    async fn listen(&self, index: usize, mut stream: Stream) -> Result<()> {
        loop {
            let (kind, length) = (stream.read_u8().await?, stream.read_u8().await?);
            ensure!(length < 126, "a long message");
            let mut message = vec![0; usize::from(length)];
            stream.read_exact(&mut message).await?;
            match kind & 0x0f {
                1 => self.note(index, &message)?,
                // A ping: the answer is masked, with zeros.
                9 => {
                    let mut pong = vec![0x8a, 0x80 | length, 0, 0, 0, 0];
                    pong.extend(message);
                    stream.write_all(&pong).await?;
                    stream.flush().await?;
                }
                8 => bail!("the server closed"),
                _ => {}
            }
        }
    }

    fn note(&self, index: usize, message: &[u8]) -> Result<()> {
        let wake: serde_json::Value = serde_json::from_slice(message)?;
        let head = wake["head"].as_u64().context("a wake without a head")?;
        let at = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.heard[index].at.store(at, Ordering::Relaxed);
        self.heard[index].head.store(head, Ordering::Release);
        Ok(())
    }

    /// Waits until everybody has heard of a head; gives after how many milliseconds since `from` each did.
    pub(crate) async fn all_heard(&self, head: u64, from: Instant, within: Duration) -> Result<Vec<f64>> {
        let until = Instant::now() + within;
        loop {
            let missing = self.heard.iter().filter(|heard| heard.head.load(Ordering::Acquire) < head).count();
            if missing == 0 {
                break;
            }
            ensure!(Instant::now() < until, "{missing} clients of {} were not told", self.heard.len());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let from = u64::try_from((from - self.begun).as_nanos()).unwrap_or(u64::MAX);
        let after = |heard: &Heard| heard.at.load(Ordering::Relaxed).saturating_sub(from) as f64 / 1e6;
        Ok(self.heard.iter().map(after).collect())
    }

    /// Has everybody pull the folder's changes; gives how many milliseconds each took.
    pub(crate) async fn pull(self: &Arc<Self>, folder: &str) -> Result<Vec<f64>> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut pulling = Vec::new();
        for index in 0..self.tokens.len() {
            let (crowd, places) = (Arc::clone(self), Arc::clone(&places));
            let path = format!("/api/v1/folders/{folder}/changes");
            pulling.push(tokio::spawn(async move {
                let begun = Instant::now();
                let _place = places.acquire_owned().await?;
                crowd.ask(index, "GET", &path, &[]).await?;
                anyhow::Ok(begun.elapsed().as_secs_f64() * 1e3)
            }));
        }
        let mut took = Vec::new();
        for client in pulling {
            took.push(client.await??);
        }
        Ok(took)
    }

    /// One request of a client; gives the answer's body.
    pub(crate) async fn ask(&self, index: usize, method: &str, path: &str, bundle: &[u8]) -> Result<Vec<u8>> {
        let mut stream = self.stream(index).await?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
             Content-Type: application/vnd.driftless.bundle\r\nContent-Length: {}\r\n\r\n",
            self.tokens[index],
            bundle.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(bundle).await?;
        stream.flush().await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        ensure!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{method} {path}: {}",
            String::from_utf8_lossy(&answer[..answer.len().min(400)])
        );
        let end =
            answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without a body")?;
        Ok(answer.split_off(end + 4))
    }
}
