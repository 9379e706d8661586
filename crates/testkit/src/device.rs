//! A device of an ideal world: it sees its own tree at once and exactly, and talks to the server without loss.

use crate::pair::Pair;
use crate::server::Server;
use model::conflict::Author;
use model::{
    Group, GroupOutcome, NameRule, NodeId, NodeKey, NodeRef, NodeState, Operation, RemoteNode, Revision, Seq,
};
use planner::rule::{Fault, Trace};
use planner::{
    Direction, LocalOperation, Plan, RemoteGroup, RemoteOperation, Tree, bookkeeping_steps, plan_traced,
};
use std::collections::BTreeMap;

/// A device and its memory of one folder.
#[derive(Debug, Clone)]
pub struct Device {
    /// The three trees; L is also the device's disk.
    pub pair: Pair,
    /// Who it is, in conflict copies.
    pub author: Author,
    /// Which side leads.
    pub direction: Direction,
    /// What the engine did here.
    pub work: Work,
    ids: BTreeMap<NodeKey, NodeId>,
    keys: BTreeMap<NodeId, NodeKey>,
    revisions: BTreeMap<NodeKey, Revision>,
    cursor: Seq,
}

/// How much the engine did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Changes of the device's own tree.
    pub local: u64,
    /// Changes sent and taken.
    pub remote: u64,
    /// Files' contents fetched.
    pub downloads: u64,
    /// Files' contents sent.
    pub uploads: u64,
    /// Groups the server refused.
    pub refused: u64,
    /// Which rules decided something.
    pub trace: Trace,
}

impl Device {
    /// A device with an empty tree.
    #[must_use]
    pub fn new(rule: NameRule, name: &str) -> Self {
        Self {
            pair: Pair::new(rule),
            author: Author { user: "alice".to_owned(), device: name.to_owned() },
            direction: Direction::Both,
            work: Work::default(),
            ids: BTreeMap::from([(NodeKey::ROOT, NodeId::ROOT)]),
            keys: BTreeMap::from([(NodeId::ROOT, NodeKey::ROOT)]),
            revisions: BTreeMap::new(),
            cursor: Seq(0),
        }
    }

    /// Takes in what changed on the server, after noting what both sides agree on by now.
    pub fn pull(&mut self, server: &Server, fault: Option<Fault>) {
        let Ok(agreed) = bookkeeping_steps(&self.pair.trees, &self.author);
        for step in agreed.iter().filter(|_| fault != Some(Fault::NoBookkeeping)) {
            self.pair.remember(step);
        }
        let changes = server.changes(self.cursor);
        for node in &changes {
            self.key_of(node.id);
        }
        for node in changes.into_iter().filter(|node| node.id != NodeId::ROOT) {
            self.cursor = self.cursor.max(node.seq);
            let key = self.key_of(node.id);
            self.revisions.insert(key, node.revision);
            let state = (!node.deleted).then(|| self.state_of(node));
            self.pair.set(Tree::Remote, key, state);
        }
    }

    fn key_of(&mut self, id: NodeId) -> NodeKey {
        if let Some(key) = self.keys.get(&id) {
            return *key;
        }
        let key = self.pair.fresh();
        self.keys.insert(id, key);
        self.ids.insert(key, id);
        key
    }

    fn state_of(&mut self, node: RemoteNode) -> NodeState {
        let parent = self.key_of(node.parent);
        let RemoteNode { name, content, executable, mtime, .. } = node;
        NodeState { parent, name, content, executable, mtime }
    }

    /// Plans and carries out once. Answers whether there was anything to do.
    pub fn step(&mut self, server: &mut Server, fault: Option<Fault>) -> Result<bool, String> {
        let Ok((plan, trace)) = plan_traced(&self.pair.trees, &self.author, self.direction, fault);
        self.work.trace.add(&trace);
        let Plan { memory, local, remote } = &plan;
        for step in memory {
            self.pair.remember(step);
        }
        let mut done = Vec::new();
        for step in local {
            let ready = step.needs.iter().all(|need| done.get(*need) == Some(&true));
            if ready {
                self.pair.do_local(&step.operation).map_err(|error| format!("{step:?}: {error}"))?;
                self.count_local(&step.operation);
            }
            done.push(ready);
        }
        let mut applied = Vec::new();
        for group in remote {
            let ready = group.needs.iter().all(|need| applied.get(*need) == Some(&true));
            applied.push(ready && self.commit(server, group)?);
        }
        self.pair.check()?;
        Ok(!plan.is_empty())
    }

    fn count_local(&mut self, operation: &LocalOperation) {
        self.work.local += 1;
        let content = match operation {
            LocalOperation::Create { state, .. } => Some(&state.content),
            LocalOperation::Update { content, .. } => Some(content),
            _ => None,
        };
        self.work.downloads += u64::from(content.is_some_and(|content| content.kind() == model::Kind::File));
    }

    fn commit(&mut self, server: &mut Server, group: &RemoteGroup) -> Result<bool, String> {
        let mut made = BTreeMap::new();
        let operations: Result<Vec<Operation>, String> =
            group.operations.iter().map(|operation| self.operation(&mut made, operation)).collect();
        let sent = Group { operations: operations? };
        let GroupOutcome::Applied(applied) = server.commit(&sent) else {
            self.work.refused += 1;
            return Ok(false);
        };
        for (operation, applied) in group.operations.iter().zip(applied) {
            let key = operation.key();
            self.ids.insert(key, applied.node);
            self.keys.insert(applied.node, key);
            self.revisions.insert(key, applied.revision);
        }
        self.work.remote += sent.operations.len() as u64;
        self.work.uploads +=
            sent.operations.iter().filter(|sent| sent.file_content().is_some()).count() as u64;
        self.pair.do_remote(group).map_err(|error| format!("{group:?}: {error}"))?;
        Ok(true)
    }

    fn operation(
        &self,
        made: &mut BTreeMap<NodeKey, u32>,
        operation: &RemoteOperation,
    ) -> Result<Operation, String> {
        let key = operation.key();
        let node = || self.ids.get(&key).copied().ok_or_else(|| format!("{key:?} has no id"));
        let base = || self.revisions.get(&key).copied().ok_or_else(|| format!("{key:?} has no revision"));
        let reference =
            |made: &BTreeMap<NodeKey, u32>, key: NodeKey| match (made.get(&key), self.ids.get(&key)) {
                (Some(number), _) => Ok(NodeRef::Temporary(*number)),
                (None, Some(id)) => Ok(NodeRef::Id(*id)),
                (None, None) => Err(format!("{key:?} has no id")),
            };
        Ok(match operation {
            RemoteOperation::Create { state, .. } => {
                let temporary = u32::try_from(made.len()).map_err(|_| "a group too large")?;
                let parent = reference(made, state.parent)?;
                made.insert(key, temporary);
                let NodeState { name, content, executable, mtime, .. } = state.clone();
                Operation::Create { temporary, parent, name, content, executable, mtime }
            }
            RemoteOperation::Update { content, executable, mtime, .. } => Operation::Update {
                node: node()?,
                base: base()?.version,
                content: content.clone(),
                executable: *executable,
                mtime: *mtime,
            },
            RemoteOperation::Attributes { executable, mtime, .. } => Operation::Attributes {
                node: node()?,
                base: base()?.version,
                executable: *executable,
                mtime: *mtime,
            },
            RemoteOperation::Move { parent, name, .. } => Operation::Move {
                node: node()?,
                base: base()?.placement,
                parent: reference(made, *parent)?,
                name: name.clone(),
            },
            RemoteOperation::Remove { .. } => Operation::Remove { node: node()?, base: base()? },
        })
    }
}
