//! The store on real disks.

mod conformance;
mod counting;
mod crash;
mod damage;
mod full_disk;
mod history;

use content::ChunkStore;
use content::conformance::{PACK_BYTES, Rig};
use content_store::PackStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A store in a directory of its own.
struct OnDisk(TempDir);

impl OnDisk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("the temporary directory is writable"))
    }

    fn store(&self) -> PackStore {
        open(self.0.path())
    }

    fn pack_files(&self) -> Vec<PathBuf> {
        pack_files(self.0.path())
    }
}

impl Rig for OnDisk {
    fn open(&mut self) -> Arc<dyn ChunkStore> {
        Arc::new(self.store())
    }
}

fn open(directory: &Path) -> PackStore {
    PackStore::open_with(directory, PACK_BYTES).expect("a store is opened whatever a crash has left")
}

/// The files of all packs, by id.
fn pack_files(directory: &Path) -> Vec<PathBuf> {
    let read = |directory: &Path| std::fs::read_dir(directory).expect("a directory of the store");
    let mut files: Vec<PathBuf> = read(directory)
        .flatten()
        .flat_map(|shard| read(&shard.path()).flatten())
        .map(|file| file.path())
        .collect();
    files.sort();
    files
}
