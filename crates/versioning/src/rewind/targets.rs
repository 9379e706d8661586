//! What is to become of which node, by what it was and who has changed it since.

use super::{Kept, NODES_MAX, Only, Reason};
use crate::Error;
use crate::commit::state::State;
use crate::commit::wanted::Wanted;
use crate::past::PastTree;
use metadata::Snapshot;
use metadata::folder::Folder;
use metadata::node::NodeRow;
use metadata::placement::{PastNode, PlacementRow};
use metadata::version::VersionRow;
use model::{Name, NameKey, NodeId, Seq, VersionNumber};
use std::collections::{BTreeMap, HashSet};

/// Changed nodes looked at together.
const PAGE: usize = 8_192;

/// Where a node is to stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    At(NodeId, Name),
    Trash,
}

/// What is to become of a node; none: its half stays.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    pub(super) place: Option<Place>,
    /// What it is to hold, and which version that was.
    pub(super) state: Option<(State, VersionNumber)>,
}

/// Everything that is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    /// By node.
    pub(super) targets: BTreeMap<NodeId, Target>,
    /// Whether every node of the folder goes back, so that the tree of then comes out whole.
    pub(super) is_whole: bool,
    /// Nodes of which the very version of then is gone: the one kept from before it stands in.
    pub(super) thinned: u64,
    /// The places that nodes are to take; a workspace is loaded with who stands there.
    pub(super) keys: Vec<(NodeId, NameKey)>,
    directories: HashSet<NodeId>,
    kept: Vec<Kept>,
}

impl Plan {
    pub(super) fn make(
        snapshot: &dyn Snapshot,
        folder: &Folder,
        seq: Seq,
        tops: &HashSet<NodeId>,
        only: &Only,
    ) -> Result<Self, Error> {
        let is_everything = tops.contains(&NodeId::ROOT);
        let mut plan = Self {
            targets: BTreeMap::new(),
            is_whole: is_everything && *only == Only::Everybody,
            thinned: 0,
            keys: Vec::new(),
            directories: HashSet::new(),
            kept: Vec::new(),
        };
        let mut then = PastTree::new(snapshot, folder.id, seq);
        let mut now = PastTree::new(snapshot, folder.id, folder.counters.head);
        let mut after = seq;
        loop {
            let rows = snapshot.changed_nodes(folder.id, after, seq, PAGE)?;
            let Some(last) = rows.last() else { return Ok(plan) };
            after = last.seq;
            then.load(rows.iter().map(|row| row.id))?;
            if !is_everything {
                now.load(rows.iter().map(|row| row.id))?;
            }
            let concerned: Vec<(&NodeRow, bool)> = rows
                .iter()
                .filter_map(|row| {
                    let was_in = then.node(row.id).is_some() && (is_everything || then.is_in(row.id, tops));
                    let is_in = !row.deleted && (is_everything || now.is_in(row.id, tops));
                    (was_in || is_in).then_some((row, was_in))
                })
                .collect();
            match only {
                Only::Everybody => {
                    for (row, was_in) in concerned {
                        let stands_in = then.node(row.id).is_some_and(|past| past.thinned);
                        plan.thinned += u64::from(was_in && stands_in);
                        plan.add(folder, row, back(row, then.node(row.id), was_in));
                    }
                }
                Only::By { .. } => plan.add_theirs(snapshot, folder, seq, &concerned, &then, only)?,
            }
            if plan.targets.len() > NODES_MAX {
                return Err(Error::Limit { what: "nodes in one restore", most: NODES_MAX as u64 });
            }
        }
    }

    fn add(&mut self, folder: &Folder, row: &NodeRow, target: Target) {
        if target.place.is_none() && target.state.is_none() {
            return;
        }
        if let Some(Place::At(parent, name)) = &target.place {
            self.keys.push((*parent, folder.names.key(name)));
        }
        if row.content.is_directory() {
            self.directories.insert(row.id);
        }
        self.targets.insert(row.id, target);
    }

