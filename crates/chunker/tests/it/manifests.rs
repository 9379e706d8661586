//! Manifests and the names that follow from them.

use crate::noise;
use chunker::{ENTRIES_MAX, Entry, MAX_BYTES, Manifest, ManifestError, ManifestHasher, hash_bytes};
use model::{ChunkId, ContentId};

fn entry(seed: u8, length: u32) -> Entry {
    Entry { chunk: ChunkId([seed; 32]), length }
}

#[test]
fn the_hashed_form_is_the_documented_one() {
    let manifest = Manifest::new(vec![entry(1, 70_000), entry(2, 80_000)]);
    let mut form = Vec::new();
    form.extend([1; 32]);
    form.extend([0x70, 0x11, 0x01, 0x00]);
    form.extend([2; 32]);
    form.extend([0x80, 0x38, 0x01, 0x00]);
    let name = blake3::derive_key("driftless 2026-11-21 manifest v1", &form);
    assert_eq!(manifest.content_id(), ContentId(name));
    assert_eq!(manifest.size(), 150_000);
}

#[test]
fn a_streamed_name_is_the_same_as_the_lists() {
    let (content, manifest) = hash_bytes(&noise(6, 3 << 20));
    let mut hasher = ManifestHasher::new();
    manifest.entries().iter().for_each(|entry| hasher.push(*entry));
    assert_eq!(hasher.finish(), (content, 3 << 20));
}

#[test]
fn any_change_of_order_length_or_chunk_is_another_content() {
    let base = Manifest::new(vec![entry(1, 10), entry(2, 20)]);
    let name = base.content_id();
    assert_eq!(base.verify(name, 30), Ok(()));
    for other in [
        vec![entry(2, 20), entry(1, 10)],
        vec![entry(1, 11), entry(2, 19)],
        vec![entry(1, 10), entry(3, 20)],
        vec![entry(1, 30)],
    ] {
        assert_eq!(Manifest::new(other).verify(name, 30), Err(ManifestError::Hash));
    }
}

#[test]
fn lengths_out_of_bounds_are_refused_before_anything_is_hashed() {
    let verify = |entries: Vec<Entry>, size| Manifest::new(entries).verify(ContentId([9; 32]), size);
    assert_eq!(verify(vec![entry(1, 0)], 0), Err(ManifestError::ChunkLength));
    let over = u32::try_from(MAX_BYTES).unwrap() + 1;
    assert_eq!(verify(vec![entry(1, over)], u64::from(over)), Err(ManifestError::ChunkLength));
    assert_eq!(verify(vec![entry(1, 5)], 6), Err(ManifestError::Size));
    assert_eq!(verify(vec![entry(1, 5)], 5), Err(ManifestError::Hash));
}

#[test]
fn a_file_of_four_tebibytes_has_a_manifest_within_bounds() {
    assert_eq!(ENTRIES_MAX, 1 << 26);
    // Named without keeping its entries: 16 million of them at the average length.
    let mut hasher = ManifestHasher::new();
    let mut hashed = 0_u64;
    for number in 0..1_u64 << 18 {
        let mut chunk = [0; 32];
        chunk[..8].copy_from_slice(&number.to_le_bytes());
        hasher.push(Entry { chunk: ChunkId(chunk), length: MAX_BYTES as u32 });
        hashed += MAX_BYTES as u64;
    }
    assert_eq!(hasher.finish().1, hashed);
}
