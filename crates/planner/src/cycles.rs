//! Phase 5: two directories moved into one another, one on either side, would make a circle. The remote move
//! stands; of the local moves on the circle the one of the smallest key is undone.

use crate::merged::Merged;
use crate::rule::{Fault, Rule};
use crate::scene::Scene;
use crate::step::MemoryStep;
use crate::view::{Tree, View};
use model::NodeKey;
use std::collections::{BTreeMap, BTreeSet};

/// Undoes local moves until M is a tree. Brings back the directories that need be for it.
pub(crate) fn cycles<V: View>(scene: &Scene<'_, V>, merged: &mut Merged) -> Vec<MemoryStep> {
    let mut revived = BTreeSet::new();
    if scene.breaks(Fault::CyclesStay) {
        return Vec::new();
    }
    let mut sound = BTreeSet::from([NodeKey::ROOT]);
    let keys: Vec<NodeKey> = merged.iter().map(|(key, _)| key).collect();
    for start in keys {
        while let Some(circle) = find_circle(scene, merged, start, &mut sound) {
            let Some((key, parent)) = move_to_undo(scene, merged, &circle) else { break };
            scene.note(Rule::CycleUndone);
            merged.set_parent(key, parent);
            revive(scene, parent, &mut revived);
        }
    }
    if scene.breaks(Fault::NoRevivalOnCycle) {
        return Vec::new();
    }
    revived.into_iter().map(MemoryStep::Revive).collect()
}

/// The circle on the way up from a node, if there is one; else the whole way is sound.
fn find_circle<V: View>(
    scene: &Scene<'_, V>,
    merged: &Merged,
    start: NodeKey,
    sound: &mut BTreeSet<NodeKey>,
) -> Option<Vec<NodeKey>> {
    let mut path = Vec::new();
    let mut position = BTreeMap::new();
    let mut key = start;
    while !sound.contains(&key) {
        if let Some(first) = position.insert(key, path.len()) {
            return Some(path.split_off(first));
        }
        path.push(key);
        match merged.parent(scene, key) {
            Some(parent) => key = parent,
            None => break,
        }
    }
    sound.extend(path);
    None
}

/// The smallest node of the circle that is there by a local move, and the directory it goes back to.
fn move_to_undo<V: View>(
    scene: &Scene<'_, V>,
    merged: &Merged,
    circle: &[NodeKey],
) -> Option<(NodeKey, NodeKey)> {
    let undoable = |key: &NodeKey| {
        let remote = scene.state(Tree::Remote, *key)?.parent;
        (merged.get(*key)?.parent != remote).then_some((*key, remote))
    };
    circle.iter().filter_map(undoable).min()
}

/// A directory that was deleted locally, and those above it, come back.
fn revive<V: View>(scene: &Scene<'_, V>, directory: NodeKey, revived: &mut BTreeSet<NodeKey>) {
    let mut key = directory;
    while scene.is_gone_locally(key) && revived.insert(key) {
        scene.note(Rule::ParentRevived);
        let Some(state) = scene.state(Tree::Remote, key) else { return };
        key = state.parent;
    }
}
