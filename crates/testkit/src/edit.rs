//! What people do to a tree.

use crate::pair::{Pair, Refused};
use crate::tree::{Held, Listing, content_of};
use model::{Content, Name, NodeKey, NodeState, RelativePath, Timestamp};
use planner::Tree;

/// A change that a person makes, as they would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Make a file or replace its content.
    Write { path: RelativePath, text: String, mtime: Timestamp },
    /// Make a directory.
    MakeDirectory { path: RelativePath },
    /// Make a link or replace its text.
    Link { path: RelativePath, target: String },
    /// Give something another place. What file stands there is replaced.
    Move { from: RelativePath, to: RelativePath },
    /// Copy a file or a whole directory.
    Copy { from: RelativePath, to: RelativePath, mtime: Timestamp },
    /// Delete a file, or a directory with all that is in it.
    Remove { path: RelativePath },
    /// Set or clear the executable bit.
    SetExecutable { path: RelativePath, executable: bool },
    /// Set the modification time.
    Touch { path: RelativePath, mtime: Timestamp },
}

impl Pair {
    /// The node at a path.
    #[must_use]
    pub fn find(&self, tree: Tree, path: &RelativePath) -> Option<NodeKey> {
        path.names().iter().try_fold(NodeKey::ROOT, |parent, name| {
            let name_key = self.trees.rule().key(name);
            let mut named = self.trees.named_in(tree, parent, &name_key);
            named.find(|key| self.state(tree, *key).is_some_and(|state| state.name == *name))
        })
    }

    /// A node's path.
    #[must_use]
    pub fn path(&self, tree: Tree, key: NodeKey) -> Option<RelativePath> {
        let mut names = Vec::new();
        let mut at = key;
        while at != NodeKey::ROOT && names.len() <= self.trees.len() {
            let state = self.state(tree, at)?;
            names.push(state.name.clone());
            at = state.parent;
        }
        Some(names.into_iter().rev().collect())
    }

    /// Everything in a tree by path. `text_of` knows the texts of contents.
    pub fn listing(&self, tree: Tree, text_of: impl Fn(&Content) -> String) -> Listing {
        let rows = self.trees.rows().filter(|(key, _)| *key != NodeKey::ROOT);
        let held = rows.filter_map(|(key, row)| Some((key, row.triple.tree(tree)?)));
        held.filter_map(|(key, state)| Some((self.path(tree, key)?, held_by(state, &text_of)))).collect()
    }

    /// Does what a person does, in L (or in R, as everybody else).
    pub fn edit(&mut self, tree: Tree, edit: &Edit) -> Result<(), Refused> {
        match edit {
            Edit::Write { path, text, mtime } => self.write(tree, path, content_of(text), *mtime),
            Edit::Link { path, target } => {
                let content = Content::Link { target: target.as_bytes().into() };
                self.write(tree, path, content, Timestamp::default())
            }
            Edit::MakeDirectory { path } => {
                let (parent, name) = self.free_place(tree, path)?;
                self.make(tree, parent, &name, Content::Directory, Timestamp::default());
                Ok(())
            }
            Edit::Move { from, to } => self.relocate(tree, from, to),
            Edit::Copy { from, to, mtime } => {
                let key = self.there(tree, from)?;
                let (parent, name) = self.free_place(tree, to)?;
                if to.is_within(from) {
                    return Err(format!("{to} lies in {from}"));
                }
                self.copy(tree, key, parent, &name, *mtime);
                Ok(())
            }
            Edit::Remove { path } => {
                let key = self.there(tree, path)?;
                self.remove(tree, key);
                Ok(())
            }
            Edit::SetExecutable { path, executable } => {
                self.alter(tree, path, |state| state.executable = *executable)
            }
            Edit::Touch { path, mtime } => self.alter(tree, path, |state| state.mtime = *mtime),
        }
    }

    fn there(&self, tree: Tree, path: &RelativePath) -> Result<NodeKey, Refused> {
        self.find(tree, path).filter(|_| !path.is_root()).ok_or_else(|| format!("{path} is not there"))
    }

