//! The certificate that is shown, and its files.
//!
//! Files are replaced by other programs while the server runs, one after the other, so there are moments when they do
//! not fit together: then the old certificate stays, and the next change of a file is the next try.

use super::{TlsError, Validity, validity};
use protocol::Fingerprint;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The most bytes of a file with certificates or a key.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A certificate, its key, and where they come from.
#[derive(Debug)]
pub(super) struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    pub(super) self_signed: bool,
    shown: RwLock<Shown>,
    /// The files as they were when they were last read, whether that went well or not.
    seen: Mutex<Stamp>,
}

#[derive(Debug, Clone)]
struct Shown {
    certified: Arc<CertifiedKey>,
    fingerprint: Fingerprint,
}

/// What changes when a file does: of both files device, inode, size and times.
type Stamp = [Option<(u64, u64, u64, i64, i64, i64)>; 2];

impl Certificates {
    pub(super) fn open(
        certificate: PathBuf,
        key: PathBuf,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let seen = Mutex::new(stamp(&certificate, &key));
        let shown = RwLock::new(read(&certificate, &key, &provider)?);
        Ok(Self { certificate, key, provider, self_signed: false, shown, seen })
    }

    /// The server's own, with its key in the same file.
    pub(super) fn own(path: PathBuf, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        Ok(Self { self_signed: true, ..Self::open(path.clone(), path, provider)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.certificate
    }

    pub(super) fn key_path(&self) -> &Path {
        &self.key
    }

    pub(super) fn validity(&self) -> Option<Validity> {
        self.shown().certified.end_entity_cert().ok().and_then(|certificate| validity::read(certificate))
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.shown().fingerprint
    }

    fn shown(&self) -> Shown {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn reload(&self) {
        if self.self_signed {
            // Clients remember it: it is made anew at a start only.
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at before it is read: what changes while it is read has another stamp next time.
        let now = stamp(&self.certificate, &self.key);
        if *seen == now {
            return;
        }
        *seen = now;
        match read(&self.certificate, &self.key, &self.provider) {
            Ok(fresh) => {
                let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
                if shown.fingerprint != fresh.fingerprint {
                    tracing::info!(fingerprint = %fresh.fingerprint, "the server shows another certificate from now on");
                }
                *shown = fresh;
            }
            Err(error) => {
                tracing::warn!(%error, "the changed certificate is not taken; the old one stays");
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown().certified)
    }
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    let of = |path: &Path| {
        let found: Metadata = path.metadata().ok()?;
        let times = (found.mtime(), found.mtime_nsec(), found.ctime_nsec());
        Some((found.dev(), found.ino(), found.size(), times.0, times.1, times.2))
    };
    [of(certificate), of(key)]
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Shown, TlsError> {
    let missing = |path: &Path, what| TlsError::Missing { path: path.to_owned(), what };
    let bytes = read_bounded(certificate)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| missing(certificate, "certificate"))?;
    let bytes = read_bounded(key)?;
    let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| missing(key, "private key"))?;
    warn_if_public(key);
    let fingerprint = Fingerprint::of(&chain[0]);
    let certified = CertifiedKey::from_der(chain, private, provider)
        .map_err(|source| TlsError::Unusable { path: certificate.to_owned(), source })?;
    Ok(Shown { certified: Arc::new(certified), fingerprint })
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large"));
        }
        Ok(bytes)
    };
    read().map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn warn_if_public(key: &Path) {
    if key.metadata().is_ok_and(|found| found.mode() & 0o007 != 0) {
        tracing::warn!(key = %key.display(), "every login of this machine may read the server's private key");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Tls;
    use std::fs;

    fn write_new(directory: &Path, certificate: bool, key: bool) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        if certificate {
            fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
        }
        if key {
            fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        }
    }

    #[test]
    fn a_certificate_without_its_key_is_not_taken_and_the_old_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        write_new(directory.path(), true, true);
        let tls = Tls::files(&certificate, &key).unwrap();
        let first = tls.fingerprint();
        write_new(directory.path(), true, false);
        tls.reload();
        assert_eq!(tls.fingerprint(), first);
        assert!(matches!(Tls::files(&certificate, &key), Err(TlsError::Unusable { .. })));
        fs::remove_file(&key).unwrap();
        tls.reload();
        assert_eq!(tls.fingerprint(), first);
        write_new(directory.path(), true, true);
        tls.reload();
        assert_ne!(tls.fingerprint(), first);
    }

    #[test]
    fn files_that_hold_something_else_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        write_new(directory.path(), true, true);
        assert!(matches!(Tls::files(&key, &key), Err(TlsError::Missing { what: "certificate", .. })));
        assert!(matches!(
            Tls::files(&certificate, &certificate),
            Err(TlsError::Missing { what: "private key", .. })
        ));
        fs::write(&certificate, vec![b'-'; 2 << 20]).unwrap();
        assert!(matches!(Tls::files(&certificate, &key), Err(TlsError::Read { .. })));
        fs::write(&certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(Tls::files(&certificate, &key), Err(TlsError::Unusable { .. })));
    }
}
