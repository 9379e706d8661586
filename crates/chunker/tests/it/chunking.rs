//! Cutting.

use crate::{chunks_of, noise};
use chunker::{AVERAGE_BYTES, MAX_BYTES, MIN_BYTES, Manifest, chunk_id, hash_bytes};
use model::ContentId;
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn how_the_stream_is_sliced_makes_no_difference(
        seed: u64,
        length in 0..6 * MAX_BYTES,
        slice in prop_oneof![1000..MIN_BYTES, MIN_BYTES..3 * MAX_BYTES],
    ) {
        let bytes = noise(seed, length);
        let whole = chunks_of(&bytes, length.max(1));
        prop_assert_eq!(&chunks_of(&bytes, slice), &whole);
        let (content, manifest) = hash_bytes(&bytes);
        prop_assert_eq!(manifest.entries(), &whole[..]);
        prop_assert_eq!(manifest.verify(content, length as u64), Ok(()));
    }
}

#[test]
fn single_bytes_make_the_same_chunks_as_one_push() {
    let bytes = noise(1, 3 * MAX_BYTES + 17);
    assert_eq!(chunks_of(&bytes, 1), chunks_of(&bytes, bytes.len()));
}

#[test]
fn chunks_keep_within_bounds_and_near_the_average() {
    let bytes = noise(2, 64 << 20);
    let chunks = chunks_of(&bytes, 4 << 20);
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|entry| (MIN_BYTES..=MAX_BYTES).contains(&(entry.length as usize))));
    assert!(last.length as usize <= MAX_BYTES);
    let average = bytes.len() / chunks.len();
    assert!((AVERAGE_BYTES * 3 / 4..AVERAGE_BYTES * 3 / 2).contains(&average), "{average}");
}

#[test]
fn a_small_file_is_one_chunk_and_named_by_it() {
    for length in [1, 1000, MIN_BYTES - 1, MIN_BYTES] {
        let bytes = noise(3, length);
        let (content, manifest) = hash_bytes(&bytes);
        assert_eq!(manifest.entries().len(), 1);
        assert_eq!(content, ContentId::of_single_chunk(chunk_id(&bytes)));
        assert_eq!(chunks_of(&bytes, 100), manifest.entries());
    }
}

#[test]
fn the_empty_content_has_its_own_name_and_no_chunks() {
    let (content, manifest) = hash_bytes(b"");
    assert_eq!(content, ContentId::EMPTY);
    assert_eq!(content.0, *blake3::hash(b"").as_bytes());
    assert_eq!(manifest, Manifest::default());
    assert_eq!(manifest.verify(ContentId::EMPTY, 0), Ok(()));
}

#[test]
fn an_inserted_kibibyte_changes_few_chunks() {
    let base = noise(4, 32 << 20);
    let known: BTreeSet<_> = chunks_of(&base, 4 << 20).into_iter().collect();
    let mut fresh_bytes: Vec<u64> = [0.01, 0.21, 0.5, 0.77, 0.99]
        .into_iter()
        .map(|place| {
            let at = (base.len() as f64 * place) as usize;
            let mut edited = base.clone();
            edited.splice(at..at, noise(5, 1024));
            let chunks = chunks_of(&edited, 4 << 20);
            chunks.iter().filter(|entry| !known.contains(entry)).map(|entry| u64::from(entry.length)).sum()
        })
        .collect();
    fresh_bytes.sort_unstable();
    assert!(fresh_bytes[2] < 1 << 20, "median of new bytes: {fresh_bytes:?}");
    assert!(fresh_bytes[4] < 3 << 20, "worst of new bytes: {fresh_bytes:?}");
}
