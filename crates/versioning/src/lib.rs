//! The server's brain: what may become of a folder, and what became of it.
//!
//! [`commit`](commit::commit) is the only way that a client's change reaches the database: groups of operations,
//! each applied whole or refused with one reason, judged by the state after its last operation, in one transaction
//! with the stored answer. [`restore`] and [`rewind`] go the same way. What is read — [`changes`], [`fetch`],
//! [`history`], [`past`], [`compare`], [`missing`], [`archive`], [`search`] — sees one snapshot. [`upload`] keeps what has arrived of big files.
//! [`view`] is the journal as it looks to who wants a part of a folder only. [`link`] is what strangers with an address see of one. [`folder`] makes folders and hands out
//! privileges. [`retention`] decides what of the past goes, [`space`] counts what is taken, [`collection`] takes away what
//! nothing names, [`recovery`] is what a restored server begins with. [`activity`] and [`growth`] are what people are shown
//! of what goes on, [`conflicts`] finds conflict copies and settles them. [`verify`] proves everything that the database
//! claims, down to the bytes.
//!
//! Invariants, shown by the tests and by [`verify`]: a living node's directory lives; there are no cycles; name keys
//! are unique in a directory; every number of the journal belongs to one node; every version's bytes are stored
//! before the version is; counters equal what they count; nothing is answered before it is durable.
//!
//! Whoever calls holds a [`Permit`](model::Permit); it is checked once more inside the transaction, so that a right
//! withdrawn in between does not count. Knowing a hash never gives access: chunks are usable where the folder
//! or the caller's own uploads hold them, or where they were sent.
//!
//! Deliberately absent: clocks, randomness, hashing (moments, ids and a verifier of manifests are passed in), wire
//! forms, and the audit log (the server's task).
//!
//! Start with [`commit`], then `commit/workspace.rs`.

mod access;
pub mod activity;
pub mod archive;
pub mod changes;
pub mod collection;
pub mod commit;
pub mod compare;
pub mod conflicts;
pub mod error;
pub mod fetch;
pub mod folder;
pub mod growth;
pub mod history;
pub mod identity;
pub mod link;
pub mod manifest;
pub mod missing;
pub mod past;
pub mod recovery;
pub mod restore;
pub mod retention;
pub mod rewind;
pub mod search;
pub mod space;
pub mod upload;
pub mod verify;
pub mod view;

pub use changes::{Page, changes};
pub use commit::{Authors, Commit, Committed, commit, repeated};
pub use error::Error;
pub use manifest::{BadManifest, Manifest};
