//! Cut points and ids, frozen. A change here means that every device sends every big file again.

use crate::{chunks_of, noise};
use chunker::{Manifest, hash_bytes};

fn cut_points(bytes: &[u8]) -> Vec<u32> {
    chunks_of(bytes, 1 << 20).iter().map(|entry| entry.length).collect()
}

#[test]
fn noise_is_cut_here_and_named_so() {
    let bytes = noise(0, 4 << 20);
    let (content, manifest) = hash_bytes(&bytes);
    assert_eq!(
        cut_points(&bytes),
        [
            575721, 265171, 239701, 437914, 75770, 105593, 448574, 268033, 217557, 364086, 295407, 273141,
            273414, 177764, 176458
        ]
    );
    assert_eq!(content.to_string(), "3e8c5ff94435d92f21ecd9dff94dd9fc9db0b2cae4544c1c0ccaf3564b7e63c6");
    assert_eq!(
        manifest.entries()[0].chunk.to_string(),
        "1d909853d5285764ce5a8172ca2e70ac27a84a453e901effc276b995f7c9bdd1"
    );
}

#[test]
fn zeros_are_cut_at_the_greatest_length() {
    let (content, manifest) = hash_bytes(&vec![0; (3 << 20) + 5]);
    assert_eq!(cut_points(&vec![0; (3 << 20) + 5]), [1 << 20, 1 << 20, 1 << 20, 5]);
    assert_eq!(content.to_string(), "96ec5edb377c2dc8e114fc830bbcae91653f6a3fa495ec6c958f5e1e0847ac09");
    assert_eq!(
        manifest.entries()[0].chunk.to_string(),
        "488de202f73bd976de4e7048f4e1f39a776d86d582b7348ff53bf432b987fca8"
    );
}

#[test]
fn text_is_cut_here_and_named_so() {
    let text: String = (0..100_000).map(|line| format!("line {line}: the quick brown fox\n")).collect();
    let (content, manifest) = hash_bytes(text.as_bytes());
    assert_eq!(cut_points(text.as_bytes()), [1048576, 162259, 330235, 354533, 389756, 272324, 588128, 43079]);
    assert_eq!(content.to_string(), "5c3cb06294d8a331edb25cb5f04d62214c7e83498010b5293f5c432e70feb6ec");
    assert_eq!(
        manifest.entries()[0].chunk.to_string(),
        "c157275ab200861b3e5410da575d26cfecd0227cd155f4812286afd5ea271450"
    );
}

#[test]
fn a_short_text_is_named_so() {
    let (content, manifest) = hash_bytes(b"driftless\n");
    assert_eq!(content.to_string(), "f1ce281c9f8e02ee518492aa1964cecc9e2f9cafa10a0d5a5cf1f73fa044d55f");
    assert_eq!(manifest, Manifest::new(chunks_of(b"driftless\n", 3)));
}
