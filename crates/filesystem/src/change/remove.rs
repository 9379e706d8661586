//! Taking a node out of the tree.

use super::{
    Aside, Outcome, Proof, holds_only_ignored, is_expected, is_proven, look_before, put_back, refused,
};
use crate::disk::Disk;
use crate::error::{ErrorKind, Result};
use crate::place::{Place, Removal};
use model::{EntryKind, Fingerprint, RelativePath};

/// Moves the expected node to the trash. A directory goes only if nothing is in it but ignored names, which go with
/// it. `proof` is for files whose fingerprint is too young to be trusted.
///
/// `Busy` if a program is writing to the file.
pub fn remove(
    disk: &dyn Disk,
    path: &RelativePath,
    expected: &Fingerprint,
    proof: Option<Proof<'_>>,
    aside: Aside<'_>,
) -> Result<Outcome> {
    let place = Place::from(path);
    let found = match look_before(disk, path, expected)? {
        Ok(found) => found,
        Err(outcome) => return Ok(outcome),
    };
    let proof = proof.filter(|_| found.kind == EntryKind::File);
    let may_go = match found.kind {
        EntryKind::Directory => holds_only_ignored(disk, &place)?,
        _ => is_proven(disk, &place, proof)?,
    };
    if !may_go {
        return Ok(Outcome::Refused { found: Some(found), kept: None });
    }
    let trashed = disk.new_trashed(Removal::of(&found.kind, expected, None), path);
    let bin = Place::Trashed(trashed.clone());
    match disk.rename_new(&place, &bin) {
        Ok(()) => {}
        Err(error) if error.kind == ErrorKind::NotFound => return refused(disk, path, None),
        Err(error) => return Err(error),
    }
    if is_expected(disk, &bin, trashed.removal(), proof)? {
        Ok(Outcome::Done { fingerprint: found.fingerprint, trashed: Some(trashed) })
    } else {
        put_back(disk, &bin, path, aside)
    }
}
