//! The end of a run: nothing goes wrong any more and nobody works. Everything has to come to rest, and to agree.

use crate::choice::clearing;
use crate::deed::{Act, Tree, is_conflict_copy, is_synced_path};
use crate::device::Device;
use crate::remote::check_tree;
use crate::world::{Item, Run, World, beginning};
use filesystem::fake::Seen;
use model::{Content, ContentId, NodeId, RelativePath, RemoteNode, Timestamp};
use planner::Direction;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use sync_engine::Event;

/// How long coming to rest may take: longer than the longest pause before something is tried again.
const REST_MS: u64 = 3_600_000;
/// And how many events.
const REST_EVENTS: u64 = 200_000;

/// What a tree holds at a path, as everybody must see it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Directory,
    File { content: ContentId, size: u64, executable: bool, mtime: Timestamp },
    Link(Box<[u8]>),
}

impl World {
    pub(crate) fn come_to_rest(&mut self) -> Run {
        self.note(0, format_args!("!! quiet"));
        self.quiet = true;
        for device in 0..self.devices.len() {
            self.acts(device, &[]);
            self.devices[device].doom = None;
            self.devices[device].cut_off = 0;
            self.devices[device].disk.restart_program();
            self.devices[device].usable = true;
            self.acts(device, &[Act::Close]);
            self.mend_disk(device)?;
            self.remove_sockets(device);
            if self.devices[device].engine.is_some() {
                self.feed(device, Event::Resumed)?;
            }
        }
        self.server_doom = None;
        self.server_runs = true;
        for device in 0..self.devices.len() {
            self.start(device)?;
            self.connect(device)?;
        }
        self.rest_within_quotas()?;
        self.clear_and_settle()?;
        self.keep_at_rest()?;
        self.look_at_everything()?;
        self.check_everything()?;
        let before: Vec<_> = self.devices.iter().map(|device| device.counts).collect();
        self.look_at_everything()?;
        let after: Vec<_> = self.devices.iter().map(|device| device.counts).collect();
        if before != after {
            return Err(format!("at rest, and yet there was more to do: {before:?} then {after:?}"));
        }
        self.check_everything()
    }

    /// What a device does not sync stands in the way of what is removed around it, until somebody clears it away; on the
    /// way there, there may be more of it.
    fn clear_and_settle(&mut self) -> Run {
        if self.profile.views.is_none() {
            return self.settle();
        }
        let mut settled = Ok(());
        for round in 0..4 {
            let mut cleared = false;
            for device in 0..self.devices.len() {
                let state = &self.devices[device];
                let mut acts = clearing(&state.view, self.profile.rule, &state.tree());
                acts.extend(self.what_is_in_the_way(device)?);
                cleared |= !acts.is_empty();
                if !acts.is_empty() {
                    self.acts(device, &acts);
                }
            }
            if !cleared && round > 0 && settled.is_ok() {
                return Ok(());
            }
            settled = self.settle();
        }
        settled
    }

    /// What a person removes here since something that the device does not sync has its name on the server.
    fn what_is_in_the_way(&self, device: usize) -> Run<Vec<Act>> {
        let state = &self.devices[device];
        let Some(engine) = &state.engine else { return Ok(Vec::new()) };
        let status = state.memory.status(engine).map_err(|error| error.to_string())?;
        let named = status.issues.into_iter().filter(|(_, words)| words == sync_engine::HIDDEN_NAME);
        Ok(named.map(|(path, _)| Act::RemoveAll(path)).collect())
    }

    /// A socket stands in the way of what is to be synced as long as its program runs.
    fn remove_sockets(&mut self, device: usize) {
        let tree = self.devices[device].tree();
        let sockets = tree.into_iter().filter(|(_, seen)| matches!(seen, Seen::Special));
        let acts: Vec<Act> = sockets.map(|(path, _)| Act::Remove(path)).collect();
        if !acts.is_empty() {
            self.acts(device, &acts);
        }
    }

