//! What strangers show: the token in a link's address, its password, and that they have shown it.
//!
//! A token has 128 random bits, in 32 hexadecimal digits, so that an address is short enough for a letter; guessing one over the
//! network is out of the question. As of devices, only a digest is stored.

use crate::digest;
use crate::password::{Hasher, Verdict};
use crate::sign_in::LinkError;
use crate::throttle::{self, Keys};
use crate::token::{NoRandomness, random};
use metadata::Database;
use metadata::audit::AuditEntry;
use metadata::link::LinkRow;
use model::{LinkId, Timestamp};
use std::fmt;
use std::net::IpAddr;

/// For how long a password that was shown counts.
pub const SHOWN_SECONDS: i64 = 3_600;

/// The token in a link's address.
pub struct LinkToken([u8; 16]);

/// Without the secret.
impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken")
    }
}

impl LinkToken {
    /// A new one.
    ///
    /// # Errors
    /// If the operating system gives no randomness.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(random()?))
    }

    /// Reads its one spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = text.as_bytes().try_into().ok()?;
        let mut secret = [0; 16];
        for (byte, pair) in secret.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(secret))
    }

    /// The text that stands in the address.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        digest::link_token(&self.0)
    }
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Tries a password at a link that has one. Wrong ones are counted by link and by network, before they are looked at, and are
/// in the audit log. Takes as long as signing in.
///
/// # Errors
/// `Wrong`, `TooMany`, `Database`.
pub fn try_password(
    database: &dyn Database,
    hasher: &Hasher,
    link: &LinkRow,
    password: &str,
    (address, now): (Option<IpAddr>, Timestamp),
) -> Result<(), LinkError> {
    let keys = Keys::of_link(link.id, address);
    let charged = keys.clone();
    metadata::write(database, move |transaction| {
        throttle::charge(transaction, &charged, now)?
            .map_err(|retry_after_seconds| LinkError::TooMany { retry_after_seconds })
    })?;
    let is_right = hasher.verify(password, link.password.as_deref()) != Verdict::Wrong;
    if is_right {
        return metadata::write(database, move |transaction| Ok(throttle::refund(transaction, &keys)?));
    }
    let entry = AuditEntry {
        at: now,
        user: None,
        device: None,
        address: address.map(|address| address.to_string()).unwrap_or_default(),
        action: "link.password",
        folder: Some(link.folder),
        allowed: false,
        details: vec![("link".to_owned(), link.id.to_string())],
    };
    metadata::write(database, move |transaction| {
        transaction.append_audit(&entry, digest::audit)?;
        Ok::<_, LinkError>(())
    })?;
    Err(LinkError::Wrong)
}

/// The key that notes of shown passwords are sealed with, from the server's own.
#[must_use]
pub fn shown_key(server_key: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key("driftless 2026 shown passwords of links", server_key)
}

/// A note that a link's password of now was shown, for a stranger to bring along: until when, and a seal over that, the link,
/// its token and which of its passwords it was. Another password or another address make it worth nothing.
#[must_use]
pub fn note_shown(key: &[u8; 32], link: &LinkRow, now: Timestamp) -> String {
    let until = now.parts().0.saturating_add(SHOWN_SECONDS);
    format!("{until}.{}", seal(key, link, until).to_hex())
}

/// Which password of the link a note says was shown; none if it is not this server's, or its time is over.
#[must_use]
pub fn shown(key: &[u8; 32], link: &LinkRow, note: &str, now: Timestamp) -> Option<u64> {
    let (until, tag) = note.split_once('.')?;
    let until: i64 = until.parse().ok().filter(|until| *until > now.parts().0)?;
    let tag = blake3::Hash::from_hex(tag).ok()?;
    // Compared in the same time wherever they differ.
    (seal(key, link, until) == tag).then_some(link.passwords)
}

fn seal(key: &[u8; 32], link: &LinkRow, until: i64) -> blake3::Hash {
    let LinkId(id) = link.id;
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&id.to_le_bytes());
    hasher.update(&link.token_hash);
    hasher.update(&link.passwords.to_le_bytes());
    hasher.update(&until.to_le_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{FolderId, LinkKind, NodeId, UserId};

    fn link() -> LinkRow {
        LinkRow {
            id: LinkId(3),
            token_hash: [1; 32],
            folder: FolderId(1),
            node: NodeId(1),
            maker: UserId(1),
            kind: LinkKind::Read,
            label: String::new(),
            password: Some(String::new()),
            passwords: 2,
            created_at: Timestamp(0),
            expires_at: None,
            uses: 0,
            uses_max: None,
            used_at: None,
            revoked_at: None,
            revision: 1,
        }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let token = LinkToken::generate().unwrap();
        let text = token.text();
        assert_eq!(LinkToken::parse(&text).unwrap().digest(), token.digest());
        let bad = [text.to_uppercase() + "", text[..31].to_owned(), format!("{text}0"), "g".repeat(32)];
        for bad in bad.iter().filter(|bad| **bad != text) {
            assert!(LinkToken::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{token:?}"), "LinkToken");
    }

    #[test]
    fn a_note_counts_for_its_link_its_password_and_its_time_only() {
        let (key, now) = ([7; 32], Timestamp::from_parts(1_000, 0));
        let note = note_shown(&key, &link(), now);
        let at = |seconds| Timestamp::from_parts(1_000 + seconds, 0);
        assert_eq!(shown(&key, &link(), &note, at(SHOWN_SECONDS - 1)), Some(2));
        assert_eq!(shown(&key, &link(), &note, at(SHOWN_SECONDS)), None);
        assert_eq!(shown(&[8; 32], &link(), &note, now), None);
        for other in [
            LinkRow { id: LinkId(4), ..link() },
            LinkRow { token_hash: [2; 32], ..link() },
            LinkRow { passwords: 3, ..link() },
        ] {
            assert_eq!(shown(&key, &other, &note, now), None);
        }
        let (until, tag) = note.split_once('.').unwrap();
        let later = format!("{}.{tag}", until.parse::<i64>().unwrap() + 1);
        for forged in [later.as_str(), "", ".", until, tag, "9999999999.00"] {
            assert_eq!(shown(&key, &link(), forged, now), None, "{forged}");
        }
    }
}
