//! The chunks of long contents that were hashed or downloaded, kept so that small edits of big files stay small.

use chunker::{Entry, Manifest};
use model::{ChunkId, ContentId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many chunks the manifests kept in memory may have together (36 bytes each).
const ENTRIES_KEPT: usize = 64 << 10;
const ENTRY_BYTES: usize = 36;

/// Manifests in memory; the pair's file has more.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    held: BTreeMap<ContentId, Arc<Manifest>>,
    entries: usize,
}

impl Manifests {
    pub(crate) fn get(&self, content: ContentId) -> Option<Arc<Manifest>> {
        self.held.get(&content).cloned()
    }

    pub(crate) fn put(&mut self, content: ContentId, manifest: Arc<Manifest>) {
        if self.entries > ENTRIES_KEPT {
            self.held.clear();
            self.entries = 0;
        }
        self.entries += manifest.entries().len();
        self.held.insert(content, manifest);
    }
}

/// As bytes: for each chunk its id, then its length in little-endian.
pub(crate) fn to_bytes(manifest: &Manifest) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(manifest.entries().len() * ENTRY_BYTES);
    for entry in manifest.entries() {
        bytes.extend_from_slice(&entry.chunk.0);
        bytes.extend_from_slice(&entry.length.to_le_bytes());
    }
    bytes
}

/// From bytes, if they are the manifest of this content.
pub(crate) fn from_bytes(content: ContentId, bytes: &[u8]) -> Option<Manifest> {
    let entry = |bytes: &[u8]| -> Option<Entry> {
        let (id, length) = bytes.split_first_chunk::<32>()?;
        Some(Entry { chunk: ChunkId(*id), length: u32::from_le_bytes(length.try_into().ok()?) })
    };
    let manifest: Manifest = bytes.chunks(ENTRY_BYTES).map(entry).collect::<Option<_>>()?;
    (manifest.content_id() == content).then_some(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_back_and_another_is_not() {
        let entries = (1..5u8).map(|n| Entry { chunk: ChunkId([n; 32]), length: u32::from(n) });
        let manifest: Manifest = entries.collect();
        let bytes = to_bytes(&manifest);
        assert_eq!(from_bytes(manifest.content_id(), &bytes), Some(manifest.clone()));
        assert_eq!(from_bytes(ContentId::EMPTY, &bytes), None);
        assert_eq!(from_bytes(manifest.content_id(), &bytes[1..]), None);
    }
}
