//! A pair's three trees, and what is recorded when a step of a plan is done: the model of `planner::step`.
//!
//! Every step is checked as a disk or a server would: the directory is there, the name is free, nothing is moved
//! into itself, only empty directories are removed. Edits of a person change L (or, standing for everybody else,
//! R) the way a perfect observer would record them.

use model::{Content, Name, NameRule, NodeKey, NodeState};
use planner::{LocalOperation, MemoryStep, RemoteGroup, RemoteOperation, Tree, Trees};
use std::collections::BTreeSet;

/// The memory of a pair.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The three trees.
    pub trees: Trees,
    /// Whether the local disk may hold names that clash under the pair's rule.
    pub clashing_disk: bool,
    /// What was set aside, outside the trees: the name and the content.
    pub aside: Vec<(Name, NodeState)>,
    next: u64,
}

/// A step that a disk or a server would refuse, in words.
pub type Refused = String;

impl Pair {
    /// Nothing but the root.
    #[must_use]
    pub fn new(rule: NameRule) -> Self {
        Self { trees: Trees::new(rule), clashing_disk: false, aside: Vec::new(), next: NodeKey::ROOT.0 + 1 }
    }

    /// A key never used before.
    pub fn fresh(&mut self) -> NodeKey {
        self.next += 1;
        NodeKey(self.next - 1)
    }

    /// A node in one tree.
    #[must_use]
    pub fn state(&self, tree: Tree, key: NodeKey) -> Option<&NodeState> {
        self.trees.row(key)?.triple.tree(tree)
    }

    /// Puts a node into one tree, or takes it out.
    pub fn set(&mut self, tree: Tree, key: NodeKey, state: Option<NodeState>) {
        let mut row = self.trees.row(key).cloned().unwrap_or_default();
        let place = match tree {
            Tree::Synced => &mut row.triple.synced,
            Tree::Remote => &mut row.triple.remote,
            Tree::Local => &mut row.triple.local,
        };
        *place = state;
        let gone =
            [Tree::Synced, Tree::Remote, Tree::Local].iter().all(|tree| row.triple.tree(*tree).is_none());
        if gone {
            self.trees.take(key);
        } else {
            self.trees.put(key, row);
        }
    }

    /// Changes a node in one tree, if it is there.
    fn change(&mut self, tree: Tree, key: NodeKey, change: impl FnOnce(&mut NodeState)) {
        if let Some(mut state) = self.state(tree, key).cloned() {
            change(&mut state);
            self.set(tree, key, Some(state));
        }
    }

    fn children(&self, tree: Tree, parent: NodeKey) -> BTreeSet<NodeKey> {
        self.trees.children_of(tree, parent)
    }

    /// Does a step that changes the memory alone. Answers the new key, if one was given.
    pub fn remember(&mut self, step: &MemoryStep) -> Option<(NodeKey, NodeKey)> {
        match step {
            MemoryStep::Forget(key) | MemoryStep::Revive(key) => self.set(Tree::Synced, *key, None),
            MemoryStep::Agree(key, state) => self.set(Tree::Synced, *key, Some(state.clone())),
            MemoryStep::Adopt { local, remote } => {
                let state = self.state(Tree::Local, *local).cloned();
                self.set(Tree::Local, *local, None);
                self.set(Tree::Local, *remote, state);
                self.rename_parent(Tree::Local, *local, *remote);
                return Some((*local, *remote));
            }
            MemoryStep::Rekey(key) => {
                let fresh = self.fresh();
                let frozen = self.trees.row(*key).is_some_and(|row| row.triple.frozen);
                let state = self.state(Tree::Local, *key).cloned();
                self.trees.take(*key);
                self.set(Tree::Local, fresh, state);
                self.set_frozen(fresh, frozen);
                self.rename_parent(Tree::Local, *key, fresh);
                self.rename_parent(Tree::Synced, *key, fresh);
                return Some((*key, fresh));
            }
        }
        None
    }

    /// Marks a node frozen, or no more.
    pub fn set_frozen(&mut self, key: NodeKey, frozen: bool) {
        if let Some(mut row) = self.trees.row(key).cloned() {
            row.triple.frozen = frozen;
            self.trees.put(key, row);
        }
    }