    fn free_place(&self, tree: Tree, path: &RelativePath) -> Result<(NodeKey, Name), Refused> {
        let (parent, name) = path.split().ok_or("the root is there already")?;
        if self.find(tree, path).is_some() {
            return Err(format!("{path} is there already"));
        }
        let key = self.find(tree, &parent).ok_or_else(|| format!("{parent} is not there"))?;
        match self.state(tree, key) {
            Some(state) if state.content.is_directory() => Ok((key, name.clone())),
            _ => Err(format!("{parent} is no directory")),
        }
    }

    fn make(
        &mut self,
        tree: Tree,
        parent: NodeKey,
        name: &Name,
        content: Content,
        mtime: Timestamp,
    ) -> NodeKey {
        let key = self.fresh();
        let name = name.clone();
        self.set(tree, key, Some(NodeState { parent, name, content, executable: false, mtime }));
        key
    }

    fn write(
        &mut self,
        tree: Tree,
        path: &RelativePath,
        content: Content,
        mtime: Timestamp,
    ) -> Result<(), Refused> {
        let Some(key) = self.find(tree, path) else {
            let (parent, name) = self.free_place(tree, path)?;
            self.make(tree, parent, &name, content, mtime);
            return Ok(());
        };
        let mut state = self.state(tree, key).cloned().ok_or("just found")?;
        if state.content.kind() != content.kind() {
            return Err(format!("{path} is of another kind"));
        }
        (state.content, state.mtime) = (content, mtime);
        self.set(tree, key, Some(state));
        Ok(())
    }

    fn relocate(&mut self, tree: Tree, from: &RelativePath, to: &RelativePath) -> Result<(), Refused> {
        let key = self.there(tree, from)?;
        if to != from && to.is_within(from) {
            return Err(format!("{to} lies in {from}"));
        }
        if let Some(other) = self.find(tree, to).filter(|other| *other != key) {
            let kinds = [key, other].map(|key| self.state(tree, key).map(|state| state.content.kind()));
            if kinds.contains(&Some(model::Kind::Directory)) || to.is_root() {
                return Err(format!("{to} is there already"));
            }
            self.remove(tree, other);
        }
        if self.find(tree, to) == Some(key) {
            return Ok(());
        }
        let (parent, name) = self.free_place(tree, to)?;
        let mut state = self.state(tree, key).cloned().ok_or("just found")?;
        (state.parent, state.name) = (parent, name);
        self.set(tree, key, Some(state));
        Ok(())
    }

    fn copy(&mut self, tree: Tree, key: NodeKey, parent: NodeKey, name: &Name, mtime: Timestamp) {
        let Some(state) = self.state(tree, key).cloned() else { return };
        let mtime = if matches!(state.content, Content::File { .. }) { mtime } else { Timestamp::default() };
        let children = self.trees.children_of(tree, key);
        let copy = self.make(tree, parent, name, state.content, mtime);
        if state.executable {
            let mut made = self.state(tree, copy).cloned();
            made.iter_mut().for_each(|made| made.executable = true);
            self.set(tree, copy, made);
        }
        for child in children {
            let Some(name) = self.state(tree, child).map(|state| state.name.clone()) else { continue };
            self.copy(tree, child, copy, &name, mtime);
        }
    }

    fn remove(&mut self, tree: Tree, key: NodeKey) {
        for child in self.trees.children_of(tree, key) {
            self.remove(tree, child);
        }
        self.set(tree, key, None);
    }

    fn alter(
        &mut self,
        tree: Tree,
        path: &RelativePath,
        change: impl FnOnce(&mut NodeState),
    ) -> Result<(), Refused> {
        let key = self.there(tree, path)?;
        let mut state = self.state(tree, key).cloned().ok_or("just found")?;
        if !matches!(state.content, Content::File { .. }) {
            return Err(format!("{path} is no file"));
        }
        change(&mut state);
        self.set(tree, key, Some(state));
        Ok(())
    }
}

pub(crate) fn held_by(state: &NodeState, text_of: impl Fn(&Content) -> String) -> Held {
    match &state.content {
        Content::Directory => Held::Directory,
        Content::Link { target } => Held::Link { target: String::from_utf8_lossy(target).into_owned() },
        file => Held::File { text: text_of(file), executable: state.executable },
    }
}
