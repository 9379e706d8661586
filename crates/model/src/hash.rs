//! Hashes that name bytes.
//!
//! A chunk is named by the BLAKE3 of its plain bytes. A content of one chunk is named by that chunk; a longer
//! one by the keyed BLAKE3 of its manifest (`chunker`). The empty content is named by the BLAKE3 of nothing and
//! has no chunk at all.

use std::fmt;
use std::str::FromStr;

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of 64 lower-case hexadecimal digits")]
pub struct HashError;

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0[..6].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = HashError;

            fn from_str(text: &str) -> Result<Self, HashError> {
                parse_hex(text).map(Self).ok_or(HashError)
            }
        }
    };
}

hash!(/// Names a chunk: BLAKE3 of its plain bytes.
    ChunkId);
hash!(/// Names the bytes of a file: its one chunk's id, or the keyed hash of its manifest.
    ContentId);

impl ContentId {
    /// The content of an empty file: BLAKE3 of no bytes.
    pub const EMPTY: Self = Self([
        0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6, 0xa0, 0x40, 0x4d, 0xea, 0x36, 0xdc, 0xc9, 0x49, 0x9b,
        0xcb, 0x25, 0xc9, 0xad, 0xc1, 0x12, 0xb7, 0xcc, 0x9a, 0x93, 0xca, 0xe4, 0x1f, 0x32, 0x62,
    ]);

    /// The name of a content that is one chunk.
    #[must_use]
    pub fn of_single_chunk(chunk: ChunkId) -> Self {
        Self(chunk.0)
    }

    /// The one chunk that carries this name, if the content has one chunk (the caller knows whether it has).
    #[must_use]
    pub fn as_single_chunk(self) -> ChunkId {
        ChunkId(self.0)
    }
}

/// Reads exactly `2 * N` lower-case hexadecimal digits.
pub(crate) fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_back_from_its_text() {
        let id = ChunkId([0x5a; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("5A".repeat(32).parse::<ChunkId>().is_err());
        assert!("5a".repeat(31).parse::<ChunkId>().is_err());
    }
}
