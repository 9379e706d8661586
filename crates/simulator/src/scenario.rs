//! Golden scenarios in the simulated world: the same texts that the planner alone is run with, on engines, disks and
//! a network without faults.

use crate::deed::{Act, is_conflict_copy, is_set_aside, is_synced_path};
use crate::plan::Plan;
use crate::profile::Profile;
use crate::world::{Planted, Run, World};
use filesystem::fake::{FakeOptions, Seen};
use model::{RelativePath, Timestamp};
use sync_engine::Event;
use testkit::scenario::{Action, Deed, Expectation, Given, Scenario, fits};
use testkit::tree::{Held, second};

/// Runs a scenario; the error says in what it was not as expected.
pub fn run_scenario(scenario: &Scenario) -> Result<(), String> {
    Stage::new(scenario, Journal::Kept)?.play()
}

/// Runs a scenario on a server that forgets removals before anybody hears of them: whoever is behind lists the folder
/// anew, and the outcome must be the same. Says how many cursors had expired.
pub fn run_forgetting(scenario: &Scenario) -> Result<u64, String> {
    let mut stage = Stage::new(scenario, Journal::Forgotten)?;
    stage.play()?;
    Ok(stage.world.server.expired())
}

/// Whether the server remembers removals for those who are behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Journal {
    Kept,
    Forgotten,
}

/// Whether the simulated disks can do what the scenario asks: a locked file shows on a real disk only once it is
/// read again.
#[must_use]
pub fn can_run(scenario: &Scenario) -> bool {
    !scenario.actions.iter().any(|action| matches!(action, Action::On { deed: Deed::Lock(..), .. }))
}

struct Stage<'a> {
    scenario: &'a Scenario,
    world: World,
    names: Vec<String>,
    online: Vec<bool>,
    clock: u64,
}

impl<'a> Stage<'a> {
    fn new(scenario: &'a Scenario, journal: Journal) -> Run<Self> {
        let names = scenario.devices();
        let mut profile = Profile::calm(names.len(), 0);
        profile.rule = scenario.rule;
        // Two devices may work, but nobody is the only one.
        profile.users = names.len();
        profile.disks = vec![FakeOptions::default(); names.len()];
        let mut world = World::new(profile, Plan::default(), 1, Planted::default(), true)?;
        for (device, name) in world.devices.iter_mut().zip(&names) {
            device.name.clone_from(name);
        }
        let online = vec![true; names.len()];
        if journal == Journal::Forgotten {
            world.server.forget_removals();
        }
        Ok(Self { scenario, world, names, online, clock: 0 })
    }

    fn play(&mut self) -> Run {
        for given in &self.scenario.given {
            self.set_up(given)?;
        }
        self.world.quiet = true;
        for device in 0..self.names.len() {
            self.world.start(device)?;
            self.world.feed(device, Event::Paused)?;
        }
        if self.scenario.given.iter().any(|given| given.device.is_none()) {
            self.sync(&(0..self.names.len()).collect::<Vec<_>>())?;
        }
        for (name, direction) in &self.scenario.directions {
            let device = self.device(name)?;
            self.direct(device, *direction)?;
        }
        for device in &mut self.world.devices {
            device.counts = crate::Counts::default();
        }
        for action in &self.scenario.actions {
            self.clock += 1;
            self.act(action)?;
        }
        self.scenario.expectations.iter().try_for_each(|expectation| self.check(expectation))
    }

    fn device(&self, name: &str) -> Run<usize> {
        self.names.iter().position(|other| other == name).ok_or_else(|| format!("there is no device {name}"))
    }

    fn set_up(&mut self, given: &Given) -> Run {
        let device = self.device(given.device.as_deref().unwrap_or("A"))?;
        for (path, held) in &given.entries {
            self.clock += 1;
            for depth in 1..path.names().len() {
                let above: RelativePath = path.names()[..depth].iter().cloned().collect();
                if !self.world.devices[device].tree().contains_key(&above) {
                    self.perform(device, &Act::MakeDirectory(above))?;
                }
            }
            match held {
                Held::Directory => self.perform(device, &Act::MakeDirectory(path.clone()))?,
                Held::Link { target } => {
                    self.perform(device, &Act::MakeLink(path.clone(), target.clone().into_bytes()))?;
                }
                Held::File { text, executable } => {
                    self.write(device, path, text.as_bytes(), second(self.clock))?;
                    self.perform(device, &Act::SetExecutable(path.clone(), *executable))?;
                }
            }
        }
        Ok(())
    }

