//! From nodes to paths on the local side and back.

use crate::store::{PairStore, StoreError};
use model::{Name, NodeKey, RelativePath};
use planner::{LocalOperation, Tree};
use std::collections::BTreeMap;

/// Deeper than any real tree; a longer way up means that the memory is broken.
pub(crate) const DEPTH_MAX: usize = 4096;

/// Where nodes will stand once the steps before have been carried out.
pub(crate) type Overlay = BTreeMap<NodeKey, (NodeKey, Name)>;

/// The path of a node in L, as `overlay` will have changed it; none if it stands nowhere.
pub(crate) fn path_of<S: PairStore + ?Sized>(
    store: &S,
    key: NodeKey,
    overlay: &Overlay,
) -> Result<Option<RelativePath>, StoreError> {
    let mut names = Vec::new();
    let mut current = key;
    while current != NodeKey::ROOT {
        let (parent, name) = match overlay.get(&current) {
            Some(place) => place.clone(),
            None => match store.row(current)?.and_then(|row| row.triple.local) {
                Some(state) => (state.parent, state.name),
                None => return Ok(None),
            },
        };
        names.push(name);
        current = parent;
        if names.len() > DEPTH_MAX {
            return Ok(None);
        }
    }
    names.reverse();
    Ok(Some(names.into_iter().collect()))
}

/// The node of L at a path, by its exact names.
pub(crate) fn key_at<S: PairStore + ?Sized>(
    store: &S,
    path: &RelativePath,
) -> Result<Option<NodeKey>, StoreError> {
    let mut current = NodeKey::ROOT;
    for name in path.names() {
        let mut next = None;
        for key in store.named(Tree::Local, current, &store.name_key(name))? {
            if store.row(key)?.and_then(|row| row.triple.local).is_some_and(|state| state.name == *name) {
                next = Some(key);
            }
        }
        match next {
            Some(key) => current = key,
            None => return Ok(None),
        }
    }
    Ok(Some(current))
}

/// All children of a directory of L with this very name: several only while a round looks at what was moved.
pub(crate) fn children_named<S: PairStore + ?Sized>(
    store: &S,
    parent: NodeKey,
    name: &Name,
) -> Result<Vec<NodeKey>, StoreError> {
    let mut named = Vec::new();
    for key in store.named(Tree::Local, parent, &store.name_key(name))? {
        if store.row(key)?.and_then(|row| row.triple.local).is_some_and(|state| state.name == *name) {
            named.push(key);
        }
    }
    Ok(named)
}

/// The lowest known directory of L on the way to a path, the path itself included.
pub(crate) fn nearest_directory<S: PairStore + ?Sized>(
    store: &S,
    path: &RelativePath,
) -> Result<NodeKey, StoreError> {
    let mut path = path.clone();
    loop {
        if let Some(key) = key_at(store, &path)?
            && store
                .row(key)?
                .and_then(|row| row.triple.local)
                .is_some_and(|state| state.content.is_directory())
        {
            return Ok(key);
        }
        match path.split() {
            Some((parent, _)) => path = parent,
            None => return Ok(NodeKey::ROOT),
        }
    }
}

/// The directories in which an operation works.
pub(crate) fn places_of<S: PairStore>(
    store: &S,
    operation: &LocalOperation,
) -> Result<Vec<RelativePath>, StoreError> {
    let mut directories = Vec::new();
    if let Some(state) = store.row(operation.key())?.and_then(|row| row.triple.local) {
        directories.push(state.parent);
        if state.content.is_directory() {
            directories.push(operation.key());
        }
    }
    match operation {
        LocalOperation::Create { state, .. } => directories.push(state.parent),
        LocalOperation::Move { parent, .. } | LocalOperation::Shelve { parent, .. } => {
            directories.push(*parent);
        }
        _ => {}
    }
    let path = |key| Ok(path_of(store, key, &Overlay::new())?.unwrap_or_default());
    directories.into_iter().map(path).collect()
}
