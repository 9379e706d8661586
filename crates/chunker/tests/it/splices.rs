//! Manifests as changes of others.

use crate::noise;
use chunker::{Entry, Manifest, Splice, SpliceError, Splices, hash_bytes};
use model::ChunkId;
use proptest::prelude::*;

fn manifest(seeds: &[u8]) -> Manifest {
    seeds.iter().map(|seed| Entry { chunk: ChunkId([*seed; 32]), length: 100 + u32::from(*seed) }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splices_applied_to_their_base_give_the_new_manifest(
        base in prop::collection::vec(0..12_u8, 0..40),
        new in prop::collection::vec(0..14_u8, 0..40),
    ) {
        let (base, new) = (manifest(&base), manifest(&new));
        let splices = Splices::between(&base, &new);
        prop_assert_eq!(splices.apply(&base, 1000), Ok(new.clone()));
        let known = |entry: &&Entry| !base.entries().contains(entry);
        prop_assert_eq!(splices.new_entries(), new.entries().iter().filter(known).count());
    }

    #[test]
    fn splices_from_anywhere_never_panic(
        base in prop::collection::vec(any::<u8>(), 0..10),
        ranges in prop::collection::vec((any::<u32>(), any::<u32>()), 0..5),
    ) {
        let splices = Splices(ranges.into_iter().map(|(start, end)| Splice::Keep(start..end)).collect());
        let _ = splices.apply(&manifest(&base), 100);
    }
}

#[test]
fn an_insertion_is_three_splices() {
    let base = noise(7, 8 << 20);
    let mut edited = base.clone();
    edited.splice((4 << 20)..(4 << 20), noise(8, 1024));
    let (base, edited) = (hash_bytes(&base).1, hash_bytes(&edited).1);
    let splices = Splices::between(&base, &edited);
    assert_eq!(splices.0.len(), 3, "{splices:?}");
    assert!(matches!(&splices.0[..], [Splice::Keep(_), Splice::New(new), Splice::Keep(_)] if new.len() < 6));
}

#[test]
fn a_moved_part_is_kept_where_it_went() {
    let (base, new) = (manifest(&[1, 2, 3, 4, 5, 6, 7, 8]), manifest(&[1, 5, 6, 7, 9, 2, 3, 4, 8]));
    let splices = Splices::between(&base, &new);
    assert_eq!(splices.new_entries(), 1);
    assert_eq!(splices.0.len(), 5, "{splices:?}");
    assert_eq!(splices.apply(&base, 9), Ok(new));
}

#[test]
fn equal_manifests_are_one_splice_and_an_empty_one_none() {
    let base = manifest(&[0, 0, 0, 1]);
    assert_eq!(Splices::between(&base, &base), Splices(vec![Splice::Keep(0..4)]));
    assert_eq!(Splices::between(&base, &Manifest::default()), Splices(vec![]));
}

#[test]
fn splices_are_bounded() {
    let base = manifest(&[1; 100]);
    let bomb = Splices(vec![Splice::Keep(0..100); 1000]);
    assert_eq!(bomb.apply(&base, 99_999), Err(SpliceError::TooLong));
    assert!(bomb.apply(&base, 100_000).is_ok());
    let beyond = Splices(vec![Splice::Keep(99..101)]);
    assert_eq!(beyond.apply(&base, 1000), Err(SpliceError::OutOfBounds));
    #[expect(clippy::reversed_empty_ranges, reason = "that is the case to refuse")]
    let turned = Splices(vec![Splice::Keep(5..3)]);
    assert_eq!(turned.apply(&base, 1000), Err(SpliceError::OutOfBounds));
}

#[test]
fn a_small_change_of_a_very_long_manifest_is_a_short_tale() {
    // A file of about 64 GiB; every chunk of it once.
    let entry = |number: u32| {
        let mut chunk = [0; 32];
        chunk[..4].copy_from_slice(&number.to_le_bytes());
        Entry { chunk: ChunkId(chunk), length: 1 << 18 }
    };
    let base: Manifest = (0..1 << 18).map(entry).collect();
    let mut new = base.clone().into_entries();
    new.splice(100_000..100_001, [entry(u32::MAX), entry(7)]);
    let new = Manifest::new(new);
    let splices = Splices::between(&base, &new);
    assert_eq!(
        splices.0,
        [
            Splice::Keep(0..100_000),
            Splice::New(vec![entry(u32::MAX)]),
            Splice::Keep(7..8),
            Splice::Keep(100_001..1 << 18),
        ]
    );
    assert_eq!(splices.apply(&base, new.entries().len()), Ok(new));
}
