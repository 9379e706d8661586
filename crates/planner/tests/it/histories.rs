//! Long histories of three devices and an ideal server (`sync-correctness.md` §2.4): people edit, devices talk to
//! the server now and then, the server refuses what is stale.

use crate::converge::outside;
use crate::perturb::{DEEDS, Hand, Stroke};
use model::{Content, NameRule, NodeKey};
use planner::Tree;
use planner::rule::Trace;
use std::collections::BTreeSet;
use testkit::effort;
use testkit::pair::Pair;
use testkit::seed::Random;
use testkit::world::World;

const DEVICES: [(&str, &str); 3] = [("A", "from A "), ("B", "from B "), ("C", "from C ")];

/// Every content that people made, and those that people themselves removed or wrote over.
#[derive(Default)]
struct Books {
    made: BTreeSet<Content>,
    given_up: BTreeSet<Content>,
}

impl Books {
    fn edit(&mut self, world: &mut World, device: usize, stroke: Stroke, time: i64) -> Result<(), String> {
        let (name, mark) = DEVICES[device];
        let pair = &mut world.device(name)?.pair;
        let held = |pair: &Pair| -> BTreeSet<(NodeKey, Content)> {
            let rows = pair.trees.rows().filter_map(|(key, row)| Some((key, row.triple.local.as_ref()?)));
            let held = rows.map(|(key, state)| (key, state.content.clone()));
            held.filter(|(_, content)| !content.is_directory()).collect()
        };
        let before = held(pair);
        stroke.apply(pair, Hand { tree: Tree::Local, mark }, time);
        let after = held(pair);
        self.made.extend(after.difference(&before).map(|(_, content)| content.clone()));
        self.given_up.extend(before.difference(&after).map(|(_, content)| content.clone()));
        Ok(())
    }
}

/// One history of so many steps in which so many of the devices have somebody at them.
fn history(seed: u64, steps: usize, active: usize) -> Result<(World, Trace), String> {
    let mut random = Random::new(seed);
    let rule = if random.one_in(4) { NameRule::Exact } else { NameRule::Portable };
    let mut world = World::new(rule, None);
    DEVICES.iter().for_each(|(name, _)| world.add(name, rule));
    let mut books = Books::default();
    let busy = 1 + random.below(4);
    // Each seed has its own mix of deeds.
    let deeds: Vec<u8> = (0..8).map(|_| random.below(usize::from(DEEDS)) as u8).chain([0, 2, 5]).collect();
    for step in 0..steps {
        if random.one_in(1 + busy) {
            let name = DEVICES[random.below(DEVICES.len())].0;
            if random.one_in(2) {
                world.pull(name)?;
            } else {
                world.step(name)?;
            }
            continue;
        }
        let deed = *random.pick(&deeds).unwrap_or(&0);
        let mut byte = |limit: usize| random.below(limit) as u8;
        let stroke = Stroke { deed, node: byte(16), directory: byte(8), name: byte(6), text: byte(6) };
        books.edit(&mut world, random.below(active), stroke, step as i64 + 1)?;
    }
    world.settle_all()?;
    let server = world.server_listing();
    let mut trace = Trace::default();
    for (name, device) in world.devices() {
        trace.add(&device.work.trace);
        if world.listing(name) != server {
            return Err(format!("{name} differs from the server"));
        }
        if device.pair.trees.dirty_keys().next().is_some() {
            return Err(format!("{name} is not done"));
        }
        if outside(&device.pair, Tree::Local) != outside(&device.pair, Tree::Synced) {
            return Err(format!("{name} remembers something else"));
        }
    }
    let kept: BTreeSet<Content> = world.server.nodes().map(|node| node.content.clone()).collect();
    if let Some(lost) =
        books.made.iter().find(|content| !kept.contains(content) && !books.given_up.contains(content))
    {
        return Err(format!("{lost:?} is lost"));
    }
    if active == 1 {
        let device = world.devices().next().map(|(_, device)| device.work.local);
        let copies = server.keys().filter(|path| path.to_string().contains(" (conflict, ")).count();
        if device != Some(0) || copies > 0 {
            return Err(format!("one user was disturbed: {device:?} changes, {copies} copies"));
        }
    }
    Ok((world, trace))
}

#[test]
fn three_active_users_lose_nothing_and_end_with_one_tree() {
    let mut refused = 0;
    for seed in 0..100 * effort() as u64 {
        let (world, _) = history(seed, 60, 3).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        refused += world.devices().map(|(_, device)| device.work.refused).sum::<u64>();
    }
    assert!(refused > 0, "nobody was ever late");
}

#[test]
fn one_active_user_among_three_devices_is_never_disturbed() {
    for seed in 0..100 * effort() as u64 {
        history(seed, 60, 1).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn long_histories_come_to_an_end() {
    for seed in 0..6 * effort() as u64 {
        history(seed, 400, 3).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}
