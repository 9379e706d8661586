//! Every version that was ever committed, with its bytes, its author and its moment: noted as each change is made, by
//! nobody who keeps or removes any. What the server shows of a folder's past is held against it.
//!
//! What may be gone: `ledger/kept.rs`. What everything takes: `ledger/taken.rs`. What a restore may touch:
//! `ledger/restored.rs`.

mod kept;
mod restored;
mod taken;

use crate::remote::{Bytes, Server};
use metadata::node::NodeRow;
use model::{Content, ContentId, NodeId, Principal, RemoteNode, Seq, Timestamp, VersionNumber};
use std::collections::BTreeMap;
use std::sync::Arc;
use versioning::retention::plan::Rules;

/// A version as it was committed.
#[derive(Debug, Clone)]
struct Version {
    seq: Seq,
    content: Content,
    executable: bool,
    mtime: Timestamp,
    by: Principal,
    at: Timestamp,
    pinned: bool,
    label: String,
    /// It was seen to be gone.
    gone: bool,
}

impl Version {
    fn is_pinned(&self) -> bool {
        self.pinned || !self.label.is_empty()
    }
}

#[derive(Debug, Clone)]
struct Node {
    row: NodeRow,
    versions: BTreeMap<VersionNumber, Version>,
    /// Who removed it, and when.
    removed: Option<(Principal, Timestamp)>,
    purged: bool,
}

impl Node {
    fn kept(&self) -> impl DoubleEndedIterator<Item = (VersionNumber, &Version)> {
        self.versions.iter().filter(|(_, version)| !version.gone).map(|(number, version)| (*number, version))
    }

    fn is_in_trash(&self) -> bool {
        self.removed.is_some() && !self.purged
    }
}

/// A time in which one author changed very much, and what the ledger itself saw of it.
#[derive(Debug, Clone, Copy)]
struct MassChange {
    at: Timestamp,
}

/// The record of everything.
#[derive(Debug)]
pub(crate) struct Ledger {
    contents: BTreeMap<ContentId, Bytes>,
    nodes: BTreeMap<NodeId, Node>,
    head: Seq,
    /// What lived after each change.
    trees: BTreeMap<Seq, Vec<RemoteNode>>,
    rules: Rules,
    mass: Vec<MassChange>,
    /// Whether there ever was a mass change: others may follow from undoing it, which are not noted here.
    had_mass: bool,
    /// What another folder of another person holds.
    elsewhere: Vec<Bytes>,
    /// Versions that were seen to go, nodes that were purged, tombstones that went.
    pub(crate) gone: [u64; 3],
}

impl Ledger {
    pub(crate) fn new(rules: Rules, elsewhere: &[&[u8]]) -> Self {
        let mut ledger = Self {
            contents: BTreeMap::new(),
            nodes: BTreeMap::new(),
            head: Seq(0),
            trees: BTreeMap::from([(Seq(0), Vec::new())]),
            rules,
            mass: Vec::new(),
            had_mass: false,
            elsewhere: elsewhere.iter().map(|bytes| Arc::new(bytes.to_vec())).collect(),
            gone: [0; 3],
        };
        ledger.received(&Arc::new(Vec::new()));
        ledger
    }

    /// These bytes came to the server.
    pub(crate) fn received(&mut self, bytes: &Bytes) {
        self.contents.insert(chunker::hash_bytes(bytes).0, Arc::clone(bytes));
    }

    /// Others are kept from now on.
    pub(crate) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Notes a mass change.
    pub(crate) fn mass_changed(&mut self, at: Timestamp) {
        self.had_mass = true;
        self.mass.push(MassChange { at });
    }

    /// A person said that all of them were meant.
    pub(crate) fn acknowledged(&mut self) {
        self.mass.clear();
    }

    /// Somebody said something of a version.
    pub(crate) fn said(&mut self, (node, number): (NodeId, VersionNumber), pinned: bool, label: &str) {
        if let Some(version) = self.nodes.get_mut(&node).and_then(|node| node.versions.get_mut(&number)) {
            (version.pinned, version.label) = (pinned, label.to_owned());
        }
    }

    /// Versions that are still kept, of nodes that fit.
    pub(crate) fn versions(&self, removed_too: bool) -> Vec<(NodeId, VersionNumber)> {
        let fits = |node: &&Node| removed_too || node.removed.is_none();
        let nodes = self.nodes.values().filter(fits);
        nodes.flat_map(|node| node.kept().map(|(number, _)| (node.row.id, number))).collect()
    }

    /// What is in the trash.
    pub(crate) fn trash(&self) -> Vec<NodeId> {
        self.nodes.values().filter(|node| node.is_in_trash()).map(|node| node.row.id).collect()
    }

    /// Notes what somebody's change made of the folder, and compares what it touched with what the server says.
    pub(crate) fn record(&mut self, server: &Server, by: Principal, at: Timestamp) -> Result<(), String> {
        let rows = server.rows_since(self.head).map_err(|error| error.to_string())?;
        let mut touched = Vec::with_capacity(rows.len());
        for row in rows.into_iter().filter(|row| row.id != NodeId::ROOT) {
            touched.push(row.id);
            self.note(row, by, at)?;
        }
        self.head = server.head();
        self.trees.insert(self.head, server.nodes());
        touched.into_iter().try_for_each(|node| self.check_versions(server, node, at))
    }