    fn perform(&mut self, device: usize, act: &Act) -> Run {
        let now = self.world.queue.now();
        self.world.devices[device].clock(now);
        if self.world.devices[device].act(act) { Ok(()) } else { Err(format!("not possible: {act:?}")) }
    }

    fn write(&mut self, device: usize, path: &RelativePath, bytes: &[u8], mtime: Timestamp) -> Run {
        self.perform(device, &Act::Write(path.clone(), bytes.to_vec()))?;
        self.perform(device, &Act::Touch(path.clone(), mtime))
    }

    fn act(&mut self, action: &Action) -> Run {
        let Action::On { device, deed, line } = action else {
            let online: Vec<usize> = (0..self.names.len()).filter(|device| self.online[*device]).collect();
            return self.sync(&online);
        };
        let device = self.device(device)?;
        self.do_deed(device, deed.clone()).map_err(|error| format!("line {line}: {error}"))
    }

    fn do_deed(&mut self, device: usize, deed: Deed) -> Run {
        let now = |at: Option<u64>| second(at.unwrap_or(self.clock));
        match deed {
            Deed::Write { path, text, at } => {
                let mtime = now(at);
                self.write(device, &path, text.as_bytes(), mtime)
            }
            Deed::MakeDirectory(path) => self.perform(device, &Act::MakeDirectory(path)),
            Deed::Link(path, target) => {
                if self.world.devices[device].tree().contains_key(&path) {
                    self.perform(device, &Act::Remove(path.clone()))?;
                }
                self.perform(device, &Act::MakeLink(path, target.into_bytes()))
            }
            Deed::Move(from, to) => self.perform(device, &Act::Rename(from, to)),
            Deed::Copy(from, to) => self.copy(device, &from, &to),
            Deed::Remove(path) => self.perform(device, &Act::RemoveAll(path)),
            Deed::SetExecutable(path, executable) => {
                self.perform(device, &Act::SetExecutable(path, executable))
            }
            Deed::Touch(path, at) => {
                let mtime = now(at);
                self.perform(device, &Act::Touch(path, mtime))
            }
            Deed::Lock(..) => Err("the simulated disks cannot lock".to_owned()),
            Deed::Online(online) => {
                self.online[device] = online;
                self.world.devices[device].cut_off = u32::from(!online);
                if online { self.world.connect(device) } else { self.world.disconnect(device) }
            }
            Deed::Direction(direction) => self.direct(device, direction),
            Deed::Sync => self.sync(&[device]),
        }
    }

    fn copy(&mut self, device: usize, from: &RelativePath, to: &RelativePath) -> Run {
        let tree = self.world.devices[device].tree();
        for (path, seen) in tree.iter().filter(|(path, _)| path.is_within(from)) {
            let below = &path.names()[from.names().len()..];
            let place: RelativePath = to.names().iter().chain(below).cloned().collect();
            match seen {
                Seen::Directory => self.perform(device, &Act::MakeDirectory(place))?,
                Seen::Link(target) => self.perform(device, &Act::MakeLink(place, target.to_vec()))?,
                Seen::File { bytes, executable, .. } => {
                    self.write(device, &place, bytes, second(self.clock))?;
                    self.perform(device, &Act::SetExecutable(place, *executable))?;
                }
                Seen::Special => {}
            }
        }
        Ok(())
    }

    /// A program that begins anew in another direction.
    fn direct(&mut self, device: usize, direction: planner::Direction) -> Run {
        self.world.devices[device].direction = direction;
        self.world.end(device);
        self.world.start(device)?;
        self.world.connect(device)?;
        self.world.feed(device, Event::Paused)
    }

