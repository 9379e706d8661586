//! How a disk is changed without ever losing what a user saves at the same moment.
//!
//! Between any two primitives of a [`Disk`] a user may save, rename or delete, in place or by renaming a finished
//! file over the old one, and the machine may stop. Looking first and then replacing destroyed saves in a stress
//! test; so whatever is to leave the tree is first taken out, by a rename or an exchange that destroys nothing, and
//! only then looked at. If it is what was expected it stays in the local trash; if not, it goes back.
//!
//! Invariants:
//! - what comes out of the tree lands in the trash under a name that says what was expected ([`Removal`]). So after
//!   a crash at any point [`tend`] tells what may go from a user's bytes that have to come back;
//! - the stage never holds a user's bytes;
//! - a user's file is put back under its own name, or, if that was taken again, kept beside it.
//!
//! Making what was changed durable is the caller's: `sync_staged` before installing, `sync_directories` after.
//! Changes of one replica are made one after another, and [`tend`] is not called while one is under way.

mod install;
mod node;
mod read;
mod remove;
mod set_aside;
mod tend;

pub use install::install;
pub use node::{make_directory, move_node, set_attributes};
pub use read::{read_stable, read_text};
pub use remove::remove;
pub use set_aside::set_aside;
pub use tend::{Tended, tend};

use crate::disk::{Disk, ReadFile, Writers};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::place::{Place, Removal, TrashedId};
use model::{Entry, EntryKind, Fingerprint, Name, RelativePath};
use std::fmt;

/// What must stand at a place for a change to be made there.
#[derive(Clone, Copy)]
pub enum Expected<'a> {
    /// Nothing.
    Absent,
    /// The node that was looked at, unchanged.
    Present {
        /// How it was.
        fingerprint: &'a Fingerprint,
        /// For fingerprints too young to be trusted: asked as well.
        proof: Option<Proof<'a>>,
    },
}

/// Reads a file and says whether it holds the expected bytes.
pub type Proof<'a> = &'a dyn Fn(&mut dyn ReadFile) -> Result<bool>;

impl fmt::Debug for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Present { fingerprint, proof } => {
                write!(f, "Present({fingerprint:?}, proof: {})", proof.is_some())
            }
        }
    }
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done {
        /// How the node is now, at its new place.
        fingerprint: Fingerprint,
        /// Where what stood there before is now.
        trashed: Option<TrashedId>,
    },
    /// It is not done, since something else stands there: look, plan again. What was staged is still staged.
    Refused {
        /// What stands there.
        found: Option<Entry>,
        /// A user's file that could not be put back under its name, because yet another had taken it meanwhile, was
        /// kept in the same directory under this name.
        kept: Option<Name>,
    },
}

/// The name under which a user's file is kept in its directory if its own is taken; counts up while that is taken,
/// too.
pub type Aside<'a> = &'a dyn Fn(u32) -> Name;

/// How often a name is tried before giving up.
const ATTEMPTS: u32 = 1000;

/// Whether both are one node with the same bytes, as far as renames leave them comparable: a rename changes ctime.
fn is_same(one: &Fingerprint, other: &Fingerprint) -> bool {
    one.handle == other.handle && one.size == other.size && one.mtime == other.mtime
}

/// What stands at a path, as the reason not to go on.
fn refused(disk: &dyn Disk, path: &RelativePath, kept: Option<Name>) -> Result<Outcome> {
    Ok(Outcome::Refused { found: disk.look(&path.into())?, kept })
}

/// What stands at `path`, if it may be taken out: the expected node, unchanged, proven if need be, and not being
/// written to.
fn look_before(
    disk: &dyn Disk,
    path: &RelativePath,
    expected: &Fingerprint,
) -> Result<Result<Entry, Outcome>> {
    let place = Place::from(path);
    let Some(found) = disk.look(&place)? else {
        return Ok(Err(Outcome::Refused { found: None, kept: None }));
    };
    let fits = match found.kind {
        EntryKind::Directory => found.fingerprint.handle == expected.handle,
        EntryKind::File | EntryKind::Link { .. } => found.fingerprint == *expected,
        EntryKind::Special | EntryKind::OtherFileSystem => false,
    };
    if !fits {
        return Ok(Err(Outcome::Refused { found: Some(found), kept: None }));
    }
    if found.kind == EntryKind::File && disk.writers(&place)? == Writers::Some {
        return Err(Error::at(ErrorKind::Busy, Operation::Look, &place));
    }
    Ok(Ok(found))
}

/// Whether what was taken out is what was expected, and stays so: nobody can open it any more by a name of the
/// tree, so once nobody has it open for writing it is final.
fn is_expected(disk: &dyn Disk, bin: &Place, removal: &Removal, proof: Option<Proof<'_>>) -> Result<bool> {
    let Some(out) = disk.look(bin)? else { return Ok(false) };
    match out.kind {
        EntryKind::Directory => Ok(removal.is_expected(&out) && holds_only_ignored(disk, bin)?),
        EntryKind::File => {
            // Asked first: what is true of the file afterwards stays true.
            if disk.writers(bin)? == Writers::Some {
                return Ok(false);
            }
            let Some(out) = disk.look(bin)? else { return Ok(false) };
            Ok(removal.is_expected(&out) && is_proven(disk, bin, proof)?)
        }
        _ => Ok(removal.is_expected(&out)),
    }
}

fn is_proven(disk: &dyn Disk, place: &Place, proof: Option<Proof<'_>>) -> Result<bool> {
    match proof {
        None => Ok(true),
        Some(proof) => proof(&mut *disk.open_read(place)?),
    }
}

/// Whether a directory holds nothing that could be synced.
fn holds_only_ignored(disk: &dyn Disk, directory: &Place) -> Result<bool> {
    let listing = disk.list(directory)?;
    Ok(listing.unseen.is_empty()
        && listing.entries.iter().all(|entry| model::ignore::is_ignored(&entry.name)))
}

/// Gives a user's node in the trash a name of its own beside `path`; none if it is no longer there.
fn keep_aside(disk: &dyn Disk, from: &Place, path: &RelativePath, aside: Aside<'_>) -> Result<Option<Name>> {
    let parent = path.split().map_or_else(RelativePath::root, |(parent, _)| parent);
    for attempt in 0..ATTEMPTS {
        let name = aside(attempt);
        match disk.rename_new(from, &parent.join(&name).into()) {
            Ok(()) => return Ok(Some(name)),
            Err(error) if error.kind == ErrorKind::Exists => {}
            Err(error) if error.kind == ErrorKind::NotFound && disk.look(from)?.is_none() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Err(Error::at(ErrorKind::Exists, Operation::Rename, from))
}

/// Puts a node back under its name, or, if that is taken, beside it.
fn put_back(disk: &dyn Disk, from: &Place, path: &RelativePath, aside: Aside<'_>) -> Result<Outcome> {
    match disk.rename_new(from, &path.into()) {
        Ok(()) => refused(disk, path, None),
        Err(error) if error.kind == ErrorKind::Exists => {
            let kept = keep_aside(disk, from, path, aside)?;
            refused(disk, path, kept)
        }
        Err(error) => Err(error),
    }
}
