//! Phase 4: the merged tree M, which both sides are to become.
//!
//! For every attribute by itself: the side that changed it since S wins, the remote side if both did. The
//! modification time travels with the content. New nodes enter as they are, deleted ones do not.

use crate::rule::{Fault, Rule};
use crate::scene::Scene;
use crate::view::{Triple, View};
use model::{Name, NodeKey, NodeState};
use std::collections::BTreeMap;

/// The merged state of every dirty node that lives on. A clean node's merged state is its S.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    states: BTreeMap<NodeKey, NodeState>,
}

impl Merged {
    /// Merges all dirty nodes.
    pub(crate) fn of<V: View>(scene: &Scene<'_, V>) -> Self {
        let merge = |(key, triple)| Some((key, merge(scene, key, triple)?));
        let states: BTreeMap<_, _> = scene.dirty().filter_map(merge).collect();
        for (key, triple) in scene.movable() {
            note_merge(scene, triple, states.get(&key));
        }
        Self { states }
    }

    /// The merged state of a dirty node; none if it is to go.
    pub(crate) fn get(&self, key: NodeKey) -> Option<&NodeState> {
        self.states.get(&key)
    }

    /// The dirty nodes that live on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeKey, &NodeState)> {
        self.states.iter().map(|(key, state)| (*key, state))
    }

    /// Gives a node another name.
    pub(crate) fn set_name(&mut self, key: NodeKey, name: Name) {
        if let Some(state) = self.states.get_mut(&key) {
            state.name = name;
        }
    }

    /// Puts a node into another directory.
    pub(crate) fn set_parent(&mut self, key: NodeKey, parent: NodeKey) {
        if let Some(state) = self.states.get_mut(&key) {
            state.parent = parent;
        }
    }

    /// The directory of a node in M, for dirty nodes and their ancestors.
    pub(crate) fn parent<V: View>(&self, scene: &Scene<'_, V>, key: NodeKey) -> Option<NodeKey> {
        self.any(scene, key).map(|state| state.parent)
    }

    /// The merged state of a dirty node or of one of their ancestors.
    pub(crate) fn any<'a, V: View>(&'a self, scene: &'a Scene<'_, V>, key: NodeKey) -> Option<&'a NodeState> {
        match scene.triple(key) {
            Some(triple) if !triple.is_dirty() => triple.synced.as_ref(),
            _ => self.get(key),
        }
    }
}

/// The node as both sides are to hold it; none if it is to go. What is frozen stays as the remote side has it, or
/// as it is locally if only that is left.
pub(crate) fn merge<V: View>(scene: &Scene<'_, V>, key: NodeKey, triple: &Triple) -> Option<NodeState> {
    let Triple { synced, remote, local, .. } = triple;
    if scene.is_frozen(key) {
        return remote.as_ref().or(local.as_ref()).cloned();
    }
    match (synced, remote, local) {
        (_, Some(remote), Some(local)) => Some(merge_both(scene, synced.as_ref(), remote, local)),
        (None, Some(state), None) | (None, None, Some(state)) => Some(state.clone()),
        _ => None,
    }
}

fn merge_both<V: View>(
    scene: &Scene<'_, V>,
    synced: Option<&NodeState>,
    remote: &NodeState,
    local: &NodeState,
) -> NodeState {
    let remote_always = scene.breaks(Fault::RemoteAlwaysWins);
    let synced = synced.filter(|_| !remote_always);
    // The local value counts if the remote side changed nothing there.
    let local_counts = |unchanged: Option<bool>| unchanged == Some(true);
    let parent = local_counts(synced.map(|s| s.parent == remote.parent));
    let name = local_counts(synced.map(|s| s.name == remote.name));
    let executable = local_counts(synced.map(|s| s.executable == remote.executable));
    let content = local_counts(synced.map(|s| s.content == remote.content));
    let mtime = if remote.content == local.content {
        local_counts(synced.map(|s| s.mtime == remote.mtime))
    } else {
        content
    };
    let side = |local_counts| if local_counts { local } else { remote };
    let mut state = NodeState {
        parent: side(parent).parent,
        name: side(name).name.clone(),
        content: side(content).content.clone(),
        executable: side(executable).executable,
        mtime: side(mtime).mtime,
    };
    if scene.breaks(Fault::ClocksDecide) && remote.content != local.content {
        let newest = if local.mtime > remote.mtime { local } else { remote };
        state.content = newest.content.clone();
        state.mtime = newest.mtime;
    }
    state
}

/// Notes what the merging of one node decided.
fn note_merge<V: View>(scene: &Scene<'_, V>, triple: &Triple, merged: Option<&NodeState>) {
    let (Some(synced), Some(remote), Some(local), Some(merged)) =
        (&triple.synced, &triple.remote, &triple.local, merged)
    else {
        return;
    };
    if merged != remote && merged != local {
        scene.note(Rule::BothChanged);
    }
    let both_changed = |parts: fn(&NodeState) -> (NodeKey, &Name)| {
        let (was, here, there) = (parts(synced), parts(local), parts(remote));
        (here.0 != was.0 && there.0 != was.0 && here.0 != there.0)
            || (here.1 != was.1 && there.1 != was.1 && here.1 != there.1)
    };
    if both_changed(|state| (state.parent, &state.name)) {
        scene.note(Rule::RemoteWins);
    }
}
