//! Cursors that only this server makes.

use model::{Epoch, FolderId, Seq};
use protocol::{Cursor, CursorParts};
use versioning::changes::Cursor as Place;

/// The key that cursors are authenticated with.
pub(crate) struct CursorKey([u8; 32]);

/// What is wrong with a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CursorProblem {
    /// This server never made it, or for another folder.
    Forged,
    /// It is of another epoch.
    OtherEpoch,
}

impl CursorKey {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The cursor at a number of a folder's journal.
    pub(crate) fn at(&self, epoch: Epoch, folder: FolderId, seq: Seq) -> Cursor {
        self.make(epoch, folder, Place { since: seq, listing: None })
    }

    /// The cursor at a place in a folder's journal.
    pub(crate) fn make(&self, epoch: Epoch, folder: FolderId, place: Place) -> Cursor {
        let tag = self.tag(epoch, folder, place);
        CursorParts { epoch, seq: place.since, listing: place.listing, tag }.to_cursor()
    }

    /// The place that a cursor stands at.
    pub(crate) fn open(
        &self,
        cursor: &Cursor,
        epoch: Epoch,
        folder: FolderId,
    ) -> Result<Place, CursorProblem> {
        let parts = CursorParts::of(cursor).map_err(|_| CursorProblem::Forged)?;
        let place = Place { since: parts.seq, listing: parts.listing };
        let tag = self.tag(parts.epoch, folder, place);
        // Every byte is looked at, wherever the first difference is.
        let difference = tag.iter().zip(parts.tag).fold(0, |seen, (ours, theirs)| seen | (ours ^ theirs));
        if difference != 0 {
            return Err(CursorProblem::Forged);
        }
        if parts.epoch == epoch { Ok(place) } else { Err(CursorProblem::OtherEpoch) }
    }

    fn tag(&self, epoch: Epoch, folder: FolderId, place: Place) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"driftless cursor 1");
        hasher.update(&epoch.0);
        for number in [folder.0, place.since.0, place.listing.map_or(0, |seq| seq.0)] {
            hasher.update(&number.to_le_bytes());
        }
        let mut tag = [0; 16];
        tag.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folder_and_the_key_that_made_a_cursor_open_it() {
        let (key, epoch) = (CursorKey::new([1; 32]), Epoch([2; 16]));
        let cursor = key.at(epoch, FolderId(3), Seq(4));
        assert_eq!(key.open(&cursor, epoch, FolderId(3)), Ok(Place { since: Seq(4), listing: None }));
        assert_eq!(key.open(&cursor, epoch, FolderId(5)), Err(CursorProblem::Forged));
        assert_eq!(key.open(&cursor, Epoch([9; 16]), FolderId(3)), Err(CursorProblem::OtherEpoch));
        assert_eq!(CursorKey::new([8; 32]).open(&cursor, epoch, FolderId(3)), Err(CursorProblem::Forged));
        let mut parts = CursorParts::of(&cursor).unwrap();
        parts.seq = Seq(5);
        assert_eq!(key.open(&parts.to_cursor(), epoch, FolderId(3)), Err(CursorProblem::Forged));
    }
}
