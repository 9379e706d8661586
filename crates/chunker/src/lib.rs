//! Chunk boundaries, hashes, manifests and splices; pure.
//!
//! A file's bytes are cut into chunks where their content says so (FastCDC, 2020), so that an insertion moves no
//! boundary but those beside it; each chunk is named by its hash, and a content of several chunks by the hash of its
//! [`Manifest`]. Cut points, ids and the hashed form of a manifest are **frozen**: devices and servers of all times
//! must agree on them, or every file would be sent again. Golden tests hold them.
//!
//! Start with [`Chunker`] (bytes in, chunks out) and [`Manifest`] (what a content consists of); [`Splices`] tells one
//! manifest as a change of another, for the wire.
//!
//! Deliberately absent: reading files, storing, compressing.

mod chunker;
mod manifest;
mod splice;

pub use chunker::{AVERAGE_BYTES, Chunk, Chunker, MAX_BYTES, MIN_BYTES, chunk_id, hash_bytes};
pub use manifest::{ENTRIES_MAX, Entry, Manifest, ManifestError, ManifestHasher};
pub use splice::{Splice, SpliceError, Splices};
