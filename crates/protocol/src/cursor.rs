//! Cursors: how far a pair has pulled, in a text that only the server can make.

use model::{Epoch, Seq};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Opaque to everybody but the server. Kept and sent back as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that no server makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct CursorError;

/// What a cursor says. `tag` proves to the server that it made the cursor itself, for this folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorParts {
    /// The server's lineage when it was made.
    pub epoch: Epoch,
    /// The last change it covers.
    pub seq: Seq,
    /// Within a full listing of several pages: the folder's newest change when it began.
    pub listing: Option<Seq>,
    /// A keyed hash over folder, epoch and numbers, by a key that never leaves the server.
    pub tag: [u8; 16],
}

const PREFIX: &str = "c1";

impl CursorParts {
    /// The text: `c1`, then epoch, seq, listing (0 for none; both big-endian) and tag in lower-case hexadecimal.
    #[must_use]
    pub fn to_cursor(self) -> Cursor {
        let tag = u128::from_be_bytes(self.tag);
        let listing = self.listing.map_or(0, |seq| seq.0);
        Cursor(format!("{PREFIX}{}{:016x}{listing:016x}{tag:032x}", self.epoch, self.seq.0))
    }

    /// Reads a text; whether its tag is right is for the server to say.
    pub fn of(cursor: &Cursor) -> Result<Self, CursorError> {
        let digits = cursor.0.strip_prefix(PREFIX).ok_or(CursorError)?;
        if digits.len() != 96 || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(CursorError);
        }
        let epoch = digits[..32].parse().map_err(|_| CursorError)?;
        let seq = u64::from_str_radix(&digits[32..48], 16).map_err(|_| CursorError)?;
        let listing = u64::from_str_radix(&digits[48..64], 16).map_err(|_| CursorError)?;
        let tag = u128::from_str_radix(&digits[64..], 16).map_err(|_| CursorError)?;
        let listing = (listing != 0).then_some(Seq(listing));
        Ok(Self { epoch, seq: Seq(seq), listing, tag: tag.to_be_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_read() {
        let parts =
            CursorParts { epoch: Epoch([7; 16]), seq: Seq(300), listing: Some(Seq(900)), tag: [9; 16] };
        let cursor = parts.to_cursor();
        assert_eq!(CursorParts::of(&cursor), Ok(parts));
        let plain = CursorParts { listing: None, ..parts };
        assert_eq!(CursorParts::of(&plain.to_cursor()), Ok(plain));
        let text = cursor.0;
        for bad in
            ["", "c1", "c1zz", &text[1..], &text.to_uppercase(), &format!("{text}0"), &text.replace('7', "+")]
        {
            assert_eq!(CursorParts::of(&Cursor(bad.to_owned())), Err(CursorError), "{bad}");
        }
    }
}
