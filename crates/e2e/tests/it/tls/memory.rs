//! What a device that merely listens costs the server.

use super::{SELF_SIGNED, pinned};
use anyhow::{Context as _, Result, ensure};
use e2e::World;
use e2e::process::remark;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

const LISTENERS: u64 = 1_000;

/// `performance.md`: a tenth of what default buffers cost.
const TLS_BYTES_MAX: u64 = 20 << 10;

/// This test measures memory; it believes everybody.
#[derive(Debug)]
struct Anybody(rustls::crypto::CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn believing_anybody() -> Result<Arc<ClientConfig>> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Asks for a WebSocket by hand, and gives the connection once it is one.
fn listen<S: Read + Write>(mut stream: S, token: &str) -> Result<S> {
    write!(
        stream,
        "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    stream.flush()?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

fn resident(world: &mut World) -> Result<u64> {
    let id = world.server().process().context("the server runs")?.id();
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes << 10)
}

/// Bytes of the server's memory for each of many that `connect` makes, after a few that warm it up.
fn each<S>(world: &mut World, connect: impl Fn() -> Result<S>) -> Result<u64> {
    let _warm: Vec<S> = (0..50).map(|_| connect()).collect::<Result<_>>()?;
    let before = resident(world)?;
    let _held: Vec<S> = (0..LISTENERS).map(|_| connect()).collect::<Result<_>>()?;
    Ok(resident(world)?.saturating_sub(before) / LISTENERS)
}

fn stream(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[test]
fn an_idle_device_over_tls_costs_the_server_less_than_20_kilobytes() -> Result<()> {
    let mut world = World::create_with(&SELF_SIGNED)?;
    let address = world.server().address();
    let token = pinned(&mut world, "laptop", address)?.token()?;
    let config = believing_anybody()?;
    let over_tls = each(&mut world, || {
        let session = ClientConnection::new(Arc::clone(&config), "localhost".try_into()?)?;
        listen(StreamOwned::new(session, stream(address)?), &token)
    })?;
    let mut plain = World::create()?;
    let address = plain.server().address();
    let token = plain.device("laptop")?.token()?;
    let without = each(&mut plain, || listen(stream(address)?, &token))?;
    remark(&format!("an idle listener costs {over_tls} bytes over TLS, {without} without"));
    ensure!(over_tls <= TLS_BYTES_MAX, "{over_tls} bytes for each idle listener over TLS");
    Ok(())
}
