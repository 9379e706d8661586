//! Tokens: a prefix that says what they are, 256 random bits and a check over them, in lower-case hexadecimal.
//!
//! By the prefix a scanner recognises a leaked one, and each kind is a type of its own with digests of its own, so that none
//! can be taken for another: `drl_dev_` of a device or a browser's session, `drl_app_` of an app password, `drl_pnd_` of a
//! sign-in that waits for its second factor.

use crate::digest;
use std::fmt;

/// What the database keeps of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes: {0}")]
pub struct NoRandomness(String);

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $digest:path, $check:path) => {
        $(#[$doc])*
        pub struct $name {
            secret: [u8; 32],
        }

        /// Without the secret.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl $name {
            /// A new one.
            ///
            /// # Errors
            /// If the operating system gives no randomness.
            pub fn generate() -> Result<Self, NoRandomness> {
                Ok(Self { secret: random()? })
            }

            /// Reads its text. Most mistakes end here, without a look into the database.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Some(Self { secret: read_secret($prefix, text, $check)? })
            }

            /// The text that is shown.
            #[must_use]
            pub fn text(&self) -> String {
                write_secret($prefix, &self.secret, $check)
            }

            /// What is kept of it.
            #[must_use]
            pub fn digest(&self) -> TokenDigest {
                TokenDigest($digest(&self.secret))
            }
        }
    };
}

token!(
    /// A device's token, or a browser's session's. Shown once, to the device.
    Token, "drl_dev_", digest::device_token, digest::token_check
);
token!(
    /// An app password. Shown once, to the person.
    AppPassword, "drl_app_", digest::app_password, digest::app_password_check
);
token!(
    /// Half a sign-in. Said to whoever has shown the password; worth nothing but to show the second factor with.
    PendingToken, "drl_pnd_", digest::pending, digest::pending_check
);

/// What a request may show under `Authorization`: a device's token or an app password. Nothing else is read.
#[must_use]
pub fn bearer(text: &str) -> Option<TokenDigest> {
    Token::parse(text)
        .map(|token| token.digest())
        .or_else(|| AppPassword::parse(text).map(|app| app.digest()))
}

/// Random bytes of the operating system.
///
/// # Errors
/// If it gives none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(bytes)
}

/// Reads 256 secret bits: a prefix that says what they are for, the bits, and a check over them.
pub(crate) fn read_secret(prefix: &str, text: &str, check: fn(&[u8; 32]) -> [u8; 4]) -> Option<[u8; 32]> {
    let digits = text.strip_prefix(prefix)?.as_bytes();
    if digits.len() != 64 + 8 {
        return None;
    }
    let mut bytes = [0; 36];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
    }
    let (secret, checked) = bytes.split_first_chunk::<32>()?;
    (check(secret) == checked).then_some(*secret)
}

/// Writes them.
pub(crate) fn write_secret(prefix: &str, secret: &[u8; 32], check: fn(&[u8; 32]) -> [u8; 4]) -> String {
    let mut text = String::with_capacity(prefix.len() + 64 + 8);
    text.push_str(prefix);
    for byte in secret.iter().chain(&check(secret)) {
        text.push(hex_digit(byte >> 4));
        text.push(hex_digit(byte & 15));
    }
    text
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn hex_digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_from_its_text_and_from_no_other() {
        let token = Token::generate().unwrap();
        let text = token.text();
        assert_eq!(Token::parse(&text).unwrap().digest(), token.digest());
        assert_ne!(Token::generate().unwrap().digest(), token.digest());
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            assert!(Token::parse(std::str::from_utf8(&other).unwrap()).is_none(), "changed at {at}");
            assert!(Token::parse(&text[..at]).is_none(), "cut at {at}");
        }
        assert!(Token::parse(&text.to_uppercase()).is_none());
        assert!(Token::parse(&format!("{text}0")).is_none());
        assert!(Token::parse(&"\u{e9}".repeat(40)).is_none());
    }

    #[test]
    fn no_kind_of_token_is_read_as_another() {
        let (device, app) = (Token::generate().unwrap(), AppPassword::generate().unwrap());
        let pending = PendingToken::generate().unwrap();
        assert_eq!(bearer(&device.text()), Some(device.digest()));
        assert_eq!(bearer(&app.text()), Some(app.digest()));
        assert_eq!(bearer(&pending.text()), None);
        for prefix in ["drl_dev_", "drl_app_"] {
            assert_eq!(bearer(&pending.text().replace("drl_pnd_", prefix)), None, "the check tells");
        }
        assert!(Token::parse(&app.text()).is_none() && PendingToken::parse(&device.text()).is_none());
        let (same, other) = (Token { secret: [3; 32] }, AppPassword { secret: [3; 32] });
        assert_ne!(same.digest(), other.digest());
    }

    #[test]
    fn neither_debug_form_nor_digest_shows_the_secret() {
        let token = Token::generate().unwrap();
        assert_eq!(format!("{token:?}"), "Token");
        assert_ne!(token.digest().0, token.secret);
    }
}
