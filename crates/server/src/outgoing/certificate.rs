//! Looks at the certificate on the way from the server to itself. It lets every one pass, because nothing secret goes that way,
//! and remembers what browsers and devices would think of it.

use protocol::Fingerprint;
use protocol::v1::CertificateState;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsConnector;

/// What was seen of a certificate.
pub(super) struct Witness {
    own: Option<Fingerprint>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    verdict: Mutex<CertificateState>,
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("verdict", &self.verdict).finish_non_exhaustive()
    }
}

impl Witness {
    /// Knows the server's own certificate and this machine's authorities. Blocks.
    pub(super) fn new(own: Option<Fingerprint>) -> Self {
        let provider = crate::tls::provider();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let authorities =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().ok();
        Self { own, authorities, provider, verdict: Mutex::new(CertificateState::Untrusted) }
    }

    /// What connects with it watching.
    pub(super) fn connector(self) -> Result<(TlsConnector, Arc<Self>), rustls::Error> {
        let witness = Arc::new(self);
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&witness.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&witness) as _)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::disabled();
        Ok((TlsConnector::from(Arc::new(config)), witness))
    }

    pub(super) fn verdict(&self) -> CertificateState {
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let vouched = self.authorities.as_ref().is_some_and(|authorities| {
            authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).is_ok()
        });
        let verdict = if vouched {
            CertificateState::Trusted
        } else if self.own == Some(Fingerprint::of(end_entity)) {
            CertificateState::Own
        } else {
            CertificateState::Untrusted
        };
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = verdict;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3 is spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
