//! Phase 3: which nodes outlive their deletion on the other side.
//!
//! Edit beats delete; move beats delete, also for all that a moved directory holds; and what lives keeps the
//! directory it lives in, but nothing else in there. A mere change of mtime or of the executable bit beats no
//! deletion: no bytes are lost by it.

use crate::merged::merge;
use crate::rule::{Fault, Rule};
use crate::scene::Scene;
use crate::step::MemoryStep;
use crate::view::{Tree, View};
use model::{NodeKey, NodeState};
use std::collections::{BTreeMap, BTreeSet};

/// Makes new nodes of what outlives its deletion.
pub(crate) fn deletions<V: View>(scene: &Scene<'_, V>) -> Vec<MemoryStep> {
    let mut survivors = BTreeSet::new();
    if !scene.movable().any(|(key, _)| Fate::of(scene, key).is_some()) {
        return Vec::new();
    }
    let mut by_move = [BTreeMap::new(), BTreeMap::new()];
    for (key, _) in scene.movable() {
        let Some(fate) = Fate::of(scene, key) else { continue };
        let memo = &mut by_move[usize::from(fate.kept == Tree::Remote)];
        if fate.was_edited(scene, key) {
            scene.note(Rule::EditBeatsDelete);
            survivors.insert(key);
        } else if fate.was_moved_along(scene, key, memo) {
            scene.note(Rule::MoveBeatsDelete);
            survivors.insert(key);
        }
    }
    if !scene.breaks(Fault::SurvivorLosesItsParent) {
        keep_parents(scene, &mut survivors);
    }
    let step =
        |key| if scene.is_gone_remotely(key) { MemoryStep::Rekey(key) } else { MemoryStep::Revive(key) };
    survivors.into_iter().map(step).collect()
}

/// Directories that are to go locally but cannot, for something frozen lies in them. They stay as they are until
/// it thaws.
pub(crate) fn held<V: View>(scene: &Scene<'_, V>) -> BTreeSet<NodeKey> {
    let mut held = BTreeSet::new();
    for (key, triple) in scene.dirty().filter(|(key, _)| scene.is_frozen(*key)) {
        let _ = key;
        let mut parent = triple.local.as_ref().map(|state| state.parent);
        while let Some(directory) = parent.filter(|key| scene.is_gone_remotely(*key)) {
            if !held.insert(directory) {
                break;
            }
            parent = scene.state(Tree::Local, directory).map(|state| state.parent);
        }
    }
    held
}

/// A node that one side deleted.
struct Fate {
    gone: Tree,
    kept: Tree,
}

impl Fate {
    fn of<V: View>(scene: &Scene<'_, V>, key: NodeKey) -> Option<Self> {
        if scene.is_gone_remotely(key) {
            Some(Self { gone: Tree::Remote, kept: Tree::Local })
        } else if scene.is_gone_locally(key) {
            Some(Self { gone: Tree::Local, kept: Tree::Remote })
        } else {
            None
        }
    }

    /// Before and after, on the side that kept it.
    fn change<'s, V: View>(
        &self,
        scene: &'s Scene<'_, V>,
        key: NodeKey,
    ) -> Option<(&'s NodeState, &'s NodeState)> {
        Some((scene.state(Tree::Synced, key)?, scene.state(self.kept, key)?))
    }

    fn was_edited<V: View>(&self, scene: &Scene<'_, V>, key: NodeKey) -> bool {
        let Some((before, now)) = self.change(scene, key) else { return false };
        let touched = (before.executable, before.mtime) != (now.executable, now.mtime);
        (before.content != now.content && !scene.breaks(Fault::DeleteBeatsEdit))
            || (touched && scene.breaks(Fault::TouchBeatsDelete))
    }

    fn was_moved<V: View>(&self, scene: &Scene<'_, V>, key: NodeKey) -> bool {
        let Some((before, now)) = self.change(scene, key) else { return false };
        (before.parent, &before.name) != (now.parent, &now.name) && !scene.breaks(Fault::DeleteBeatsMove)
    }

    /// Whether the node was moved, or a directory above it that was deleted with it.
    fn was_moved_along<V: View>(
        &self,
        scene: &Scene<'_, V>,
        key: NodeKey,
        memo: &mut BTreeMap<NodeKey, bool>,
    ) -> bool {
        let mut path = Vec::new();
        let mut at = key;
        let moved = loop {
            if let Some(known) = memo.get(&at) {
                break *known;
            }
            if !scene.is_gone(at, self.gone, self.kept) {
                break false;
            }
            memo.insert(at, false);
            path.push(at);
            if self.was_moved(scene, at) {
                break true;
            }
            if scene.breaks(Fault::MovedDirectoryLosesItsContent) {
                break false;
            }
            let Some(state) = scene.state(self.kept, at) else { break false };
            at = state.parent;
        };
        memo.extend(path.into_iter().map(|key| (key, moved)));
        moved
    }
}

/// Adds the directories in which something is going to live.
fn keep_parents<V: View>(scene: &Scene<'_, V>, survivors: &mut BTreeSet<NodeKey>) {
    let is_gone = |key| scene.is_gone_remotely(key) || scene.is_gone_locally(key);
    let mut alive: Vec<NodeKey> = scene.dirty().map(|(key, _)| key).filter(|key| !is_gone(*key)).collect();
    alive.extend(survivors.iter().copied());
    while let Some(key) = alive.pop() {
        let Some(parent) = future_parent(scene, key) else { continue };
        if is_gone(parent) && survivors.insert(parent) {
            scene.note(Rule::ParentKept);
            alive.push(parent);
        }
    }
}

/// The directory in which a node that lives on is going to be. What is frozen needs one on the remote side only: a
/// local directory that holds something frozen is not removed anyway.
fn future_parent<V: View>(scene: &Scene<'_, V>, key: NodeKey) -> Option<NodeKey> {
    let triple = scene.triple(key)?;
    if scene.is_frozen(key) {
        return triple.remote.as_ref().map(|state| state.parent);
    }
    match merge(scene, key, triple) {
        Some(state) => Some(state.parent),
        None => triple.local.as_ref().or(triple.remote.as_ref()).map(|state| state.parent),
    }
}
