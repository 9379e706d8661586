//! Clearing up stage and trash, and rescuing what a crash or a late writer left there.

use super::{ATTEMPTS, holds_only_ignored};
use crate::disk::{Disk, Writers};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::place::{Place, StagedId, TrashedId};
use model::{Entry, EntryKind, Name, RelativePath, Timestamp};

/// What [`tend`] did.
#[derive(Debug, Default)]
pub struct Tended {
    /// How many staged things were destroyed.
    pub swept: u64,
    /// How many trashed things were destroyed.
    pub emptied: u64,
    /// How many trashed things are still kept.
    pub kept: u64,
    /// User's files and directories that were found in the trash unexpectedly, and where they were put: an exchange
    /// was interrupted, or a program went on writing to what it had open.
    pub rescued: Vec<RelativePath>,
    /// What could not be done; it is tried again the next time.
    pub problems: Vec<Error>,
}

/// Destroys what is staged and not in `keep`, and what was trashed before `trashed_before`, but never what is not
/// known to be dispensable: that is put back into the tree, under the name that `aside` gives for what was found, the
/// name it had, and the attempt.
///
/// To be called at start, and now and then, while no change is under way.
pub fn tend(
    disk: &dyn Disk,
    keep: &dyn Fn(StagedId) -> bool,
    trashed_before: Timestamp,
    aside: &dyn Fn(&Entry, &Name, u32) -> Name,
) -> Result<Tended> {
    let mut tended = Tended::default();
    for id in disk.staged()? {
        if !keep(id) {
            match disk.discard_staged(id) {
                Ok(()) => tended.swept += 1,
                Err(error) => tended.problems.push(error),
            }
        }
    }
    for id in disk.trashed()? {
        if let Err(error) = tend_trashed(disk, &id, trashed_before, aside, &mut tended) {
            tended.problems.push(error);
        }
    }
    Ok(tended)
}

fn tend_trashed(
    disk: &dyn Disk,
    id: &TrashedId,
    trashed_before: Timestamp,
    aside: &dyn Fn(&Entry, &Name, u32) -> Name,
    tended: &mut Tended,
) -> Result<()> {
    let bin = Place::Trashed(id.clone());
    let is_written = disk.look(&bin)?.is_some_and(|found| found.kind == EntryKind::File)
        && disk.writers(&bin)? == Writers::Some;
    if is_written {
        tended.kept += 1;
        return Ok(());
    }
    let Some(found) = disk.look(&bin)? else { return Ok(()) };
    let is_dispensable = match found.kind {
        EntryKind::Directory => id.removal().is_expected(&found) && holds_only_ignored(disk, &bin)?,
        _ => id.removal().is_expected(&found) || id.removal().is_incoming(&found),
    };
    if !is_dispensable {
        tended.rescued.push(rescue(disk, id, &found, aside)?);
    } else if id.at() < trashed_before || id.removal().is_incoming(&found) {
        disk.discard_trashed(id)?;
        tended.emptied += 1;
    } else {
        tended.kept += 1;
    }
    Ok(())
}

/// Puts something trashed back beside where it stood, or in the root if that is unknown or gone.
fn rescue(
    disk: &dyn Disk,
    id: &TrashedId,
    found: &Entry,
    aside: &dyn Fn(&Entry, &Name, u32) -> Name,
) -> Result<RelativePath> {
    let bin = Place::Trashed(id.clone());
    let path = id.path();
    let (parent, name) = match path.as_ref().and_then(RelativePath::split) {
        Some((parent, name)) => (parent, name.clone()),
        None => (RelativePath::root(), Name::new("rescued").expect("a name")),
    };
    let mut error = Error::at(ErrorKind::Exists, Operation::Rename, &bin);
    for parent in [parent, RelativePath::root()] {
        for attempt in 0..ATTEMPTS {
            let path = parent.join(&aside(found, &name, attempt));
            match disk.rename_new(&bin, &path.clone().into()) {
                Ok(()) => return Ok(path),
                Err(failed) => error = failed,
            }
            if error.kind != ErrorKind::Exists {
                break;
            }
        }
        if error.kind != ErrorKind::NotFound {
            break;
        }
    }
    Err(error)
}
