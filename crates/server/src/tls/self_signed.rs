//! A certificate of the server's own: made once, and then shown for as long as its file is there.
//!
//! Clients pin its fingerprint, so neither its names nor its end matter to them; it is made anew only by who deletes the
//! file, and every client then has to be linked again.

use super::TlsError;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where the certificate lies: with its key in one file, so that one never is without the other.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join("self-signed.pem")
}

/// Where the certificate is; it is made first if there is none.
pub(super) fn keep(directory: &Path) -> Result<PathBuf, TlsError> {
    let path = path(directory);
    if path.exists() {
        return Ok(path);
    }
    let text = make()?;
    write(directory, &path, &text).map_err(|source| TlsError::NotKept { path: path.clone(), source })?;
    tracing::info!(path = %path.display(), "made a certificate for this server");
    Ok(path)
}

fn make() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut wanted = CertificateParams::new(["localhost".to_owned()])?;
    wanted.distinguished_name.push(DnType::CommonName, "Driftless server");
    wanted.not_before = date_time_ymd(2020, 1, 1);
    wanted.not_after = date_time_ymd(9999, 12, 31);
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = wanted.self_signed(&key)?;
    Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
}

/// Whole or not at all, and readable by its owner only from the first moment.
fn write(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Tls;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_made_once_and_is_its_owners_alone() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("tls");
        assert_eq!(Tls::self_signed_fingerprint(&directory).unwrap(), None);
        let first = Tls::self_signed(&directory).unwrap().fingerprint();
        assert_eq!(Tls::self_signed(&directory).unwrap().fingerprint(), first);
        assert_eq!(Tls::self_signed_fingerprint(&directory).unwrap(), Some(first));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&path(&directory))), (0o700, 0o600));
        fs::remove_file(path(&directory)).unwrap();
        assert_ne!(Tls::self_signed(&directory).unwrap().fingerprint(), first);
    }

    #[test]
    fn a_damaged_one_is_told_and_never_replaced() {
        let place = tempfile::tempdir().unwrap();
        Tls::self_signed(place.path()).unwrap();
        fs::write(path(place.path()), "damaged").unwrap();
        assert!(matches!(Tls::self_signed(place.path()), Err(TlsError::Missing { .. })));
        assert_eq!(fs::read(path(place.path())).unwrap(), b"damaged");
    }
}
