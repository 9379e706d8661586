//! Proof that a backup is what was written, and that everything it names is in it.

use crate::files::{self, Bring};
use crate::manifest::{Manifest, find};
use crate::{Adapters, CATALOG, Error, PACKS, Result};
use content::Depth;
use std::path::{Path, PathBuf};
use versioning::verify::Report;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which backup.
    pub backup: PathBuf,
    /// Its files.
    pub files: u64,
    /// Their bytes, all of them read.
    pub bytes: u64,
    /// Files that are not what was written, and what the proof of the catalog found.
    pub problems: Vec<String>,
    /// The proof of the catalog; none if the catalog itself is damaged.
    pub report: Option<Report>,
}

/// Reads every byte of a backup, and proves every reference. Nothing of it is changed: the catalog is opened as a copy, in
/// `scratch`.
///
/// # Errors
/// `NotFound`, `Damaged` (the manifest), `Disk`, and what the adapters say. What is wrong with the files is in the answer.
pub fn verify(
    target: &Path,
    name: Option<&str>,
    scratch: &Path,
    adapters: &Adapters<'_>,
) -> Result<Verified> {
    let backup = find(target, name)?;
    let manifest = Manifest::read(&backup)?;
    let mut verified = Verified {
        files: manifest.files.len() as u64,
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
        problems: Vec::new(),
        report: None,
        backup,
    };
    let mut is_catalog_whole = true;
    for file in &manifest.files {
        let what = match file.fits(&verified.backup.join(&file.path)) {
            Ok(Some(true)) => continue,
            Ok(Some(false)) => "it is not what was backed up".to_owned(),
            Ok(None) => "it is missing".to_owned(),
            Err(error) => error.to_string(),
        };
        verified.problems.push(format!("{}: {what}", file.path));
        is_catalog_whole &= file.path != CATALOG;
    }
    if !manifest.paths().contains(CATALOG) {
        verified.problems.push(format!("{CATALOG}: it is missing"));
        is_catalog_whole = false;
    }
    if is_catalog_whole {
        let report = prove(&verified.backup, scratch, adapters)?;
        verified.problems.extend(report.problems.iter().map(ToString::to_string));
        verified.report = Some(report);
    }
    Ok(verified)
}

/// Proves the catalog with the packs beside it.
fn prove(backup: &Path, scratch: &Path, adapters: &Adapters<'_>) -> Result<Report> {
    let copy = scratch.join(CATALOG);
    files::bring(&backup.join(CATALOG), &copy, Bring::Copy)?;
    let packs = backup.join(PACKS);
    if !packs.is_dir() {
        // A server that never stored anything; the store would make it.
        files::make_directory(&scratch.join(PACKS))?;
    }
    let packs = if packs.is_dir() { packs } else { scratch.join(PACKS) };
    let (database, store) = ((adapters.database)(&copy)?, (adapters.store)(&packs)?);
    versioning::verify::verify(&*database, store, Depth::AllBytes, adapters.audit_digest).map_err(Error::from)
}
