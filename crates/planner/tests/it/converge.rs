//! Plans and carries out until nothing is left to do, in any order that the plans allow, and with steps that fail
//! or are done but not noted. After every step the trees must be trees.

use model::conflict::Author;
use model::{Content, NodeKey, RelativePath, Timestamp};
use planner::rule::{Fault, Trace};
use planner::{Direction, LocalOperation, LocalStep, Plan, Tree, plan_portion, plan_traced};
use std::collections::{BTreeMap, BTreeSet};
use testkit::pair::Pair;
use testkit::seed::Random;

/// What goes wrong on the way, for the first rounds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble {
    /// One step in so many is not done; 0 for none.
    pub(crate) failing: usize,
    /// One local step in so many is done, but not noted before a crash; 0 for none.
    pub(crate) forgotten: usize,
    /// So many new nodes are planned at a time; 0 for all.
    pub(crate) portion: usize,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) local_steps: usize,
    pub(crate) remote_groups: usize,
    pub(crate) detached: BTreeSet<NodeKey>,
    pub(crate) renamed: usize,
    pub(crate) trace: Trace,
}

/// §6.13: after so many rounds it goes round in circles.
const ROUNDS_MAX: usize = 200;
const TROUBLED_ROUNDS: usize = 12;

pub(crate) fn author() -> Author {
    Author { user: "alice".to_owned(), device: "A".to_owned() }
}

/// Brings the pair in step, both ways.
pub(crate) fn converge(
    pair: &mut Pair,
    random: &mut Random,
    trouble: Trouble,
    fault: Option<Fault>,
) -> Result<Outcome, String> {
    converge_directed(pair, Direction::Both, random, trouble, fault)
}

/// Whether a one-way pair leaves this node alone: it is on the following side only.
fn is_left_alone(row: &planner::Row, direction: Direction) -> bool {
    let planner::Triple { synced, remote, local, .. } = &row.triple;
    match direction {
        Direction::Both => false,
        Direction::Down => synced.is_none() && remote.is_none() && local.is_some(),
        Direction::Up => synced.is_none() && local.is_none() && remote.is_some(),
    }
}

/// Brings the pair in step.
pub(crate) fn converge_directed(
    pair: &mut Pair,
    direction: Direction,
    random: &mut Random,
    trouble: Trouble,
    fault: Option<Fault>,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    for round in 0..ROUNDS_MAX {
        let (plan, trace) = portion(pair, direction, trouble.portion, fault);
        outcome.trace.add(&trace);
        if plan.is_empty() {
            let waiting = pair.trees.rows().any(|(_, row)| row.triple.frozen);
            return match pair
                .trees
                .dirty_keys()
                .find(|key| !pair.trees.row(*key).is_some_and(|row| is_left_alone(row, direction)))
                .filter(|_| !waiting)
            {
                None => Ok(outcome),
                Some(key) => Err(format!("nothing planned, but {key:?} is {:?}", pair.trees.row(key))),
            };
        }
        let trouble = if round < TROUBLED_ROUNDS {
            trouble
        } else {
            Trouble { portion: trouble.portion, ..Trouble::default() }
        };
        carry_out(pair, &plan, random, trouble, &mut outcome)
            .map_err(|error| format!("{error}\nin {plan:#?}"))?;
    }
    Err(format!(
        "not done after {ROUNDS_MAX} rounds: {:#?}",
        plan_traced(&pair.trees, &author(), direction, fault)
    ))
}

/// The next plan: of a part, and where nothing of that part can be done, of a larger one.
fn portion(pair: &Pair, direction: Direction, most: usize, fault: Option<Fault>) -> (Plan, Trace) {
    let mut most = if most == 0 { usize::MAX } else { most };
    loop {
        let Ok((plan, trace, left)) = plan_portion(&pair.trees, &author(), direction, fault, most);
        if left == 0 || !plan.is_empty() {
            return (plan, trace);
        }
        most *= 2;
    }
}

