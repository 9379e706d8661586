//! [`PairStore`] in ordered maps, for unit tests and the simulator.

use crate::store::{Intent, Memory, PairState, PairStore, Row, StoreError};
use model::{Handle, IdempotencyKey, Name, NameKey, NameRule, NodeId, NodeKey, RemoteNode};
use planner::{Tree, Trees, Triple, View};
use std::collections::BTreeMap;

/// A pair's memory, gone with the process. Clone it to have what a crash would leave behind.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    trees: Trees<Memory>,
    ids: BTreeMap<NodeId, NodeKey>,
    handles: BTreeMap<Handle, Vec<NodeKey>>,
    next_key: u64,
    staged: BTreeMap<NodeId, RemoteNode>,
    intents: Vec<Intent>,
    state: PairState,
    guard: Vec<u8>,
}

impl MemoryStore {
    /// A pair's memory at its beginning.
    #[must_use]
    pub fn new(rule: NameRule) -> Self {
        let mut store = Self {
            trees: Trees::empty(rule),
            ids: BTreeMap::new(),
            handles: BTreeMap::new(),
            next_key: NodeKey::ROOT.0 + 1,
            staged: BTreeMap::new(),
            intents: Vec::new(),
            state: PairState::default(),
            guard: Vec::new(),
        };
        let memory = Memory { id: Some(NodeId::ROOT), ..Memory::default() };
        store.insert(NodeKey::ROOT, Row { triple: planner::trees::root_triple(), extra: memory });
        store
    }

    /// The trees, to look at.
    #[must_use]
    pub fn trees(&self) -> &Trees<Memory> {
        &self.trees
    }

    fn insert(&mut self, key: NodeKey, row: Row) {
        if let Some(id) = row.extra.id {
            self.ids.insert(id, key);
        }
        if let (Some(_), Some(disk)) = (&row.triple.local, &row.extra.disk) {
            self.handles.entry(disk.handle.clone()).or_default().push(key);
        }
        self.trees.put(key, row);
    }

    fn remove(&mut self, key: NodeKey) -> Option<Row> {
        let row = self.trees.take(key)?;
        if let Some(id) = row.extra.id.filter(|id| self.ids.get(id) == Some(&key)) {
            self.ids.remove(&id);
        }
        if let Some(disk) = &row.extra.disk
            && let Some(keys) = self.handles.get_mut(&disk.handle)
        {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.handles.remove(&disk.handle);
            }
        }
        Some(row)
    }
}

/// Frozen, and more than something local that is not synced.
fn is_told(triple: &Triple) -> bool {
    triple.frozen && (triple.synced.is_some() || triple.remote.is_some())
}

fn held_by_a_tree(triple: &Triple) -> bool {
    triple.synced.is_some() || triple.remote.is_some() || triple.local.is_some()
}

impl View for MemoryStore {
    type Error = StoreError;

    fn dirty(&self) -> Result<Vec<NodeKey>, StoreError> {
        Ok(self.trees.dirty_keys().collect())
    }

    fn triple(&self, key: NodeKey) -> Result<Option<Triple>, StoreError> {
        Ok(self.trees.row(key).map(|row| row.triple.clone()))
    }

    fn children(&self, tree: Tree, parent: NodeKey) -> Result<Vec<NodeKey>, StoreError> {
        Ok(self.trees.children_of(tree, parent).into_iter().collect())
    }

    fn named(&self, tree: Tree, parent: NodeKey, name: &NameKey) -> Result<Vec<NodeKey>, StoreError> {
        Ok(self.trees.named_in(tree, parent, name).collect())
    }

    fn name_key(&self, name: &Name) -> NameKey {
        self.trees.rule().key(name)
    }
}

impl PairStore for MemoryStore {
    fn row(&self, key: NodeKey) -> Result<Option<Row>, StoreError> {
        Ok(self.trees.row(key).cloned())
    }

    fn put(&mut self, key: NodeKey, row: Row) -> Result<(), StoreError> {
        self.remove(key);
        if held_by_a_tree(&row.triple) {
            self.insert(key, row);
        }
        Ok(())
    }

    fn take(&mut self, key: NodeKey) -> Result<Option<Row>, StoreError> {
        Ok(self.remove(key))
    }

    fn new_key(&mut self) -> Result<NodeKey, StoreError> {
        let key = NodeKey(self.next_key);
        self.next_key += 1;
        Ok(key)
    }

    fn keys_of_ids(&self, ids: &[NodeId]) -> Result<BTreeMap<NodeId, NodeKey>, StoreError> {
        Ok(ids.iter().filter_map(|id| Some((*id, *self.ids.get(id)?))).collect())
    }

    fn keys_of_handles(&self, handles: &[Handle]) -> Result<BTreeMap<Handle, Vec<NodeKey>>, StoreError> {
        Ok(handles
            .iter()
            .filter_map(|handle| Some((handle.clone(), self.handles.get(handle)?.clone())))
            .collect())
    }

    fn remote_keys(&self, after: NodeKey, limit: usize) -> Result<Vec<NodeKey>, StoreError> {
        let held = self.trees.rows().filter(|(key, row)| *key > after && row.triple.remote.is_some());
        Ok(held.map(|(key, _)| key).take(limit).collect())
    }

    fn all_keys(&self, after: NodeKey, limit: usize) -> Result<Vec<NodeKey>, StoreError> {
        Ok(self.trees.rows().map(|(key, _)| key).filter(|key| *key > after).take(limit).collect())
    }

    fn frozen_keys(&self) -> Result<Vec<NodeKey>, StoreError> {
        Ok(self.trees.rows().filter(|(_, row)| is_told(&row.triple)).map(|(key, _)| key).collect())
    }

    fn stage(&mut self, nodes: &[RemoteNode]) -> Result<(), StoreError> {
        for node in nodes {
            let newest = self.staged.get(&node.id).is_none_or(|held| held.seq <= node.seq);
            if newest {
                self.staged.insert(node.id, node.clone());
            }
        }
        Ok(())
    }

    fn staged(&self, after: Option<NodeId>, limit: usize) -> Result<Vec<RemoteNode>, StoreError> {
        let behind = self.staged.values().filter(|node| after.is_none_or(|after| node.id > after));
        Ok(behind.take(limit).cloned().collect())
    }

    fn drop_staged(&mut self) -> Result<(), StoreError> {
        self.staged.clear();
        Ok(())
    }

    fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        Ok(self.intents.clone())
    }

    fn put_intent(&mut self, intent: &Intent) -> Result<(), StoreError> {
        self.intents.push(intent.clone());
        Ok(())
    }

    fn take_intent(&mut self, key: IdempotencyKey) -> Result<Option<Intent>, StoreError> {
        let found = self.intents.iter().position(|intent| intent.key == key);
        Ok(found.map(|index| self.intents.remove(index)))
    }

    fn state(&self) -> Result<PairState, StoreError> {
        Ok(self.state.clone())
    }

    fn set_state(&mut self, state: &PairState) -> Result<(), StoreError> {
        self.state = state.clone();
        Ok(())
    }

    fn guard(&self) -> Result<Vec<u8>, StoreError> {
        Ok(self.guard.clone())
    }

    fn set_guard(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.guard = bytes.to_vec();
        Ok(())
    }
}
