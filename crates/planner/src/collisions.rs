//! Phase 6, second half: two nodes of M want one name. The one that has it on the remote side keeps it; the local
//! one is renamed like a conflict copy.

use crate::deletions::held;
use crate::direction::{Direction, aside};
use crate::merged::Merged;
use crate::names::Claims;
use crate::rule::{Fault, Rule};
use crate::scene::{Place, Scene};
use crate::step::{LocalOperation, MemoryStep};
use crate::view::{Tree, View};
use model::{NodeKey, NodeState};
use std::collections::BTreeMap;

/// Renames the losers of name clashes.
pub(crate) fn collisions<V: View>(
    scene: &Scene<'_, V>,
    merged: &mut Merged,
) -> Result<Vec<LocalOperation>, V::Error> {
    let mut claims = Claims::default();
    let mut operations = Vec::new();
    for (place, mut nodes) in contested(scene, merged)? {
        if scene.direction == Direction::Up {
            remote_gives_way(scene, merged, &mut claims, &place, &mut nodes)?;
        }
        nodes.sort_by_key(|key| rank(scene, &place, *key));
        let Some((keeper, losers)) = nodes.split_first() else { continue };
        for loser in losers {
            let Some(operation) = give_way(scene, merged, &mut claims, &place, *keeper, *loser)? else {
                continue;
            };
            operations.push(operation);
        }
    }
    Ok(operations)
}

/// Local directories that are kept only by something frozen in them, and that stand where a new node is to come:
/// they become new nodes, and clash with it as such.
pub(crate) fn release_held<V: View>(scene: &Scene<'_, V>, merged: &Merged) -> Vec<MemoryStep> {
    let held = held(scene);
    if held.is_empty() {
        return Vec::new();
    }
    let by_place: BTreeMap<Place, NodeKey> =
        held.into_iter().filter_map(|key| Some((scene.place(scene.state(Tree::Local, key)?), key))).collect();
    let mut released = std::collections::BTreeSet::new();
    for (key, state) in merged.iter().filter(|(key, _)| !scene.is_frozen(*key)) {
        let place = scene.place(state);
        let arrives = scene.state(Tree::Local, key).is_none_or(|local| scene.place(local) != place);
        if let Some(directory) = by_place.get(&place).filter(|_| arrives) {
            scene.note(Rule::HeldReleased);
            released.insert(*directory);
        }
    }
    released.into_iter().map(MemoryStep::Rekey).collect()
}

/// Up: the nodes that are new on the remote side leave the place to the local one, under conflict names. They are
/// moved there with what else is sent.
fn remote_gives_way<V: View>(
    scene: &Scene<'_, V>,
    merged: &mut Merged,
    claims: &mut Claims,
    place: &Place,
    nodes: &mut Vec<NodeKey>,
) -> Result<(), V::Error> {
    let is_new_there = |key: &NodeKey| scene.triple(*key).is_some_and(|triple| triple.local.is_none());
    if nodes.iter().all(is_new_there) {
        return Ok(());
    }
    for key in nodes.extract_if(.., |key| is_new_there(key)) {
        let Some(remote) = scene.state(Tree::Remote, key).filter(|_| !scene.is_frozen(key)) else { continue };
        scene.note(Rule::RemoteRenamed);
        let name = claims.conflict(scene, (key, remote), &remote.name, &[place.0])?;
        merged.set_name(key, name);
    }
    Ok(())
}

