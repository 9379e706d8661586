//! Phase 1: what both sides agree on is noted, before anything is decided from it.
//!
//! Without it a change that came back to where it started would look like a change of the other side
//! (the ABA case of `sync-correctness.md` §2.4).

use crate::direction::Direction;
use crate::names::is_shelf_name;
use crate::rule::{Fault, Rule};
use crate::scene::Scene;
use crate::step::MemoryStep;
use crate::view::{Triple, View};
use model::{NodeKey, NodeState};

/// Notes what is gone on both sides and where both sides agree.
pub(crate) fn bookkeeping<V: View>(scene: &Scene<'_, V>) -> Vec<MemoryStep> {
    scene.movable().filter_map(|(key, triple)| step(scene, key, triple)).collect()
}

fn step<V: View>(scene: &Scene<'_, V>, key: NodeKey, triple: &Triple) -> Option<MemoryStep> {
    let (remote, local) = match (&triple.remote, &triple.local) {
        (None, None) => {
            scene.note(Rule::Forget);
            return Some(MemoryStep::Forget(key));
        }
        (Some(remote), Some(local)) => (remote, local),
        _ => return None,
    };
    if scene.breaks(Fault::NoBookkeeping) || (scene.breaks(Fault::EqualContentsConflict) && remote != local) {
        return None;
    }
    let agreed = match &triple.synced {
        Some(synced) => agreed(synced, remote, local),
        None => (remote == local).then(|| remote.clone())?,
    };
    let agreed = match scene.direction {
        // Nothing is shelved there; a name left over is the leading side's.
        Direction::Up => agreed,
        Direction::Both | Direction::Down => as_shelved(scene, key, agreed, local),
    };
    if triple.synced.as_ref() == Some(&agreed) {
        return None;
    }
    scene.note(Rule::Agree);
    Some(MemoryStep::Agree(key, agreed))
}

/// S with every attribute in which both sides agree taken from them.
fn agreed(synced: &NodeState, remote: &NodeState, local: &NodeState) -> NodeState {
    fn pick<T: PartialEq + Clone>(synced: &T, remote: &T, local: &T) -> T {
        if remote == local { remote.clone() } else { synced.clone() }
    }
    NodeState {
        parent: pick(&synced.parent, &remote.parent, &local.parent),
        name: pick(&synced.name, &remote.name, &local.name),
        content: pick(&synced.content, &remote.content, &local.content),
        executable: pick(&synced.executable, &remote.executable, &local.executable),
        mtime: pick(&synced.mtime, &remote.mtime, &local.mtime),
    }
}

/// A crash between shelving a node and noting it leaves it under its shelf name on the disk. That is no move of a
/// person's: S follows, as it does when shelving is noted.
fn as_shelved<V: View>(
    scene: &Scene<'_, V>,
    key: NodeKey,
    mut agreed: NodeState,
    local: &NodeState,
) -> NodeState {
    if is_shelf_name(key, &local.name) && (agreed.parent, &agreed.name) != (local.parent, &local.name) {
        scene.note(Rule::ShelfFound);
        agreed.parent = local.parent;
        agreed.name = local.name.clone();
    }
    agreed
}
