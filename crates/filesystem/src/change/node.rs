//! Moving nodes, making directories, setting attributes.

use super::{ATTEMPTS, Aside, Outcome, keep_aside, refused};
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::place::Place;
use model::{EntryKind, Fingerprint, Name, RelativePath, Timestamp};

/// Moves the node with the expected handle, whatever its content is by now, to a place where nothing is. What
/// `Refused` found is what stands at the new place, if that is the reason, else at the old one.
pub fn move_node(
    disk: &dyn Disk,
    from: &RelativePath,
    to: &RelativePath,
    expected: &Fingerprint,
    aside: Aside<'_>,
) -> Result<Outcome> {
    let found = disk.look(&from.into())?;
    if found.as_ref().is_none_or(|found| found.fingerprint.handle != expected.handle) {
        return Ok(Outcome::Refused { found, kept: None });
    }
    match disk.rename_new(&from.into(), &to.into()) {
        Ok(()) => {}
        Err(error) if error.kind == ErrorKind::Exists => {
            let found = disk.look(&to.into())?;
            let is_itself = found.as_ref().is_some_and(|found| found.fingerprint.handle == expected.handle);
            if !(is_itself && is_another_spelling(disk, from, to)) {
                return Ok(Outcome::Refused { found, kept: None });
            }
            if let Some(outcome) = respell(disk, from, to)? {
                return Ok(outcome);
            }
        }
        Err(error) => return Err(error),
    }
    match disk.look(&to.into())? {
        Some(found) if found.fingerprint.handle == expected.handle => {
            Ok(Outcome::Done { fingerprint: found.fingerprint, trashed: None })
        }
        // A user put another node at the old place at the last moment, and that is what was moved.
        Some(_) => move_back(disk, from, to, aside),
        None => Ok(Outcome::Refused { found: None, kept: None }),
    }
}

fn move_back(disk: &dyn Disk, from: &RelativePath, to: &RelativePath, aside: Aside<'_>) -> Result<Outcome> {
    match disk.rename_new(&to.into(), &from.into()) {
        Ok(()) => refused(disk, from, None),
        Err(error) if error.kind == ErrorKind::Exists => {
            let kept = keep_aside(disk, &to.into(), from, aside)?;
            refused(disk, from, kept)
        }
        Err(error) if error.kind == ErrorKind::NotFound => refused(disk, from, None),
        Err(error) => Err(error),
    }
}

/// Whether both can be one name of one directory on this disk.
fn is_another_spelling(disk: &dyn Disk, from: &RelativePath, to: &RelativePath) -> bool {
    let capabilities = disk.capabilities();
    (capabilities.case_insensitive || capabilities.normalisation_insensitive)
        && from.split().map(|(parent, _)| parent) == to.split().map(|(parent, _)| parent)
}

/// Renames a node to another spelling of its own name, by way of a third name in its directory: should the machine
/// stop in between, the user sees it there, and to the sync it is a rename. None if it was done.
fn respell(disk: &dyn Disk, from: &RelativePath, to: &RelativePath) -> Result<Option<Outcome>> {
    let (parent, name) = from.split().expect("the root has no other spelling");
    for attempt in 0..ATTEMPTS {
        let between = Name::new(&format!("{name}~{attempt}"))
            .or_else(|_| Name::new(&format!("renaming~{attempt}")))
            .expect("short, and without forbidden characters");
        let between = Place::from(parent.join(&between));
        match disk.rename_new(&from.into(), &between) {
            Ok(()) => {}
            Err(error) if error.kind == ErrorKind::Exists => continue,
            Err(error) => return Err(error),
        }
        return match disk.rename_new(&between, &to.into()) {
            Ok(()) => Ok(None),
            Err(error) => {
                disk.rename_new(&between, &from.into())?;
                if error.kind == ErrorKind::Exists { refused(disk, to, None).map(Some) } else { Err(error) }
            }
        };
    }
    Err(Error::at(ErrorKind::Exists, Operation::Rename, &to.into()))
}

/// Makes a directory where nothing is.
pub fn make_directory(disk: &dyn Disk, path: &RelativePath) -> Result<Outcome> {
    match disk.make_directory(path) {
        Ok(()) => {}
        Err(error) if error.kind == ErrorKind::Exists => return refused(disk, path, None),
        Err(error) => return Err(error),
    }
    match disk.look(&path.into())? {
        Some(found) if found.kind == EntryKind::Directory => {
            Ok(Outcome::Done { fingerprint: found.fingerprint, trashed: None })
        }
        found => Ok(Outcome::Refused { found, kept: None }),
    }
}

/// Sets mtime and executable bit of the expected node. `Busy` if a program is writing to the file.
pub fn set_attributes(
    disk: &dyn Disk,
    path: &RelativePath,
    expected: &Fingerprint,
    mtime: Timestamp,
    executable: bool,
) -> Result<Outcome> {
    match disk.set_attributes(path, expected, mtime, executable) {
        Ok(fingerprint) => Ok(Outcome::Done { fingerprint, trashed: None }),
        Err(error) if matches!(error.kind, ErrorKind::Changed | ErrorKind::NotFound) => {
            refused(disk, path, None)
        }
        Err(error) => Err(error),
    }
}