    fn note(&mut self, row: NodeRow, by: Principal, at: Timestamp) -> Result<(), String> {
        let known = self.nodes.entry(row.id).or_insert_with(|| Node {
            row: row.clone(),
            versions: BTreeMap::new(),
            removed: None,
            purged: false,
        });
        let last = known.versions.last_entry();
        let newest = last.as_ref().map_or(VersionNumber(0), |last| *last.key());
        if row.version.0 > newest.0 + 1 || row.version < newest {
            return Err(format!("unrecorded: {} went from {newest:?} to {:?}", row.name, row.version));
        }
        if row.version > newest {
            let version = Version {
                seq: row.revision.version,
                content: row.content.clone(),
                executable: row.executable,
                mtime: row.mtime,
                by,
                at,
                pinned: false,
                label: String::new(),
                gone: false,
            };
            known.versions.insert(row.version, version);
        } else if let Some(mut last) = last {
            let last = last.get_mut();
            if last.content != row.content {
                return Err(format!("unrecorded: {} has other bytes without a new version", row.name));
            }
            (last.executable, last.mtime) = (row.executable, row.mtime);
        }
        match (row.deleted, known.removed) {
            (true, None) => known.removed = Some((by, at)),
            (true, Some(_)) => {}
            (false, _) => (known.removed, known.purged) = (None, false),
        }
        known.row = row;
        Ok(())
    }

    /// Whether the server shows exactly those versions of a node that are kept, as they were committed.
    fn check_versions(&self, server: &Server, id: NodeId, now: Timestamp) -> Result<(), String> {
        let Some(node) = self.nodes.get(&id) else { return Ok(()) };
        let shown = server.versions(id, now).map_err(|error| error.to_string())?.unwrap_or_default();
        let numbers: Vec<VersionNumber> = shown.iter().map(|version| version.number).collect();
        let kept: Vec<VersionNumber> = node.kept().rev().map(|(number, _)| number).collect();
        if numbers != kept {
            return Err(format!("versions of {}: {numbers:?} are shown, {kept:?} are kept", node.row.name));
        }
        for version in shown {
            let record = &node.versions[&version.number];
            let is_same = version.content == record.content
                && version.at == record.at
                && version.seq == record.seq
                && version.user == record.by.user
                && version.device == record.by.device
                && (version.executable, version.mtime) == (record.executable, record.mtime)
                && version.pinned == record.pinned
                && version.label.unwrap_or_default() == record.label;
            if !is_same {
                return Err(format!("versions of {}: {:?} is not {record:?}", node.row.name, version.number));
            }
        }
        Ok(())
    }

    /// Whether every file's kept versions are read byte for byte as they were committed. Of very many, some.
    fn check_bytes(&self, server: &Server, now: Timestamp) -> Result<(), String> {
        let files = self.nodes.values().flat_map(|node| node.kept().map(move |kept| (node, kept)));
        let files: Vec<_> = files.filter(|(_, (_, version))| is_file(&version.content)).collect();
        let stride = files.len().div_ceil(400).max(1);
        for (node, (number, version)) in files.into_iter().step_by(stride) {
            let Content::File { id, .. } = version.content else { continue };
            let bytes = server
                .read_version(node.row.id, number, now)
                .map_err(|error| format!("unreadable: {number:?} of {}: {error}", node.row.name))?;
            if self.contents.get(&id).is_none_or(|committed| **committed != bytes) {
                return Err(format!("unreadable: {number:?} of {} has other bytes", node.row.name));
            }
        }
        Ok(())
    }

    /// Whether the folder's tree is shown as it was after a change, as far as that is still covered.
    fn check_past(&self, server: &Server, seq: Seq, now: Timestamp) -> Result<(), String> {
        let Some(tree) = self.trees.get(&seq) else { return Ok(()) };
        let shown = server.tree_at(seq, now).map_err(|error| format!("past: at {seq:?}: {error}"))?;
        let shown: BTreeMap<NodeId, _> = shown.into_iter().map(|node| (node.id, node)).collect();
        if shown.len() != tree.len() {
            return Err(format!("past: at {seq:?} {} nodes are shown, {} lived", shown.len(), tree.len()));
        }
        for was in tree {
            let Some(node) = shown.get(&was.id) else {
                return Err(format!("past: at {seq:?} {} is not shown", was.name));
            };
            let is_there = (node.parent, &node.name) == (was.parent, &was.name);
            let holds_it = if node.thinned {
                self.nodes[&was.id]
                    .versions
                    .get(&node.version)
                    .is_some_and(|version| version.content == node.content && version.seq <= seq)
            } else {
                (&node.content, node.executable, node.mtime) == (&was.content, was.executable, was.mtime)
            };
            if !is_there || !holds_it {
                return Err(format!("past: at {seq:?} {node:?} is shown, {was:?} was there"));
            }
        }
        Ok(())
    }

    /// Some moments of the past that are still covered, and whether they are shown as they were.
    pub(crate) fn check_some_past(&self, server: &Server, seed: u64, now: Timestamp) -> Result<(), String> {
        let since = server.covered_since().map_err(|error| error.to_string())?;
        let covered: Vec<Seq> = self.trees.range(since..).map(|(seq, _)| *seq).collect();
        let mut random = testkit::seed::Random::new(seed);
        let some: Vec<Seq> = (0..3).filter_map(|_| random.pick(&covered).copied()).collect();
        some.into_iter().try_for_each(|seq| self.check_past(server, seq, now))
    }
}

fn is_file(content: &Content) -> bool {
    matches!(content, Content::File { .. })
}
