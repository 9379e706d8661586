//! The two codes of a link: a short one that a person reads and types, and a secret one that the device asks with.

use crate::token::NoRandomness;
use crate::{digest, token};
use std::fmt;

/// Consonants that are not taken for one another, and that make no words (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 20⁸ codes are 34.5 bits: with guesses slowed down, enough for ten minutes.
const LENGTH: usize = 8;
const PREFIX: &str = "drl_code_";

/// What a person reads on one device and types elsewhere: `WDJB-MJHT`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        let mut letters = [0; LENGTH];
        let mut found = 0;
        while found < LENGTH {
            for byte in token::random::<16>()? {
                // What is over the greatest multiple of 20 would make some letters likelier than others.
                if byte < 240 && found < LENGTH {
                    letters[found] = LETTERS[usize::from(byte) % LETTERS.len()];
                    found += 1;
                }
            }
        }
        Ok(Self(letters))
    }

    /// Reads what somebody typed: capitals or not, with or without the dash.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut letters = [0; LENGTH];
        let mut found = 0;
        for letter in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            let letter = letter.to_ascii_uppercase();
            if found == LENGTH || !LETTERS.contains(&letter) {
                return None;
            }
            letters[found] = letter;
            found += 1;
        }
        (found == LENGTH).then_some(Self(letters))
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, letter) in self.0.iter().enumerate() {
            let dash = if index == LENGTH / 2 { "-" } else { "" };
            write!(f, "{dash}{}", char::from(*letter))?;
        }
        Ok(())
    }
}

/// As it is read.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the device asks with until somebody decided: 256 random bits, known to nobody else.
pub struct DeviceCode {
    secret: [u8; 32],
}

/// Without the secret.
impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCode")
    }
}

impl DeviceCode {
    pub(super) fn generate() -> Result<Self, NoRandomness> {
        Ok(Self { secret: token::random()? })
    }

    /// Reads its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { secret: token::read_secret(PREFIX, text, digest::device_code_check)? })
    }

    /// The text that the device shows.
    #[must_use]
    pub fn text(&self) -> String {
        token::write_secret(PREFIX, &self.secret, digest::device_code_check)
    }

    /// What is kept of it: looking it up tells nothing of it by the time that takes.
    pub(super) fn digest(&self) -> [u8; 32] {
        digest::device_code(&self.secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = UserCode::parse("wdjb mjht").unwrap();
        assert_eq!(code.to_string(), "WDJB-MJHT");
        assert_eq!(UserCode::parse("WDJB-MJHT"), Some(code));
        for bad in ["", "WDJB", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH0", "WDJB_MJHT", "\u{e4}DJBMJHT"] {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn codes_differ_and_use_every_letter() {
        let codes: BTreeSet<String> = (0..200).map(|_| UserCode::generate().unwrap().to_string()).collect();
        assert_eq!(codes.len(), 200);
        let letters: BTreeSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
        assert_eq!(letters.len(), LETTERS.len() + 1, "twenty letters and the dash: {letters:?}");
    }

    #[test]
    fn a_secret_code_is_no_token_and_a_token_no_code() {
        let code = DeviceCode::generate().unwrap();
        assert_eq!(DeviceCode::parse(&code.text()).unwrap().digest(), code.digest());
        assert!(crate::Token::parse(&code.text()).is_none());
        let token = crate::Token::generate().unwrap().text();
        assert!(DeviceCode::parse(&token).is_none());
        assert!(DeviceCode::parse(&token.replace("drl_dev_", PREFIX)).is_none(), "its check is another one");
        assert_eq!(format!("{code:?}"), "DeviceCode");
    }
}
