//! Secrets at rest: sealed under a key that does not lie in the database (AES-256-GCM, a random nonce each).
//!
//! *Always:* what is sealed for one purpose or person opens for no other. Who has the database alone has nothing; who loses
//! the key loses what was sealed.

use crate::token::{NoRandomness, random};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::fmt;

/// Says how what follows is sealed.
const FORM: u8 = 1;

/// A server's key for secrets.
pub struct SealKey {
    key: LessSafeKey,
}

/// Without the key.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

impl SealKey {
    /// How long a key is.
    pub const BYTES: usize = 32;

    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8; Self::BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("the length is the algorithm's");
        Self { key: LessSafeKey::new(key) }
    }

    /// A key that nobody will have again.
    ///
    /// # Errors
    /// If the operating system gives no randomness.
    pub fn passing() -> Result<Self, NoRandomness> {
        Ok(Self::new(&random()?))
    }

    /// Seals a secret for a purpose.
    pub(crate) fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = secret.to_vec();
        let tag = self.key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose.as_bytes()),
            &mut sealed,
        );
        let tag = tag.expect("a secret is far shorter than the algorithm's bound");
        Ok([&[FORM][..], &nonce, &sealed, tag.as_ref()].concat())
    }

    /// Opens it again; none if another key or for another purpose it was sealed, or it was changed.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.strip_prefix(&[FORM])?.split_first_chunk::<NONCE_LEN>()?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut rest);
        opened.ok().map(|secret| secret.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_for_its_purpose_unchanged() {
        let key = SealKey::new(&[7; 32]);
        let sealed = key.seal("one", b"secret").unwrap();
        assert_eq!(key.open("one", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_ne!(key.seal("one", b"secret").unwrap(), sealed, "a nonce each");
        assert_eq!(key.open("two", &sealed), None);
        assert_eq!(SealKey::new(&[8; 32]).open("one", &sealed), None);
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            assert_eq!(key.open("one", &other), None, "changed at {at}");
            assert_eq!(key.open("one", &sealed[..at]), None, "cut at {at}");
        }
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }
}
