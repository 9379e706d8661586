//! Cursors: how far a pair has pulled, in a text that only the server can make.

use model::{Epoch, NodeId, Seq, ViewId};
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

/// What a cursor in a view says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewCursorParts {
    /// The server's lineage when it was made.
    pub epoch: Epoch,
    /// The view.
    pub view: ViewId,
    /// The last change it covers.
    pub seq: Seq,
    /// Within a pull of several pages: the folder's newest change when it began.
    pub began: Option<Seq>,
    /// Within a pull that is no listing: the change from which it began.
    pub base: Option<Seq>,
    /// Within a directory that came or went with all below it: the directory's change, and the node last told.
    pub walk: Option<(Seq, NodeId)>,
    /// A keyed hash over all of it and the folder.
    pub tag: [u8; 16],
}

const VIEW_PREFIX: &str = "c2";

impl ViewCursorParts {
    /// The text: `c2`, then epoch, view, seq, began, base, the walk's change and node, and tag in lower-case hexadecimal.
    /// What may be missing is a number one higher, or 0.
    #[must_use]
    pub fn to_cursor(self) -> Cursor {
        let one_higher = |number: Option<u64>| number.map_or(0, |number| number.saturating_add(1));
        let began = one_higher(self.began.map(|seq| seq.0));
        let base = one_higher(self.base.map(|seq| seq.0));
        let walk = one_higher(self.walk.map(|(seq, _)| seq.0));
        let (seq, last) = (self.seq.0, self.walk.map_or(0, |(_, node)| node.0));
        let tag = u128::from_be_bytes(self.tag);
        let (epoch, view) = (self.epoch, self.view);
        Cursor(format!(
            "{VIEW_PREFIX}{epoch}{view}{seq:016x}{began:016x}{base:016x}{walk:016x}{last:016x}{tag:032x}"
        ))
    }

    /// Reads a text; whether its tag is right is for the server to say.
    pub fn of(cursor: &Cursor) -> Result<Self, CursorError> {
        let digits = cursor.0.strip_prefix(VIEW_PREFIX).ok_or(CursorError)?;
        if digits.len() != 176 || !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(CursorError);
        }
        let epoch = digits[..32].parse().map_err(|_| CursorError)?;
        let view = digits[32..64].parse().map_err(|_| CursorError)?;
        let mut numbers = [0; 5];
        for (index, number) in numbers.iter_mut().enumerate() {
            let begin = 64 + index * 16;
            *number = u64::from_str_radix(&digits[begin..begin + 16], 16).map_err(|_| CursorError)?;
        }
        let [seq, began, base, walk, last] = numbers;
        let tag = u128::from_str_radix(&digits[144..], 16).map_err(|_| CursorError)?;
        let number = |number: u64| number.checked_sub(1).map(Seq);
        Ok(Self {
            epoch,
            view,
            seq: Seq(seq),
            began: number(began),
            base: number(base),
            walk: number(walk).map(|seq| (seq, NodeId(last))),
            tag: tag.to_be_bytes(),
        })
    }
}

/// The lineage and the last change that any cursor covers.
pub fn position(cursor: &Cursor) -> Result<(Epoch, Seq), CursorError> {
    CursorParts::of(cursor)
        .map(|parts| (parts.epoch, parts.seq))
        .or_else(|_| ViewCursorParts::of(cursor).map(|parts| (parts.epoch, parts.seq)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_in_a_view_is_read_back_and_nothing_else_is_read() {
        let full = ViewCursorParts {
            epoch: Epoch([7; 16]),
            view: ViewId([5; 16]),
            seq: Seq(300),
            began: Some(Seq(900)),
            base: Some(Seq(0)),
            walk: Some((Seq(301), NodeId(77))),
            tag: [9; 16],
        };
        let resting = ViewCursorParts { began: None, base: None, walk: None, ..full };
        for parts in [full, resting] {
            assert_eq!(ViewCursorParts::of(&parts.to_cursor()), Ok(parts));
            assert_eq!(position(&parts.to_cursor()), Ok((parts.epoch, parts.seq)));
        }
        let text = full.to_cursor().0;
        for bad in ["", "c2", "c1zz", &text[1..], &text.to_uppercase(), &format!("{text}0")] {
            assert_eq!(ViewCursorParts::of(&Cursor(bad.to_owned())), Err(CursorError), "{bad}");
        }
        assert_eq!(CursorParts::of(&Cursor(text)), Err(CursorError));
    }

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
