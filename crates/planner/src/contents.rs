//! Phase 2: two different contents met in one node. Both are kept: the remote one keeps the node, the local one
//! becomes a new file beside it.

use crate::names::{Claims, conflict_base};
use crate::rule::{Fault, Rule};
use crate::scene::Scene;
use crate::step::LocalOperation;
use crate::view::{Triple, View};

/// Detaches the local content of every node that both sides edited differently.
pub(crate) fn contents<V: View>(scene: &Scene<'_, V>) -> Result<Vec<LocalOperation>, V::Error> {
    let mut claims = Claims::default();
    let mut operations = Vec::new();
    for (key, triple) in scene.movable() {
        let (Some(remote), Some(local)) = (&triple.remote, &triple.local) else { continue };
        if !conflicts(scene, triple) {
            continue;
        }
        scene.note(Rule::ContentConflict);
        let base = conflict_base(scene, local, &remote.name);
        let name = claims.conflict(scene, (key, local), base, &[local.parent])?;
        operations.push(LocalOperation::Detach { key, name });
    }
    Ok(operations)
}

/// Whether both sides hold different contents, and neither is the one they last agreed on.
fn conflicts<V: View>(scene: &Scene<'_, V>, triple: &Triple) -> bool {
    let (Some(remote), Some(local)) = (&triple.remote, &triple.local) else { return false };
    let agreed = triple.synced.as_ref().map(|synced| &synced.content);
    if remote.content.is_directory() || agreed == Some(&remote.content) || agreed == Some(&local.content) {
        return false;
    }
    if scene.breaks(Fault::EqualContentsConflict) {
        return remote != local;
    }
    remote.content != local.content && !scene.breaks(Fault::ClocksDecide)
}
