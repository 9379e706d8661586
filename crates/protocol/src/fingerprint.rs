//! What a certificate is called: the SHA-256 of its bytes, as `openssl x509 -fingerprint -sha256` shows it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The SHA-256 of a certificate in its DER form.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fingerprint is 64 hexadecimal digits, with or without colons: the SHA-256 of the server's certificate"
)]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of a certificate's DER form.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let colon = if place == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Colons may be left out, and case does not matter; the words that programs write before it are skipped.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let text = text.trim();
        let spoken = text.rsplit_once('=').map_or(text, |(_, digits)| digits);
        let spoken = spoken
            .get(..7)
            .filter(|start| start.eq_ignore_ascii_case("sha256:"))
            .map_or(spoken, |_| &spoken[7..]);
        let mut bytes = [0; 32];
        let mut digits = spoken.chars().filter(|sign| *sign != ':');
        for byte in &mut bytes {
            let mut digit = || digits.next().and_then(|sign| sign.to_digit(16)).ok_or(FingerprintError);
            let (high, low) = (digit()?, digit()?);
            *byte = u8::try_from(high * 16 + low).map_err(|_| FingerprintError)?;
        }
        if digits.next().is_some() { Err(FingerprintError) } else { Ok(Self(bytes)) }
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written_and_as_others_write_it() {
        let print = Fingerprint::of(b"abc");
        let text = print.to_string();
        assert!(text.starts_with("BA:78:16:BF:") && text.ends_with(":15:AD"), "{text}");
        let bare = text.replace(':', "");
        let openssl = format!("sha256 Fingerprint={text}\n");
        for form in [&*text, &*bare, &*text.to_lowercase(), &*format!("SHA256:{bare}"), &*openssl] {
            assert_eq!(form.parse(), Ok(print), "{form}");
        }
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        let text = Fingerprint::of(b"abc").to_string();
        for bad in
            ["", "AB", "sha256:", &text[1..], &format!("{text}:00"), &text.replace('B', "G"), "ÄÄÄÄÄÄÄ"]
        {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
