//! A backup as a data directory that a server can serve.

use crate::files::{self, Bring};
use crate::manifest::{FolderEntry, Manifest, find};
use crate::{Adapters, CATALOG, Error, PACKS, Result};
use content::Depth;
use model::Epoch;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use versioning::recovery;

/// What was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// From which backup.
    pub backup: PathBuf,
    /// When that was made.
    pub made: String,
    /// Its bytes.
    pub bytes: u64,
    /// Folders that had a plain directory, and have none now.
    pub detached: Vec<FolderEntry>,
}

/// Makes a data directory of a backup, under a new epoch. Every byte is checked on the way. The directory has its name from
/// the moment when all of it is on disk.
///
/// # Errors
/// `NotFound`, `Damaged`, `Unfit` (the directory is used), `Disk`, and what the adapters say.
pub fn restore(
    target: &Path,
    name: Option<&str>,
    data: &Path,
    epoch: Epoch,
    adapters: &Adapters<'_>,
) -> Result<Restored> {
    let backup = find(target, name)?;
    let manifest = Manifest::read(&backup)?;
    check_unused(data)?;
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    files::make_directory(parent)?;
    let ours = fs::Permissions::from_mode(0o700);
    let staged = tempfile::Builder::new().prefix(".restoring-").permissions(ours).tempdir_in(parent);
    let staged = staged.map_err(Error::disk("make a directory in", parent))?;
    for file in &manifest.files {
        let (from, to) = (backup.join(&file.path), staged.path().join(&file.path));
        to.parent().map_or(Ok(()), files::make_directory)?;
        files::bring(&from, &to, Bring::Copy)?;
        if file.fits(&to)? != Some(true) {
            return Err(Error::Damaged { path: from, what: "it is not what was backed up" });
        }
    }
    files::make_directory(&staged.path().join(PACKS))?;
    begin_anew(staged.path(), epoch, adapters)?;
    files::sync_directories(staged.path())?;
    fs::rename(staged.path(), data).map_err(Error::disk("finish", data))?;
    // It has gone to where it was meant to be; there is nothing to take away any more.
    let _ = staged.keep();
    files::sync_directory(parent)?;
    let bytes = manifest.files.iter().map(|file| file.bytes).sum();
    let detached = manifest.folders.into_iter().filter(|folder| folder.plain.is_some()).collect();
    Ok(Restored { backup, made: manifest.made, bytes, detached })
}

/// Nothing is ever written over.
fn check_unused(data: &Path) -> Result<()> {
    let is_used = match fs::read_dir(data) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => data.symlink_metadata().is_ok(),
    };
    match is_used {
        true => Err(Error::Unfit { path: data.to_owned(), what: "it is used already; name a new directory" }),
        false => Ok(()),
    }
}

/// Begins a new epoch, and looks whether everything that is named has its place.
fn begin_anew(staged: &Path, epoch: Epoch, adapters: &Adapters<'_>) -> Result<()> {
    let catalog = staged.join(CATALOG);
    let database = (adapters.database)(&catalog)?;
    recovery::begin_anew(&*database, epoch)?;
    let store = (adapters.store)(&staged.join(PACKS))?;
    let report = versioning::verify::verify(&*database, store, Depth::Index, adapters.audit_digest)?;
    if let Some(problem) = report.problems.first() {
        tracing::error!(%problem, "what was restored is not whole");
        return Err(Error::Damaged { path: catalog, what: "what it names is not all there" });
    }
    Ok(())
}
