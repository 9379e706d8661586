//! In which order the changes of one side can be made.
//!
//! Every change of a node's place names the changes that must come before it, and enough of them: any order that
//! keeps to these is possible step by step. Changes that wait for one another in a circle come out together, to be
//! fused (remote side) or broken with a temporary name (local side).

use crate::merged::Merged;
use crate::rule::Rule;
use crate::scene::{Place, Scene};
use crate::view::{Tree, View};
use model::{NodeKey, NodeState};
use std::collections::{BTreeMap, BTreeSet};

/// A change of one node on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Create,
    Move,
    Remove,
    Update,
    Attributes,
}

/// Why a change waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// The other node stands where this one is to come.
    Occupied,
    /// The directory is not there yet.
    ParentMissing,
    /// The directory lies within the node, or may for a while.
    Circular,
    /// The other node is still in the directory to be removed.
    NotEmpty,
}

/// A change and the changes before it.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) key: NodeKey,
    pub(crate) change: Change,
    pub(crate) needs: Vec<(usize, Why)>,
}

/// All changes of one side that can be made, in circles of dependency (mostly of one), each after what it needs.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) tasks: Vec<Task>,
    pub(crate) circles: Vec<Vec<usize>>,
}

impl Schedule {
    /// What is to be done to make one side equal to M.
    pub(crate) fn of<V: View>(scene: &Scene<'_, V>, merged: &Merged, tree: Tree) -> Self {
        let mut draft = Draft::new(scene, merged, tree);
        let blocked = draft.find_needs();
        let alive = draft.without_blocked(blocked);
        let circles = strongly_connected(&draft.tasks, &alive);
        Self { tasks: draft.tasks, circles }
    }
}

struct Draft<'a, 'v, V: View> {
    scene: &'a Scene<'v, V>,
    merged: &'a Merged,
    tree: Tree,
    tasks: Vec<Task>,
    /// The task that changes a node's place.
    placing: BTreeMap<NodeKey, usize>,
    /// Who stands where on this side, of the dirty nodes.
    occupants: BTreeMap<Place, Vec<NodeKey>>,
    /// What is in the directories to be removed. All of it is dirty: a clean node's directory lives.
    children: BTreeMap<NodeKey, Vec<NodeKey>>,
}

impl<'a, 'v, V: View> Draft<'a, 'v, V> {
    fn new(scene: &'a Scene<'v, V>, merged: &'a Merged, tree: Tree) -> Self {
        let mut draft = Self {
            scene,
            merged,
            tree,
            tasks: Vec::new(),
            placing: BTreeMap::new(),
            occupants: BTreeMap::new(),
            children: BTreeMap::new(),
        };
        for (key, triple) in scene.movable() {
            draft.compare(key, triple.tree(tree), merged.get(key));
        }
        let does = |changes: &[Change]| draft.tasks.iter().any(|task| changes.contains(&task.change));
        let (arrives, removes) = (does(&[Change::Create, Change::Move]), does(&[Change::Remove]));
        for (key, triple) in scene.dirty().filter(|_| arrives || removes) {
            let Some(state) = triple.tree(tree) else { continue };
            if arrives {
                draft.occupants.entry(scene.place(state)).or_default().push(key);
            }
            if removes {
                draft.children.entry(state.parent).or_default().push(key);
            }
        }
        draft
    }

    fn compare(&mut self, key: NodeKey, now: Option<&NodeState>, wanted: Option<&NodeState>) {
        let mut add = |change| self.tasks.push(Task { key, change, needs: Vec::new() });
        match (now, wanted) {
            (None, Some(_)) => add(Change::Create),
            (Some(_), None) => add(Change::Remove),
            (Some(now), Some(wanted)) => {
                let moves = (now.parent, &now.name) != (wanted.parent, &wanted.name);
                if now.content != wanted.content {
                    add(Change::Update);
                } else if (now.executable, now.mtime) != (wanted.executable, wanted.mtime) {
                    add(Change::Attributes);
                }
                if !moves {
                    return;
                }
                add(Change::Move);
            }
            (None, None) => return,
        }
        self.placing.insert(key, self.tasks.len() - 1);
    }

    /// Fills in what every task needs. Answers the tasks that need what nobody is going to do.
    fn find_needs(&mut self) -> Vec<usize> {
        let mut blocked = Vec::new();
        for index in 0..self.tasks.len() {
            let task = &self.tasks[index];
            let needs = match task.change {
                Change::Update | Change::Attributes => continue,
                Change::Create | Change::Move => self.needs_of_arrival(task.key, task.change),
                Change::Remove => self.needs_of_removal(task.key),
            };
            match needs {
                Some(needs) => self.tasks[index].needs = needs,
                None => blocked.push(index),
            }
        }
        blocked
    }

