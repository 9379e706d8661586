//! Certificates for tests, good and bad ones.

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An authority that nobody knows unless told.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// A new one. Those of one test need different names: an authority is looked up by it.
    pub fn new(name: &str) -> Result<Self> {
        let mut wanted = CertificateParams::default();
        wanted.distinguished_name.push(DnType::CommonName, name);
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(wanted, KeyPair::generate()?)? })
    }

    /// Its own certificate, in PEM form.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a name.
    pub fn vouch_for(&self, name: &str) -> Result<Certificate> {
        self.vouch_until(name, 2100)
    }

    /// One for a name that has had its time by the end of a year.
    pub fn vouch_until(&self, name: &str, year: i32) -> Result<Certificate> {
        let mut wanted = CertificateParams::new([name.to_owned()])?;
        wanted.not_after = date_time_ymd(year, 12, 31);
        self.vouch(wanted)
    }

    /// One for a name that ends in so many days.
    pub fn vouch_for_days(&self, name: &str, days: u64) -> Result<Certificate> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut wanted = CertificateParams::new([name.to_owned()])?;
        wanted.not_after = date_time_ymd(1970, 1, 1) + since + Duration::from_secs(days * 86_400);
        self.vouch(wanted)
    }

    fn vouch(&self, mut wanted: CertificateParams) -> Result<Certificate> {
        wanted.not_before = date_time_ymd(2000, 1, 1);
        let key = KeyPair::generate()?;
        let made = wanted.signed_by(&key, &self.issuer)?;
        Ok(Certificate { pem: made.pem(), der: made.der().clone(), key })
    }
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    pem: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Certificate {
    /// One for `localhost` that nobody vouches for.
    pub fn self_signed() -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        Ok(Self { pem: made.cert.pem(), der: made.cert.der().clone(), key: made.signing_key })
    }

    /// Its DER form.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Writes certificate and key into a directory, in place of those that are there.
    pub fn write(&self, directory: &Path) -> Result<(PathBuf, PathBuf)> {
        let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        for (path, text) in [(&certificate, self.pem.clone()), (&key, self.key.serialize_pem())] {
            let fresh = path.with_extension("new");
            std::fs::write(&fresh, text)?;
            std::fs::rename(fresh, path)?;
        }
        Ok((certificate, key))
    }

    /// What a server needs to show it.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).ok().context("a made key is one")?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)?;
        Ok(Arc::new(config))
    }
}
