//! TLS at the door: what is shown to whom, and what misbehaving peers are told.

use crate::world::{Answer, PASSWORD, World};
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use protocol::{Fingerprint, Problem, ProblemKind};
use rcgen::CertifiedKey;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use server::{Settings, Tls, TrustedProxies};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

struct Files {
    place: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { place: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join(name)
    }

    /// Writes a new certificate, and gives it.
    fn renew(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        write(&self.path("cert.pem"), &cert.pem());
        write(&self.path("key.pem"), &signing_key.serialize_pem());
        cert.der().clone()
    }

    fn tls(&self) -> Arc<Tls> {
        Tls::files(&self.path("cert.pem"), &self.path("key.pem")).unwrap()
    }
}

fn write(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text).unwrap();
    std::fs::rename(fresh, path).unwrap();
}

async fn world(tls: &Arc<Tls>, choose: impl FnOnce(&mut Settings)) -> World {
    World::start_with(|settings| {
        settings.tls = Some(Arc::clone(tls));
        choose(settings);
    })
    .await
}

/// Somebody who believes this certificate alone.
async fn connect(
    address: SocketAddr,
    believed: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(believed.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

type Sender = http1::SendRequest<Full<bytes::Bytes>>;

async fn talk(stream: TlsStream<TcpStream>) -> Sender {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn get(sender: &mut Sender, path: &str) -> Answer {
    sender.ready().await.unwrap();
    let request = Request::get(path).header(header::HOST, "localhost").body(Full::default()).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: head.status, headers: head.headers, body }
}

#[tokio::test]
async fn requests_are_answered_over_tls_1_3_and_nothing_is_resumed() {
    let files = Files::new();
    let certificate = files.renew();
    let tls = files.tls();
    let world = world(&tls, |_| {}).await;
    let stream = connect(world.address, &certificate).await.unwrap();
    let session = stream.get_ref().1;
    assert_eq!(session.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let group = session.negotiated_key_exchange_group().map(|group| group.name());
    assert_eq!(group, Some(rustls::NamedGroup::X25519MLKEM768));
    let shown = Fingerprint::of(&session.peer_certificates().unwrap()[0]);
    assert_eq!((shown, tls.fingerprint()), (Fingerprint::of(&certificate), shown));
    let mut sender = talk(stream).await;
    assert_eq!(get(&mut sender, "/healthz").await.status, 200);
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_cuts_nobody_off() {
    let files = Files::new();
    let first = files.renew();
    let world = world(&files.tls(), |settings| settings.certificate_period = Duration::from_millis(20)).await;
    let mut before = talk(connect(world.address, &first).await.unwrap()).await;
    assert_eq!(get(&mut before, "/healthz").await.status, 200);
    let second = files.renew();
    let mut after = loop {
        if let Ok(stream) = connect(world.address, &second).await {
            break talk(stream).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(get(&mut after, "/healthz").await.status, 200);
    assert_eq!(get(&mut before, "/healthz").await.status, 200);
    assert!(connect(world.address, &first).await.is_err());
}

#[tokio::test]
async fn plain_http_at_the_tls_port_is_told_so() {
    let files = Files::new();
    let certificate = files.renew();
    let world = world(&files.tls(), |_| {}).await;
    // Also with a body that is longer than anybody reads.
    for length in [0, 200_000] {
        let answer = ask_plainly(world.address, length).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.to_lowercase().contains("content-type: application/problem+json"), "{head}");
        let problem: Problem = serde_json::from_str(body).unwrap();
        assert_eq!(problem.kind(), Some(ProblemKind::BadRequest));
        assert!(problem.detail.unwrap().contains("https://"));
    }
    assert!(connect(world.address, &certificate).await.is_ok());
}

/// It is the port that answers, not an endpoint: past the helper that holds answers against the API document.
async fn ask_plainly(address: SocketAddr, length: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /api/v1/devices HTTP/1.1\r\nhost: here\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // Who is refused may be cut off while still sending.
    let _ = stream.write_all(&vec![b'x'; length]).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn ends_within(mut stream: TcpStream, seconds: u64) {
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    // A reset is an end, too.
    let _ = tokio::time::timeout(Duration::from_secs(seconds), end).await.expect("it is still open");
}

#[tokio::test]
async fn handshakes_that_stop_or_are_none_are_ended() {
    let files = Files::new();
    let certificate = files.renew();
    let world = world(&files.tls(), |settings| settings.handshake_timeout = Duration::from_millis(300)).await;
    let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    for begun in
        [&b""[..], &hello[..1], &hello, b"\x16\x03\x01\xff\xff garbage", b"\x00\x00", b"\x80\x2e\x01"]
    {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        ends_within(stream, 20).await;
    }
    assert!(connect(world.address, &certificate).await.is_ok());
}

#[tokio::test]
async fn one_peers_handshakes_do_not_hold_the_server() {
    let files = Files::new();
    let certificate = files.renew();
    let world = world(&files.tls(), |settings| {
        settings.handshakes = 8;
        settings.handshake_timeout = Duration::from_secs(2);
    })
    .await;
    // Each holds its turn for as long as it may; what is over the share of its network is ended at once.
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(TcpStream::connect(world.address).await.unwrap());
    }
    let late = tokio::time::Instant::now() + Duration::from_secs(30);
    while connect(world.address, &certificate).await.is_err() {
        assert!(tokio::time::Instant::now() < late, "nobody else gets in");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for stream in held {
        ends_within(stream, 20).await;
    }
}

#[tokio::test]
async fn a_client_of_another_protocol_or_an_older_tls_is_refused() {
    let files = Files::new();
    let certificate = files.renew();
    let world = world(&files.tls(), |_| {}).await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(world.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    assert!(TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_err());
    // A hello of TLS 1.2, without the extension that names 1.3.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2f, 1, 0]);
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer.first(), Some(&0x15), "an alert: {answer:?}");
}

/// Where the server says that a failed sign-in came from.
async fn audited(world: &World, headers: &[(&str, &str)]) -> String {
    let mut request = Request::post("/api/v1/devices").header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = serde_json::json!({
        "user": "nobody", "password": PASSWORD, "device": "x", "platform": "linux"
    });
    let request = request.header(header::HOST, "localhost").body(Full::from(body.to_string())).unwrap();
    world.nobody().send(request).await.assert_problem(ProblemKind::SignInFailed);
    let entries = metadata::read(&*world.database, |snapshot| snapshot.audit(0, 1_000)).unwrap();
    entries.last().unwrap().address.clone()
}

#[tokio::test]
async fn a_trusted_proxy_says_for_whom_it_asks_and_nobody_else_does() {
    let said = [("x-forwarded-for", "6.6.6.6, 198.51.100.7")];
    let stranger = World::start().await;
    assert_eq!(audited(&stranger, &said).await, "127.0.0.1");
    let trusted: TrustedProxies = ["127.0.0.1"].iter().map(|text| text.parse().unwrap()).collect();
    let world = World::start_with(|settings| settings.trusted_proxies = trusted).await;
    assert_eq!(audited(&world, &said).await, "198.51.100.7");
    assert_eq!(audited(&world, &[]).await, "127.0.0.1");
}
