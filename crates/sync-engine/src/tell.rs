//! What a person is told: of what was done, and of what could not be.

use crate::effect::{Activity, ActivityKind, Effect};
use crate::paths::{Overlay, path_of};
use crate::store::{PairStore, StoreError};
use model::{NodeKey, Refusal, RelativePath};
use planner::{LocalOperation, RemoteOperation, Tree};

pub(crate) fn refusal_in_words(reason: Refusal) -> &'static str {
    match reason {
        Refusal::Forbidden => "you may not change this in the shared folder",
        Refusal::Quota => "the quota is used up",
        Refusal::TooLarge => "the file is larger than the server takes",
        Refusal::BadName => "the server does not take this name or path",
        Refusal::Held => "held by the server until a person approves it",
        Refusal::Stale | Refusal::Gone | Refusal::NameTaken | Refusal::ChunkMissing | Refusal::Dependency => {
            "it changed meanwhile; tried again"
        }
    }
}

/// Where a node stands locally, else remotely.
pub(crate) fn best_path<S: PairStore>(store: &S, key: NodeKey) -> Result<RelativePath, StoreError> {
    if let Some(path) = path_of(store, key, &Overlay::new())? {
        return Ok(path);
    }
    let mut names = Vec::new();
    let mut current = key;
    while current != NodeKey::ROOT && names.len() < 4096 {
        let Some(state) = store.row(current)?.and_then(|row| row.triple.tree(Tree::Remote).cloned()) else {
            break;
        };
        names.push(state.name);
        current = state.parent;
    }
    names.reverse();
    Ok(names.into_iter().collect())
}

pub(crate) fn tell_remote<S: PairStore>(
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
pub(crate) fn tell_local<S: PairStore>(
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
