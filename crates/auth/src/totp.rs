//! One-time codes by the clock (RFC 6238), as every authenticator app makes them: six digits, SHA-1, 30 seconds.

use aws_lc_rs::hmac;
use model::Timestamp;

/// How long a code is shown.
const STEP_SECONDS: i64 = 30;
/// How many steps a clock may be off.
const STEPS_OFF: i64 = 1;
/// What a shared secret has (RFC 4226, 4: at least 128 bits, 160 recommended).
pub const SECRET_BYTES: usize = 20;

/// A secret shared with an authenticator app.
pub(crate) type Secret = [u8; SECRET_BYTES];

/// The number of the step in which a moment lies.
fn step_of(now: Timestamp) -> i64 {
    now.parts().0.div_euclid(STEP_SECONDS)
}

/// The code of a step (RFC 4226, 5.3).
#[must_use]
pub fn code(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 15);
    let word = [bytes[offset] & 0x7f, bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]];
    u32::from_be_bytes(word) % 1_000_000
}

/// The code of a moment, as an app shows it.
#[must_use]
pub fn code_at(secret: &[u8], now: Timestamp) -> String {
    format!("{:06}", code(secret, step_of(now)))
}

/// The step that a code is of, if it is of one around now that is later than the last one used.
pub(crate) fn step(secret: &[u8], typed: u32, now: Timestamp, last: i64) -> Option<i64> {
    let steps = (step_of(now) - STEPS_OFF).max(last.saturating_add(1))..=step_of(now) + STEPS_OFF;
    // All are computed, whichever it is.
    steps.fold(None, |found, step| found.or((code(secret, step) == typed).then_some(step)))
}

/// Base 32 (RFC 4648, 6) without padding, as apps have it typed.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = |group: usize| {
        let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
        (0..5).fold(0, |value, index| value << 1 | bit(group * 5 + index))
    };
    (0..(bytes.len() * 8).div_ceil(5)).map(|group| char::from(DIGITS[usize::from(bits(group))])).collect()
}

/// What an app reads from a picture (the form that Google Authenticator began with).
#[must_use]
pub fn uri(issuer: &str, account: &str, secret: &[u8]) -> String {
    let (issuer, account) = (escape(issuer), escape(account));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(secret))
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, for SHA-1; the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(code_at(secret, Timestamp::from_parts(seconds, 0)), code, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_one_step_around_and_never_again() {
        let (secret, now) = (b"12345678901234567890", Timestamp::from_parts(59, 0));
        let step = |seconds, last| step(secret, 287_082, Timestamp::from_parts(seconds, 0), last);
        assert_eq!(step(59, 0), Some(1));
        assert_eq!((step(29, i64::MIN), step(89, 0), step(90, 0)), (Some(1), Some(1), None));
        assert_eq!(step(59, 1), None, "used");
        assert_eq!(step(59, i64::MAX), None);
        assert_eq!(step_of(now), 1);
    }

    #[test]
    fn secrets_are_written_as_apps_read_them() {
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!((base32(b"f"), base32(b"")), ("MY".to_owned(), String::new()));
        let uri = uri("Driftless cloud.example", "Zo\u{eb} & co", b"foobar");
        let expected = "otpauth://totp/Driftless%20cloud.example:Zo%C3%AB%20%26%20co?secret=MZXW6YTBOI\
                        &issuer=Driftless%20cloud.example";
        assert_eq!(uri, expected);
    }
}
