//! TLS: which certificate the server shows, and how strangers shake hands with it.
//!
//! Invariants:
//! - TLS 1.3 only, HTTP/1.1 only, and no resumption: every connection proves the certificate of now;
//! - a certificate is changed whole ([`certificates`]); connections that stand go on;
//! - handshakes are bounded in time, in all and for each network ([`handshakes`]), so that whoever begins many of them
//!   keeps nobody else out;
//! - a key never leaves its file and this process, and is never logged.
//!
//! A server without TLS answers this machine and its trusted proxies only; that rule is in [`crate::serve()`].

mod certificates;
pub(crate) mod handshakes;
mod self_signed;
mod validity;

pub use validity::Validity;

use crate::serve::told_to_stop;
use crate::server::Server;
use certificates::Certificates;
use protocol::Fingerprint;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The bytes of plain text that a connection holds back at most while its peer does not read.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no certificate or no key.
    #[error("{} holds no {what} in PEM form", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// Certificate and key cannot be used.
    #[error("the certificate in {} cannot be used: {source}", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    NotMade(#[from] rcgen::Error),
    /// A made certificate could not be kept.
    #[error("a certificate could not be kept in {}: {source}", path.display())]
    NotKept {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cryptography does not know TLS 1.3.
    #[error("TLS cannot be set up: {0}")]
    Provider(rustls::Error),
}

/// What the server shows to whoever connects.
pub struct Tls {
    certificates: Arc<Certificates>,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl Tls {
    /// A certificate of the server's own, kept in a directory: made if there is none, and then shown for good, because
    /// clients remember it. Blocks.
    ///
    /// # Errors
    /// If it cannot be made, kept or read.
    pub fn self_signed(directory: &Path) -> Result<Arc<Self>, TlsError> {
        let provider = provider();
        let path = self_signed::keep(directory)?;
        Self::new(Certificates::own(path, Arc::clone(&provider))?, provider)
    }

    /// Certificate (with its chain) and key in PEM files, read again whenever they change. Blocks.
    ///
    /// # Errors
    /// If they cannot be read, or do not belong together.
    pub fn files(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let provider = provider();
        let certificates = Certificates::open(certificate.into(), key.into(), Arc::clone(&provider))?;
        Self::new(certificates, provider)
    }

    /// The fingerprint of a directory's own certificate, if it has been made.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn self_signed_fingerprint(directory: &Path) -> Result<Option<Fingerprint>, TlsError> {
        let path = self_signed::path(directory);
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(Certificates::own(path, provider())?.fingerprint()))
    }

    fn new(certificates: Certificates, provider: Arc<CryptoProvider>) -> Result<Arc<Self>, TlsError> {
        let certificates = Arc::new(certificates);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::Provider)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificates) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(Arc::new(Self { certificates, config: Arc::new(config) }))
    }

    /// The fingerprint of the certificate that is shown now.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificates.fingerprint()
    }

    /// From when until when the certificate says that it holds; none if it cannot be told.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        self.certificates.validity()
    }

    /// Whether the certificate is the server's own, so that clients must pin it.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.certificates.self_signed
    }

    /// Reads the certificate's files again if they have changed; with what cannot be used, the old one stays. Blocks.
    pub fn reload(&self) {
        self.certificates.reload();
    }

    /// The certificate's file.
    #[must_use]
    pub fn certificate_path(&self) -> &Path {
        self.certificates.path()
    }

    /// The file of its key.
    #[must_use]
    pub fn key_path(&self) -> &Path {
        self.certificates.key_path()
    }

    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        tokio_rustls::TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// The one set of algorithms that is used: AWS-LC's, with the hybrid key exchange that later machines cannot undo.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Looks at the certificate's files now and then, until the server stops.
pub(crate) async fn keep(server: Arc<Server>, running: mpsc::Sender<()>) {
    let mut stopping = server.stopping.subscribe();
    while let Some(tls) = server.settings.tls.clone() {
        tokio::select! {
            () = told_to_stop(&mut stopping) => break,
            () = tokio::time::sleep(server.settings.certificate_period) => {
                // A panic there is logged by the runtime; the certificate of before stays.
                let _ = tokio::task::spawn_blocking(move || tls.reload()).await;
            }
        }
    }
    drop(running);
}

/// Bounds what a connection buffers.
pub(crate) fn bound(connection: &mut rustls::ServerConnection) {
    connection.set_buffer_limit(Some(SEND_BUFFER_BYTES));
}
