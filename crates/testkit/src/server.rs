//! An ideal server: it serialises groups of operations, judges each by the state after it, and forgets nothing.
//! No disk, no network, no privileges; what it decides is what `model::operation` says.

use model::{
    Applied, Content, Group, GroupOutcome, Name, NameKey, NameRule, NodeId, NodeRef, Operation, Refusal,
    RemoteNode, Revision, Seq, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

/// One shared folder.
#[derive(Debug, Clone)]
pub struct Server {
    rule: NameRule,
    seq: Seq,
    next: u64,
    nodes: BTreeMap<NodeId, RemoteNode>,
    places: BTreeMap<(NodeId, NameKey), BTreeSet<NodeId>>,
}

/// What a group changes before it is judged.
#[derive(Default)]
struct Work {
    made: BTreeMap<u32, NodeId>,
    before: Vec<(NodeId, Option<RemoteNode>)>,
    applied: Vec<Applied>,
}

impl Server {
    /// An empty folder.
    #[must_use]
    pub fn new(rule: NameRule) -> Self {
        let root = RemoteNode {
            id: NodeId::ROOT,
            parent: NodeId::ROOT,
            name: Name::root(),
            content: Content::Directory,
            executable: false,
            mtime: Timestamp::default(),
            revision: Revision { placement: Seq(0), version: Seq(0) },
            seq: Seq(0),
            deleted: false,
        };
        let nodes = BTreeMap::from([(NodeId::ROOT, root)]);
        Self { rule, seq: Seq(0), next: NodeId::ROOT.0 + 1, nodes, places: BTreeMap::new() }
    }

    /// Where the journal ends.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The newest state of every node that changed after `since`.
    #[must_use]
    pub fn changes(&self, since: Seq) -> Vec<RemoteNode> {
        let mut changed: Vec<_> = self.nodes.values().filter(|node| node.seq > since).cloned().collect();
        changed.sort_by_key(|node| (node.seq, node.id));
        changed
    }

    /// The nodes that are there, but for the root.
    pub fn nodes(&self) -> impl Iterator<Item = &RemoteNode> {
        self.nodes.values().filter(|node| !node.deleted && node.id != NodeId::ROOT)
    }

    /// Applies a group whole or not at all.
    pub fn commit(&mut self, group: &Group) -> GroupOutcome {
        let seq_before = self.seq;
        let mut work = Work::default();
        for (index, operation) in group.operations.iter().enumerate() {
            if let Err((reason, current)) = self.apply(&mut work, operation) {
                return self.refuse(work, seq_before, index, reason, current);
            }
        }
        let touched: BTreeSet<NodeId> = work.before.iter().map(|(id, _)| *id).collect();
        for id in touched {
            if let Err((reason, current)) = self.judge(id) {
                let index = work.applied.iter().position(|applied| applied.node == id).unwrap_or_default();
                return self.refuse(work, seq_before, index, reason, current);
            }
        }
        GroupOutcome::Applied(work.applied)
    }

    fn refuse(
        &mut self,
        work: Work,
        seq: Seq,
        operation: usize,
        reason: Refusal,
        current: Option<NodeId>,
    ) -> GroupOutcome {
        for (id, before) in work.before.into_iter().rev() {
            self.put(id, before);
        }
        self.seq = seq;
        let current = current.and_then(|id| self.nodes.get(&id)).cloned().map(Box::new);
        GroupOutcome::Refused { operation: u32::try_from(operation).unwrap_or(u32::MAX), reason, current }
    }

    fn put(&mut self, id: NodeId, node: Option<RemoteNode>) {
        if let Some(old) = self.nodes.remove(&id).filter(|old| !old.deleted) {
            let place = (old.parent, self.rule.key(&old.name));
            if let Some(ids) = self.places.get_mut(&place) {
                ids.remove(&id);
            }
        }
        let Some(node) = node else { return };
        if !node.deleted && id != NodeId::ROOT {
            self.places.entry((node.parent, self.rule.key(&node.name))).or_default().insert(id);
        }
        self.nodes.insert(id, node);
    }

    fn apply(&mut self, work: &mut Work, operation: &Operation) -> Result<(), (Refusal, Option<NodeId>)> {
        self.seq = Seq(self.seq.0 + 1);
        let seq = self.seq;
        let mut node = match operation {
            Operation::Create { temporary, parent, name, content, executable, mtime } => {
                let id = NodeId(self.next);
                self.next += 1;
                work.made.insert(*temporary, id);
                let parent = resolve(work, *parent)?;
                let revision = Revision { placement: seq, version: seq };
                let (name, content) = (name.clone(), content.clone());
                let (executable, mtime) = (*executable, *mtime);
                RemoteNode { id, parent, name, content, executable, mtime, revision, seq, deleted: false }
            }
            Operation::Update { node, base, .. } | Operation::Attributes { node, base, .. } => {
                self.based_on(*node, |revision| revision.version == *base)?
            }
            Operation::Move { node, base, .. } => {
                self.based_on(*node, |revision| revision.placement == *base)?
            }
            Operation::Remove { node, base } => self.based_on(*node, |revision| revision == *base)?,
            Operation::Copy { .. } => return Err((Refusal::Forbidden, None)),
        };
        match operation {
            Operation::Update { content, executable, mtime, .. } => {
                node.content = content.clone();
                (node.executable, node.mtime, node.revision.version) = (*executable, *mtime, seq);
            }
            Operation::Attributes { executable, mtime, .. } => {
                (node.executable, node.mtime, node.revision.version) = (*executable, *mtime, seq);
            }
            Operation::Move { parent, name, .. } => {
                node.parent = resolve(work, *parent)?;
                (node.name, node.revision.placement) = (name.clone(), seq);
            }
            Operation::Remove { .. } => node.deleted = true,
            Operation::Create { .. } | Operation::Copy { .. } => {}
        }
        node.seq = seq;
        work.applied.push(Applied { node: node.id, revision: node.revision });
        work.before.push((node.id, self.nodes.get(&node.id).cloned()));
        self.put(node.id, Some(node));
        Ok(())
    }

    fn based_on(
        &self,
        id: NodeId,
        fits: impl Fn(Revision) -> bool,
    ) -> Result<RemoteNode, (Refusal, Option<NodeId>)> {
        match self.nodes.get(&id).filter(|node| !node.deleted) {
            None => Err((Refusal::Gone, None)),
            Some(node) if fits(node.revision) => Ok(node.clone()),
            Some(_) => Err((Refusal::Stale, Some(id))),
        }
    }

    /// Whether a node that a group touched stands well after it.
    fn judge(&self, id: NodeId) -> Result<(), (Refusal, Option<NodeId>)> {
        let stale = Err((Refusal::Stale, Some(id)));
        let Some(node) = self.nodes.get(&id) else { return stale };
        if node.deleted {
            let holds =
                self.places.range((id, NameKey("".into()))..).take_while(|((parent, _), _)| *parent == id);
            return if holds.into_iter().all(|(_, ids)| ids.is_empty()) { Ok(()) } else { stale };
        }
        let clashing = self.places.get(&(node.parent, self.rule.key(&node.name)));
        if let Some(other) = clashing.into_iter().flatten().find(|other| **other != id) {
            return Err((Refusal::NameTaken, Some(*other)));
        }
        let mut at = node.parent;
        for _ in 0..=self.nodes.len() {
            if at == NodeId::ROOT {
                return Ok(());
            }
            match self.nodes.get(&at) {
                Some(above) if !above.deleted && above.content.is_directory() && at != id => {
                    at = above.parent;
                }
                _ => return stale,
            }
        }
        stale
    }
}

fn resolve(work: &Work, reference: NodeRef) -> Result<NodeId, (Refusal, Option<NodeId>)> {
    match reference {
        NodeRef::Id(id) => Ok(id),
        NodeRef::Temporary(number) => work.made.get(&number).copied().ok_or((Refusal::Dependency, None)),
    }
}
