//! Splices: one manifest told as a change of another, for the wire.

use crate::manifest::{ENTRIES_MAX, Entry, Manifest};
use std::ops::Range;

/// A stretch of the new manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Splice {
    /// These entries of the base.
    Keep(Range<u32>),
    /// These entries, written out. The base may hold some of them elsewhere; no matter.
    New(Vec<Entry>),
}

/// A manifest as a list of stretches, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Splices(pub Vec<Splice>);

/// Splices that do not fit their base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpliceError {
    /// A stretch beyond the base's end, or turned round.
    #[error("a splice refers to entries that the base does not have")]
    OutOfBounds,
    /// The result would have more entries than were allowed.
    #[error("the spliced manifest is too long")]
    TooLong,
}

impl Splices {
    /// Tells `new` as a change of `base`. Equal runs are kept wherever they lie in the base, so that an insertion, a
    /// removal and a moved part are all short. Takes memory for the part that differs only.
    #[must_use]
    pub fn between(base: &Manifest, new: &Manifest) -> Self {
        let (base, new) = (base.entries(), new.entries());
        let prefix = base.iter().zip(new).take_while(|(a, b)| a == b).count();
        let left = base.len().min(new.len()) - prefix;
        let suffix = base.iter().rev().zip(new.iter().rev()).take(left).take_while(|(a, b)| a == b).count();

        let mut splices = Self::default();
        splices.keep(0..prefix);
        splices.middle(base, &new[prefix..new.len() - suffix]);
        splices.keep(base.len() - suffix..base.len());
        splices
    }

    /// The new manifest, of at most `entries_max` chunks (and never more than [`ENTRIES_MAX`]). That it is the one
    /// of its content is for [`Manifest::verify`] to tell.
    ///
    /// # Errors
    /// `OutOfBounds`, `TooLong`; nothing large is made before.
    pub fn apply(&self, base: &Manifest, entries_max: usize) -> Result<Manifest, SpliceError> {
        let length = self.check(base, entries_max)?;
        let mut entries = Vec::with_capacity(length);
        for splice in &self.0 {
            match splice {
                Splice::Keep(range) => {
                    entries.extend_from_slice(&base.entries()[range.start as usize..range.end as usize]);
                }
                Splice::New(new) => entries.extend_from_slice(new),
            }
        }
        Ok(Manifest::new(entries))
    }

    /// The number of entries that `apply` would make.
    fn check(&self, base: &Manifest, entries_max: usize) -> Result<usize, SpliceError> {
        let mut length = 0_usize;
        for splice in &self.0 {
            let count = match splice {
                Splice::Keep(range) => {
                    if range.start > range.end || range.end as usize > base.entries().len() {
                        return Err(SpliceError::OutOfBounds);
                    }
                    range.len()
                }
                Splice::New(new) => new.len(),
            };
            length += count;
            if length > entries_max.min(ENTRIES_MAX) {
                return Err(SpliceError::TooLong);
            }
        }
        Ok(length)
    }

    /// How many entries are written out: what the wire carries beside a few bytes a stretch.
    #[must_use]
    pub fn new_entries(&self) -> usize {
        self.0.iter().map(|splice| if let Splice::New(new) = splice { new.len() } else { 0 }).sum()
    }

    /// The part that is neither common beginning nor common end.
    fn middle(&mut self, base: &[Entry], new: &[Entry]) {
        if new.is_empty() {
            return;
        }
        let places = places_of(new, base);
        // Where the base would go on: runs are followed even through entries that occur more than once.
        let mut next = None;
        for entry in new {
            let follows = next.filter(|index| base.get(*index) == Some(entry));
            match follows.or_else(|| first_place(&places, entry)) {
                Some(index) => {
                    self.keep(index..index + 1);
                    next = Some(index + 1);
                }
                None => {
                    self.add(*entry);
                    next = next.map(|index| index + 1);
                }
            }
        }
    }

    fn keep(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let bound = |index| u32::try_from(index).expect("a manifest has at most ENTRIES_MAX entries");
        let (start, end) = (bound(range.start), bound(range.end));
        match self.0.last_mut() {
            Some(Splice::Keep(last)) if last.end == start => last.end = end,
            _ => self.0.push(Splice::Keep(start..end)),
        }
    }

    fn add(&mut self, entry: Entry) {
        match self.0.last_mut() {
            Some(Splice::New(new)) => new.push(entry),
            _ => self.0.push(Splice::New(vec![entry])),
        }
    }
}

/// Stands for "nowhere in the base".
const NOWHERE: u32 = u32::MAX;

/// Where each of these entries lies first in the base, sorted by entry. Only what is looked for is indexed: a base of
/// millions of chunks with a small change costs one pass and no memory.
fn places_of(wanted: &[Entry], base: &[Entry]) -> Vec<(Entry, u32)> {
    let mut places: Vec<(Entry, u32)> = wanted.iter().map(|entry| (*entry, NOWHERE)).collect();
    places.sort_unstable();
    places.dedup();
    for (index, entry) in (0_u32..).zip(base) {
        if let Ok(found) = places.binary_search_by(|(candidate, _)| candidate.cmp(entry)) {
            let place = &mut places[found].1;
            *place = (*place).min(index);
        }
    }
    places
}

fn first_place(places: &[(Entry, u32)], entry: &Entry) -> Option<usize> {
    let found = places.binary_search_by(|(candidate, _)| candidate.cmp(entry)).ok()?;
    Some(places[found].1).filter(|index| *index != NOWHERE).map(|index| index as usize)
}