    fn rename_parent(&mut self, tree: Tree, old: NodeKey, new: NodeKey) {
        for child in self.children(tree, old) {
            self.change(tree, child, |state| state.parent = new);
        }
    }

    /// Does a step on the local side. Answers a new key, if one was given.
    pub fn do_local(&mut self, operation: &LocalOperation) -> Result<Option<NodeKey>, Refused> {
        let key = operation.key();
        match operation {
            LocalOperation::Create { state, .. } => {
                self.check_arrival(Tree::Local, key, state.parent, &state.name)?;
                if self.state(Tree::Local, key).is_some() {
                    return Err(format!("{key:?} is there already"));
                }
                self.set(Tree::Local, key, Some(state.clone()));
                self.set(Tree::Synced, key, Some(state.clone()));
            }
            LocalOperation::Update { content, executable, mtime, .. } => {
                self.check_there(Tree::Local, key)?;
                self.change_both(Tree::Local, key, |state| {
                    state.content = content.clone();
                    (state.executable, state.mtime) = (*executable, *mtime);
                });
            }
            LocalOperation::Attributes { executable, mtime, .. } => {
                self.check_there(Tree::Local, key)?;
                self.change_both(Tree::Local, key, |state| {
                    (state.executable, state.mtime) = (*executable, *mtime);
                });
            }
            LocalOperation::Move { parent, name, .. } | LocalOperation::Shelve { parent, name, .. } => {
                self.check_there(Tree::Local, key)?;
                self.check_arrival(Tree::Local, key, *parent, name)?;
                self.change_both(Tree::Local, key, |state| {
                    (state.parent, state.name) = (*parent, name.clone());
                });
            }
            LocalOperation::Remove { .. } => {
                self.check_there(Tree::Local, key)?;
                self.check_empty(Tree::Local, key)?;
                self.set(Tree::Local, key, None);
                self.set(Tree::Synced, key, None);
            }
            LocalOperation::Detach { name, .. } => return self.detach(key, name).map(Some),
            LocalOperation::SetAside { name, .. } => {
                let state = self.check_there(Tree::Local, key)?;
                if state.content.is_directory() {
                    return Err(format!("{key:?} is a directory"));
                }
                self.aside.push((name.clone(), state));
                self.set(Tree::Local, key, None);
                self.set(Tree::Synced, key, None);
            }
            LocalOperation::Rename { name, remote_name, .. } => {
                let state = self.check_there(Tree::Local, key)?;
                if state.name != *name {
                    self.check_arrival(Tree::Local, key, state.parent, name)?;
                }
                self.change(Tree::Local, key, |state| state.name = name.clone());
                if let Some(remote_name) = remote_name {
                    self.change(Tree::Synced, key, |state| state.name = remote_name.clone());
                }
            }
        }
        Ok(None)
    }

    fn detach(&mut self, key: NodeKey, name: &Name) -> Result<NodeKey, Refused> {
        let mut state = self.check_there(Tree::Local, key)?;
        if state.name != *name {
            self.check_arrival(Tree::Local, key, state.parent, name)?;
        }
        state.name = name.clone();
        let copy = self.fresh();
        self.set(Tree::Local, key, None);
        self.set(Tree::Synced, key, None);
        self.set(Tree::Local, copy, Some(state));
        Ok(copy)
    }

    fn change_both(&mut self, side: Tree, key: NodeKey, change: impl Fn(&mut NodeState)) {
        self.change(side, key, &change);
        self.change(Tree::Synced, key, &change);
    }

    /// Does a group on the remote side: all of it, judged by the state after it, or nothing.
    pub fn do_remote(&mut self, group: &RemoteGroup) -> Result<(), Refused> {
        let before = self.clone();
        let done = group.operations.iter().try_for_each(|operation| self.do_remote_operation(operation));
        let judged = done.and_then(|()| {
            let touched: BTreeSet<NodeKey> = group.operations.iter().map(RemoteOperation::key).collect();
            touched.iter().try_for_each(|key| self.check_node(Tree::Remote, *key))?;
            touched.iter().try_for_each(|key| match self.state(Tree::Remote, *key) {
                None => self.check_empty(Tree::Remote, *key),
                Some(_) => Ok(()),
            })
        });
        if judged.is_err() {
            *self = before;
        }
        judged
    }

