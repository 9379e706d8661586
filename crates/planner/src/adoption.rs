//! Phase 6, first half: what both sides made anew under the same name, and is the same, becomes one node.
//!
//! Top-down within one plan, so that two equal trees joined for the first time are adopted at once, however deep.

use crate::rule::{Fault, Rule};
use crate::scene::{Place, Scene};
use crate::step::MemoryStep;
use crate::view::{Triple, View};
use model::{Content, NameKey, NodeKey, NodeState};
use std::collections::BTreeMap;

/// Pairs new local nodes with new remote ones.
pub(crate) fn adoption<V: View>(scene: &Scene<'_, V>) -> Vec<MemoryStep> {
    let remote = new_remote(scene);
    let local = new_local(scene);
    if remote.is_empty() || scene.breaks(Fault::NoAdoption) {
        return Vec::new();
    }
    let mut steps = Vec::new();
    // Directories to compare: the key their children have for it in L, and in R.
    let mut pending: Vec<(NodeKey, NodeKey)> = local
        .keys()
        .filter(|parent| !is_new_local(scene, **parent))
        .map(|parent| (*parent, *parent))
        .collect();
    while let Some((local_parent, remote_parent)) = pending.pop() {
        for (name_key, candidates) in local.get(&local_parent).into_iter().flatten() {
            let Some(remote_key) = remote.get(&(remote_parent, name_key.clone())) else { continue };
            let Some(local_key) = best(scene, candidates, *remote_key) else { continue };
            steps.push(MemoryStep::Adopt { local: local_key, remote: *remote_key });
            if is_directory(scene, *remote_key) {
                scene.note(Rule::DirectoryAdopted);
                pending.push((local_key, *remote_key));
            } else {
                scene.note(Rule::EqualAdopted);
            }
        }
    }
    steps
}

/// The nodes only the remote side has, by place.
fn new_remote<V: View>(scene: &Scene<'_, V>) -> BTreeMap<Place, NodeKey> {
    let new = |(key, triple)| match triple {
        &Triple { synced: None, remote: Some(ref state), local: None, .. } => Some((scene.place(state), key)),
        _ => None,
    };
    scene.movable().filter_map(new).collect()
}

type Children = BTreeMap<NameKey, Vec<NodeKey>>;

/// The nodes only the local side has, by directory and name. A local disk may hold several names of one key.
fn new_local<V: View>(scene: &Scene<'_, V>) -> BTreeMap<NodeKey, Children> {
    let mut found: BTreeMap<NodeKey, Children> = BTreeMap::new();
    for (key, triple) in scene.movable() {
        if let (None, None, Some(state)) = (&triple.synced, &triple.remote, &triple.local) {
            let (parent, name_key) = scene.place(state);
            found.entry(parent).or_default().entry(name_key).or_default().push(key);
        }
    }
    found
}

fn is_new_local<V: View>(scene: &Scene<'_, V>, key: NodeKey) -> bool {
    let new = |triple: &Triple| triple.synced.is_none() && triple.remote.is_none() && triple.local.is_some();
    scene.triple(key).is_some_and(new)
}

fn is_directory<V: View>(scene: &Scene<'_, V>, key: NodeKey) -> bool {
    let remote = scene.triple(key).and_then(|triple| triple.remote.as_ref());
    remote.is_some_and(|state| state.content.is_directory())
}

/// The local node that is the same as the remote one; of several, the one of exactly that name, else the first.
fn best<V: View>(scene: &Scene<'_, V>, candidates: &[NodeKey], remote: NodeKey) -> Option<NodeKey> {
    let remote = scene.triple(remote)?.remote.as_ref()?;
    let same = |key: &NodeKey| {
        let local = scene.triple(*key)?.local.as_ref()?;
        is_same(scene, local, remote).then_some((local.name != remote.name, *key))
    };
    candidates.iter().filter_map(same).min().map(|(_, key)| key)
}

fn is_same<V: View>(scene: &Scene<'_, V>, local: &NodeState, remote: &NodeState) -> bool {
    if scene.breaks(Fault::EqualContentsConflict) && matches!(local.content, Content::File { .. }) {
        return false;
    }
    local.content == remote.content
}