    /// Lets these devices settle; the others do nothing meanwhile.
    fn sync(&mut self, devices: &[usize]) -> Run {
        for device in devices {
            self.world.devices[*device].clock(self.world.queue.now());
            self.world.take_hints(*device)?;
            self.world.feed(*device, Event::Resumed)?;
        }
        self.world.settle_some(devices)?;
        devices.iter().try_for_each(|device| self.world.feed(*device, Event::Paused))
    }

    fn check(&mut self, expectation: &Expectation) -> Run {
        match expectation {
            Expectation::Tree { device: Some(device), entries } => {
                let device = self.device(device)?;
                self.compare(device, entries)
            }
            Expectation::Tree { device: None, entries } => {
                let alone = |name: &String| {
                    self.scenario.expectations.iter().any(|other| {
                        matches!(other, Expectation::Tree { device: Some(device), .. } if device == name)
                    })
                };
                let common: Vec<usize> = (0..self.names.len())
                    .filter(|device| self.online[*device] && !alone(&self.names[*device]))
                    .collect();
                for device in common {
                    self.compare(device, entries)?;
                    self.world.check_agreement(device)?;
                }
                Ok(())
            }
            Expectation::Conflicts(expected) => {
                let tree = self.world.devices[0].tree();
                let copies = tree.keys().filter(|path| is_conflict_copy(path)).count() as u64;
                equal("conflict copies", *expected, copies)
            }
            Expectation::Uploads(expected) => equal("uploads", *expected, self.sum(|counts| counts.uploads)),
            Expectation::Downloads(expected) => {
                equal("downloads", *expected, self.sum(|counts| counts.downloads))
            }
            Expectation::Changes(expected) => equal("changes", *expected, self.sum(|counts| counts.changes)),
            Expectation::Untouched(name) => {
                let device = self.device(name)?;
                equal(&format!("changes on {name}"), 0, self.world.devices[device].counts.applies)
            }
        }
    }

    fn sum(&self, of: impl Fn(&crate::Counts) -> u64) -> u64 {
        self.world.devices.iter().map(|device| of(&device.counts)).sum()
    }

    /// Every node found must fit an entry, and every entry a node. Directories on the way need no line.
    fn compare(&self, device: usize, entries: &[(String, Held)]) -> Run {
        let tree = self.world.devices[device].tree();
        let mut left: Vec<(String, Held)> = tree
            .iter()
            .filter(|(path, _)| is_synced_path(path) || is_set_aside(path))
            .filter_map(|(path, seen)| Some((path.to_string(), held(seen)?)))
            .collect();
        let found = format!("{left:#?}");
        let mut wanted: Vec<&(String, Held)> = entries.iter().collect();
        wanted.sort_by_key(|(path, _)| path.contains('*'));
        for (pattern, held) in wanted {
            match left.iter().position(|(path, there)| fits(pattern, path) && there == held) {
                Some(index) => drop(left.remove(index)),
                None => {
                    return Err(format!("{} lacks {pattern}{held}; there is {found}", self.names[device]));
                }
            }
        }
        let implied = |path: &str| entries.iter().any(|(pattern, _)| is_above(path, pattern));
        left.retain(|(path, held)| !(*held == Held::Directory && implied(path)));
        if left.is_empty() { Ok(()) } else { Err(format!("{} also has {left:?}", self.names[device])) }
    }
}

fn is_above(path: &str, pattern: &str) -> bool {
    let depth = path.split('/').count();
    let parts: Vec<&str> = pattern.split('/').collect();
    parts.len() > depth && fits(&parts[..depth].join("/"), path)
}

fn held(seen: &Seen) -> Option<Held> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(match seen {
        Seen::Directory => Held::Directory,
        Seen::File { bytes, executable, .. } => Held::File { text: text(bytes), executable: *executable },
        Seen::Link(target) => Held::Link { target: text(target) },
        Seen::Special => return None,
    })
}

fn equal(what: &str, expected: u64, found: u64) -> Run {
    if expected == found { Ok(()) } else { Err(format!("expected {expected} {what}, found {found}")) }
}