/// The places that more than one node wants.
fn contested<V: View>(
    scene: &Scene<'_, V>,
    merged: &Merged,
) -> Result<BTreeMap<Place, Vec<NodeKey>>, V::Error> {
    let mut wanted: Vec<(Place, NodeKey)> =
        merged.iter().map(|(key, state)| (scene.place(state), key)).collect();
    wanted.sort_unstable();
    let mut questions = Vec::new();
    let mut places: BTreeMap<Place, Vec<NodeKey>> = BTreeMap::new();
    for nodes in wanted.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((place, _)) = nodes.first() else { continue };
        let has_it = |remote: &NodeState| scene.place(remote) == *place;
        let there_already = |(_, key): &(Place, NodeKey)| scene.state(Tree::Remote, *key).is_some_and(has_it);
        // Only who comes to a directory that the remote side has can meet a clean node there.
        if scene.state(Tree::Remote, place.0).is_some() && !nodes.iter().any(there_already) {
            questions.push(place.clone());
        }
        if nodes.len() > 1 {
            places.insert(place.clone(), nodes.iter().map(|(_, key)| *key).collect());
        }
    }
    scene.view.prefetch_named(&questions)?;
    for place in questions {
        let mut clean = scene.view.named(Tree::Remote, place.0, &place.1)?;
        clean.retain(|key| scene.triple(*key).is_none_or(|triple| !triple.is_dirty()));
        if clean.is_empty() {
            continue;
        }
        let first = wanted.partition_point(|(other, _)| *other < place);
        let dirty = wanted[first..].iter().take_while(|(other, _)| *other == place).map(|(_, key)| *key);
        let nodes = clean.into_iter().chain(dirty).collect();
        places.insert(place, nodes);
    }
    Ok(places)
}

/// Who keeps a name: who has it on the remote side (clean nodes do), then who is known to both sides, then the
/// one of the smallest key.
fn rank<V: View>(scene: &Scene<'_, V>, place: &Place, key: NodeKey) -> (bool, bool, NodeKey) {
    let Some(triple) = scene.triple(key) else { return (false, false, key) };
    let has_it = triple.remote.as_ref().is_some_and(|remote| scene.place(remote) == *place);
    (!has_it, triple.remote.is_none(), key)
}

/// What the loser does. Nothing if it is frozen, or new on the remote side (which cannot clash with itself).
fn give_way<V: View>(
    scene: &Scene<'_, V>,
    merged: &Merged,
    claims: &mut Claims,
    place: &Place,
    keeper: NodeKey,
    loser: NodeKey,
) -> Result<Option<LocalOperation>, V::Error> {
    let Some(local) = scene.state(Tree::Local, loser).filter(|_| !scene.is_frozen(loser)) else {
        return Ok(None);
    };
    let is_new_here = |key| scene.triple(key).is_some_and(|triple| triple.remote.is_none());
    if scene.direction == Direction::Down && is_new_here(keeper) && is_new_here(loser) {
        scene.note(Rule::ClashLeft);
        return Ok(None);
    }
    if is_duplicate(scene, merged, place, keeper, loser) {
        scene.note(Rule::DuplicateDropped);
        return Ok(Some(LocalOperation::Remove { key: loser }));
    }
    let Some(wanted) = merged.get(loser) else { return Ok(None) };
    if scene.direction == Direction::Down && !local.content.is_directory() && is_new_here(loser) {
        return Ok(Some(aside(scene, loser, local, local)));
    }
    scene.note(Rule::NameConflict);
    let name = claims.conflict(scene, (loser, local), &wanted.name, &[local.parent, place.0])?;
    let remote_name = if scene.breaks(Fault::RenameLeavesTheBase) {
        scene.state(Tree::Synced, loser).map(|state| state.name.clone())
    } else {
        scene.state(Tree::Remote, loser).map(|state| state.name.clone())
    };
    Ok(Some(LocalOperation::Rename { key: loser, name, remote_name }))
}

/// Whether the loser is a new local file or link, and the keeper, which a remote move brings here, holds the same:
/// then the keeper serves for both. Not so for two names that stood side by side on the local disk.
fn is_duplicate<V: View>(
    scene: &Scene<'_, V>,
    merged: &Merged,
    place: &Place,
    keeper: NodeKey,
    loser: NodeKey,
) -> bool {
    let is_new = |state: Option<&NodeState>| state.is_none();
    let new = is_new(scene.state(Tree::Synced, loser)) && is_new(scene.state(Tree::Remote, loser));
    let (Some(kept), Some(lost)) = (merged.get(keeper), merged.get(loser)) else { return false };
    let arrives = scene.state(Tree::Local, keeper).is_some_and(|local| scene.place(local) != *place);
    let remote = scene.state(Tree::Remote, keeper).map(|state| &state.content);
    new && arrives
        && !scene.is_frozen(keeper)
        && !lost.content.is_directory()
        && kept.content == lost.content
        && remote == Some(&lost.content)
}
