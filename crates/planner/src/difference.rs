//! Phase 7: what makes either side equal to the merged tree.

use crate::direction::Direction;
use crate::merged::Merged;
use crate::names::{Claims, is_shelf_name};
use crate::rule::{Fault, Rule};
use crate::scene::Scene;
use crate::schedule::{Change, Schedule, Task, Why};
use crate::step::{LocalOperation, LocalStep, Plan, RemoteGroup, RemoteOperation};
use crate::view::{Tree, View};
use model::{NodeKey, NodeState};
use std::collections::{BTreeMap, BTreeSet};

/// The changes of both sides.
pub(crate) fn difference<V: View>(scene: &Scene<'_, V>, merged: &Merged) -> Result<Plan, V::Error> {
    let installs = scene.direction != Direction::Up || scene.breaks(Fault::NewIsFetched);
    let sends = scene.direction != Direction::Down || scene.breaks(Fault::NewIsSentUpwards);
    let local = match installs {
        true => local_steps(scene, merged, &Schedule::of(scene, merged, Tree::Local))?,
        false => Vec::new(),
    };
    let remote = match sends {
        true => remote_groups(scene, merged, &Schedule::of(scene, merged, Tree::Remote)),
        false => Vec::new(),
    };
    Ok(Plan { memory: Vec::new(), local, remote })
}

/// The changes of the local side. Of a circle only the temporary name is planned; the rest of it, and what waits
/// for it, comes with the next plan.
fn local_steps<V: View>(
    scene: &Scene<'_, V>,
    merged: &Merged,
    schedule: &Schedule,
) -> Result<Vec<LocalStep>, V::Error> {
    let mut steps = Vec::new();
    let mut position = BTreeMap::new();
    let mut claims = Claims::default();
    for circle in &schedule.circles {
        if let [index] = circle[..] {
            let task = &schedule.tasks[index];
            let needs: Option<Vec<usize>> =
                task.needs.iter().map(|(need, _)| position.get(need).copied()).collect();
            let Some((needs, operation)) = needs.zip(local_operation(merged, task)) else { continue };
            position.insert(index, steps.len());
            steps.push(LocalStep { operation, needs: sorted(needs) });
        } else if let Some(operation) = shelve(scene, merged, schedule, circle, &mut claims)? {
            scene.note(Rule::Shelve);
            steps.push(LocalStep { operation, needs: Vec::new() });
        }
    }
    Ok(steps)
}

fn local_operation(merged: &Merged, task: &Task) -> Option<LocalOperation> {
    let key = task.key;
    if task.change == Change::Remove {
        return Some(LocalOperation::Remove { key });
    }
    let state = merged.get(key)?;
    let NodeState { parent, executable, mtime, .. } = *state;
    Some(match task.change {
        Change::Create => LocalOperation::Create { key, state: state.clone() },
        Change::Move => LocalOperation::Move { key, parent, name: state.name.clone() },
        Change::Update => LocalOperation::Update { key, content: state.content.clone(), executable, mtime },
        Change::Attributes | Change::Remove => LocalOperation::Attributes { key, executable, mtime },
    })
}

/// Breaks a circle: one of its moves first goes to a temporary name, so that nothing of the circle waits for it any
/// more. Only a node that is already in place on the remote side is taken (else its merged place, which S would
/// no longer tell, could be lost), and none twice.
fn shelve<V: View>(
    scene: &Scene<'_, V>,
    merged: &Merged,
    schedule: &Schedule,
    circle: &[usize],
    claims: &mut Claims,
) -> Result<Option<LocalOperation>, V::Error> {
    if scene.breaks(Fault::NoShelving) {
        return Ok(None);
    }
    let candidate = circle.iter().find_map(|index| {
        let task = &schedule.tasks[*index];
        let (local, remote) = (scene.state(Tree::Local, task.key)?, scene.state(Tree::Remote, task.key)?);
        let wanted = merged.get(task.key)?;
        let in_place = (remote.parent, &remote.name) == (wanted.parent, &wanted.name);
        let fits = task.change == Change::Move && in_place && !is_shelf_name(task.key, &local.name);
        fits.then_some((*index, task.key, local.parent))
    });
    let Some((chosen, key, directory)) = candidate else { return Ok(None) };
    let only_name_is_waited_for = circle
        .iter()
        .flat_map(|index| &schedule.tasks[*index].needs)
        .all(|(need, why)| *need != chosen || *why == Why::Occupied);
    let parent = if only_name_is_waited_for { directory } else { NodeKey::ROOT };
    let name = claims.shelf(scene, key, parent)?;
    Ok(Some(LocalOperation::Shelve { key, parent, name }))
}

