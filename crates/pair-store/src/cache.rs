//! The working set: rows read from the file or changed since the last commit.

use model::{Handle, NameKey, NameRule, NodeId, NodeKey};
use planner::{Tree, Trees, Triple};
use std::collections::{BTreeMap, BTreeSet};
use sync_engine::{Memory, Row};

/// Rows beyond this many are dropped after a commit.
const ROWS_KEPT: usize = 20_000;

/// What is known without asking the file. Rows here outweigh the file's; so do keys known to be absent.
#[derive(Debug)]
pub(crate) struct Cache {
    trees: Trees<Memory>,
    ids: BTreeMap<NodeId, NodeKey>,
    handles: BTreeMap<Handle, BTreeSet<NodeKey>>,
    /// Keys that are not (or no longer) there.
    absent: BTreeSet<NodeKey>,
    /// Keys to write at the next commit.
    changed: BTreeSet<NodeKey>,
    /// Directories whose children in a tree are all here.
    whole: BTreeSet<(Tree, NodeKey)>,
    /// Names that were looked up in a tree.
    names: BTreeSet<(Tree, NodeKey, NameKey)>,
    /// Whether all dirty rows are here.
    dirty: bool,
}

impl Cache {
    pub(crate) fn new(rule: NameRule) -> Self {
        Self {
            trees: Trees::empty(rule),
            ids: BTreeMap::new(),
            handles: BTreeMap::new(),
            absent: BTreeSet::new(),
            changed: BTreeSet::new(),
            whole: BTreeSet::new(),
            names: BTreeSet::new(),
            dirty: false,
        }
    }

    pub(crate) fn trees(&self) -> &Trees<Memory> {
        &self.trees
    }

    /// Whether the key's row, or its absence, is known.
    pub(crate) fn knows(&self, key: NodeKey) -> bool {
        self.trees.row(key).is_some() || self.absent.contains(&key)
    }

    /// Takes in a row as the file has it, unless something newer is known.
    pub(crate) fn load(&mut self, key: NodeKey, row: Row) {
        if !self.knows(key) {
            self.insert(key, row);
        }
    }

    /// The file has no row of this key.
    pub(crate) fn load_absence(&mut self, key: NodeKey) {
        if !self.knows(key) {
            self.absent.insert(key);
        }
    }

    /// Changes a row.
    pub(crate) fn put(&mut self, key: NodeKey, row: Row) {
        self.remove(key);
        self.changed.insert(key);
        if holds(&row.triple) {
            self.absent.remove(&key);
            self.insert(key, row);
        } else {
            self.absent.insert(key);
        }
    }

    /// Takes a row out.
    pub(crate) fn take(&mut self, key: NodeKey) -> Option<Row> {
        self.changed.insert(key);
        self.absent.insert(key);
        self.remove(key)
    }

    fn insert(&mut self, key: NodeKey, row: Row) {
        if let Some(id) = row.extra.id {
            self.ids.insert(id, key);
        }
        if let Some(disk) = &row.extra.disk {
            self.handles.entry(disk.handle.clone()).or_default().insert(key);
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
            keys.remove(&key);
            if keys.is_empty() {
                self.handles.remove(&disk.handle);
            }
        }
        Some(row)
    }

    pub(crate) fn key_of_id(&self, id: NodeId) -> Option<NodeKey> {
        self.ids.get(&id).copied()
    }

    pub(crate) fn keys_of_handle(&self, handle: &Handle) -> impl Iterator<Item = NodeKey> {
        self.handles.get(handle).into_iter().flatten().copied()
    }

    pub(crate) fn is_whole(&self, tree: Tree, parent: NodeKey) -> bool {
        self.whole.contains(&(tree, parent))
    }

    pub(crate) fn set_whole(&mut self, tree: Tree, parent: NodeKey) {
        self.whole.insert((tree, parent));
    }

    pub(crate) fn knows_name(&self, tree: Tree, parent: NodeKey, name: &NameKey) -> bool {
        self.is_whole(tree, parent) || self.names.contains(&(tree, parent, name.clone()))
    }

    pub(crate) fn set_name(&mut self, tree: Tree, parent: NodeKey, name: NameKey) {
        self.names.insert((tree, parent, name));
    }

    pub(crate) fn has_all_dirty(&self) -> bool {
        self.dirty
    }

    pub(crate) fn set_all_dirty(&mut self) {
        self.dirty = true;
    }

    /// What to write: rows, and keys whose rows are to be taken out.
    pub(crate) fn changes(&self) -> (Vec<(NodeKey, &Row)>, Vec<NodeKey>) {
        let mut rows = Vec::with_capacity(self.changed.len());
        let mut gone = Vec::new();
        for key in &self.changed {
            match self.trees.row(*key) {
                Some(row) => rows.push((*key, row)),
                None => gone.push(*key),
            }
        }
        (rows, gone)
    }

    /// Everything changed is in the file now.
    pub(crate) fn written(&mut self) {
        self.changed.clear();
        if self.trees.len() > ROWS_KEPT || self.names.len() + self.absent.len() > 4 * ROWS_KEPT {
            *self = Self::new(self.trees.rule());
        }
    }
}

fn holds(triple: &Triple) -> bool {
    triple.synced.is_some() || triple.remote.is_some() || triple.local.is_some()
}
