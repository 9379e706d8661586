//! The part of the three trees that a plan is about: the dirty nodes and their ancestors.
//!
//! Read in bulk, a level of ancestors at a time, so that a store answers with a few queries however many nodes are
//! dirty. A node that some tree names as a parent but that no tree holds counts as absent everywhere.

use crate::direction::Direction;
use crate::rule::{Fault, Rule, Trace};
use crate::view::{Tree, Triple, View};
use model::conflict::Author;
use model::{Name, NameKey, NodeKey, NodeState};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A place in a directory; two nodes of one tree cannot share one.
pub(crate) type Place = (NodeKey, NameKey);

/// What a plan is made from.
pub(crate) struct Scene<'v, V: View> {
    pub(crate) view: &'v V,
    pub(crate) author: &'v Author,
    pub(crate) direction: Direction,
    fault: Option<Fault>,
    dirty: Vec<NodeKey>,
    nodes: BTreeMap<NodeKey, Triple>,
    frozen: BTreeSet<NodeKey>,
    trace: RefCell<Trace>,
}

impl<'v, V: View> Scene<'v, V> {
    /// Reads these dirty nodes and their ancestors in R and L.
    pub(crate) fn read(
        view: &'v V,
        author: &'v Author,
        direction: Direction,
        fault: Option<Fault>,
        dirty: Vec<NodeKey>,
    ) -> Result<Self, V::Error> {
        let mut nodes = BTreeMap::new();
        let mut level = dirty.clone();
        while !level.is_empty() {
            view.prefetch(&level)?;
            let mut parents = BTreeSet::new();
            for key in level {
                let triple = view.triple(key)?.unwrap_or_default();
                parents
                    .extend([&triple.remote, &triple.local].into_iter().flatten().map(|state| state.parent));
                nodes.insert(key, triple);
            }
            level = parents.into_iter().filter(|key| !nodes.contains_key(key)).collect();
        }
        let mut scene = Self {
            view,
            author,
            direction,
            fault,
            dirty,
            nodes,
            frozen: BTreeSet::new(),
            trace: RefCell::default(),
        };
        scene.frozen = scene.find_frozen();
        Ok(scene)
    }

    /// The dirty nodes in order of key.
    pub(crate) fn dirty(&self) -> impl Iterator<Item = (NodeKey, &Triple)> {
        self.dirty.iter().map(|key| (*key, &self.nodes[key]))
    }

    /// The dirty nodes that may be touched.
    pub(crate) fn movable(&self) -> impl Iterator<Item = (NodeKey, &Triple)> {
        self.dirty().filter(|(key, _)| !self.is_frozen(*key))
    }

    /// A dirty node or one of their ancestors.
    pub(crate) fn triple(&self, key: NodeKey) -> Option<&Triple> {
        self.nodes.get(&key)
    }

    /// A dirty node or one of their ancestors, in one tree.
    pub(crate) fn state(&self, tree: Tree, key: NodeKey) -> Option<&NodeState> {
        self.nodes.get(&key)?.tree(tree)
    }

    /// Whether the node, or a directory it lies in, is frozen.
    pub(crate) fn is_frozen(&self, key: NodeKey) -> bool {
        self.frozen.contains(&key)
    }

    /// Whether the rule that this fault stands for is broken on purpose.
    pub(crate) fn breaks(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Notes that a rule decided something.
    pub(crate) fn note(&self, rule: Rule) {
        self.trace.borrow_mut().note(rule);
    }

    /// Which rules decided something.
    pub(crate) fn into_trace(self) -> Trace {
        self.trace.into_inner()
    }

    /// The key of a name.
    pub(crate) fn name_key(&self, name: &Name) -> NameKey {
        if self.breaks(Fault::NamesComparedByteForByte) {
            return NameKey(name.as_str().into());
        }
        self.view.name_key(name)
    }

    /// Where a state stands.
    pub(crate) fn place(&self, state: &NodeState) -> Place {
        (state.parent, self.name_key(&state.name))
    }

    /// In the tree S and on the local side, but no more on the remote one.
    pub(crate) fn is_gone_remotely(&self, key: NodeKey) -> bool {
        self.is_gone(key, Tree::Remote, Tree::Local)
    }

    /// In the tree S and on the remote side, but no more on the local one.
    pub(crate) fn is_gone_locally(&self, key: NodeKey) -> bool {
        self.is_gone(key, Tree::Local, Tree::Remote)
    }

    /// In S and on the side `kept`, but no more on the side `gone`, and free to be treated so.
    pub(crate) fn is_gone(&self, key: NodeKey, gone: Tree, kept: Tree) -> bool {
        let known = |tree| self.state(tree, key).is_some();
        known(Tree::Synced) && !known(gone) && known(kept) && !self.is_frozen(key)
    }

    /// The nodes read that are frozen or lie, locally if they are there, in a frozen directory.
    fn find_frozen(&self) -> BTreeSet<NodeKey> {
        let mut answers: BTreeMap<NodeKey, bool> = BTreeMap::new();
        let any = self.nodes.values().any(|triple| triple.frozen);
        if !any || self.breaks(Fault::FrozenIsIgnored) {
            return BTreeSet::new();
        }
        answers.insert(NodeKey::ROOT, false);
        for start in self.nodes.keys() {
            let mut path = Vec::new();
            let mut key = *start;
            let answer = loop {
                if let Some(answer) = answers.get(&key) {
                    break *answer;
                }
                // Set for the time of the walk, so that it ends also where a broken memory holds a circle.
                answers.insert(key, false);
                path.push(key);
                let Some(triple) = self.nodes.get(&key) else { break false };
                if triple.frozen {
                    break true;
                }
                let Some(state) = triple.local.as_ref().or(triple.remote.as_ref()) else { break false };
                key = state.parent;
            };
            answers.extend(path.into_iter().map(|key| (key, answer)));
        }
        answers.into_iter().filter(|(_, frozen)| *frozen).map(|(key, _)| key).collect()
    }
}
