//! What of a disk survives a loss of power.
//!
//! Every change is pending until it is synced. A crash keeps some pending changes and loses others, as the seed says,
//! with one rule: a change of names is kept only if all earlier ones of the same names or nodes are, and those that made the
//! directories it is about: what was moved into a directory that is lost is where it was. This is harsher
//! than a journal: a name may survive without its bytes, and bytes without their name.

use super::faults::Random;
use super::state::{Body, Number, ROOT, STAGE, Slot, State, TRASH};
use model::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) change: Change,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Names(Vec<(Slot, Option<Number>)>),
    Write { number: Number, offset: usize, bytes: Arc<[u8]>, mtime: Timestamp },
    Resize { number: Number, size: usize, mtime: Timestamp },
    Attributes { number: Number, mtime: Timestamp, executable: bool },
}

/// Names and nodes that belong together.
#[derive(Default)]
struct Group {
    slots: BTreeSet<Slot>,
    nodes: BTreeSet<Number>,
}

impl Group {
    fn touches(&self, names: &[(Slot, Option<Number>)]) -> bool {
        names.iter().any(|(slot, number)| {
            self.slots.contains(slot) || number.is_some_and(|number| self.nodes.contains(&number))
        })
    }

    /// Whether one of these directories belongs to it.
    fn holds_directory_of(&self, names: &[(Slot, Option<Number>)]) -> bool {
        names.iter().any(|((directory, _), _)| self.nodes.contains(directory))
    }

    fn add(&mut self, names: &[(Slot, Option<Number>)]) {
        for (slot, number) in names {
            self.slots.insert(slot.clone());
            self.nodes.extend(number);
        }
    }
}

impl State {
    /// Makes a file's content and attributes durable; its name is its directory's.
    pub(super) fn sync_file(&mut self, file: Number) {
        let (now, later) =
            std::mem::take(&mut self.pending).into_iter().partition(|pending| match pending.change {
                Change::Names(_) => false,
                Change::Write { number, .. }
                | Change::Resize { number, .. }
                | Change::Attributes { number, .. } => number == file,
            });
        self.pending = later;
        self.settle(now);
    }

    /// Makes a directory's names durable, with what they depend on.
    pub(super) fn sync_directory(&mut self, directory: Number) {
        let mut group = Group::default();
        let mut now = Vec::new();
        let mut later = Vec::new();
        for pending in std::mem::take(&mut self.pending).into_iter().rev() {
            match &pending.change {
                Change::Names(names)
                    if names.iter().any(|((d, _), _)| *d == directory) || group.touches(names) =>
                {
                    group.add(names);
                    now.push(pending);
                }
                _ => later.push(pending),
            }
        }
        now.reverse();
        later.reverse();
        self.pending = later;
        self.settle(now);
    }

    pub(super) fn sync_everything(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.settle(pending);
        self.forget_unreachable();
    }

    fn settle(&mut self, pending: Vec<Pending>) {
        pending.into_iter().for_each(|pending| self.make_durable(pending.change));
    }

    fn make_durable(&mut self, change: Change) {
        match change {
            Change::Names(names) => {
                for ((directory, name), number) in names {
                    let Some(directory) = self.durable.get_mut(&directory) else { continue };
                    let Body::Directory(entries) = &mut directory.body else { continue };
                    match number {
                        Some(number) => entries.insert(name, number),
                        None => entries.remove(&name),
                    };
                }
            }
            Change::Write { number, offset, bytes, mtime } => {
                if let Some(node) = self.durable.get_mut(&number) {
                    node.body.write(offset, &bytes);
                    node.mtime = mtime;
                }
            }
            Change::Resize { number, size, mtime } => {
                if let Some(node) = self.durable.get_mut(&number) {
                    node.body.resize(size);
                    node.mtime = mtime;
                }
            }
            Change::Attributes { number, mtime, executable } => {
                if let Some(node) = self.durable.get_mut(&number) {
                    (node.mtime, node.executable) = (mtime, executable);
                }
            }
        }
    }

    /// The machine loses its power.
    pub(super) fn crash(&mut self, seed: u64) {
        let mut random = Random(seed);
        // Sometimes nearly all of it is written out already, sometimes nearly nothing.
        let kept_of_8 = (random.next() % 9) as u32;
        let mut lost = Group::default();
        for pending in std::mem::take(&mut self.pending) {
            let is_kept = random.is_one_of(kept_of_8, 8);
            match &pending.change {
                Change::Names(names) if !is_kept || lost.touches(names) || lost.holds_directory_of(names) => {
                    lost.add(names);
                }
                Change::Names(_) => self.make_durable(pending.change),
                _ if is_kept => self.make_durable(pending.change),
                _ => {}
            }
        }
        self.forget_unreachable();
        self.start_again();
    }

    /// Drops durable nodes that no durable name leads to, and no pending change needs.
    fn forget_unreachable(&mut self) {
        let mut reached = BTreeSet::new();
        let mut next = vec![ROOT, STAGE, TRASH];
        while let Some(number) = next.pop() {
            if !reached.insert(number) {
                continue;
            }
            if let Some(Body::Directory(entries)) = self.durable.get(&number).map(|node| &node.body) {
                next.extend(entries.values());
            }
        }
        self.durable.retain(|number, _| reached.contains(number) || self.nodes.contains_key(number));
        self.parents.retain(|number, _| self.nodes.contains_key(number));
    }

    /// What is durable is what is there.
    fn start_again(&mut self) {
        self.open.clear();
        let mut names: BTreeMap<Number, u32> = BTreeMap::new();
        self.parents.clear();
        self.used = 0;
        self.nodes = std::mem::take(&mut self.durable);
        let mut reached = BTreeSet::from([ROOT, STAGE, TRASH]);
        let mut next = vec![ROOT, STAGE, TRASH];
        while let Some(directory) = next.pop() {
            let Some(entries) = self.entries(directory).cloned() else { continue };
            for (name, number) in entries {
                *names.entry(number).or_default() += 1;
                self.parents.insert(number, (directory, name));
                if reached.insert(number) {
                    next.push(number);
                }
            }
        }
        self.nodes.retain(|number, _| reached.contains(number));
        for (number, node) in &mut self.nodes {
            node.names = names.get(number).copied().unwrap_or(0);
            node.writers = 0;
            if let Body::File(bytes) = &node.body {
                self.used += bytes.len() as u64;
            }
        }
        self.durable = self.nodes.clone();
        self.watch.stop();
    }
}
