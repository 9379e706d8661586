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

/// Puts all staged nodes into R and advances the cursor. Returns the nodes touched. `ahead` is what own commits did past
/// the cursor, if the pair wants a part of the folder: what of it is not shown has left that part.
///
/// A page at a time: a node is mostly younger than its directory, and then has a greater id. Those that were moved into
/// a directory not seen yet wait for the end.
pub(crate) fn take_in<S: PairStore>(
    store: &mut S,
    extent: Extent,
    ahead: BTreeSet<NodeKey>,
    cursor: Cursor,
    epoch: Epoch,
) -> Result<BTreeSet<NodeKey>, StoreError> {
    let mut intake = Intake { ahead, ..Intake::default() };
    let mut after = None;
    loop {
        let page = store.staged(after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        if extent == Extent::Everything {
            intake.present.extend(page.iter().filter(|node| !node.deleted).map(|node| node.id));
        }
        intake.take_page(store, page, false)?;
    }
    let mut waiting = std::mem::take(&mut intake.waiting);
    while !waiting.is_empty() {
        let rest = waiting.split_off(waiting.len().min(PAGE));
        intake.take_page(store, std::mem::replace(&mut waiting, rest), true)?;
    }
    store.drop_staged()?;
    if extent == Extent::Everything {
        let absent = drop_absent(store, &intake.present)?;
        intake.gone.extend(&absent);
        intake.touched.extend(absent);
    }
    intake.drop_unshown(store)?;
    intake.touched.extend(view::let_go_of_excluded(store, &intake.gone)?);
    let state = store.state()?;
    store.set_state(&PairState { cursor: Some(cursor), epoch: Some(epoch), ..state })?;
    Ok(intake.touched)
}

/// What is known while pages are taken in.
#[derive(Debug, Default)]
struct Intake {
    touched: BTreeSet<NodeKey>,
    /// Those of them that are not there any more.
    gone: Vec<NodeKey>,
    /// What own commits did past the cursor, and no page has shown yet.
    ahead: BTreeSet<NodeKey>,
    /// What a complete listing showed.
    present: BTreeSet<NodeId>,
    /// Nodes whose directory was not known when they came.
    waiting: Vec<RemoteNode>,
    /// The keys given to those of them that were not known either.
    reserved: BTreeMap<NodeId, NodeKey>,
}

impl Intake {
    fn take_page<S: PairStore>(
        &mut self,
        store: &mut S,
        page: Vec<RemoteNode>,
        last: bool,
    ) -> Result<(), StoreError> {
        let keys = self.keys_for(store, &page)?;
        for node in page {
            let Some(key) = keys.get(&node.id).copied().filter(|key| *key != NodeKey::ROOT) else { continue };
            if !last && !node.deleted && !keys.contains_key(&node.parent) {
                self.reserved.insert(node.id, key);
                self.waiting.push(node);
                continue;
            }
            self.ahead.remove(&key);
            let state = if node.deleted { None } else { remote_state(&node, &keys) };
            let mut row = store.row(key)?.unwrap_or_default();
            row.extra.id = Some(node.id);
            row.extra.revision = state.is_some().then_some(node.revision);
            if row.triple.remote != state {
                self.touched.insert(key);
                self.gone.extend(state.is_none().then_some(key));
            }
            row.triple.remote = state;
            store.put(key, row)?;
        }
        Ok(())
    }

    /// Takes out of R what own commits put there, and has left the view since.
    fn drop_unshown<S: PairStore>(&mut self, store: &mut S) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.ahead) {
            let Some(mut row) = store.row(key)? else { continue };
            if row.triple.remote.take().is_none() {
                continue;
            }
            row.extra.revision = None;
            store.put(key, row)?;
            self.touched.insert(key);
            self.gone.push(key);
        }
        Ok(())
    }

    /// The key of every node named, as itself or as a parent; new ones for those not known.
    fn keys_for<S: PairStore>(
        &self,
        store: &mut S,
        nodes: &[RemoteNode],
    ) -> Result<BTreeMap<NodeId, NodeKey>, StoreError> {
        let mut ids: Vec<NodeId> = nodes.iter().flat_map(|node| [node.id, node.parent]).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut keys = store.keys_of_ids(&ids)?;
        // The root of a pair is any directory of the folder.
        let root = store.row(NodeKey::ROOT)?.and_then(|row| row.extra.id).unwrap_or(NodeId::ROOT);
        keys.insert(root, NodeKey::ROOT);
        store.prefetch(&keys.values().copied().collect::<Vec<_>>())?;
        for id in ids {
            if let Some(key) = self.reserved.get(&id) {
                keys.entry(id).or_insert(*key);
            }
        }
        for node in nodes.iter().filter(|node| !node.deleted) {
            if let std::collections::btree_map::Entry::Vacant(vacant) = keys.entry(node.id) {
                vacant.insert(store.new_key()?);
            }
        }
        Ok(keys)
    }
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
    store.drop_staged()?;
    let view = store.state()?.view;
    store.set_state(&PairState { view, ..PairState::default() })
}