    /// Every disk is scanned and the server asked once more.
    fn look_at_everything(&mut self) -> Run {
        for device in 0..self.devices.len() {
            self.take_hints(device)?;
            self.look_again(device, RelativePath::root())?;
            self.feed(device, Event::Verify)?;
        }
        self.settle()
    }

    fn is_at_rest(&self, devices: &[usize]) -> Run<bool> {
        let idle = |item: &Item| matches!(item, Item::Tick { .. } | Item::Timeout { .. });
        if self.queue.any(|item| !idle(item)) {
            return Ok(false);
        }
        for device in devices.iter().map(|device| &self.devices[*device]) {
            let Some(engine) = &device.engine else { return Ok(false) };
            if !device.memory.status(engine).map_err(|error| error.to_string())?.in_step {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn settle(&mut self) -> Run {
        let all: Vec<usize> = (0..self.devices.len()).collect();
        self.settle_some(&all)
    }

    /// Goes on until these devices are at rest.
    pub(crate) fn settle_some(&mut self, devices: &[usize]) -> Run {
        self.settle_until(devices, Self::is_at_rest)
    }

    /// Goes on until these devices are as they should be.
    pub(crate) fn settle_until(
        &mut self,
        devices: &[usize],
        is_over: impl Fn(&Self, &[usize]) -> Run<bool>,
    ) -> Run {
        let latest = self.queue.now().plus_ms(REST_MS);
        let most = self.events + REST_EVENTS;
        while !is_over(self, devices)? {
            if !self.step()? || self.events > most || self.queue.now() > latest {
                return Err(format!("never comes to rest: {}", self.states()?));
            }
        }
        Ok(())
    }

    fn states(&self) -> Run<String> {
        let mut text = format!("at {} ms", (self.queue.now().0 - beginning().0) / 1_000_000);
        for device in &self.devices {
            let Some(engine) = &device.engine else { continue };
            let status = device.memory.status(engine).map_err(|error| error.to_string())?;
            text.push_str(&format!("\n  {}: {status:?}", device.name));
            if !status.in_step {
                let plan = device
                    .memory
                    .plan(&device.author(), device.direction)
                    .map_err(|error| error.to_string())?;
                text.push_str(&format!("\n  its plan: {plan}"));
            }
        }
        Ok(text)
    }

    /// After every commit.
    pub(crate) fn check_server(&mut self) -> Run {
        let nodes = self.server.nodes();
        check_tree(&nodes, self.profile.rule)
            .map_err(|error| format!("the server's tree is broken: {error}"))?;
        for node in &nodes {
            if let Content::File { id, .. } = node.content
                && self.profile.views.is_some()
            {
                self.served.insert(id);
            }
            let last = self.journal.insert(node.id, node.seq);
            if last.is_some_and(|last| last > node.seq) {
                return Err(format!(
                    "the history of {} went back from {last:?} to {:?}",
                    node.name, node.seq
                ));
            }
        }
        Ok(())
    }

    /// Whether a device's disk holds what the server does.
    pub(crate) fn check_agreement(&mut self, device: usize) -> Run {
        let view = self.devices[device].view.compile(self.profile.rule);
        let covered =
            |(path, shown): &(RelativePath, Shown)| view.covers_path(path, *shown == Shown::Directory);
        let server: BTreeMap<_, _> =
            shown_by_server(&self.server.nodes()).into_iter().filter(covered).collect();
        let here: BTreeMap<_, _> =
            shown_by_disk(&self.devices[device].tree()).into_iter().filter(covered).collect();
        let difference = match self.devices[device].direction {
            Direction::Both => first_difference(&server, &here),
            // What one side has besides is its own.
            Direction::Down => server.iter().find(|(path, shown)| here.get(*path) != Some(shown)).map(told),
            Direction::Up => here.iter().find(|(path, shown)| server.get(*path) != Some(shown)).map(told),
        };
        match difference {
            Some(difference) => Err(format!("server and {} differ: {difference}", self.devices[device].name)),
            None => Ok(()),
        }
    }

    fn check_everything(&mut self) -> Run {
        self.check_server()?;
        self.server.verify()?;
        for device in 0..self.devices.len() {
            self.check_agreement(device)?;
            let tree = self.devices[device].tree();
            let oracle = Arc::clone(&self.oracle);
            let oracle = oracle.lock().unwrap_or_else(PoisonError::into_inner);
            if self.profile.views.is_some() {
                if device == 0 {
                    let trees: Vec<Tree> = self.devices.iter().map(Device::tree).collect();
                    oracle.check_parts(&tree, &trees, &self.served)?;
                }
                drop(oracle);
                self.check_status(device)?;
                continue;
            }
            if self.profile.users == 1
                && !self.profile.is_one_way()
                && !oracle.power_was_lost()
                && !oracle.was_rewound()
                && let Some(copy) = tree.keys().find(|path| is_conflict_copy(path))
            {
                return Err(format!("a conflict with nobody: {copy}"));
            }
            if !self.profile.is_one_way() {
                oracle.check(&tree)?;
            }
            drop(oracle);
            self.check_status(device)?;
        }
        if self.profile.is_one_way() {
            let trees: Vec<Tree> = self.devices.iter().map(Device::tree).collect();
            let now = self.queue.now();
            let oracle = self.oracle.lock().unwrap_or_else(PoisonError::into_inner);
            oracle.check_anywhere(&trees, |bytes| self.server.keeps(chunker::hash_bytes(bytes).0, now))?;
        }
        Ok(())
    }

    fn check_status(&self, device: usize) -> Run {
        let state = &self.devices[device];
        let Some(engine) = &state.engine else { return Ok(()) };
        let status = state.memory.status(engine).map_err(|error| error.to_string())?;
        if status.issues.is_empty() && status.held.is_none() {
            return Ok(());
        }
        Err(format!("at rest, but {} says {:?} {:?}", state.name, status.issues, status.held))
    }
}

fn told((path, shown): (&RelativePath, &Shown)) -> String {
    format!("{path:?} is {shown:?} where it comes from, and not so where it goes to")
}

fn shown_by_disk(tree: &Tree) -> BTreeMap<RelativePath, Shown> {
    let synced = tree.iter().filter(|(path, _)| is_synced_path(path));
    synced.filter_map(|(path, seen)| Some((path.clone(), shown(seen)?))).collect()
}

fn shown(seen: &Seen) -> Option<Shown> {
    Some(match seen {
        Seen::Directory => Shown::Directory,
        Seen::Link(target) => Shown::Link(target.clone()),
        Seen::File { bytes, executable, mtime } => {
            let content = chunker::hash_bytes(bytes).0;
            Shown::File { content, size: bytes.len() as u64, executable: *executable, mtime: *mtime }
        }
        Seen::Special => return None,
    })
}

fn shown_by_server(nodes: &[RemoteNode]) -> BTreeMap<RelativePath, Shown> {
    let by_id: BTreeMap<NodeId, &RemoteNode> = nodes.iter().map(|node| (node.id, node)).collect();
    let path = |node: &RemoteNode| -> RelativePath {
        let mut names = vec![node.name.clone()];
        let mut at = node.parent;
        while let Some(above) = by_id.get(&at) {
            names.push(above.name.clone());
            at = above.parent;
        }
        names.into_iter().rev().collect()
    };
    let shown = |node: &RemoteNode| match &node.content {
        Content::Directory => Shown::Directory,
        Content::Link { target } => Shown::Link(target.clone()),
        Content::File { id, size } => {
            Shown::File { content: *id, size: *size, executable: node.executable, mtime: node.mtime }
        }
    };
    nodes.iter().map(|node| (path(node), shown(node))).collect()
}

fn first_difference(
    server: &BTreeMap<RelativePath, Shown>,
    disk: &BTreeMap<RelativePath, Shown>,
) -> Option<String> {
    let missing = server.iter().find(|(path, shown)| disk.get(*path) != Some(shown));
    if let Some((path, shown)) = missing {
        return Some(format!("{path:?} is {shown:?} there and {:?} here", disk.get(path)));
    }
    let surplus = disk.iter().find(|(path, _)| !server.contains_key(*path));
    surplus.map(|(path, shown)| format!("{path:?} is {shown:?} here only"))
}