/// The changes of the remote side. A circle, and only it, is one group.
fn remote_groups<V: View>(scene: &Scene<'_, V>, merged: &Merged, schedule: &Schedule) -> Vec<RemoteGroup> {
    let mut groups: Vec<RemoteGroup> = Vec::new();
    let mut position: BTreeMap<usize, usize> = BTreeMap::new();
    for circle in &schedule.circles {
        let inside: BTreeSet<usize> = circle.iter().copied().collect();
        let outside = circle.iter().flat_map(|index| &schedule.tasks[*index].needs);
        let outside = outside.map(|(need, _)| need).filter(|need| !inside.contains(need));
        let needs: Option<Vec<usize>> = outside.map(|need| position.get(need).copied()).collect();
        let Some(needs) = needs.filter(|_| circle.len() == 1 || !scene.breaks(Fault::NoFusing)) else {
            continue;
        };
        if circle.len() > 1 {
            scene.note(Rule::Fuse);
        }
        let order = in_group_order(scene, merged, schedule, circle);
        let operations = order.into_iter().filter_map(|task| remote_operation(merged, task)).collect();
        position.extend(circle.iter().map(|index| (*index, groups.len())));
        groups.push(RemoteGroup { operations, needs: sorted(needs) });
    }
    groups
}

/// Within a group: new directories from the top, then moves, then removals from the bottom.
fn in_group_order<'s, V: View>(
    scene: &Scene<'_, V>,
    merged: &Merged,
    schedule: &'s Schedule,
    circle: &[usize],
) -> Vec<&'s Task> {
    let mut tasks: Vec<&Task> = circle.iter().map(|index| &schedule.tasks[*index]).collect();
    if tasks.len() > 1 {
        tasks.sort_by_cached_key(|task| match task.change {
            Change::Create => (0, depth(|key| merged.parent(scene, key), task.key), task.key),
            Change::Remove => {
                let up = |key| scene.state(Tree::Remote, key).map(|state| state.parent);
                (2, -depth(up, task.key), task.key)
            }
            _ => (1, 0, task.key),
        });
    }
    tasks
}

/// How many directories lie above a node.
fn depth(up: impl Fn(NodeKey) -> Option<NodeKey>, key: NodeKey) -> i64 {
    let mut seen = BTreeSet::from([NodeKey::ROOT]);
    let mut at = key;
    while seen.insert(at) {
        let Some(parent) = up(at) else { break };
        at = parent;
    }
    i64::try_from(seen.len()).unwrap_or(i64::MAX)
}

fn remote_operation(merged: &Merged, task: &Task) -> Option<RemoteOperation> {
    let key = task.key;
    if task.change == Change::Remove {
        return Some(RemoteOperation::Remove { key });
    }
    let state = merged.get(key)?;
    let NodeState { parent, executable, mtime, .. } = *state;
    Some(match task.change {
        Change::Create => RemoteOperation::Create { key, state: state.clone() },
        Change::Move => RemoteOperation::Move { key, parent, name: state.name.clone() },
        Change::Update => RemoteOperation::Update { key, content: state.content.clone(), executable, mtime },
        Change::Attributes | Change::Remove => RemoteOperation::Attributes { key, executable, mtime },
    })
}

fn sorted(mut needs: Vec<usize>) -> Vec<usize> {
    needs.sort_unstable();
    needs.dedup();
    needs
}
