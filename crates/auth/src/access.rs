//! Permits: the facts of this moment, and the one decision about them.

use metadata::Snapshot;
use model::{Access, Action, Denied, FolderId, Permit, Principal, Timestamp, authorize};

/// Why there is no permit.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It was decided so.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The facts could not be had.
    #[error(transparent)]
    Database(#[from] metadata::Error),
}

/// Asks the database for the facts and [`authorize`] for the decision. A folder that does not exist is denied
/// like one that is hidden.
pub fn permit<A: Access>(
    snapshot: &dyn Snapshot,
    principal: Principal,
    folder: FolderId,
    action: Action,
    now: Timestamp,
) -> Result<Permit<A>, Refused> {
    let facts = snapshot.facts(principal, folder, now)?;
    // An administrator manages every folder there is, but one that is not there cannot be managed.
    if facts.administrator && snapshot.folder(folder)?.is_none() {
        return Err(Denied::Hidden.into());
    }
    Ok(authorize(principal, folder, action, facts)?)
}
