//! The one-way function behind stored tokens and the audit log's chain.
//!
//! BLAKE3, each use under a context of its own. Tokens have 256 random bits, so that no slow hash is needed:
//! see `docs/decisions/2026-11-21-tokens-are-stored-as-blake3.md`.

/// The digest that seals rows of the audit log ([`metadata::audit::Digest`]).
#[must_use]
pub fn audit(bytes: &[u8]) -> [u8; 32] {
    blake3::derive_key("driftless 2026 audit log chain", bytes)
}

/// The digest that a device's token is stored and found by.
pub(crate) fn device_token(secret: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("driftless 2026 device token", secret)
}

/// The check over a token's text: it catches typing and cutting errors, and lets leaked tokens be recognised.
pub(crate) fn token_check(secret: &[u8; 32]) -> [u8; 4] {
    check("driftless 2026 device token check", secret)
}

/// The digest that a device waiting to be linked is found by.
pub(crate) fn device_code(secret: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("driftless 2026 device code", secret)
}

/// The digest that a link for strangers is found by.
pub(crate) fn link_token(secret: &[u8; 16]) -> [u8; 32] {
    blake3::derive_key("driftless 2026 link token", secret)
}

/// The check over a device code's text.
pub(crate) fn device_code_check(secret: &[u8; 32]) -> [u8; 4] {
    check("driftless 2026 device code check", secret)
}

/// The digest that the code of the first administrator is stored as.
pub(crate) fn setup_code(text: &str) -> [u8; 32] {
    blake3::derive_key("driftless 2026 setup code", text.as_bytes())
}

/// Whether two digests are the same, in a time that does not tell where they differ.
pub(crate) fn are_equal(one: [u8; 32], other: [u8; 32]) -> bool {
    blake3::Hash::from_bytes(one) == blake3::Hash::from_bytes(other)
}

fn check(context: &str, secret: &[u8; 32]) -> [u8; 4] {
    let digest = blake3::derive_key(context, secret);
    [digest[0], digest[1], digest[2], digest[3]]
}
