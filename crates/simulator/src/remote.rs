//! The server, as the devices' shells reach it.

use model::{ContentId, Epoch, Group, GroupOutcome, IdempotencyKey, NameRule, NodeId, NodeRef, Operation};
use model::{Refusal, RemoteNode, Seq};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use sync_engine::{CommitAnswer, CommitFailure, Cursor, PullFailure};
use testkit::server::Server;

/// A content's bytes, sent or fetched.
pub(crate) type Bytes = Arc<Vec<u8>>;

/// A commit as it arrives.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) key: IdempotencyKey,
    pub(crate) groups: Vec<Group>,
    pub(crate) contents: Vec<(ContentId, Bytes)>,
}

/// What a pull brings.
pub(crate) struct Changes {
    pub(crate) nodes: Vec<RemoteNode>,
    pub(crate) cursor: Cursor,
    pub(crate) epoch: Epoch,
}

/// One shared folder on a server. Every call is one durable step: a server that stops, stops between two.
pub(crate) trait Remote: fmt::Debug {
    /// Takes a commit.
    fn commit(&mut self, device: usize, sent: &Sent) -> Result<CommitAnswer, CommitFailure>;

    /// What changed past a cursor, or everything there is.
    fn changes(&mut self, cursor: Option<&str>) -> Result<Changes, PullFailure>;

    /// A content of a node, current or kept.
    fn fetch(&mut self, node: NodeId, content: ContentId) -> Option<Bytes>;

    /// Where the journal ends.
    fn head(&mut self) -> Seq;

    /// From now on forgets every removal at once: a cursor before the head has expired.
    fn forget_removals(&mut self) {}

    /// How many cursors had expired when they were shown.
    fn expired(&self) -> u64 {
        0
    }

    /// Everything there is now, without the root.
    fn nodes(&mut self) -> Vec<RemoteNode>;
}

/// A rule of the server broken on purpose, to show that the simulation would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerFault {
    /// New content is taken whatever it was based on.
    BlindUpdate,
    /// A move is taken whatever it was based on.
    BlindMove,
    /// A removal is taken whatever it was based on.
    BlindRemove,
    /// A commit that comes again is done again.
    ForgetsKeys,
}

impl ServerFault {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::BlindUpdate, Self::BlindMove, Self::BlindRemove, Self::ForgetsKeys];
}

/// A server without disks and databases, which decides by the words of `model::operation` alone.
#[derive(Debug)]
pub(crate) struct Ideal {
    server: Server,
    contents: BTreeMap<ContentId, Bytes>,
    answers: BTreeMap<(usize, IdempotencyKey), CommitAnswer>,
    fault: Option<ServerFault>,
    /// Whether removals are forgotten at once.
    forgets: bool,
    expired: u64,
}

const EPOCH: Epoch = Epoch([7; 16]);

impl Ideal {
    pub(crate) fn new(rule: NameRule, fault: Option<ServerFault>) -> Self {
        let contents = BTreeMap::from([(ContentId::EMPTY, Bytes::default())]);
        Self {
            server: Server::new(rule),
            contents,
            answers: BTreeMap::new(),
            fault,
            forgets: false,
            expired: 0,
        }
    }

    fn cursor(&self) -> Cursor {
        let seq = self.server.seq();
        Cursor { text: seq.0.to_string(), seq }
    }

    fn group(&mut self, group: &Group, made: &mut BTreeMap<u32, Option<NodeId>>) -> GroupOutcome {
        let temporaries: Vec<u32> = group.operations.iter().filter_map(temporary).collect();
        let outcome = self.decide(group, made, &temporaries);
        match &outcome {
            GroupOutcome::Applied(applied) => {
                for (operation, applied) in group.operations.iter().zip(applied) {
                    if let Some(number) = temporary(operation) {
                        made.insert(number, Some(applied.node));
                    }
                }
            }
            GroupOutcome::Refused { .. } => {
                made.extend(temporaries.into_iter().map(|number| (number, None)));
            }
        }
        outcome
    }