    fn needs_of_arrival(&self, key: NodeKey, change: Change) -> Option<Vec<(usize, Why)>> {
        let wanted = self.merged.get(key)?;
        let mut needs = Vec::new();
        if self.scene.is_frozen(wanted.parent) {
            return None;
        }
        if self.scene.state(self.tree, wanted.parent).is_none() {
            let task = *self.placing.get(&wanted.parent)?;
            needs.push((task, Why::ParentMissing));
        }
        let place = self.scene.place(wanted);
        for occupant in self.occupants.get(&place).into_iter().flatten().filter(|other| **other != key) {
            needs.push((*self.placing.get(occupant)?, Why::Occupied));
        }
        if change == Change::Move
            && wanted.content.is_directory()
            && self.may_close_circle(key, wanted.parent)
        {
            needs.extend(self.moves_above(wanted.parent).map(|task| (task, Why::Circular)));
        }
        Some(needs)
    }

    fn needs_of_removal(&self, key: NodeKey) -> Option<Vec<(usize, Why)>> {
        let children = self.children.get(&key).into_iter().flatten();
        children.map(|child| Some((*self.placing.get(child)?, Why::NotEmpty))).collect()
    }

    /// Whether `key` may lie above `directory` at some time, whatever moves come first.
    fn may_close_circle(&self, key: NodeKey, directory: NodeKey) -> bool {
        let mut seen = BTreeSet::from([NodeKey::ROOT]);
        let mut pending = vec![directory];
        while let Some(at) = pending.pop() {
            if at == key {
                return true;
            }
            if !seen.insert(at) {
                continue;
            }
            pending.extend(self.scene.state(self.tree, at).map(|state| state.parent));
            pending.extend(self.merged.parent(self.scene, at));
        }
        false
    }

    /// The moves and creations of a directory and of those above it in M. Once they are done, what is above it is
    /// as it stays.
    fn moves_above(&self, directory: NodeKey) -> impl Iterator<Item = usize> {
        let mut seen = BTreeSet::from([NodeKey::ROOT]);
        let mut tasks = BTreeSet::new();
        let mut at = Some(directory);
        while let Some(key) = at.filter(|key| seen.insert(*key)) {
            tasks.extend(self.placing.get(&key).copied());
            at = self.merged.parent(self.scene, key);
        }
        tasks.into_iter()
    }

    /// Which tasks remain if those and all that needs them are not done.
    fn without_blocked(&self, mut blocked: Vec<usize>) -> Vec<bool> {
        let mut alive = vec![true; self.tasks.len()];
        let mut dependents: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        if blocked.is_empty() {
            return alive;
        }
        self.scene.note(Rule::Blocked);
        for (index, task) in self.tasks.iter().enumerate() {
            for (need, _) in &task.needs {
                dependents.entry(*need).or_default().push(index);
            }
        }
        while let Some(index) = blocked.pop() {
            if std::mem::replace(&mut alive[index], false) {
                blocked.extend(dependents.get(&index).into_iter().flatten());
            }
        }
        alive
    }
}

/// A task being visited, and how many of its needs have been followed.
struct Visit {
    task: usize,
    followed: usize,
}

/// Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972) without recursion: chains of
/// dependencies can be as long as there are nodes. A component comes out after all that it needs.
fn strongly_connected(tasks: &[Task], alive: &[bool]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut number = vec![UNSEEN; tasks.len()];
    let mut lowest = vec![UNSEEN; tasks.len()];
    let mut open = vec![false; tasks.len()];
    let (mut stack, mut components, mut next) = (Vec::new(), Vec::new(), 0);
    for start in (0..tasks.len()).filter(|task| alive[*task]) {
        if number[start] != UNSEEN {
            continue;
        }
        let mut visits = vec![Visit { task: start, followed: 0 }];
        while let Some(Visit { task, followed }) = visits.last_mut() {
            let task = *task;
            if *followed == 0 && number[task] == UNSEEN {
                (number[task], lowest[task], open[task]) = (next, next, true);
                next += 1;
                stack.push(task);
            }
            if let Some((need, _)) = tasks[task].needs.get(*followed) {
                *followed += 1;
                if number[*need] == UNSEEN {
                    visits.push(Visit { task: *need, followed: 0 });
                } else if open[*need] {
                    lowest[task] = lowest[task].min(number[*need]);
                }
                continue;
            }
            visits.pop();
            if let Some(parent) = visits.last() {
                lowest[parent.task] = lowest[parent.task].min(lowest[task]);
            }
            if lowest[task] == number[task] {
                components.push(close_component(&mut stack, &mut open, task));
            }
        }
    }
    components
}

fn close_component(stack: &mut Vec<usize>, open: &mut [bool], root: usize) -> Vec<usize> {
    let mut component = Vec::new();
    while let Some(task) = stack.pop() {
        open[task] = false;
        component.push(task);
        if task == root {
            break;
        }
    }
    component.sort_unstable();
    component
}
