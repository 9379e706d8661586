//! Putting what was staged into the tree.

use super::{
    Aside, Expected, Outcome, Proof, is_expected, is_proven, is_same, keep_aside, look_before, put_back,
    refused,
};
use crate::disk::{Disk, Staged, Writers};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::place::{Place, Removal, TrashedId};
use model::{EntryKind, Fingerprint, RelativePath};

/// How often an exchange is undone before what came out is kept beside the place: each time, a user must have saved
/// within the microseconds between two calls.
const ROUNDS: u32 = 8;

/// Puts a staged file or link at `path`, in the place of exactly what was expected there; that goes to the trash.
/// `aside` names a user's file in the rare case that it cannot be put back.
///
/// `Busy` if a program is writing to what stands there.
pub fn install(
    disk: &dyn Disk,
    staged: &Staged,
    path: &RelativePath,
    expected: Expected<'_>,
    aside: Aside<'_>,
) -> Result<Outcome> {
    match expected {
        Expected::Absent => install_new(disk, staged, path, None),
        Expected::Present { fingerprint, proof } => replace(disk, staged, path, fingerprint, proof, aside),
    }
}

fn install_new(
    disk: &dyn Disk,
    staged: &Staged,
    path: &RelativePath,
    trashed: Option<TrashedId>,
) -> Result<Outcome> {
    match disk.rename_new(&Place::Staged(staged.id), &path.into()) {
        Ok(()) => Ok(Outcome::Done { fingerprint: settled(disk, path, &staged.fingerprint), trashed }),
        Err(error) if error.kind == ErrorKind::Exists => refused(disk, path, None),
        Err(error) => Err(error),
    }
}

/// How the installed node is now. If a user has changed or replaced it already, or it cannot be looked at, how it was
/// when it was staged, so that the next look finds a difference.
fn settled(disk: &dyn Disk, path: &RelativePath, ours: &Fingerprint) -> Fingerprint {
    match disk.look(&path.into()) {
        Ok(Some(found)) if is_same(&found.fingerprint, ours) => found.fingerprint,
        _ => ours.clone(),
    }
}

fn replace(
    disk: &dyn Disk,
    staged: &Staged,
    path: &RelativePath,
    expected: &Fingerprint,
    proof: Option<Proof<'_>>,
    aside: Aside<'_>,
) -> Result<Outcome> {
    let place = Place::from(path);
    let found = match look_before(disk, path, expected)? {
        Ok(found) if found.kind == EntryKind::Directory => {
            return Ok(Outcome::Refused { found: Some(found), kept: None });
        }
        Ok(found) => found,
        Err(outcome) => return Ok(outcome),
    };
    let proof = proof.filter(|_| found.kind == EntryKind::File);
    if !is_proven(disk, &place, proof)? {
        return Ok(Outcome::Refused { found: Some(found), kept: None });
    }
    if found.kind == EntryKind::File {
        disk.dress(staged.id, path)?;
    }
    let removal = Removal::of(&found.kind, expected, Some(&staged.fingerprint));
    let trashed = disk.new_trashed(removal, path);
    if disk.capabilities().exchange {
        exchange_in(disk, staged, path, &trashed, proof, aside)
    } else {
        move_aside_and_in(disk, staged, path, &trashed, proof, aside)
    }
}

/// What is staged waits in the trash to be exchanged, so that what comes out is never anywhere else.
fn exchange_in(
    disk: &dyn Disk,
    staged: &Staged,
    path: &RelativePath,
    trashed: &TrashedId,
    proof: Option<Proof<'_>>,
    aside: Aside<'_>,
) -> Result<Outcome> {
    let place = Place::from(path);
    let bin = Place::Trashed(trashed.clone());
    disk.rename_new(&Place::Staged(staged.id), &bin)?;
    if let Err(error) = disk.exchange(&bin, &place) {
        // A failing disk may have exchanged them all the same: the stage takes back only what is ours.
        if disk.look(&bin)?.is_some_and(|waiting| trashed.removal().is_incoming(&waiting)) {
            disk.rename_new(&bin, &Place::Staged(staged.id))?;
        }
        return if error.kind == ErrorKind::NotFound { refused(disk, path, None) } else { Err(error) };
    }
    if is_expected(disk, &bin, trashed.removal(), proof)? {
        let fingerprint = settled(disk, path, &staged.fingerprint);
        return Ok(Outcome::Done { fingerprint, trashed: Some(trashed.clone()) });
    }
    undo_exchange(disk, staged, path, &bin, aside)
}

/// Gives a place back what was taken out of it unexpectedly, unless a user has put something else there by now. A
/// user may go on saving meanwhile: what the last exchange put there has to come out again unchanged, else what came
/// out is younger and belongs there.
fn undo_exchange(
    disk: &dyn Disk,
    staged: &Staged,
    path: &RelativePath,
    bin: &Place,
    aside: Aside<'_>,
) -> Result<Outcome> {
    let place = Place::from(path);
    let mut put = staged.fingerprint.clone();
    for round in 0..ROUNDS {
        match disk.look(&place)? {
            None => return put_back(disk, bin, path, aside),
            Some(there) if round == 0 && !is_same(&there.fingerprint, &put) => break,
            Some(_) => {}
        }
        let Some(held) = disk.look(bin)? else { break };
        match disk.exchange(bin, &place) {
            Ok(()) => {}
            Err(error) if error.kind == ErrorKind::NotFound => return put_back(disk, bin, path, aside),
            Err(error) => {
                // Where it cannot go back it is kept beside its place; where not even that, the trash has it.
                if !disk.look(bin)?.is_some_and(|left| is_same(&left.fingerprint, &staged.fingerprint)) {
                    keep_aside(disk, bin, path, aside)?;
                }
                return Err(error);
            }
        }
        let Some(out) = disk.look(bin)? else { break };
        let is_untouched = is_same(&out.fingerprint, &put) && disk.writers(bin)? != Writers::Some;
        if is_untouched && is_same(&put, &staged.fingerprint) {
            disk.rename_new(bin, &Place::Staged(staged.id))?;
            return refused(disk, path, None);
        }
        if is_untouched {
            break;
        }
        put = held.fingerprint;
    }
    let kept = keep_aside(disk, bin, path, aside)?;
    refused(disk, path, kept)
}

/// Without exchange: the old one out, then the new one in; for a moment nothing is there.
fn move_aside_and_in(
    disk: &dyn Disk,
    staged: &Staged,
    path: &RelativePath,
    trashed: &TrashedId,
    proof: Option<Proof<'_>>,
    aside: Aside<'_>,
) -> Result<Outcome> {
    let bin = Place::Trashed(trashed.clone());
    match disk.rename_new(&path.into(), &bin) {
        Ok(()) => {}
        Err(error) if error.kind == ErrorKind::NotFound => return refused(disk, path, None),
        Err(error) => return Err(error),
    }
    if !is_expected(disk, &bin, trashed.removal(), proof)? {
        return put_back(disk, &bin, path, aside);
    }
    match install_new(disk, staged, path, Some(trashed.clone())) {
        Err(error) => {
            // Not to be left without either.
            disk.rename_new(&bin, &path.into())
                .map_err(|back| Error::at(back.kind, Operation::Rename, &bin).because(error.to_string()))?;
            Err(error)
        }
        outcome => outcome,
    }
}
