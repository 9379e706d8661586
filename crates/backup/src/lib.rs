//! Backups of a server's data: made while it runs, proven without it, brought back as a data directory.
//!
//! ```text
//! TARGET/                                where backups are made
//!   2026-11-22T10-20-30Z/                one backup, whole: laid out like a data directory
//!     manifest.json  manifest.b3         every file with its size and hash; the manifest's own hash
//!     catalog.db  store/packs/…  tls/…  driftless.toml  seal.key
//!   .unfinished-…/                       what a killed run leaves; the next one takes it away
//! ```
//!
//! Invariants:
//!
//! - A backup has its name from the moment when all of it is on disk, and is never changed afterwards. Making another never
//!   writes into one that is there.
//! - It is consistent: the catalog is one snapshot, taken first; packs are taken afterwards, whole and closed, and a hold on
//!   the store keeps what the snapshot names until then.
//! - Packs never change, so a pack is a hard link where that can be: to the backup before (if the server's epoch is the same),
//!   else to the store; else a copy. So a further backup takes room for new packs only.
//! - What is brought back begins a new epoch, its numbers go on far beyond those given before, and it is connected to no
//!   plain directory: nobody takes its past for news, and nothing outside of it is touched.
//!
//! Deliberately absent: encryption and remote targets (a backup is a directory: any tool carries it on), and the choice of
//! database and store ([`Adapters`]).
//!
//! Start with [`create()`]; [`verify()`] and [`restore()`] follow the manifest.

mod create;
mod error;
mod files;
mod manifest;
mod restore;
mod verify;

pub use create::{Created, Order, Source, create};
pub use error::Error;
pub use manifest::{FileEntry, FolderEntry, Manifest, backups};
pub use restore::{Restored, restore};
pub use verify::{Verified, verify};

use content::ChunkStore;
use metadata::Database;
use metadata::audit::Digest;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where the catalog lies in a data directory, and in a backup.
pub const CATALOG: &str = "catalog.db";
/// Where the packs lie.
pub const PACKS: &str = "store/packs";
/// Files beside them, and directories of files, that belong to a server.
pub(crate) const BESIDE: [&str; 3] = ["driftless.toml", "tls", SEAL_KEY];

/// The file with the key that secrets in the database are sealed with.
pub const SEAL_KEY: &str = "seal.key";

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Opens a database.
pub type OpenDatabase<'a> = &'a dyn Fn(&Path) -> metadata::Result<Arc<dyn Database>>;
/// Opens a store of packs.
pub type OpenStore<'a> = &'a dyn Fn(&Path) -> std::result::Result<Arc<dyn ChunkStore>, content::Error>;

/// How a backup's parts are opened.
#[derive(Clone, Copy)]
pub struct Adapters<'a> {
    /// Opens a catalog.
    pub database: OpenDatabase<'a>,
    /// Opens a directory of packs.
    pub store: OpenStore<'a>,
    /// What the audit log is chained with.
    pub audit_digest: Digest,
}

impl fmt::Debug for Adapters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapters").finish_non_exhaustive()
    }
}
