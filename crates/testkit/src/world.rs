//! Several devices and a server, without disks, clocks or a network that could fail.

use crate::device::Device;
use crate::edit::Edit;
use crate::edit::held_by;
use crate::server::Server;
use crate::tree::{Listing, content_of, insert};
use model::ignore::not_synced;
use model::{Content, NameRule, NodeId, NodeState, RelativePath};
use planner::Tree;
use planner::rule::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// The ideal world.
#[derive(Debug, Clone)]
pub struct World {
    /// The server.
    pub server: Server,
    devices: BTreeMap<String, Device>,
    offline: BTreeSet<String>,
    texts: BTreeMap<Content, String>,
    fault: Option<Fault>,
}

/// After so many rounds of all devices something goes round in circles (§6.13 allows 200).
const ROUNDS_MAX: usize = 200;

impl World {
    /// A server with an empty folder, and no devices yet.
    #[must_use]
    pub fn new(rule: NameRule, fault: Option<Fault>) -> Self {
        let server = Server::new(rule);
        Self { server, devices: BTreeMap::new(), offline: BTreeSet::new(), texts: BTreeMap::new(), fault }
    }

    /// Adds a device.
    pub fn add(&mut self, name: &str, rule: NameRule) {
        self.devices.insert(name.to_owned(), Device::new(rule, name));
    }

    /// A device.
    pub fn device(&mut self, name: &str) -> Result<&mut Device, String> {
        self.devices.get_mut(name).ok_or_else(|| format!("there is no device {name}"))
    }

    /// All devices by name.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &Device)> {
        self.devices.iter().map(|(name, device)| (name.as_str(), device))
    }

    /// Connects a device, or cuts it off.
    pub fn set_online(&mut self, name: &str, online: bool) {
        if online {
            self.offline.remove(name);
        } else {
            self.offline.insert(name.to_owned());
        }
    }

    /// Whether a device is connected.
    #[must_use]
    pub fn is_online(&self, name: &str) -> bool {
        !self.offline.contains(name)
    }

    /// Does what a person does on a device.
    pub fn edit(&mut self, name: &str, edit: &Edit) -> Result<(), String> {
        if let Edit::Write { text, .. } = edit {
            self.texts.insert(content_of(text), text.clone());
        }
        self.device(name)?.pair.edit(Tree::Local, edit)
    }

    /// One round of one device: pull, plan, carry out. Answers whether anything happened.
    pub fn round(&mut self, name: &str) -> Result<bool, String> {
        self.pull(name)?;
        self.step(name)
    }

    /// A device hears what changed on the server.
    pub fn pull(&mut self, name: &str) -> Result<(), String> {
        let Self { server, devices, fault, .. } = self;
        let device = devices.get_mut(name).ok_or_else(|| format!("there is no device {name}"))?;
        device.pull(server, *fault);
        Ok(())
    }

    /// A device plans and carries out, from what it has heard so far. Answers whether anything happened.
    pub fn step(&mut self, name: &str) -> Result<bool, String> {
        let Self { server, devices, fault, .. } = self;
        let device = devices.get_mut(name).ok_or_else(|| format!("there is no device {name}"))?;
        device.step(server, *fault).map_err(|error| format!("on {name}: {error}"))
    }

    /// Lets these devices work until none of them has anything to do.
    pub fn settle(&mut self, names: &[&str]) -> Result<(), String> {
        for _ in 0..ROUNDS_MAX {
            let seq = self.server.seq();
            let mut busy = false;
            for name in names {
                busy |= self.round(name)?;
            }
            if !busy && self.server.seq() == seq {
                return Ok(());
            }
        }
        Err(format!("{names:?} are still busy after {ROUNDS_MAX} rounds"))
    }

    /// Lets all connected devices work until none has anything to do.
    pub fn settle_all(&mut self) -> Result<(), String> {
        let names: Vec<String> = self.devices.keys().filter(|name| self.is_online(name)).cloned().collect();
        self.settle(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A device's tree.
    pub fn listing(&self, name: &str) -> Listing {
        let Some(device) = self.devices.get(name) else { return Listing::new() };
        let mut listing = device.pair.listing(Tree::Local, |content| self.text(content));
        let directory = RelativePath::root().join(&not_synced());
        for (name, state) in &device.pair.aside {
            insert(&mut listing, directory.join(name), held_by(state, |content| self.text(content)));
        }
        listing
    }

    /// The server's tree.
    #[must_use]
    pub fn server_listing(&self) -> Listing {
        let mut pair = crate::pair::Pair::new(NameRule::Exact);
        let key = |id: NodeId| model::NodeKey(id.0);
        for node in self.server.nodes() {
            let (parent, name) = (key(node.parent), node.name.clone());
            let (content, executable, mtime) = (node.content.clone(), node.executable, node.mtime);
            let state = NodeState { parent, name, content, executable, mtime };
            pair.set(Tree::Remote, key(node.id), Some(state));
        }
        pair.listing(Tree::Remote, |content| self.text(content))
    }

    /// The text that was written for a content.
    #[must_use]
    pub fn text(&self, content: &Content) -> String {
        self.texts.get(content).cloned().unwrap_or_else(|| format!("{content:?}"))
    }

    /// Whether modification times are the same on the server and on these devices, by path.
    pub fn check_mtimes(&self, names: &[&str]) -> Result<(), String> {
        let mut seen = BTreeMap::new();
        for name in names {
            let Some(device) = self.devices.get(*name) else { continue };
            for (key, row) in device.pair.trees.rows() {
                let Some(state) = row.triple.local.as_ref().filter(|_| !row.triple.is_dirty()) else {
                    continue;
                };
                let path = device.pair.path(Tree::Local, key);
                let mtime = seen.entry(path.clone()).or_insert(state.mtime);
                if *mtime != state.mtime {
                    return Err(format!("{path:?} has {mtime} elsewhere and {} on {name}", state.mtime));
                }
            }
        }
        Ok(())
    }
}
