//! Bundles: what syncing moves in bulk, as one self-delimiting stream of records in either direction.
//!
//! Eight bytes of magic and format version, then records (a type byte, a length, a payload), the last of them
//! [`Record::End`]. The bytes are described in `docs/bundle-format.md` and pinned by `tests/bundles/`.
//!
//! Invariants:
//! - whatever arrives, decoding neither panics nor allocates more than a small multiple of one record's bound
//!   ([`RECORD_BYTES_MAX`], [`METADATA_PLAIN_MAX`], [`BLOCK_PLAIN_MAX`]): every length is checked first;
//! - a record is handed out only when it has arrived whole; a stream that stops early is never taken for a
//!   whole one ([`Decoder::finish`]);
//! - chunks are not verified here: who takes them compares their hash with the id they are meant for.
//!
//! Start with [`Encoder`] and [`Decoder`]. Operations may be spread over several records; [`Groups`] puts them
//! together again.

mod answers;
mod decode;
mod encode;
mod frame;
mod groups;
mod manifest;
mod record;
pub(crate) mod wire;

pub use decode::{Decoder, Unpacker};
pub use encode::Encoder;
pub use groups::{BadGroup, Groups, OperationRun};
pub use manifest::{ChunkRef, Splice};
pub use model::location::Codec;
pub use record::{
    Block, BlockEntry, Chunk, CommitHead, CommitResult, ManifestPart, NodeContent, Outcomes, PageEnd, Record,
    WantedChunk,
};

/// The first bytes of every bundle: a word, and the version of the format.
pub const MAGIC: [u8; 8] = *b"DRIFTLS\x01";
/// The most bytes of one record's payload.
pub const RECORD_BYTES_MAX: usize = 2 << 20;
/// The most plain bytes of a compressed record of operations, changes and the like.
pub const METADATA_PLAIN_MAX: usize = 256 << 10;
/// The most plain bytes of one chunk.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// The most plain bytes of one block.
pub const BLOCK_PLAIN_MAX: usize = 1 << 20;
/// The most chunks of one block.
pub const BLOCK_CHUNKS_MAX: usize = 16_384;
/// The most chunk or content ids in one record.
pub const IDS_MAX: usize = 4096;

/// Why bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It does not begin as a bundle does.
    #[error("this is not a bundle")]
    BadMagic,
    /// A format version that this side does not know.
    #[error("the bundle's format version {0} is not known here")]
    UnknownVersion(u8),
    /// A record type that this side does not know and may not skip.
    #[error("the record type {0:#04x} is not known here")]
    UnknownRecord(u8),
    /// A record over [`RECORD_BYTES_MAX`].
    #[error("a record of {0} bytes is longer than a record may be")]
    RecordTooLong(u64),
    /// More bytes in all than the reader takes.
    #[error("the bundle is longer than {maximum} bytes")]
    TooLong {
        /// What it takes.
        maximum: u64,
    },
    /// A record whose payload breaks its format.
    #[error("a record of type {kind:#04x} is malformed: {what}")]
    Malformed {
        /// The type byte.
        kind: u8,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It stops before its end record.
    #[error("the bundle ends before its end record")]
    Truncated,
    /// The end record counts other records than came, or something follows it.
    #[error("the bundle's end record does not fit: {0}")]
    BadEnd(&'static str),
}
