//! Manifests on the wire: as splices of another content's manifest, so that a small edit of a big file sends a
//! few ids.

use model::ChunkId;
use std::collections::HashMap;

/// A chunk of a content: which bytes, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkRef {
    /// The chunk.
    pub id: ChunkId,
    /// Its plain length.
    pub length: u32,
}

/// The next chunks of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Splice {
    /// `count` chunks of the base's manifest from `start` on.
    Keep {
        /// The first of them.
        start: u32,
        /// How many.
        count: u32,
    },
    /// These.
    New(Vec<ChunkRef>),
}

/// Why splices make no manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It keeps chunks that the base does not have.
    #[error("a manifest keeps chunks that its base does not have")]
    OutsideBase,
    /// It has more chunks than are taken.
    #[error("a manifest has too many chunks")]
    TooMany,
}

/// Says `new` in terms of `base`: the longest run of the base's chunks at each place, new ids between.
#[must_use]
pub fn splice(base: &[ChunkRef], new: &[ChunkRef]) -> Vec<Splice> {
    let mut first_place = HashMap::with_capacity(base.len());
    for (index, chunk) in base.iter().enumerate() {
        first_place.entry(*chunk).or_insert(index);
    }
    let mut splices = Vec::new();
    let mut fresh = Vec::new();
    let mut at = 0;
    let mut expected = 0;
    while at < new.len() {
        // Going on where the last run stopped keeps repeated chunks in one run.
        let start = match base.get(expected) {
            Some(chunk) if *chunk == new[at] => Some(expected),
            _ => first_place.get(&new[at]).copied(),
        };
        let Some(start) = start else {
            fresh.push(new[at]);
            at += 1;
            continue;
        };
        if !fresh.is_empty() {
            splices.push(Splice::New(std::mem::take(&mut fresh)));
        }
        let count = base[start..].iter().zip(&new[at..]).take_while(|(old, new)| old == new).count();
        splices.push(Splice::Keep { start: start as u32, count: count as u32 });
        at += count;
        expected = start + count;
    }
    if !fresh.is_empty() {
        splices.push(Splice::New(fresh));
    }
    splices
}

/// Appends what splices say to `manifest`, up to `chunks_max` in all.
pub fn apply_splices(
    base: &[ChunkRef],
    splices: &[Splice],
    chunks_max: usize,
    manifest: &mut Vec<ChunkRef>,
) -> Result<(), ManifestError> {
    for splice in splices {
        let chunks = match splice {
            Splice::New(chunks) => &chunks[..],
            Splice::Keep { start, count } => {
                let start = *start as usize;
                let end = start.saturating_add(*count as usize);
                base.get(start..end).ok_or(ManifestError::OutsideBase)?
            }
        };
        if chunks.len() > chunks_max.saturating_sub(manifest.len()) {
            return Err(ManifestError::TooMany);
        }
        manifest.extend_from_slice(chunks);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunks(letters: &[u8]) -> Vec<ChunkRef> {
        letters.iter().map(|letter| ChunkRef { id: ChunkId([*letter; 32]), length: 1 }).collect()
    }

    #[test]
    fn an_insertion_costs_its_own_chunks_only() {
        let splices = splice(&chunks(b"abcdefgh"), &chunks(b"abcXefgh"));
        assert_eq!(
            splices,
            [
                Splice::Keep { start: 0, count: 3 },
                Splice::New(chunks(b"X")),
                Splice::Keep { start: 4, count: 4 }
            ]
        );
    }

    #[test]
    fn splices_may_not_reach_outside_their_base_nor_over_the_limit() {
        let apply = |splice, maximum| apply_splices(&chunks(b"abc"), &[splice], maximum, &mut Vec::new());
        assert_eq!(apply(Splice::Keep { start: 2, count: 2 }, 9), Err(ManifestError::OutsideBase));
        assert_eq!(
            apply(Splice::Keep { start: u32::MAX, count: u32::MAX }, 9),
            Err(ManifestError::OutsideBase)
        );
        assert_eq!(apply(Splice::Keep { start: 0, count: 3 }, 2), Err(ManifestError::TooMany));
        assert_eq!(apply(Splice::New(chunks(b"xyz")), 2), Err(ManifestError::TooMany));
    }

    proptest! {
        #[test]
        fn what_was_spliced_is_put_together_again(
            base in prop::collection::vec(b'a'..b'f', 0..40),
            new in prop::collection::vec(b'a'..b'h', 0..40),
        ) {
            let (base, new) = (chunks(&base), chunks(&new));
            let mut back = Vec::new();
            apply_splices(&base, &splice(&base, &new), new.len(), &mut back).unwrap();
            prop_assert_eq!(back, new);
        }
    }
}
