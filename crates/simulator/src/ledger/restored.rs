//! What a restore may touch, and where what it brings back has to stand.

use super::Ledger;
use metadata::node::NodeRow;
use model::{Name, NameRule, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use versioning::restore::Item;

/// What a recursive removal may take, and still be one.
const TOGETHER_NS: i64 = 3_600_000_000_000;

/// The folder before a restore.
#[derive(Debug)]
pub(crate) struct Before {
    rows: BTreeMap<NodeId, NodeRow>,
    /// What has to be there again.
    together: BTreeSet<NodeId>,
    /// What may be there again: removed directories above any of it.
    above: BTreeSet<NodeId>,
}

impl Ledger {
    /// Notes how everything is before something is brought back.
    pub(crate) fn before_restore(&self, item: &Item) -> Before {
        let mut together = BTreeSet::new();
        match item {
            Item::Version { node, .. } => drop(together.insert(*node)),
            Item::Node(top) => self.removed_with(*top, &mut together),
        }
        let mut above = BTreeSet::new();
        for node in &together {
            let mut at = *node;
            while let Some(node) = self.nodes.get(&at).filter(|node| node.removed.is_some()) {
                above.insert(at);
                at = node.row.parent;
            }
        }
        let rows = self.nodes.iter().map(|(id, node)| (*id, node.row.clone())).collect();
        Before { rows, together, above }
    }

    /// A removed node, and what the same person removed from below it shortly before. What is purged has nothing
    /// to bring.
    fn removed_with(&self, top: NodeId, found: &mut BTreeSet<NodeId>) {
        let Some((by, at)) = self.nodes.get(&top).and_then(|node| node.removed) else { return };
        let mut directories = vec![top];
        found.insert(top);
        while let Some(directory) = directories.pop() {
            for (id, node) in self.nodes.iter().filter(|(_, node)| node.row.parent == directory) {
                if node.removed.is_some_and(|(who, when)| who.user == by.user && at.0 - when.0 <= TOGETHER_NS)
                {
                    directories.push(*id);
                    if !node.purged {
                        found.insert(*id);
                    }
                }
            }
        }
    }

    /// Whether a restore that was applied brought back what it should, where it should, and changed nothing else.
    pub(crate) fn check_restored(&self, before: &Before, item: &Item, rule: NameRule) -> Result<(), String> {
        for id in &before.together {
            let Some(node) = self.nodes.get(id).filter(|node| node.removed.is_none()) else {
                return Err(format!("restore: {id} did not come back"));
            };
            self.check_place(before, *id, rule)?;
            let was = &before.rows[id];
            let wanted = match item {
                Item::Version { node: top, version, .. } if top == id => {
                    let version = &self.nodes[id].versions[version];
                    (&version.content, version.executable, version.mtime)
                }
                _ => (&was.content, was.executable, was.mtime),
            };
            if wanted != (&node.row.content, node.row.executable, node.row.mtime) {
                return Err(format!("restore: {} holds something else: {:?}", was.name, node.row));
            }
        }
        self.check_nothing_else(before)
    }

    fn check_nothing_else(&self, before: &Before) -> Result<(), String> {
        for (id, node) in &self.nodes {
            if before.together.contains(id) || before.above.contains(id) {
                continue;
            }
            // What is below it shows in the number of a directory's subtree only.
            let is_same = before.rows.get(id).is_some_and(|was| {
                (was.seq, was.revision, was.deleted, &was.name)
                    == (node.row.seq, node.row.revision, node.row.deleted, &node.row.name)
            });
            if !is_same {
                return Err(format!("restore: {} was changed beside it", node.row.name));
            }
        }
        Ok(())
    }

    /// Whether a node is where it was when it was removed, called as it was, as far as its name was free.
    fn check_place(&self, before: &Before, id: NodeId, rule: NameRule) -> Result<(), String> {
        let (row, was) = (&self.nodes[&id].row, &before.rows[&id]);
        let is_called = row.name == was.name || (was.deleted && is_restored(&row.name, &was.name));
        if !is_called {
            return Err(format!("restore: {} is now called {}", was.name, row.name));
        }
        if !self.stands_for(before, row.parent, was.parent, rule) {
            return Err(format!("restore: {} is in {}, and was in {}", row.name, row.parent, was.parent));
        }
        Ok(())
    }

    /// Whether a directory is the one that was meant, alive or back, or another one that has taken its name and place.
    fn stands_for(&self, before: &Before, now: NodeId, was: NodeId, rule: NameRule) -> bool {
        let (mut now, mut was) = (now, was);
        loop {
            if was == NodeId::ROOT || now == NodeId::ROOT {
                return was == now;
            }
            let (Some(directory), Some(meant)) = (self.nodes.get(&now), before.rows.get(&was)) else {
                return false;
            };
            if directory.removed.is_some() || !directory.row.content.is_directory() {
                return false;
            }
            if now == was && !meant.deleted {
                return true;
            }
            let name = &directory.row.name;
            let has_its_name = rule.key(name) == rule.key(&meant.name);
            let is_called =
                if now == was { has_its_name || is_restored(name, &meant.name) } else { has_its_name };
            if !is_called || !meant.deleted {
                return false;
            }
            (now, was) = (directory.row.parent, meant.parent);
        }
    }
}

/// Whether this is what a restored node is called where its name is taken.
fn is_restored(name: &Name, was: &Name) -> bool {
    let stem = was.as_str().rsplit_once('.').map_or(was.as_str(), |(stem, _)| stem);
    name.as_str().contains(" (restored") && (name.as_str().starts_with(stem) || was.as_str().len() > 200)
}
