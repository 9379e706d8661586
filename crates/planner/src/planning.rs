//! The phases in their order.

use crate::adoption::adoption;
use crate::bookkeeping::bookkeeping;
use crate::collisions::{collisions, release_held};
use crate::contents::contents;
use crate::cycles::cycles;
use crate::deletions::deletions;
use crate::difference::difference;
use crate::direction::{Direction, set_aside, yielded};
use crate::merged::Merged;
use crate::portion::{self, Portion};
use crate::rule::{Fault, Trace};
use crate::scene::Scene;
use crate::step::{LocalOperation, LocalStep, MemoryStep, Plan};
use crate::view::View;
use model::conflict::Author;

/// Says what to do next to bring both sides in step. `author` names the local side in conflict copies, `direction` says
/// which side leads.
///
/// The phases answer one at a time: as soon as one has something to do, that is the plan, and the rest follows in
/// later plans. An empty plan means that both sides are in step, but for what is frozen, and
/// for what a one-way pair leaves alone.
pub fn plan<V: View>(view: &V, author: &Author, direction: Direction) -> Result<Plan, V::Error> {
    plan_traced(view, author, direction, None).map(|(plan, _)| plan)
}

/// What both sides agree on by now, nodes included that both have anew: to be noted before new observations are taken
/// in, which could hide it. Where there is nothing left to note, nothing.
pub fn bookkeeping_steps<V: View>(view: &V, author: &Author) -> Result<Vec<MemoryStep>, V::Error> {
    let scene = Scene::read(view, author, Direction::Both, None, portion::of_bookkeeping(view)?.nodes)?;
    let steps = bookkeeping(&scene);
    Ok(if steps.is_empty() { adoption(&scene) } else { steps })
}

/// Like [`plan`], and says which rules decided something. With a fault, one rule is broken on purpose.
#[doc(hidden)]
pub fn plan_traced<V: View>(
    view: &V,
    author: &Author,
    direction: Direction,
    fault: Option<Fault>,
) -> Result<(Plan, Trace), V::Error> {
    plan_portion(view, author, direction, fault, usize::MAX).map(|(plan, trace, _)| (plan, trace))
}

/// Like [`plan_traced`], but of new nodes only so many of either side, with those that belong to them; and says how many
/// are left for later plans. What is planned is what would be planned for these nodes if all were.
#[doc(hidden)]
pub fn plan_portion<V: View>(
    view: &V,
    author: &Author,
    direction: Direction,
    fault: Option<Fault>,
    most: usize,
) -> Result<(Plan, Trace, usize), V::Error> {
    let Portion { nodes, left } = portion::select(view, most)?;
    let scene = Scene::read(view, author, direction, fault, nodes)?;
    let plan = phases(&scene)?;
    Ok((plan, scene.into_trace(), left))
}

fn phases<V: View>(scene: &Scene<'_, V>) -> Result<Plan, V::Error> {
    if scene.dirty().next().is_none() {
        return Ok(Plan::default());
    }
    let steps = bookkeeping(scene);
    if !steps.is_empty() {
        return Ok(of_memory(steps));
    }
    let steps = yielded(scene);
    if !steps.is_empty() {
        return Ok(of_memory(steps));
    }
    let operations = set_aside(scene);
    if !operations.is_empty() {
        return Ok(of_local(operations));
    }
    let operations = contents(scene)?;
    if !operations.is_empty() {
        return Ok(of_local(operations));
    }
    let steps = deletions(scene);
    if !steps.is_empty() {
        return Ok(of_memory(steps));
    }
    let mut merged = Merged::of(scene);
    let steps = cycles(scene, &mut merged);
    if !steps.is_empty() {
        return Ok(of_memory(steps));
    }
    let steps = adoption(scene);
    if !steps.is_empty() {
        return Ok(of_memory(steps));
    }
    let steps = release_held(scene, &merged);
    if !steps.is_empty() {
        return Ok(of_memory(steps));
    }
    let operations = collisions(scene, &mut merged)?;
    if !operations.is_empty() {
        return Ok(of_local(operations));
    }
    difference(scene, &merged)
}

fn of_memory(memory: Vec<MemoryStep>) -> Plan {
    Plan { memory, ..Plan::default() }
}

/// Steps that do not depend on one another.
fn of_local(operations: Vec<LocalOperation>) -> Plan {
    let step = |operation| LocalStep { operation, needs: Vec::new() };
    Plan { local: operations.into_iter().map(step).collect(), ..Plan::default() }
}