    /// The same for the changes of some only.
    fn add_theirs(
        &mut self,
        snapshot: &dyn Snapshot,
        folder: &Folder,
        seq: Seq,
        concerned: &[(&NodeRow, bool)],
        then: &PastTree<'_>,
        only: &Only,
    ) -> Result<(), Error> {
        let ids: Vec<NodeId> = concerned.iter().map(|(row, _)| row.id).collect();
        let placements = snapshot.placements_after(folder.id, &ids, seq)?;
        let versions = snapshot.versions_after(folder.id, &ids, seq)?;
        for (row, _) in concerned {
            let past = then.node(row.id);
            let placements = of(&placements, row.id, |placement| placement.node);
            let versions = of(&versions, row.id, |version| version.node);
            let places = trailing(placements, |row| only.is_theirs(row.user, row.device));
            let states = trailing(versions, |row| only.is_theirs(row.user, row.device));
            let mut kept = places.is_overruled || states.is_overruled;
            let place = match (places.count, place_before(placements, places.count, past)) {
                (0, _) => None,
                // They made it: their making is undone if all that became of it is theirs.
                (_, None) if states.count == versions.len() => Some(Place::Trash),
                (_, None) => {
                    kept = true;
                    None
                }
                (_, Some(place)) => Some(place),
            };
            let place = place.filter(|place| !stands(row, place));
            let lives = match &place {
                Some(place) => *place != Place::Trash,
                None => !row.deleted,
            };
            let state = match states.count {
                0 => None,
                count => state_before(versions, count, past).filter(|_| lives),
            };
            let stands_in = states.count == versions.len() && past.is_some_and(|past| past.thinned);
            self.thinned += u64::from(state.is_some() && stands_in);
            let state = state.filter(|(state, _)| !holds(row, state));
            if kept {
                self.kept.push(Kept { node: row.id, reason: Reason::ChangedByOthers });
            }
            self.add(folder, row, Target { place, state });
        }
        Ok(())
    }

    /// What a workspace must know to carry this out.
    pub(super) fn to_load(&self) -> Wanted {
        let parents = self.keys.iter().map(|(parent, _)| *parent);
        let is_trashed = |(id, target): (&NodeId, &Target)| {
            (target.place == Some(Place::Trash) && self.directories.contains(id)).then_some(*id)
        };
        let is_moved = |(id, target): (&NodeId, &Target)| {
            let moves = matches!(target.place, Some(Place::At(..)));
            (moves && !self.is_whole && self.directories.contains(id)).then_some(*id)
        };
        Wanted {
            nodes: self.targets.keys().copied().chain(parents).collect(),
            places: self.keys.clone(),
            removed: self.targets.iter().filter_map(is_trashed).collect(),
            moved: self.targets.iter().filter_map(is_moved).collect(),
        }
    }

    pub(super) fn into_kept(self) -> Vec<Kept> {
        self.kept
    }
}

/// What brings a node back to what it was; `was_in`: among what is restored.
fn back(row: &NodeRow, past: Option<&PastNode>, was_in: bool) -> Target {
    let Some(past) = past else {
        let place = (!row.deleted).then_some(Place::Trash);
        return Target { place, state: None };
    };
    let place = Place::At(past.parent, past.name.clone());
    let place = (!stands(row, &place)).then_some(place);
    if !was_in {
        // It has come in from elsewhere: there it goes, as it is now.
        return Target { place, state: None };
    }
    let state = State::new(&past.content, past.executable, past.mtime);
    let is_directory = row.content.is_directory();
    Target { place, state: (!is_directory && !holds(row, &state)).then_some((state, past.version)) }
}

/// Whether a node stands there already.
fn stands(row: &NodeRow, place: &Place) -> bool {
    match place {
        Place::At(parent, name) => !row.deleted && (row.parent, &row.name) == (*parent, name),
        Place::Trash => row.deleted,
    }
}

/// Whether a node holds that already.
fn holds(row: &NodeRow, state: &State) -> bool {
    (&row.content, row.executable, row.mtime) == (&state.content, state.executable, state.mtime)
}

/// The rows of one node among rows in the order of nodes.
fn of<R>(rows: &[R], id: NodeId, node: impl Fn(&R) -> NodeId) -> &[R] {
    let start = rows.partition_point(|row| node(row) < id);
    let length = rows[start..].partition_point(|row| node(row) == id);
    &rows[start..start + length]
}

/// The last changes of a half of a node, as far as they are theirs.
struct Trailing {
    count: usize,
    /// Whether theirs are before somebody else's.
    is_overruled: bool,
}

fn trailing<R>(rows: &[R], is_theirs: impl Fn(&R) -> bool) -> Trailing {
    let count = rows.iter().rev().take_while(|row| is_theirs(row)).count();
    let is_overruled = count == 0 && rows.iter().any(is_theirs);
    Trailing { count, is_overruled }
}

/// Where a node stood before the last `count` placements; none if it was not made yet.
fn place_before(rows: &[PlacementRow], count: usize, past: Option<&PastNode>) -> Option<Place> {
    match rows.len().checked_sub(count + 1).and_then(|index| rows.get(index)) {
        Some(row) if row.deleted => Some(Place::Trash),
        Some(row) => Some(Place::At(row.parent, row.name.clone())),
        None => past.map(|past| Place::At(past.parent, past.name.clone())),
    }
}

/// What a node held before the last `count` versions.
fn state_before(
    rows: &[VersionRow],
    count: usize,
    past: Option<&PastNode>,
) -> Option<(State, VersionNumber)> {
    match rows.len().checked_sub(count + 1).and_then(|index| rows.get(index)) {
        Some(row) => Some((State::new(&row.content, row.executable, row.mtime), row.number)),
        None => past.map(|past| (State::new(&past.content, past.executable, past.mtime), past.version)),
    }
}
