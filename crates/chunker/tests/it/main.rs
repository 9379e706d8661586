//! What the chunker promises, seen from outside.

mod chunking;
mod golden;
mod manifests;
mod splices;

use chunker::{Chunk, Chunker, Entry};

/// Bytes that look random and are the same every time.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// The chunks of bytes pushed in slices of this length.
fn chunks_of(bytes: &[u8], slice: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut offset = 0;
    let mut sink = |chunk: Chunk<'_>| {
        assert_eq!(chunk.offset, offset, "chunks come in order and without gaps");
        assert_eq!(&bytes[offset as usize..][..chunk.bytes.len()], chunk.bytes);
        offset += chunk.bytes.len() as u64;
        entries.push(Entry { chunk: chunk.id, length: chunk.bytes.len() as u32 });
    };
    let mut chunker = Chunker::new();
    bytes.chunks(slice).for_each(|slice| chunker.push(slice, &mut sink));
    assert_eq!(chunker.finish(&mut sink), bytes.len() as u64);
    entries
}
