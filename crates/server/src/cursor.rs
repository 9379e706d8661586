//! Cursors that only this server makes.

use model::{Epoch, FolderId, NodeId, Seq, ViewId};
use protocol::cursor::ViewCursorParts;
use protocol::{Cursor, CursorParts};
use versioning::changes::Cursor as Place;
use versioning::view::changes::{Cursor as ViewPlace, Pull};

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
        if !is_same(tag, parts.tag) {
            return Err(CursorProblem::Forged);
        }
        if parts.epoch == epoch { Ok(place) } else { Err(CursorProblem::OtherEpoch) }
    }

    /// The cursor at a place in the journal of a folder's view.
    pub(crate) fn make_in_view(
        &self,
        epoch: Epoch,
        folder: FolderId,
        view: ViewId,
        place: ViewPlace,
    ) -> Cursor {
        let mut parts = ViewCursorParts {
            epoch,
            view,
            seq: place.since,
            began: place.pull.map(|pull| pull.began),
            base: place.pull.and_then(|pull| pull.base),
            walk: place.pull.and_then(|pull| pull.walk),
            tag: [0; 16],
        };
        parts.tag = self.view_tag(folder, &parts);
        parts.to_cursor()
    }

    /// The view and the place in it that a cursor stands at.
    pub(crate) fn open_in_view(
        &self,
        cursor: &Cursor,
        epoch: Epoch,
        folder: FolderId,
    ) -> Result<(ViewId, ViewPlace), CursorProblem> {
        let parts = ViewCursorParts::of(cursor).map_err(|_| CursorProblem::Forged)?;
        if !is_same(self.view_tag(folder, &parts), parts.tag) {
            return Err(CursorProblem::Forged);
        }
        if parts.epoch != epoch {
            return Err(CursorProblem::OtherEpoch);
        }
        let pull = parts.began.map(|began| Pull { base: parts.base, began, walk: parts.walk });
        Ok((parts.view, ViewPlace { since: parts.seq, pull }))
    }

    fn view_tag(&self, folder: FolderId, parts: &ViewCursorParts) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"driftless view cursor 1");
        hasher.update(&parts.epoch.0);
        hasher.update(&parts.view.0);
        let (walk, last) = parts.walk.unzip();
        hasher.update(&folder.0.to_le_bytes());
        hasher.update(&parts.seq.0.to_le_bytes());
        for number in [parts.began, parts.base, walk, last.map(|node: NodeId| Seq(node.0))] {
            hasher.update(&[u8::from(number.is_some())]);
            hasher.update(&number.map_or(0, |number| number.0).to_le_bytes());
        }
        first_16(&hasher)
    }

    fn tag(&self, epoch: Epoch, folder: FolderId, place: Place) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"driftless cursor 1");
        hasher.update(&epoch.0);
        for number in [folder.0, place.since.0, place.listing.map_or(0, |seq| seq.0)] {
            hasher.update(&number.to_le_bytes());
        }
        first_16(&hasher)
    }
}

fn first_16(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut tag = [0; 16];
    tag.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    tag
}

/// Every byte is looked at, wherever the first difference is.
fn is_same(ours: [u8; 16], theirs: [u8; 16]) -> bool {
    ours.iter().zip(theirs).fold(0, |seen, (ours, theirs)| seen | (ours ^ theirs)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folder_and_the_key_that_made_a_cursor_in_a_view_open_it() {
        let (key, epoch, view) = (CursorKey::new([1; 32]), Epoch([2; 16]), ViewId([6; 16]));
        let pull = Pull { base: Some(Seq(2)), began: Seq(9), walk: Some((Seq(5), NodeId(8))) };
        let place = ViewPlace { since: Seq(4), pull: Some(pull) };
        let cursor = key.make_in_view(epoch, FolderId(3), view, place);
        assert_eq!(key.open_in_view(&cursor, epoch, FolderId(3)), Ok((view, place)));
        assert_eq!(key.open_in_view(&cursor, epoch, FolderId(5)), Err(CursorProblem::Forged));
        assert_eq!(key.open_in_view(&cursor, Epoch([9; 16]), FolderId(3)), Err(CursorProblem::OtherEpoch));
        let other = CursorKey::new([8; 32]);
        assert_eq!(other.open_in_view(&cursor, epoch, FolderId(3)), Err(CursorProblem::Forged));
        let parts = ViewCursorParts::of(&cursor).unwrap();
        let forged = [
            ViewCursorParts { view: ViewId([7; 16]), ..parts },
            ViewCursorParts { seq: Seq(5), ..parts },
            ViewCursorParts { base: None, ..parts },
            ViewCursorParts { walk: Some((Seq(5), NodeId(9))), ..parts },
        ];
        for parts in forged {
            let opened = key.open_in_view(&parts.to_cursor(), epoch, FolderId(3));
            assert_eq!(opened, Err(CursorProblem::Forged));
        }
    }

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
