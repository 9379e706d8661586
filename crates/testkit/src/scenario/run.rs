//! Runs a scenario with the planner alone, in an ideal world.

use super::{Action, Deed, Expectation, Given, Scenario, fits};
use crate::device::Work;
use crate::edit::Edit;
use crate::tree::{Held, Listing, display, second};
use crate::world::World;
use model::RelativePath;
use planner::Tree;
use planner::rule::{Fault, Trace};

/// Runs a scenario, with one rule broken on purpose if a fault is given. Answers which rules decided something, or
/// in what it was not as expected.
pub fn run(scenario: &Scenario, fault: Option<Fault>) -> Result<Trace, String> {
    let mut world = World::new(scenario.rule, fault);
    for device in scenario.devices() {
        world.add(&device, scenario.rule);
    }
    let mut clock = 0;
    for given in &scenario.given {
        set_up(&mut world, given, &mut clock)?;
    }
    if scenario.given.iter().any(|given| given.device.is_none()) {
        world.settle_all()?;
    }
    for (name, direction) in &scenario.directions {
        world.device(name)?.direction = *direction;
    }
    let mut trace = total(&world).trace;
    let names = scenario.devices();
    for name in &names {
        world.device(name)?.work = Work::default();
    }
    for action in &scenario.actions {
        clock += 1;
        act(&mut world, action, clock)?;
    }
    check_quiet(&mut world, &names)?;
    for expectation in &scenario.expectations {
        check(&world, scenario, expectation)?;
    }
    trace.add(&total(&world).trace);
    Ok(trace)
}

fn set_up(world: &mut World, given: &Given, clock: &mut u64) -> Result<(), String> {
    let device = given.device.as_deref().unwrap_or("A");
    for (path, held) in &given.entries {
        *clock += 1;
        let path = path.clone();
        make_parents(world, device, &path)?;
        match held {
            Held::Directory => world.edit(device, &Edit::MakeDirectory { path })?,
            Held::Link { target } => world.edit(device, &Edit::Link { path, target: target.clone() })?,
            Held::File { text, executable } => {
                let mtime = second(*clock);
                world.edit(device, &Edit::Write { path: path.clone(), text: text.clone(), mtime })?;
                world.edit(device, &Edit::SetExecutable { path, executable: *executable })?;
            }
        }
    }
    Ok(())
}

fn make_parents(world: &mut World, device: &str, path: &RelativePath) -> Result<(), String> {
    let Some((parent, _)) = path.split().filter(|(parent, _)| !parent.is_root()) else { return Ok(()) };
    if world.device(device)?.pair.find(Tree::Local, &parent).is_some() {
        return Ok(());
    }
    make_parents(world, device, &parent)?;
    world.edit(device, &Edit::MakeDirectory { path: parent })
}

fn act(world: &mut World, action: &Action, clock: u64) -> Result<(), String> {
    let Action::On { device, deed, line } = action else { return world.settle_all() };
    let now = |at: &Option<u64>| second(at.unwrap_or(clock));
    let edit = match deed.clone() {
        Deed::Write { path, text, at } => Edit::Write { path, text, mtime: now(&at) },
        Deed::MakeDirectory(path) => Edit::MakeDirectory { path },
        Deed::Link(path, target) => Edit::Link { path, target },
        Deed::Move(from, to) => Edit::Move { from, to },
        Deed::Copy(from, to) => Edit::Copy { from, to, mtime: second(clock) },
        Deed::Remove(path) => Edit::Remove { path },
        Deed::SetExecutable(path, executable) => Edit::SetExecutable { path, executable },
        Deed::Touch(path, at) => Edit::Touch { path, mtime: now(&at) },
        Deed::Lock(path, locked) => {
            let pair = &mut world.device(device)?.pair;
            let key =
                pair.find(Tree::Local, &path).ok_or_else(|| format!("line {line}: {path} is not there"))?;
            pair.set_frozen(key, locked);
            return Ok(());
        }
        Deed::Online(online) => {
            world.set_online(device, online);
            return Ok(());
        }
        Deed::Direction(direction) => {
            world.device(device)?.direction = direction;
            return Ok(());
        }
        Deed::Sync => return world.settle(&[device]),
    };
    world.edit(device, &edit).map_err(|error| format!("line {line}: {error}"))
}

