//! Which server is believed to be the right one.
//!
//! Invariants: a server that is not believed never sees a request, and so no token and no password — TLS ends before
//! anything of HTTP begins; there is no way to believe just anybody; every connection is checked, since none is resumed.

use protocol::Fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use std::fmt;
use std::sync::Arc;

/// Why a server behind `https://` is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// An authority that this machine knows vouches for its name.
    Authorities,
    /// It shows exactly this certificate; names, dates and authorities do not matter.
    Pinned(Fingerprint),
}

/// Why a server is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It shows another certificate than the one that was pinned.
    #[error(
        "the server's identity has changed: it shows the certificate {shown}, and {pinned} is the one that is pinned. Nothing \
         was sent. Somebody may be in between; if its administrator made a new one: driftless trust"
    )]
    Changed {
        /// What was expected.
        pinned: Fingerprint,
        /// What came.
        shown: Fingerprint,
    },
    /// No authority that this machine knows has signed its certificate, which may be its own.
    #[error("nobody whom this machine knows vouches for the server; its certificate is {shown}")]
    Unknown {
        /// What it shows.
        shown: Fingerprint,
    },
    /// Its certificate is out of date, for another name, or no good at all.
    #[error("the server's certificate {shown} is not believed: {reason}")]
    Invalid {
        /// What it shows.
        shown: Fingerprint,
        /// What is wrong with it.
        reason: String,
    },
}

impl Distrust {
    /// Finds one among the reasons of an error.
    pub(crate) fn among<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        if let Some(found) = error.downcast_ref::<Self>() {
            return Some(found);
        }
        // These two keep their reasons where `source` does not show them.
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && let Some(inner) = io.get_ref()
        {
            return Self::among(inner);
        }
        if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) =
            error.downcast_ref::<rustls::Error>()
        {
            return Self::among(inner.as_ref());
        }
        Self::among(error.source()?)
    }

    fn into_error(self) -> rustls::Error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(self))))
    }
}

/// How connections are made to a server that is to be believed so.
pub(crate) fn configuration(trust: Trust) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let authorities = match trust {
        Trust::Pinned(_) => None,
        Trust::Authorities => authorities(&provider),
    };
    let judge = Judge { trust, authorities, provider: Arc::clone(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Those whom this machine knows; none if it knows nobody. `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
fn authorities(provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "some of this machine's authorities cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (taken, _unusable) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        tracing::warn!("this machine knows no certificate authorities (Debian: package ca-certificates)");
        return None;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok()
}

/// Decides about each certificate that is shown.
struct Judge {
    trust: Trust,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        if let Trust::Pinned(pinned) = self.trust {
            if shown == pinned {
                return Ok(ServerCertVerified::assertion());
            }
            return Err(Distrust::Changed { pinned, shown }.into_error());
        }
        let Some(authorities) = &self.authorities else {
            return Err(Distrust::Unknown { shown }.into_error());
        };
        authorities
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| distrust(shown, &error).into_error())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3 is spoken".to_owned()))
    }

    /// That the server holds the certificate's key: also of a pinned certificate, which everybody can copy.
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

fn distrust(shown: Fingerprint, error: &rustls::Error) -> Distrust {
    let invalid = |reason: String| Distrust::Invalid { shown, reason };
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Distrust::Unknown { shown },
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => invalid("it has expired (or this machine's clock is wrong)".to_owned()),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => invalid("it is not valid yet (or this machine's clock is wrong)".to_owned()),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => invalid("it is for another name than this address has".to_owned()),
        rustls::Error::InvalidCertificate(CertificateError::BadSignature) => {
            invalid("it is not signed by the authority that it names".to_owned())
        }
        other => invalid(other.to_string()),
    }
}
