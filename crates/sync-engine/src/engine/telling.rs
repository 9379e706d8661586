//! What was done, in the words of the log.

use super::status::best_path;
use crate::effect::{Activity, ActivityKind, Effect};
use crate::paths::{Overlay, path_of};
use crate::store::{PairStore, StoreError};
use planner::{LocalOperation, RemoteOperation};

pub(super) fn tell_remote<S: PairStore>(
    store: &S,
    operation: &RemoteOperation,
    out: &mut Vec<Effect>,
) -> Result<(), StoreError> {
    let kind = match operation {
        RemoteOperation::Create { .. } | RemoteOperation::Update { .. } => ActivityKind::Uploaded,
        RemoteOperation::Move { .. } => ActivityKind::MovedThere,
        RemoteOperation::Remove { .. } => ActivityKind::RemovedThere,
        RemoteOperation::Attributes { .. } => return Ok(()),
    };
    let path = best_path(store, operation.key())?;
    out.push(Effect::Activity(Activity { kind, path, other: None }));
    Ok(())
}

/// Called before the operation is recorded, so that L still has the old place.
pub(super) fn tell_local<S: PairStore>(
    store: &S,
    operation: &LocalOperation,
    out: &mut Vec<Effect>,
) -> Result<(), StoreError> {
    let mut overlay = Overlay::new();
    let before = best_path(store, operation.key())?;
    let (kind, place) = match operation {
        LocalOperation::Create { state, .. } => {
            (ActivityKind::Downloaded, Some((state.parent, state.name.clone())))
        }
        LocalOperation::Update { .. } => (ActivityKind::Downloaded, None),
        LocalOperation::Move { parent, name, .. } => (ActivityKind::MovedHere, Some((*parent, name.clone()))),
        LocalOperation::Remove { .. } => (ActivityKind::RemovedHere, None),
        LocalOperation::Detach { name, .. } | LocalOperation::Rename { name, .. } => {
            let parent =
                store.row(operation.key())?.and_then(|row| row.triple.local).map(|state| state.parent);
            (ActivityKind::ConflictCopy, parent.map(|parent| (parent, name.clone())))
        }
        LocalOperation::Attributes { .. } | LocalOperation::Shelve { .. } => return Ok(()),
    };
    let moved = place.is_some() && !matches!(kind, ActivityKind::Downloaded);
    if let Some(place) = place {
        overlay.insert(operation.key(), place);
    }
    let path = path_of(store, operation.key(), &overlay)?.unwrap_or_else(|| before.clone());
    out.push(Effect::Activity(Activity { kind, path, other: moved.then_some(before) }));
    Ok(())
}