/// Nothing is left to do: the second plan is empty everywhere.
fn check_quiet(world: &mut World, names: &[String]) -> Result<(), String> {
    let online: Vec<&str> = names.iter().map(String::as_str).filter(|name| world.is_online(name)).collect();
    for name in online {
        let mut again = world.clone();
        if again.round(name)? {
            return Err(format!("{name} is not settled; does the scenario end with `sync`?"));
        }
    }
    Ok(())
}

fn check(world: &World, scenario: &Scenario, expectation: &Expectation) -> Result<(), String> {
    let equal = |what: &str, expected: u64, found: u64| {
        if expected == found { Ok(()) } else { Err(format!("expected {expected} {what}, found {found}")) }
    };
    let work = total(world);
    match expectation {
        Expectation::Tree { device: Some(device), entries } => {
            compare(&format!("on {device}"), entries, &world.listing(device))
        }
        Expectation::Tree { device: None, entries } => {
            compare("on the server", entries, &world.server_listing())?;
            let alone = |name: &&str| {
                scenario.expectations.iter().any(|other| {
                    matches!(other, Expectation::Tree { device: Some(device), .. } if device == *name)
                })
            };
            let all = world.devices().map(|(name, _)| name);
            let names: Vec<&str> = all.filter(|name| world.is_online(name) && !alone(name)).collect();
            names
                .iter()
                .try_for_each(|name| compare(&format!("on {name}"), entries, &world.listing(name)))?;
            world.check_mtimes(&names)
        }
        Expectation::Conflicts(expected) => {
            let listing = world.server_listing();
            let copies =
                listing.keys().filter(|path| path.split().is_some_and(|(_, name)| is_copy(name.as_str())));
            equal("conflict copies", *expected, copies.count() as u64)
        }
        Expectation::Uploads(expected) => equal("uploads", *expected, work.uploads),
        Expectation::Downloads(expected) => equal("downloads", *expected, work.downloads),
        Expectation::Changes(expected) => equal("changes on the server", *expected, work.remote),
        Expectation::Untouched(name) => {
            let local = world.devices().find(|(other, _)| other == name).map(|(_, device)| device.work.local);
            equal(
                &format!("changes on {name}"),
                0,
                local.ok_or_else(|| format!("there is no device {name}"))?,
            )
        }
    }
}

fn is_copy(name: &str) -> bool {
    name.contains(" (conflict, ")
}

/// Every node found must fit an entry, and every entry one node or, with `*`, one that no other entry fits.
fn compare(whose: &str, expected: &[(String, Held)], found: &Listing) -> Result<(), String> {
    let mut left: Vec<(String, &Held)> = found.iter().map(|(path, held)| (path.to_string(), held)).collect();
    let mut wanted: Vec<&(String, Held)> = expected.iter().collect();
    // Directories on the way to an entry need no line of their own.
    wanted.sort_by_key(|(path, _)| path.contains('*'));
    let mut missing = Vec::new();
    for (pattern, held) in wanted {
        match left.iter().position(|(path, there)| fits(pattern, path) && *there == held) {
            Some(index) => drop(left.remove(index)),
            None => missing.push(format!("{pattern}{held}")),
        }
    }
    let implied = |path: &str| expected.iter().any(|(pattern, _)| is_above(path, pattern));
    left.retain(|(path, held)| !(**held == Held::Directory && implied(path)));
    if missing.is_empty() && left.is_empty() {
        return Ok(());
    }
    let surplus: Vec<String> = left.iter().map(|(path, held)| format!("{path}{held}")).collect();
    Err(format!("{whose}: missing {missing:#?}, unexpected {surplus:#?}; there is\n{}", display(found)))
}

/// Whether a path is one of the directories above a pattern.
fn is_above(path: &str, pattern: &str) -> bool {
    let depth = path.split('/').count();
    let parts: Vec<&str> = pattern.split('/').collect();
    parts.len() > depth && fits(&parts[..depth].join("/"), path)
}

fn total(world: &World) -> Work {
    let mut sum = Work::default();
    for (_, device) in world.devices() {
        let work = &device.work;
        sum.local += work.local;
        sum.remote += work.remote;
        sum.downloads += work.downloads;
        sum.uploads += work.uploads;
        sum.refused += work.refused;
        sum.trace.add(&work.trace);
    }
    sum
}
