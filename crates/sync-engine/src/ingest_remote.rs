//! Taking in what a pull brought: R changes in one step, and only when the last part has come.

use crate::event::Cursor;
use crate::store::{Memory, PairState, PairStore, Row, StoreError};
use crate::view;
use model::{Epoch, NodeId, NodeKey, NodeState, RemoteNode, Timestamp};
use planner::Triple;
use std::collections::{BTreeMap, BTreeSet};

const PAGE: usize = 4096;

/// Whether a pull brought what changed, or everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What changed past the cursor.
    Changes,
    /// Everything there is; what is absent was deleted.
    Everything,
}

/// Puts all staged nodes into R and advances the cursor. Returns the nodes touched.
pub(crate) fn take_in<S: PairStore>(
    store: &mut S,
    extent: Extent,
    cursor: Cursor,
    epoch: Epoch,
) -> Result<BTreeSet<NodeKey>, StoreError> {
    let nodes = store.take_staged()?;
    let keys = keys_for(store, &nodes)?;
    let mut touched = BTreeSet::new();
    let mut gone = Vec::new();
    for node in &nodes {
        let Some(key) = keys.get(&node.id).copied().filter(|key| *key != NodeKey::ROOT) else { continue };
        let state = if node.deleted { None } else { remote_state(node, &keys) };
        let mut row = store.row(key)?.unwrap_or_default();
        row.extra.id = Some(node.id);
        row.extra.revision = state.is_some().then_some(node.revision);
        if row.triple.remote != state {
            touched.insert(key);
            gone.extend(state.is_none().then_some(key));
        }
        row.triple.remote = state;
        store.put(key, row)?;
    }
    if extent == Extent::Everything {
        let present: BTreeSet<NodeId> =
            nodes.iter().filter(|node| !node.deleted).map(|node| node.id).collect();
        let absent = drop_absent(store, &present)?;
        gone.extend(&absent);
        touched.extend(absent);
    }
    touched.extend(view::let_go_of_excluded(store, &gone)?);
    let state = store.state()?;
    store.set_state(&PairState { cursor: Some(cursor), epoch: Some(epoch), ..state })?;
    Ok(touched)
}

/// The key of every node named, as itself or as a parent; new ones for those not known.
fn keys_for<S: PairStore>(
    store: &mut S,
    nodes: &[RemoteNode],
) -> Result<BTreeMap<NodeId, NodeKey>, StoreError> {
    let mut ids: Vec<NodeId> = nodes.iter().flat_map(|node| [node.id, node.parent]).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut keys = store.keys_of_ids(&ids)?;
    // The root of a pair is any directory of the folder; its id is in the root's row.
    store.prefetch(&keys.values().copied().collect::<Vec<_>>())?;
    for node in nodes.iter().filter(|node| !node.deleted) {
        if let std::collections::btree_map::Entry::Vacant(vacant) = keys.entry(node.id) {
            vacant.insert(store.new_key()?);
        }
    }
    Ok(keys)
}

/// A node as R holds it; none if its parent is nowhere, which a server never shows at the end of a pull.
fn remote_state(node: &RemoteNode, keys: &BTreeMap<NodeId, NodeKey>) -> Option<NodeState> {
    let file = node.content.kind() == model::Kind::File;
    Some(NodeState {
        parent: *keys.get(&node.parent)?,
        name: node.name.clone(),
        content: node.content.clone(),
        executable: file && node.executable,
        mtime: if file { node.mtime } else { Timestamp::default() },
    })
}

/// Takes out of R what a complete listing did not show.
fn drop_absent<S: PairStore>(
    store: &mut S,
    present: &BTreeSet<NodeId>,
) -> Result<BTreeSet<NodeKey>, StoreError> {
    let mut touched = BTreeSet::new();
    let mut after = NodeKey::ROOT;
    loop {
        let page = store.remote_keys(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(touched) };
        after = *last;
        store.prefetch(&page)?;
        for key in page {
            let Some(mut row) = store.row(key)? else { continue };
            if row.extra.id.is_some_and(|id| !present.contains(&id)) {
                row.triple.remote = None;
                row.extra.revision = None;
                store.put(key, row)?;
                touched.insert(key);
            }
        }
    }
}

/// The server's lineage changed: what was agreed is no base for deletions any more. Every node of the disk becomes a
/// new local node, S and R are forgotten; what the coming listing shows as equal is adopted, everything else is kept
/// on both sides.
pub(crate) fn forget_lineage<S: PairStore>(store: &mut S) -> Result<(), StoreError> {
    let mut after = NodeKey::ROOT;
    loop {
        let page = store.all_keys(after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = *last;
        store.prefetch(&page)?;
        for key in page {
            let Some(row) = store.row(key)? else { continue };
            let kept = Row {
                triple: Triple { local: row.triple.local, frozen: row.triple.frozen, ..Triple::default() },
                extra: Memory { disk: row.extra.disk, frozen: row.extra.frozen, ..Memory::default() },
            };
            store.put(key, kept)?;
        }
    }
    for intent in store.intents()? {
        store.take_intent(intent.key)?;
    }
    store.take_staged()?;
    let view = store.state()?.view;
    store.set_state(&PairState { view, ..PairState::default() })
}
