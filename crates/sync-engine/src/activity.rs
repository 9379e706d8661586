//! What a person may want to know of what was done, and why.
//!
//! The why is what the pair knew when it acted: which side had changed since both last agreed. It is told before the deed is
//! recorded, while the trees still show it.

use crate::effect::{Activity, ActivityKind, Effect, Why};
use crate::paths::{Overlay, path_of};
use crate::store::{PairStore, StoreError};
use model::{NodeKey, Refusal, RelativePath, Seq};
use planner::{LocalOperation, RemoteOperation, Tree};

/// The deepest path that is followed.
const DEPTH_MAX: usize = 4096;

/// Where a node stands locally, else remotely.
pub(crate) fn best_path<S: PairStore>(store: &S, key: NodeKey) -> Result<RelativePath, StoreError> {
    match path_of(store, key, &Overlay::new())? {
        Some(path) => Ok(path),
        None => path_in(store, key, Tree::Remote),
    }
}

/// Where a node stands in a tree.
fn path_in<S: PairStore>(store: &S, key: NodeKey, tree: Tree) -> Result<RelativePath, StoreError> {
    let mut names = Vec::new();
    let mut current = key;
    while current != NodeKey::ROOT && names.len() < DEPTH_MAX {
        let Some(state) = store.row(current)?.and_then(|row| row.triple.tree(tree).cloned()) else {
            break;
        };
        names.push(state.name);
        current = state.parent;
    }
    names.reverse();
    Ok(names.into_iter().collect())
}

/// An operation was done on the remote side, where its state got this number.
pub(crate) fn tell_remote<S: PairStore>(
    store: &S,
    operation: &RemoteOperation,
    seq: Seq,
    out: &mut Vec<Effect>,
) -> Result<(), StoreError> {
    let agreed = store.row(operation.key())?.is_some_and(|row| row.triple.synced.is_some());
    let (kind, why) = match operation {
        RemoteOperation::Create { .. } if agreed => (ActivityKind::Uploaded, Why::ChangedHereRemovedThere),
        RemoteOperation::Create { .. } => (ActivityKind::Uploaded, Why::NewHere),
        RemoteOperation::Update { .. } => (ActivityKind::Uploaded, Why::ChangedHere),
        RemoteOperation::Move { .. } => (ActivityKind::MovedThere, Why::MovedHere),
        RemoteOperation::Remove { .. } => (ActivityKind::RemovedThere, Why::RemovedHere),
        RemoteOperation::Attributes { .. } => return Ok(()),
    };
    let path = best_path(store, operation.key())?;
    let before = match kind {
        ActivityKind::MovedThere => Some(path_in(store, operation.key(), Tree::Synced)?),
        _ => None,
    };
    let other = before.filter(|before| *before != path);
    out.push(Effect::Activity(Activity { kind, path, other, why: Some(why), seq: Some(seq) }));
    Ok(())
}

/// Called before the operation is recorded, so that L still has the old place.
pub(crate) fn tell_local<S: PairStore>(
    store: &S,
    operation: &LocalOperation,
    out: &mut Vec<Effect>,
) -> Result<(), StoreError> {
    let mut overlay = Overlay::new();
    let before = best_path(store, operation.key())?;
    let row = store.row(operation.key())?.unwrap_or_default();
    let (kind, why, place) = match operation {
        LocalOperation::Create { state, .. } => {
            let why = if row.triple.synced.is_some() { Why::ChangedThereRemovedHere } else { Why::NewThere };
            (ActivityKind::Downloaded, why, Some((state.parent, state.name.clone())))
        }
        LocalOperation::Update { .. } => (ActivityKind::Downloaded, Why::ChangedThere, None),
        LocalOperation::Move { parent, name, .. } => {
            (ActivityKind::MovedHere, Why::MovedThere, Some((*parent, name.clone())))
        }
        LocalOperation::Remove { .. } => (ActivityKind::RemovedHere, Why::RemovedThere, None),
        LocalOperation::Detach { name, .. } => {
            let place = row.triple.local.as_ref().map(|state| (state.parent, name.clone()));
            (ActivityKind::ConflictCopy, Why::BothChanged, place)
        }
        LocalOperation::Rename { name, .. } => {
            let place = row.triple.local.as_ref().map(|state| (state.parent, name.clone()));
            (ActivityKind::ConflictCopy, Why::NameTaken, place)
        }
        LocalOperation::Attributes { .. } | LocalOperation::Shelve { .. } => return Ok(()),
    };
    let moved = place.is_some() && !matches!(kind, ActivityKind::Downloaded);
    if let Some(place) = place {
        overlay.insert(operation.key(), place);
    }
    let path = path_of(store, operation.key(), &overlay)?.unwrap_or_else(|| before.clone());
    let of_the_server = matches!(kind, ActivityKind::Downloaded | ActivityKind::MovedHere);
    let revision = row.extra.revision.filter(|_| of_the_server);
    let seq = revision.map(|revision| match kind {
        ActivityKind::MovedHere => revision.placement,
        _ => revision.version,
    });
    let other = moved.then_some(before);
    out.push(Effect::Activity(Activity { kind, path, other, why: Some(why), seq }));
    Ok(())
}

/// The remote side refused a node for good.
pub(crate) fn tell_refused<S: PairStore>(
    store: &S,
    key: NodeKey,
    reason: Refusal,
    out: &mut Vec<Effect>,
) -> Result<(), StoreError> {
    let why = match reason {
        Refusal::Forbidden => Why::RefusedForbidden,
        Refusal::Quota => Why::RefusedQuota,
        Refusal::TooLarge => Why::RefusedTooLarge,
        Refusal::BadName => Why::RefusedName,
        Refusal::Held => Why::RefusedHeld,
        // Tried again by itself: nobody need know.
        Refusal::Stale | Refusal::Gone | Refusal::NameTaken | Refusal::ChunkMissing | Refusal::Dependency => {
            return Ok(());
        }
    };
    let path = best_path(store, key)?;
    let activity = Activity { kind: ActivityKind::Refused, path, other: None, why: Some(why), seq: None };
    out.push(Effect::Activity(activity));
    Ok(())
}
