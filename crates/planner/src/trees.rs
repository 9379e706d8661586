//! The three trees in ordered maps: the [`View`] of unit tests, and the working set of `pair-store`.
//!
//! A [`Row`] is a node in all three trees and whatever the owner remembers of it besides (`X`). Rows are put and
//! taken whole; the indexes by place follow.

use crate::view::{Tree, Triple, View};
use model::{Name, NameKey, NameRule, NodeKey, NodeState};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

/// A node in the three trees, and what else is remembered of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row<X = ()> {
    /// The node in the three trees.
    pub triple: Triple,
    /// What else the owner remembers.
    pub extra: X,
}

type Place = (Tree, NodeKey, NameKey);

/// The three trees of a pair, or of a part of it, in memory.
#[derive(Debug, Clone)]
pub struct Trees<X = ()> {
    rule: NameRule,
    rows: BTreeMap<NodeKey, Row<X>>,
    places: BTreeMap<Place, BTreeSet<NodeKey>>,
    dirty: BTreeSet<NodeKey>,
}

const TREES: [Tree; 3] = [Tree::Synced, Tree::Remote, Tree::Local];

impl<X> Trees<X> {
    /// No nodes at all, not even a root.
    #[must_use]
    pub fn empty(rule: NameRule) -> Self {
        Self { rule, rows: BTreeMap::new(), places: BTreeMap::new(), dirty: BTreeSet::new() }
    }

    /// The rule by which names clash.
    #[must_use]
    pub fn rule(&self) -> NameRule {
        self.rule
    }

    /// The node's row.
    #[must_use]
    pub fn row(&self, key: NodeKey) -> Option<&Row<X>> {
        self.rows.get(&key)
    }

    /// All rows in order of key.
    pub fn rows(&self) -> impl Iterator<Item = (NodeKey, &Row<X>)> {
        self.rows.iter().map(|(key, row)| (*key, row))
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Puts a row in place of the node's old one.
    pub fn put(&mut self, key: NodeKey, row: Row<X>) {
        self.take(key);
        for tree in TREES {
            if let Some(place) = self.place(tree, key, row.triple.tree(tree)) {
                self.places.entry(place).or_default().insert(key);
            }
        }
        if row.triple.is_dirty() {
            self.dirty.insert(key);
        }
        self.rows.insert(key, row);
    }

    /// Takes a node out.
    pub fn take(&mut self, key: NodeKey) -> Option<Row<X>> {
        let row = self.rows.remove(&key)?;
        self.dirty.remove(&key);
        for tree in TREES {
            let Some(place) = self.place(tree, key, row.triple.tree(tree)) else { continue };
            if let Some(keys) = self.places.get_mut(&place) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.places.remove(&place);
                }
            }
        }
        Some(row)
    }

    /// Where a state stands in the index; the root stands nowhere.
    fn place(&self, tree: Tree, key: NodeKey, state: Option<&NodeState>) -> Option<Place> {
        let state = state.filter(|_| key != NodeKey::ROOT)?;
        Some((tree, state.parent, self.rule.key(&state.name)))
    }

    /// The dirty nodes in order of key.
    pub fn dirty_keys(&self) -> impl Iterator<Item = NodeKey> {
        self.dirty.iter().copied()
    }

    /// The children of a directory in one tree, in order of key.
    #[must_use]
    pub fn children_of(&self, tree: Tree, parent: NodeKey) -> BTreeSet<NodeKey> {
        let first = (tree, parent, NameKey("".into()));
        self.places
            .range(first..)
            .take_while(|((t, p, _), _)| (*t, *p) == (tree, parent))
            .flat_map(|(_, keys)| keys.iter().copied())
            .collect()
    }

    /// The children of a directory in one tree whose name has this key.
    pub fn named_in(&self, tree: Tree, parent: NodeKey, name: &NameKey) -> impl Iterator<Item = NodeKey> {
        self.places.get(&(tree, parent, name.clone())).into_iter().flatten().copied()
    }
}

impl<X: Default> Trees<X> {
    /// A pair's memory at its beginning: the root alone.
    #[must_use]
    pub fn new(rule: NameRule) -> Self {
        let mut trees = Self::empty(rule);
        trees.put(NodeKey::ROOT, Row { triple: root_triple(), extra: X::default() });
        trees
    }
}

/// The root's row: the same directory in all three trees.
#[must_use]
pub fn root_triple() -> Triple {
    let root = NodeState {
        parent: NodeKey::ROOT,
        name: Name::root(),
        content: model::Content::Directory,
        executable: false,
        mtime: model::Timestamp::default(),
    };
    Triple { synced: Some(root.clone()), remote: Some(root.clone()), local: Some(root), frozen: false }
}

impl<X> View for Trees<X> {
    type Error = Infallible;

    fn dirty(&self) -> Result<Vec<NodeKey>, Infallible> {
        Ok(self.dirty_keys().collect())
    }

    fn triple(&self, key: NodeKey) -> Result<Option<Triple>, Infallible> {
        Ok(self.row(key).map(|row| row.triple.clone()))
    }

    fn children(&self, tree: Tree, parent: NodeKey) -> Result<Vec<NodeKey>, Infallible> {
        Ok(self.children_of(tree, parent).into_iter().collect())
    }

    fn named(&self, tree: Tree, parent: NodeKey, name: &NameKey) -> Result<Vec<NodeKey>, Infallible> {
        Ok(self.named_in(tree, parent, name).collect())
    }

    fn name_key(&self, name: &Name) -> NameKey {
        self.rule.key(name)
    }
}
