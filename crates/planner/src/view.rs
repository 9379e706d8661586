//! What the planner sees of a pair's memory.

use model::{Name, NameKey, NodeKey, NodeState};

/// One of a pair's three trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// S: what both sides last agreed on; the merge base.
    Synced,
    /// R: the remote side, up to the cursor.
    Remote,
    /// L: the local side, as last observed.
    Local,
}

/// One node in the three trees; absent from a tree where it does not exist there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Triple {
    /// In S.
    pub synced: Option<NodeState>,
    /// In R.
    pub remote: Option<NodeState>,
    /// In L.
    pub local: Option<NodeState>,
    /// The local side cannot be read or written here (unreadable, locked, illegal name, filtered). What L says is
    /// the last that was known. The node and, for a directory, all below it are left alone on both sides.
    pub frozen: bool,
}

impl Triple {
    /// The node in one tree.
    #[must_use]
    pub fn tree(&self, tree: Tree) -> Option<&NodeState> {
        match tree {
            Tree::Synced => self.synced.as_ref(),
            Tree::Remote => self.remote.as_ref(),
            Tree::Local => self.local.as_ref(),
        }
    }

    /// Whether the three trees differ here, so that something is to be decided.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.synced != self.remote || self.synced != self.local
    }
}

/// Reads a pair's memory. The root ([`NodeKey::ROOT`]) is a directory in all three trees, is never dirty and
/// never frozen; its state's parent is itself and its name [`Name::root`].
///
/// Lists are in ascending order of key. An error means that the memory could not be read; the plan is given up.
pub trait View {
    /// Why the memory could not be read.
    type Error;

    /// Every dirty node.
    fn dirty(&self) -> Result<Vec<NodeKey>, Self::Error>;

    /// A node; none if no tree holds it.
    fn triple(&self, key: NodeKey) -> Result<Option<Triple>, Self::Error>;

    /// The children of a directory in one tree.
    fn children(&self, tree: Tree, parent: NodeKey) -> Result<Vec<NodeKey>, Self::Error>;

    /// The children of a directory in one tree whose name has this key. S and R hold at most one; L may hold more
    /// (a disk that tells apart what a portable folder does not).
    fn named(&self, tree: Tree, parent: NodeKey, name: &NameKey) -> Result<Vec<NodeKey>, Self::Error>;

    /// The key of a name under the pair's rule.
    fn name_key(&self, name: &Name) -> NameKey;

    /// These nodes will be asked for: a store may read them at once.
    fn prefetch(&self, keys: &[NodeKey]) -> Result<(), Self::Error> {
        let _ = keys;
        Ok(())
    }

    /// These names will be asked for in all three trees.
    fn prefetch_named(&self, names: &[(NodeKey, NameKey)]) -> Result<(), Self::Error> {
        let _ = names;
        Ok(())
    }
}
