//! How a disk is changed without ever losing what a user saves at the same moment.

use crate::disk::ReadFile;
use crate::error::Result;
use crate::place::TrashedId;
use model::{Entry, Fingerprint, Name};
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
