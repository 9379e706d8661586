//! What is recorded when a step was done: the change and the agreement, in one transaction.

use crate::store::{Memory, PairStore, Row, StoreError};
use model::{Applied, Fingerprint, Name, NodeKey, NodeState, Timestamp};
use planner::{LocalOperation, MemoryStep, RemoteOperation, Tree, Triple};

/// Applies a change of memory alone.
pub(crate) fn memory_step<S: PairStore>(store: &mut S, step: &MemoryStep) -> Result<(), StoreError> {
    match step {
        MemoryStep::Forget(key) => {
            store.take(*key)?;
        }
        MemoryStep::Agree(key, state) => {
            if let Some(mut row) = store.row(*key)? {
                row.triple.synced = Some(state.clone());
                store.put(*key, row)?;
            }
        }
        MemoryStep::Adopt { local, remote } => adopt(store, *local, *remote)?,
        MemoryStep::Rekey(key) => {
            if let Some(new) = local_place_becomes_new(store, *key, None)? {
                agreed_children_follow(store, *key, new)?;
            }
            store.take(*key)?;
        }
        MemoryStep::Revive(key) => {
            if let Some(mut row) = store.row(*key)? {
                row.triple.synced = None;
                store.put(*key, row)?;
            }
        }
    }
    Ok(())
}

fn adopt<S: PairStore>(store: &mut S, local: NodeKey, remote: NodeKey) -> Result<(), StoreError> {
    let Some(taken) = store.take(local)? else { return Ok(()) };
    let Some(mut row) = store.row(remote)? else { return Ok(()) };
    row.triple.local = taken.triple.local;
    row.triple.frozen = taken.triple.frozen;
    row.extra.disk = taken.extra.disk;
    row.extra.frozen = taken.extra.frozen;
    store.put(remote, row)?;
    children_follow(store, local, remote)
}

/// Gives L's children of one directory another parent.
fn children_follow<S: PairStore>(store: &mut S, from: NodeKey, to: NodeKey) -> Result<(), StoreError> {
    let children = store.children(Tree::Local, from)?;
    store.prefetch(&children)?;
    for child in children {
        let Some(mut row) = store.row(child)? else { continue };
        if let Some(state) = &mut row.triple.local {
            state.parent = to;
        }
        store.put(child, row)?;
    }
    Ok(())
}

/// Gives S's children of one directory another parent, so that they do not look moved.
fn agreed_children_follow<S: PairStore>(store: &mut S, from: NodeKey, to: NodeKey) -> Result<(), StoreError> {
    let children = store.children(Tree::Synced, from)?;
    store.prefetch(&children)?;
    for child in children {
        let Some(mut row) = store.row(child)? else { continue };
        if let Some(state) = &mut row.triple.synced {
            state.parent = to;
        }
        store.put(child, row)?;
    }
    Ok(())
}

/// What L holds of a node becomes a new node that nobody else knows, under a new name if one is given.
fn local_place_becomes_new<S: PairStore>(
    store: &mut S,
    key: NodeKey,
    name: Option<&Name>,
) -> Result<Option<NodeKey>, StoreError> {
    let Some(mut row) = store.row(key)? else { return Ok(None) };
    let Some(mut local) = row.triple.local.take() else { return Ok(None) };
    if let Some(name) = name {
        local.name = name.clone();
    }
    let extra = Memory { disk: row.extra.disk.take(), frozen: row.extra.frozen.take(), ..Memory::default() };
    let triple = Triple { local: Some(local), frozen: row.triple.frozen, ..Triple::default() };
    row.triple.frozen = false;
    let new = store.new_key()?;
    store.put(key, row)?;
    store.put(new, Row { triple, extra })?;
    children_follow(store, key, new)?;
    Ok(Some(new))
}

/// How a node that was renamed is remembered: a user may have changed it meanwhile, and then it looks as before, so
/// that the next look finds a difference.
fn renamed(row: &Row, after: Option<Fingerprint>) -> Option<Fingerprint> {
    let (Some(before), Some(after)) = (&row.extra.disk, &after) else { return after };
    let directory = row.triple.local.as_ref().is_some_and(|local| local.content.is_directory());
    let same = before.handle == after.handle
        && (directory
            || (before.size, before.mtime, before.executable) == (after.size, after.mtime, after.executable));
    Some(if same { after.clone() } else { before.clone() })
}

