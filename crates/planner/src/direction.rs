//! One-way pairs: what the following side did by itself does not count.
//!
//! The rules for both directions weigh what each side changed since S. A one-way pair has a *leading* side (the
//! remote one of [`Direction::Down`], the local one of [`Direction::Up`]) and a *following* one. Before anything is
//! weighed, S takes over what the following side did: it then looks as if only the leading side had changed, and the
//! other phases bring the following side back without knowing of directions. What would be lost by that is kept
//! first: a local edit is set aside, a remote one is a version of the server's history.
//!
//! What is new on the following side, and only there, stays as it is: S knows nothing of it, and the difference
//! makes steps for the following side only.

use crate::names::conflict_base;
use crate::rule::{Fault, Rule};
use crate::scene::Scene;
use crate::step::{LocalOperation, MemoryStep};
use crate::view::{Triple, View};
use model::conflict::conflict_name;
use model::{NodeKey, NodeState};

/// Which way changes travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Both sides lead.
    #[default]
    Both,
    /// The remote side leads; nothing is sent.
    Down,
    /// The local side leads; nothing is installed.
    Up,
}

impl Direction {
    /// As it is written on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

impl std::str::FromStr for Direction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Both, Self::Down, Self::Up].into_iter().find(|one| one.as_str() == text).ok_or(())
    }
}

/// What S takes over of the following side's doing.
pub(crate) fn yielded<V: View>(scene: &Scene<'_, V>) -> Vec<MemoryStep> {
    let step = match scene.direction {
        Direction::Both => return Vec::new(),
        Direction::Down => local_yields,
        Direction::Up => remote_yields,
    };
    scene.movable().filter_map(|(key, triple)| step(scene, key, triple)).collect()
}

/// The local content that is in the way of the remote state: edited, and the same neither there nor in S.
pub(crate) fn set_aside<V: View>(scene: &Scene<'_, V>) -> Vec<LocalOperation> {
    if scene.direction != Direction::Down || scene.breaks(Fault::EditsAreNotSetAside) {
        return Vec::new();
    }
    let aside = |(key, triple): (NodeKey, &Triple)| {
        let local = triple.local.as_ref().filter(|local| !local.content.is_directory())?;
        let known = [&triple.synced, &triple.remote].into_iter().flatten();
        let mut known = known.map(|state| &state.content).peekable();
        known.peek()?;
        if known.any(|content| *content == local.content) {
            return None;
        }
        let wanted = triple.remote.as_ref().unwrap_or(local);
        Some(aside(scene, key, local, wanted))
    };
    scene.movable().filter_map(aside).collect()
}

/// Sets a local file or link aside under a conflict name.
pub(crate) fn aside<V: View>(
    scene: &Scene<'_, V>,
    key: NodeKey,
    local: &NodeState,
    wanted: &NodeState,
) -> LocalOperation {
    scene.note(Rule::SetAside);
    let base = conflict_base(scene, local, &wanted.name);
    LocalOperation::SetAside { key, name: conflict_name(base, local, scene.author, 0) }
}

/// Down: a deletion here is brought back, a change of place or attributes here does not count.
fn local_yields<V: View>(scene: &Scene<'_, V>, key: NodeKey, triple: &Triple) -> Option<MemoryStep> {
    let synced = triple.synced.as_ref()?;
    let Some(local) = &triple.local else {
        scene.note(Rule::BroughtBack);
        return Some(MemoryStep::Revive(key));
    };
    let content =
        if scene.breaks(Fault::EditsAreNotSetAside) { local.content.clone() } else { synced.content.clone() };
    let taken = NodeState { content, ..local.clone() };
    yields(scene, key, synced, taken)
}

/// Up: a deletion there is sent again as a new node, any other change there does not count.
fn remote_yields<V: View>(scene: &Scene<'_, V>, key: NodeKey, triple: &Triple) -> Option<MemoryStep> {
    if scene.breaks(Fault::RemoteLeadsUpwards) {
        return None;
    }
    let Some(remote) = &triple.remote else {
        triple.synced.as_ref()?;
        scene.note(Rule::SentAgain);
        return Some(MemoryStep::Rekey(key));
    };
    match (&triple.synced, &triple.local) {
        (Some(synced), _) => yields(scene, key, synced, remote.clone()),
        // Met without a memory: what is there counts as what both had.
        (None, Some(_)) => Some(MemoryStep::Agree(key, remote.clone())),
        (None, None) => None,
    }
}

fn yields<V: View>(
    scene: &Scene<'_, V>,
    key: NodeKey,
    synced: &NodeState,
    taken: NodeState,
) -> Option<MemoryStep> {
    if *synced == taken {
        return None;
    }
    scene.note(Rule::Yielded);
    Some(MemoryStep::Agree(key, taken))
}