    fn decide(&mut self, group: &Group, made: &BTreeMap<u32, Option<NodeId>>, own: &[u32]) -> GroupOutcome {
        let refuse = |index: usize, reason| GroupOutcome::Refused {
            operation: u32::try_from(index).unwrap_or(u32::MAX),
            reason,
            current: None,
        };
        let mut group = group.clone();
        for (index, operation) in group.operations.iter_mut().enumerate() {
            if operation.file_content().is_some_and(|(content, _)| !self.contents.contains_key(&content)) {
                return refuse(index, Refusal::ChunkMissing);
            }
            if let Operation::Create { parent, .. } | Operation::Move { parent, .. } = operation
                && let NodeRef::Temporary(number) = parent
                && !own.contains(number)
            {
                match made.get(number) {
                    Some(Some(id)) => *parent = NodeRef::Id(*id),
                    _ => return refuse(index, Refusal::Dependency),
                }
            }
            self.break_rule(operation);
        }
        self.server.commit(&group)
    }

    fn break_rule(&self, operation: &mut Operation) {
        let Some(fault) = self.fault else { return };
        let now = |id: NodeId| self.server.nodes().find(|node| node.id == id).map(|node| node.revision);
        match (fault, operation) {
            (ServerFault::BlindUpdate, Operation::Update { node, base, .. }) => {
                *base = now(*node).map_or(*base, |revision| revision.version);
            }
            (ServerFault::BlindMove, Operation::Move { node, base, .. }) => {
                *base = now(*node).map_or(*base, |revision| revision.placement);
            }
            (ServerFault::BlindRemove, Operation::Remove { node, base }) => {
                *base = now(*node).unwrap_or(*base);
            }
            _ => {}
        }
    }
}

fn temporary(operation: &Operation) -> Option<u32> {
    match operation {
        Operation::Create { temporary, .. } | Operation::Copy { temporary, .. } => Some(*temporary),
        _ => None,
    }
}

impl Remote for Ideal {
    fn commit(&mut self, device: usize, sent: &Sent) -> Result<CommitAnswer, CommitFailure> {
        let remembers = self.fault != Some(ServerFault::ForgetsKeys);
        if let Some(answer) = self.answers.get(&(device, sent.key)).filter(|_| remembers) {
            return Ok(answer.clone());
        }
        self.contents.extend(sent.contents.iter().cloned());
        let before = self.server.seq();
        let mut made = BTreeMap::new();
        let outcomes = sent.groups.iter().map(|group| self.group(group, &mut made)).collect();
        let answer = CommitAnswer { outcomes, before, after: self.cursor() };
        self.answers.insert((device, sent.key), answer.clone());
        Ok(answer)
    }

    fn changes(&mut self, cursor: Option<&str>) -> Result<Changes, PullFailure> {
        let nodes = match cursor {
            None => self.server.nodes().cloned().collect(),
            Some(text) => {
                let since = text.parse().map(Seq).map_err(|_| PullFailure::CursorExpired)?;
                if self.forgets && since < self.server.seq() {
                    self.expired += 1;
                    return Err(PullFailure::CursorExpired);
                }
                self.server.changes(since)
            }
        };
        Ok(Changes { nodes, cursor: self.cursor(), epoch: EPOCH })
    }

    fn forget_removals(&mut self) {
        self.forgets = true;
    }

    fn expired(&self) -> u64 {
        self.expired
    }

    fn fetch(&mut self, _node: NodeId, content: ContentId) -> Option<Bytes> {
        self.contents.get(&content).cloned()
    }

    fn head(&mut self) -> Seq {
        self.server.seq()
    }

    fn nodes(&mut self) -> Vec<RemoteNode> {
        self.server.nodes().cloned().collect()
    }
}

/// Whether nodes are a tree: every parent a directory that is there, no circle, no two names of one key.
pub(crate) fn check_tree(nodes: &[RemoteNode], rule: NameRule) -> Result<(), String> {
    let by_id: BTreeMap<NodeId, &RemoteNode> = nodes.iter().map(|node| (node.id, node)).collect();
    let mut places = BTreeSet::new();
    for node in nodes {
        if !places.insert((node.parent, rule.key(&node.name))) {
            return Err(format!("two nodes are called {} in {}", node.name, node.parent));
        }
        let mut at = node.parent;
        let mut steps = 0;
        while at != NodeId::ROOT {
            let above = by_id.get(&at).filter(|above| above.content.is_directory());
            at = above.ok_or_else(|| format!("{} is in {at}, which is no directory", node.name))?.parent;
            steps += 1;
            if steps > nodes.len() {
                return Err(format!("{} is in a circle", node.name));
            }
        }
    }
    Ok(())
}