/// Records that a local operation was done, and how the node looks now.
pub(crate) fn local_done<S: PairStore>(
    store: &mut S,
    operation: &LocalOperation,
    disk: Option<Fingerprint>,
) -> Result<(), StoreError> {
    let key = operation.key();
    let disk = match (operation, store.row(key)?) {
        (
            LocalOperation::Move { .. }
            | LocalOperation::Shelve { .. }
            | LocalOperation::Rename { .. }
            | LocalOperation::Detach { .. },
            Some(row),
        ) => renamed(&row, disk),
        _ => disk,
    };
    if let LocalOperation::Detach { name, .. } = operation {
        if let Some(new) = local_place_becomes_new(store, key, Some(name))?
            && let (Some(mut row), Some(disk)) = (store.row(new)?, disk)
        {
            row.extra.disk = Some(disk);
            store.put(new, row)?;
        }
        if let Some(mut row) = store.row(key)? {
            row.triple.synced = None;
            store.put(key, row)?;
        }
        return Ok(());
    }
    let mut row = store.row(key)?.unwrap_or_default();
    match operation {
        LocalOperation::Create { state, .. } => row.triple.local = Some(state.clone()),
        LocalOperation::Update { content, executable, mtime, .. } => {
            for tree in [&mut row.triple.local, &mut row.triple.synced].into_iter().flatten() {
                (tree.content, tree.executable, tree.mtime) = (content.clone(), *executable, *mtime);
            }
        }
        LocalOperation::Attributes { executable, mtime, .. } => {
            for tree in [&mut row.triple.local, &mut row.triple.synced].into_iter().flatten() {
                (tree.executable, tree.mtime) = (*executable, *mtime);
            }
        }
        LocalOperation::Move { parent, name, .. } | LocalOperation::Shelve { parent, name, .. } => {
            for tree in [&mut row.triple.local, &mut row.triple.synced].into_iter().flatten() {
                (tree.parent, tree.name) = (*parent, name.clone());
            }
        }
        LocalOperation::Rename { name, remote_name, .. } => {
            if let Some(local) = &mut row.triple.local {
                local.name = name.clone();
            }
            if let (Some(synced), Some(remote_name)) = (&mut row.triple.synced, remote_name) {
                synced.name = remote_name.clone();
            }
        }
        LocalOperation::Remove { .. } | LocalOperation::SetAside { .. } => {
            row.triple.local = None;
            row.triple.synced = None;
        }
        LocalOperation::Detach { .. } => {}
    }
    if let LocalOperation::Create { .. } = operation {
        row.triple.synced = row.triple.local.clone();
    }
    row.extra.disk = if row.triple.local.is_some() { disk.or(row.extra.disk) } else { None };
    store.put(key, row)
}

/// Records that a remote operation was done.
pub(crate) fn remote_done<S: PairStore>(
    store: &mut S,
    operation: &RemoteOperation,
    applied: Applied,
) -> Result<(), StoreError> {
    let key = operation.key();
    let mut row = store.row(key)?.unwrap_or_default();
    row.extra.id = Some(applied.node);
    row.extra.revision = Some(applied.revision);
    match operation {
        RemoteOperation::Create { state, .. } => {
            row.triple.remote = Some(state.clone());
            row.triple.synced = Some(state.clone());
        }
        RemoteOperation::Update { content, executable, mtime, .. } => {
            for tree in agreed(&mut row) {
                (tree.content, tree.executable, tree.mtime) = (content.clone(), *executable, *mtime);
            }
        }
        RemoteOperation::Attributes { executable, mtime, .. } => {
            for tree in agreed(&mut row) {
                (tree.executable, tree.mtime) = (*executable, *mtime);
            }
        }
        RemoteOperation::Move { parent, name, .. } => {
            for tree in agreed(&mut row) {
                (tree.parent, tree.name) = (*parent, name.clone());
            }
        }
        RemoteOperation::Remove { .. } => {
            row.triple.remote = None;
            row.triple.synced = None;
            row.extra.revision = None;
        }
    }
    store.put(key, row)
}

fn agreed(row: &mut Row) -> impl Iterator<Item = &mut NodeState> {
    [&mut row.triple.remote, &mut row.triple.synced].into_iter().flatten()
}

/// A state as L holds it, made of what the disk shows.
pub(crate) fn local_state(
    parent: NodeKey,
    name: Name,
    content: model::Content,
    disk: &Fingerprint,
) -> NodeState {
    let file = content.kind() == model::Kind::File;
    NodeState {
        parent,
        name,
        content,
        executable: file && disk.executable,
        mtime: if file { disk.mtime } else { Timestamp::default() },
    }
}
