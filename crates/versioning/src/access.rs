//! The second look at a permit, inside the unit of work that uses it.

use crate::Error;
use metadata::Snapshot;
use metadata::folder::Folder;
use model::{Access, Action, Denied, Permit, Timestamp, authorize};

/// The folder, if the permit still holds.
pub(crate) fn recheck<A: Access>(
    snapshot: &dyn Snapshot,
    permit: &Permit<A>,
    action: Action,
    now: Timestamp,
) -> Result<Folder, Error> {
    let facts = snapshot.facts(permit.principal(), permit.folder(), now)?;
    authorize::<A>(permit.principal(), permit.folder(), action, facts)?;
    Ok(snapshot.folder(permit.folder())?.ok_or(Denied::Hidden)?)
}