    fn do_remote_operation(&mut self, operation: &RemoteOperation) -> Result<(), Refused> {
        let key = operation.key();
        if !matches!(operation, RemoteOperation::Create { .. }) {
            self.check_there(Tree::Remote, key)?;
        }
        match operation {
            RemoteOperation::Create { state, .. } => {
                if self.state(Tree::Remote, key).is_some() {
                    return Err(format!("{key:?} is there already"));
                }
                self.set(Tree::Remote, key, Some(state.clone()));
                self.set(Tree::Synced, key, Some(state.clone()));
            }
            RemoteOperation::Update { content, executable, mtime, .. } => {
                self.change_both(Tree::Remote, key, |state| {
                    state.content = content.clone();
                    (state.executable, state.mtime) = (*executable, *mtime);
                });
            }
            RemoteOperation::Attributes { executable, mtime, .. } => {
                self.change_both(Tree::Remote, key, |state| {
                    (state.executable, state.mtime) = (*executable, *mtime);
                });
            }
            RemoteOperation::Move { parent, name, .. } => self.change_both(Tree::Remote, key, |state| {
                (state.parent, state.name) = (*parent, name.clone());
            }),
            RemoteOperation::Remove { .. } => {
                self.set(Tree::Remote, key, None);
                self.set(Tree::Synced, key, None);
            }
        }
        Ok(())
    }

    fn check_there(&self, tree: Tree, key: NodeKey) -> Result<NodeState, Refused> {
        self.state(tree, key).cloned().ok_or_else(|| format!("{key:?} is not in {tree:?}"))
    }

    fn check_empty(&self, tree: Tree, key: NodeKey) -> Result<(), Refused> {
        match self.children(tree, key).first() {
            Some(child) => Err(format!("{key:?} still holds {child:?} in {tree:?}")),
            None => Ok(()),
        }
    }

    /// Whether a node can come to a place.
    pub(crate) fn check_arrival(
        &self,
        tree: Tree,
        key: NodeKey,
        parent: NodeKey,
        name: &Name,
    ) -> Result<(), Refused> {
        let name_key = self.trees.rule().key(name);
        if let Some(other) = self.trees.named_in(tree, parent, &name_key).find(|other| *other != key) {
            return Err(format!("{name} in {parent:?} is taken by {other:?} in {tree:?}"));
        }
        self.check_directory(tree, key, parent)
    }

    /// Whether a node can come to a directory.
    fn check_directory(&self, tree: Tree, key: NodeKey, parent: NodeKey) -> Result<(), Refused> {
        let directory = self.check_there(tree, parent)?;
        if !directory.content.is_directory() {
            return Err(format!("{parent:?} is no directory in {tree:?}"));
        }
        let mut at = parent;
        for _ in 0..=self.trees.len() {
            if at == key {
                return Err(format!("{key:?} would lie in itself in {tree:?}"));
            }
            if at == NodeKey::ROOT {
                return Ok(());
            }
            at = self.check_there(tree, at)?.parent;
        }
        Err(format!("a circle above {parent:?} in {tree:?}"))
    }

    /// Whether a node stands well in a tree, if it is there.
    pub fn check_node(&self, tree: Tree, key: NodeKey) -> Result<(), Refused> {
        match self.state(tree, key).filter(|_| key != NodeKey::ROOT) {
            Some(state) if self.clashing_disk && tree == Tree::Local => {
                self.check_directory(tree, key, state.parent)
            }
            Some(state) => self.check_arrival(tree, key, state.parent, &state.name),
            None => Ok(()),
        }
    }

    /// Whether R and L are trees: every node in a directory that is there, no circle, no two of one name.
    pub fn check(&self) -> Result<(), Refused> {
        let keys: Vec<NodeKey> = self.trees.rows().map(|(key, _)| key).collect();
        for key in keys {
            self.check_node(Tree::Remote, key)?;
            self.check_node(Tree::Local, key)?;
        }
        Ok(())
    }

    /// The contents of a tree's files and links, one for each node.
    pub fn contents(&self, tree: Tree) -> impl Iterator<Item = &Content> {
        let held = self.trees.rows().filter_map(move |(_, row)| row.triple.tree(tree));
        held.map(|state| &state.content).filter(|content| !content.is_directory())
    }
}