fn carry_out(
    pair: &mut Pair,
    plan: &Plan,
    random: &mut Random,
    trouble: Trouble,
    outcome: &mut Outcome,
) -> Result<(), String> {
    for step in &plan.memory {
        pair.remember(step);
        pair.check()?;
    }
    let local_needs: Vec<&[usize]> = plan.local.iter().map(|step| &step.needs[..]).collect();
    let remote_needs: Vec<&[usize]> = plan.remote.iter().map(|group| &group.needs[..]).collect();
    let local = any_order(&local_needs, random)?;
    let remote = any_order(&remote_needs, random)?;
    let (mut local_done, mut remote_done) = (vec![false; local.len()], vec![false; remote.len()]);
    let (mut local, mut remote) = (local.into_iter().peekable(), remote.into_iter().peekable());
    while local.peek().is_some() || remote.peek().is_some() {
        let local_turn = remote.peek().is_none() || (local.peek().is_some() && random.one_in(2));
        let fails = trouble.failing > 0 && random.one_in(trouble.failing);
        if let Some(index) = local.next_if(|_| local_turn) {
            if fails || !local_needs[index].iter().all(|need| local_done[*need]) {
                continue;
            }
            outcome.local_steps += 1;
            let step = &plan.local[index];
            if trouble.forgotten > 0 && random.one_in(trouble.forgotten) {
                do_unnoted(pair, step)?;
            } else {
                note_conflict(pair, step, outcome)?;
                pair.do_local(&step.operation)?;
                local_done[index] = true;
            }
        } else if let Some(index) = remote.next() {
            if fails || !remote_needs[index].iter().all(|need| remote_done[*need]) {
                continue;
            }
            outcome.remote_groups += 1;
            pair.do_remote(&plan.remote[index])?;
            remote_done[index] = true;
        }
        pair.check()?;
    }
    Ok(())
}

/// Conflict copies only where two contents meet, renames only where two names do.
fn note_conflict(pair: &Pair, step: &LocalStep, outcome: &mut Outcome) -> Result<(), String> {
    let key = step.operation.key();
    match step.operation {
        LocalOperation::Detach { .. } => {
            let content = |tree| pair.state(tree, key).map(|state| state.content.clone());
            if content(Tree::Local) == content(Tree::Remote) {
                return Err(format!("{key:?} holds the same on both sides"));
            }
            outcome.detached.insert(key);
        }
        LocalOperation::Rename { .. } => outcome.renamed += 1,
        _ => {}
    }
    Ok(())
}

/// The disk is changed, then everything stops; the next look at the disk finds what has changed.
fn do_unnoted(pair: &mut Pair, step: &LocalStep) -> Result<(), String> {
    let key = step.operation.key();
    let synced = pair.state(Tree::Synced, key).cloned();
    match &step.operation {
        LocalOperation::Detach { name, .. } => {
            let mut local = pair.state(Tree::Local, key).cloned();
            local.iter_mut().for_each(|state| state.name = name.clone());
            pair.set(Tree::Local, key, local);
        }
        LocalOperation::Create { .. } => {
            pair.do_local(&step.operation)?;
            let (found, made) = (pair.fresh(), pair.state(Tree::Local, key).cloned());
            pair.set(Tree::Local, key, None);
            pair.set(Tree::Synced, key, synced);
            pair.set(Tree::Local, found, made);
        }
        operation => {
            pair.do_local(operation)?;
            pair.set(Tree::Synced, key, synced);
        }
    }
    Ok(())
}

/// Some order of the entries in which each comes after all it needs.
fn any_order(needs: &[&[usize]], random: &mut Random) -> Result<Vec<usize>, String> {
    for (index, needs) in needs.iter().enumerate() {
        if let Some(need) = needs.iter().find(|need| **need >= index) {
            return Err(format!("entry {index} needs the later entry {need}"));
        }
    }
    let mut left: Vec<usize> = (0..needs.len()).collect();
    let mut placed = vec![false; needs.len()];
    let mut order = Vec::new();
    random.shuffle(&mut left);
    while !left.is_empty() {
        let ready = left.iter().position(|index| needs[*index].iter().all(|need| placed[*need]));
        let index = left.remove(ready.ok_or("a circle of needs")?);
        placed[index] = true;
        order.push(index);
    }
    Ok(order)
}

/// A tree as it is seen from outside: no keys.
pub(crate) fn outside(pair: &Pair, tree: Tree) -> BTreeMap<RelativePath, (Content, bool, Timestamp)> {
    let rows = pair.trees.rows().filter_map(|(key, row)| Some((key, row.triple.tree(tree)?)));
    rows.filter_map(|(key, state)| {
        Some((pair.path(tree, key)?, (state.content.clone(), state.executable, state.mtime)))
    })
    .collect()
}

/// The contents that must not be lost: those that one side made or kept on purpose.
pub(crate) fn precious(pair: &Pair) -> BTreeSet<Content> {
    let mut contents = BTreeSet::new();
    for (_, row) in pair.trees.rows() {
        let synced = row.triple.synced.as_ref();
        for state in [&row.triple.remote, &row.triple.local].into_iter().flatten() {
            let edited = synced.is_none_or(|synced| synced.content != state.content);
            let moved =
                synced.is_none_or(|synced| (synced.parent, &synced.name) != (state.parent, &state.name));
            let gone_there = row.triple.remote.is_none() || row.triple.local.is_none();
            if !state.content.is_directory() && (edited || (moved && gone_there)) {
                contents.insert(state.content.clone());
            }
        }
    }
    contents
}
