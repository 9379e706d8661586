//! The directory of packs: names, listing, creation and removal, each durable on return.

use crate::{Tally, count};
use content::pack::{PATH_SUFFIX, relative_path};
use content::{PackId, PackInfo};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The directory.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    tally: Arc<Tally>,
}

impl Files {
    /// Opens the directory, or makes it.
    pub(crate) fn open(root: &Path, tally: Arc<Tally>) -> io::Result<Self> {
        let files = Self { root: root.to_owned(), tally };
        if !root.is_dir() {
            directory_of_our_own().recursive(true).create(root)?;
            files.sync_directory(root.parent().filter(|parent| !parent.as_os_str().is_empty()))?;
        }
        Ok(files)
    }

    /// All packs by id. Files of other names are not ours and are left alone.
    pub(crate) fn list(&self) -> io::Result<Vec<PackInfo>> {
        let mut packs = Vec::new();
        for directory in fs::read_dir(&self.root)? {
            let directory = directory?;
            if !directory.file_type()?.is_dir() {
                continue;
            }
            for entry in fs::read_dir(directory.path())? {
                let entry = entry?;
                let Some(pack) = entry.file_name().to_str().and_then(parse_name) else { continue };
                if entry.path() == self.path(pack) {
                    packs.push(PackInfo { pack, bytes: entry.metadata()?.len(), open: false });
                }
            }
        }
        packs.sort_unstable_by_key(|info| info.pack);
        Ok(packs)
    }

    /// Opens a pack for reading.
    pub(crate) fn read(&self, pack: PackId) -> io::Result<File> {
        File::open(self.path(pack))
    }

    /// Makes a new, empty pack.
    pub(crate) fn create(&self, pack: PackId) -> io::Result<File> {
        let path = self.path(pack);
        let directory = path.parent();
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            directory_of_our_own().create(directory)?;
            self.sync_directory(Some(&self.root))?;
        }
        let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        if let Err(error) = self.sync_directory(directory) {
            // Nothing refers to it yet; its id is not used again either way.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(file)
    }

    /// Removes a pack.
    pub(crate) fn remove(&self, pack: PackId) -> io::Result<()> {
        let path = self.path(pack);
        fs::remove_file(&path)?;
        self.sync_directory(path.parent())
    }

    fn path(&self, pack: PackId) -> PathBuf {
        self.root.join(relative_path(pack))
    }

    fn sync_directory(&self, directory: Option<&Path>) -> io::Result<()> {
        count(&self.tally.fsyncs, 1);
        let begun = Instant::now();
        let synced = File::open(directory.unwrap_or(Path::new(".")))?.sync_all();
        self.tally.fsync_times.note(begun.elapsed());
        synced
    }
}

/// Other users of the machine have no business with people's bytes.
fn directory_of_our_own() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn parse_name(name: &str) -> Option<PackId> {
    let digits = name.strip_suffix(PATH_SUFFIX)?;
    digits.parse().ok().filter(|id| *id > 0).map(PackId)
}
