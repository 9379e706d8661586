//! Which dirty nodes are planned together.
//!
//! A million new files need not be planned at once. A *new* node (known to one side alone, and to S not at all) has a
//! bearing on few others, so that new nodes may wait for a later plan, as long as nothing that is planned now depends
//! on them. A portion therefore holds
//! - every dirty node that is not new: changes, moves and deletions are never planned in parts;
//! - some new nodes, with the new directories that they are in;
//! - every new node that stands where a node of the portion stands, in any tree, or may come to stand: they are
//!   adopted, or clash;
//! - every new node in a directory of the portion that one side has deleted: it keeps the directory alive.
//!
//! What is decided for a node of such a portion is what would be decided if all were planned (`tests/it/portions.rs`).

use crate::view::{Tree, View};
use model::{Name, NodeKey, NodeState};
use std::collections::BTreeSet;

/// The nodes of a plan.
#[derive(Debug)]
pub(crate) struct Portion {
    /// In order of key.
    pub(crate) nodes: Vec<NodeKey>,
    /// How many new nodes are left for later.
    pub(crate) left: usize,
}

const SIDES: [Tree; 2] = [Tree::Local, Tree::Remote];

/// A portion with so many new nodes of either side, and those that belong to them.
pub(crate) fn select<V: View>(view: &V, most: usize) -> Result<Portion, V::Error> {
    if most == usize::MAX {
        return Ok(Portion { nodes: view.dirty()?, left: 0 });
    }
    let mut nodes: BTreeSet<NodeKey> = view.changed()?.into_iter().collect();
    let changed = nodes.len();
    let mut new = 0;
    for tree in SIDES {
        new += view.count_new(tree)?;
        nodes.extend(view.new_on(tree, most)?);
    }
    close_if(view, &mut nodes, changed + new)
}

/// What bookkeeping is about: what is not new, and what may be the same on both sides.
pub(crate) fn of_bookkeeping<V: View>(view: &V) -> Result<Portion, V::Error> {
    let mut nodes: BTreeSet<NodeKey> = view.changed()?.into_iter().collect();
    let changed = nodes.len();
    let [here, there] = [view.count_new(Tree::Local)?, view.count_new(Tree::Remote)?];
    if here.min(there) == 0 {
        return Ok(Portion { nodes: nodes.into_iter().collect(), left: here + there });
    }
    nodes.extend(view.new_on(if here < there { Tree::Local } else { Tree::Remote }, usize::MAX)?);
    close_if(view, &mut nodes, changed + here + there)
}

fn close_if<V: View>(view: &V, nodes: &mut BTreeSet<NodeKey>, all: usize) -> Result<Portion, V::Error> {
    if nodes.len() < all {
        close(view, nodes)?;
    }
    let nodes: Vec<NodeKey> = std::mem::take(nodes).into_iter().collect();
    Ok(Portion { left: all.saturating_sub(nodes.len()), nodes })
}

/// Adds what belongs to the nodes chosen.
fn close<V: View>(view: &V, chosen: &mut BTreeSet<NodeKey>) -> Result<(), V::Error> {
    let mut fresh: Vec<NodeKey> = chosen.iter().copied().collect();
    while !fresh.is_empty() {
        let mut related = BTreeSet::new();
        let mut places = BTreeSet::new();
        view.prefetch(&fresh)?;
        for key in fresh {
            let Some(triple) = view.triple(key)? else { continue };
            let states: Vec<&NodeState> =
                [&triple.synced, &triple.remote, &triple.local].into_iter().flatten().collect();
            related.extend(states.iter().map(|state| state.parent));
            // Place and name are merged separately.
            let names: BTreeSet<&Name> = states.iter().map(|state| &state.name).collect();
            for name in names {
                let name = view.name_key(name);
                places.extend(states.iter().map(|state| (state.parent, name.clone())));
            }
            let gone = triple.synced.is_some() && (triple.remote.is_none() || triple.local.is_none());
            if gone {
                for tree in SIDES {
                    let is_directory = |state: &NodeState| state.content.is_directory();
                    if triple.tree(tree).is_some_and(is_directory) {
                        related.extend(view.children(tree, key)?);
                    }
                }
            }
        }
        let places: Vec<_> = places.into_iter().collect();
        view.prefetch_named(&places)?;
        for (parent, name) in &places {
            for tree in SIDES {
                related.extend(view.named(tree, *parent, name)?);
            }
        }
        let related: Vec<NodeKey> = related.into_iter().filter(|key| !chosen.contains(key)).collect();
        view.prefetch(&related)?;
        fresh = Vec::new();
        for key in related {
            if view.triple(key)?.is_some_and(|triple| triple.is_dirty()) {
                chosen.insert(key);
                fresh.push(key);
            }
        }
    }
    Ok(())
}
