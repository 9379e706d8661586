//! A plan under way: cut into batches that become commits and local actions.

use crate::effect::{Commit, LocalAction, LocalActionKind, Send};
use crate::paths::{Overlay, path_of};
use crate::store::{Intent, IntentOperation, PairStore, Row, StoreError};
use model::{Content, ContentId, IdempotencyKey, Name, NodeKey, NodeRef, Operation, Revision};
use planner::{LocalOperation, LocalStep, Plan, RemoteGroup, RemoteOperation};
use std::collections::{BTreeMap, BTreeSet};

/// Bounds of one batch.
const LOCAL_STEPS: usize = 2_000;
const LOCAL_BYTES: u64 = 48 << 20;
const COMMIT_OPERATIONS: usize = 2_000;
const COMMIT_BYTES: u64 = 24 << 20;
/// How many batches may still go out once something new was observed, before the trees are planned anew.
const BATCHES_AFTER_NEWS: u32 = 4;

/// A plan under way.
#[derive(Debug)]
pub(crate) struct Work {
    local: Lane<LocalStep>,
    remote: Lane<RemoteGroup>,
    /// How many actions of the batch under way have no answer yet: answers come in parts.
    unanswered: usize,
    touched: BTreeSet<NodeKey>,
    batches_left: Option<u32>,
}

/// One side's list and how far it has come.
#[derive(Debug)]
struct Lane<T> {
    steps: Vec<T>,
    next: usize,
    /// Steps that were not done, so that what needs them is not tried.
    undone: BTreeSet<usize>,
    /// The steps of the batch under way, in its order.
    flight: Vec<usize>,
}

impl<T> Lane<T> {
    fn new(steps: Vec<T>) -> Self {
        Self { steps, next: 0, undone: BTreeSet::new(), flight: Vec::new() }
    }

    fn is_over(&self) -> bool {
        self.next >= self.steps.len() && self.flight.is_empty()
    }

    fn blocked(&self, needs: &[usize]) -> bool {
        needs.iter().any(|need| self.undone.contains(need))
    }
}

/// A batch of local actions, and steps that need no action because only the memory changes.
pub(crate) struct LocalBatch {
    pub(crate) actions: Vec<LocalAction>,
    pub(crate) memory_only: Vec<LocalOperation>,
    /// Nodes whose memory no longer fits what was planned for them.
    pub(crate) outdated: Vec<NodeKey>,
}

impl Work {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            local: Lane::new(plan.local),
            remote: Lane::new(plan.remote),
            unanswered: 0,
            touched: BTreeSet::new(),
            batches_left: None,
        }
    }

    /// How many steps were planned.
    pub(crate) fn len(&self) -> usize {
        self.local.steps.len() + self.remote.steps.len()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.local.is_over() && self.remote.is_over()
    }

    pub(crate) fn has_remote(&self) -> bool {
        self.remote.next < self.remote.steps.len()
    }

    pub(crate) fn local_in_flight(&self) -> bool {
        !self.local.flight.is_empty()
    }

    /// Notes that these nodes were observed anew: their steps are no longer to be trusted.
    pub(crate) fn touch(&mut self, keys: impl IntoIterator<Item = NodeKey>) {
        self.touched.extend(keys);
        if !self.touched.is_empty() && self.batches_left.is_none() {
            self.batches_left = Some(BATCHES_AFTER_NEWS);
        }
    }

    /// Drops what has not been sent yet.
    pub(crate) fn drop_rest(&mut self) {
        self.local.next = self.local.steps.len();
        self.remote.next = self.remote.steps.len();
    }

    /// Drops what has not been sent to the remote side yet.
    pub(crate) fn drop_remote(&mut self) {
        self.remote.next = self.remote.steps.len();
    }

    fn spend_batch(&mut self) -> bool {
        match &mut self.batches_left {
            None => true,
            Some(0) => {
                self.drop_rest();
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// The operation of the batch's action `index`.
    pub(crate) fn local_operation(&self, index: usize) -> Option<&LocalOperation> {
        let step = self.local.flight.get(index)?;
        Some(&self.local.steps[*step].operation)
    }

    /// The batch's action `index` was not done.
    pub(crate) fn local_undone(&mut self, index: usize) {
        if let Some(step) = self.local.flight.get(index) {
            self.local.undone.insert(*step);
        }
    }

    /// How many actions the batch under way has.
    pub(crate) fn local_flight_len(&self) -> usize {
        self.local.flight.len()
    }

    /// So many actions of the batch under way were answered.
    pub(crate) fn local_landed(&mut self, answers: usize) {
        self.unanswered = self.unanswered.saturating_sub(answers);
        if self.unanswered == 0 {
            self.local.flight.clear();
        }
    }

    /// Group `index` of the commit under way was not done.
    pub(crate) fn remote_undone(&mut self, index: usize) {
        if let Some(group) = self.remote.flight.get(index) {
            self.remote.undone.insert(*group);
        }
    }

    pub(crate) fn remote_landed(&mut self) {
        self.remote.flight.clear();
    }

    /// The next batch for the local side; none if there is nothing left to do there.
    pub(crate) fn next_local<S: PairStore>(
        &mut self,
        store: &S,
        wait: &dyn Fn(NodeKey) -> bool,
    ) -> Result<Option<LocalBatch>, StoreError> {
        if self.local.next >= self.local.steps.len() || !self.spend_batch() {
            return Ok(None);
        }
        self.prefetch_local(store)?;
        let mut batch = LocalBatch { actions: Vec::new(), memory_only: Vec::new(), outdated: Vec::new() };
        let mut position = BTreeMap::new();
        // Nodes that the batch acts on, and whether it puts their content somewhere.
        let mut acted: BTreeMap<NodeKey, bool> = BTreeMap::new();
        let mut overlay = Overlay::new();
        let mut bytes = 0;
        while self.local.next < self.local.steps.len()
            && batch.actions.len() < LOCAL_STEPS
            && bytes < LOCAL_BYTES
        {
            let index = self.local.next;
            let step = &self.local.steps[index];
            let key = step.operation.key();
            // A node that was moved and got another content, neither of it recorded, is a stranger after a crash: what
            // is still known by its place or by its handle is one of the two. So each is recorded by itself.
            let replaces = matches!(step.operation, LocalOperation::Update { .. });
            if acted.get(&key).is_some_and(|placed| replaces || *placed) {
                break;
            }
            self.local.next += 1;
            if self.local.blocked(&step.needs) || wait(key) || self.touched.contains(&key) {
                self.local.undone.insert(index);
                continue;
            }
            match local_action(store, &step.operation, &mut overlay)? {
                Translated::Action(kind) => {
                    bytes += content_bytes(&kind);
                    *acted.entry(key).or_default() |= is_placing(&kind);
                    let needs = step.needs.iter().filter_map(|need| position.get(need).copied()).collect();
                    position.insert(index, batch.actions.len());
                    batch.actions.push(LocalAction { key, kind, needs });
                    self.local.flight.push(index);
                }
                Translated::MemoryOnly => batch.memory_only.push(step.operation.clone()),
                Translated::Outdated => {
                    self.local.undone.insert(index);
                    batch.outdated.push(key);
                }
            }
        }
        self.unanswered = self.local.flight.len();
        Ok(Some(batch))
    }

    fn prefetch_local<S: PairStore>(&self, store: &S) -> Result<(), StoreError> {
        let end = self.local.steps.len().min(self.local.next + LOCAL_STEPS);
        let keys: Vec<NodeKey> =
            self.local.steps[self.local.next..end].iter().map(|step| step.operation.key()).collect();
        store.prefetch(&keys)
    }

    /// The next commit of at most so many operations, none if there is nothing left to send; and nodes whose memory no longer fits what was planned
    /// for them.
    pub(crate) fn next_commit<S: PairStore>(
        &mut self,
        store: &S,
        key: IdempotencyKey,
        most: usize,
        wait: &dyn Fn(NodeKey) -> bool,
    ) -> Result<(Option<Commit>, Vec<NodeKey>), StoreError> {
        let mut outdated = Vec::new();
        if self.remote.next >= self.remote.steps.len() || !self.spend_batch() {
            return Ok((None, outdated));
        }
        let most = most.min(COMMIT_OPERATIONS);
        let end = self.remote.steps.len().min(self.remote.next + most);
        let ahead = self.remote.steps[self.remote.next..end].iter().flat_map(|group| &group.operations);
        store.prefetch(&ahead.map(RemoteOperation::key).collect::<Vec<_>>())?;
        let mut draft = Draft::default();
        while self.remote.next < self.remote.steps.len()
            && draft.operations < most
            && draft.bytes < COMMIT_BYTES
        {
            let index = self.remote.next;
            let group = &self.remote.steps[index];
            let size: u64 = group.operations.iter().map(sent_bytes).sum();
            let operations = draft.operations + group.operations.len();
            if draft.operations > 0 && (draft.bytes + size > COMMIT_BYTES || operations > most) {
                break;
            }
            self.remote.next += 1;
            let mut keys = group.operations.iter().map(RemoteOperation::key);
            let doubtful = keys.any(|key| wait(key) || self.touched.contains(&key));
            if doubtful || self.remote.blocked(&group.needs) {
                self.remote.undone.insert(index);
            } else if draft.add(store, group)? {
                self.remote.flight.push(index);
            } else {
                self.remote.undone.insert(index);
                outdated.extend(group.operations.iter().map(RemoteOperation::key));
            }
        }
        if draft.groups.is_empty() {
            return Ok((None, outdated));
        }
        let intent = Intent { key, groups: draft.groups };
        Ok((Some(Commit { intent, sends: draft.sends }), outdated))
    }
}

fn content_bytes(kind: &LocalActionKind) -> u64 {
    match kind {
        LocalActionKind::PlaceFile { size, .. } => *size,
        _ => 0,
    }
}

fn sent_bytes(operation: &RemoteOperation) -> u64 {
    match operation {
        RemoteOperation::Create { state, .. } => state.content.size(),
        RemoteOperation::Update { content, .. } => content.size(),
        _ => 0,
    }
}

fn content_id(content: &Content) -> Option<ContentId> {
    match content {
        Content::File { id, .. } => Some(*id),
        Content::Directory | Content::Link { .. } => None,
    }
}

enum Translated {
    Action(LocalActionKind),
    MemoryOnly,
    Outdated,
}

/// A planned local operation as an action on paths, given the actions before it in the batch.
fn local_action<S: PairStore>(
    store: &S,
    operation: &LocalOperation,
    overlay: &mut Overlay,
) -> Result<Translated, StoreError> {
    let key = operation.key();
    let row = store.row(key)?.unwrap_or_default();
    if let LocalOperation::Create { state, .. } = operation {
        return local_create(store, key, &row, state, overlay);
    }
    let (Some(local), Some(expected)) = (&row.triple.local, row.extra.disk.clone()) else {
        return Ok(Translated::Outdated);
    };
    let Some(path) = path_of(store, key, overlay)? else { return Ok(Translated::Outdated) };
    let mut rename = |parent: NodeKey, name: &Name| -> Result<Translated, StoreError> {
        overlay.insert(key, (parent, name.clone()));
        let to = path_of(store, key, overlay)?;
        Ok(match to {
            Some(to) if to == path => Translated::MemoryOnly,
            Some(to) => Translated::Action(LocalActionKind::Move {
                from: path.clone(),
                to,
                expected: expected.clone(),
            }),
            None => Translated::Outdated,
        })
    };
    Ok(match operation {
        LocalOperation::Move { parent, name, .. } | LocalOperation::Shelve { parent, name, .. } => {
            rename(*parent, name)?
        }
        LocalOperation::Detach { name, .. } | LocalOperation::Rename { name, .. } => {
            rename(local.parent, name)?
        }
        LocalOperation::Update { content: Content::File { id, size }, executable, mtime, .. } => {
            match row.extra.id {
                Some(node) => Translated::Action(LocalActionKind::PlaceFile {
                    path,
                    node,
                    content: *id,
                    size: *size,
                    mtime: *mtime,
                    executable: *executable,
                    expected: Some(expected),
                    base: content_id(&local.content),
                }),
                None => Translated::Outdated,
            }
        }
        LocalOperation::Update { content: Content::Link { target }, .. } => {
            Translated::Action(LocalActionKind::PlaceLink {
                path,
                target: target.clone(),
                expected: Some(expected),
            })
        }
        LocalOperation::Attributes { executable, mtime, .. } => {
            Translated::Action(LocalActionKind::SetAttributes {
                path,
                expected,
                mtime: *mtime,
                executable: *executable,
            })
        }
        LocalOperation::SetAside { name, .. } => {
            Translated::Action(LocalActionKind::SetAside { path, name: name.clone(), expected })
        }
        LocalOperation::Remove { .. } => Translated::Action(LocalActionKind::Remove {
            path,
            expected,
            directory: local.content.is_directory(),
        }),
        LocalOperation::Update { content: Content::Directory, .. } | LocalOperation::Create { .. } => {
            Translated::Outdated
        }
    })
}

fn local_create<S: PairStore>(
    store: &S,
    key: NodeKey,
    row: &Row,
    state: &model::NodeState,
    overlay: &mut Overlay,
) -> Result<Translated, StoreError> {
    let (None, Some(node)) = (&row.triple.local, row.extra.id) else { return Ok(Translated::Outdated) };
    overlay.insert(key, (state.parent, state.name.clone()));
    let Some(path) = path_of(store, key, overlay)? else { return Ok(Translated::Outdated) };
    Ok(Translated::Action(match &state.content {
        Content::Directory => LocalActionKind::MakeDirectory { path },
        Content::Link { target } => {
            LocalActionKind::PlaceLink { path, target: target.clone(), expected: None }
        }
        Content::File { id, size } => LocalActionKind::PlaceFile {
            path,
            node,
            content: *id,
            size: *size,
            mtime: state.mtime,
            executable: state.executable,
            expected: None,
            base: None,
        },
    }))
}

/// A commit being put together.
#[derive(Default)]
struct Draft {
    groups: Vec<Vec<IntentOperation>>,
    sends: Vec<Send>,
    temporaries: BTreeMap<NodeKey, u32>,
    operations: usize,
    bytes: u64,
}

impl Draft {
    /// Adds a group; false if the memory no longer fits it.
    fn add<S: PairStore>(&mut self, store: &S, group: &RemoteGroup) -> Result<bool, StoreError> {
        let mut operations = Vec::with_capacity(group.operations.len());
        let mut sends = Vec::new();
        for planned in &group.operations {
            let row = store.row(planned.key())?.unwrap_or_default();
            if let Some(content) = file_content(planned) {
                match self.send(store, &row, planned, content)? {
                    Some(send) => sends.push(send),
                    None => return Ok(false),
                }
            }
            let Some(sent) = self.translate(store, &row, planned)? else { return Ok(false) };
            operations.push(IntentOperation { planned: planned.clone(), sent });
        }
        self.operations += operations.len();
        self.bytes += sends.iter().map(|send| send.size).sum::<u64>();
        self.sends.extend(sends);
        self.groups.push(operations);
        Ok(true)
    }

    /// Where the content of an operation can be read.
    fn send<S: PairStore>(
        &self,
        store: &S,
        row: &Row,
        planned: &RemoteOperation,
        content: &Content,
    ) -> Result<Option<Send>, StoreError> {
        let Content::File { id, size } = *content else { return Ok(None) };
        let held = row.triple.local.as_ref().is_some_and(|local| local.content == *content);
        let path = path_of(store, planned.key(), &Overlay::new())?;
        let (true, Some(path), Some(expected)) = (held, path, row.extra.disk.clone()) else {
            return Ok(None);
        };
        let base = row.triple.remote.as_ref().and_then(|remote| content_id(&remote.content));
        Ok(Some(Send { path, expected, content: id, size, base, node: row.extra.id }))
    }

    fn translate<S: PairStore>(
        &mut self,
        store: &S,
        row: &Row,
        planned: &RemoteOperation,
    ) -> Result<Option<Operation>, StoreError> {
        if let RemoteOperation::Create { key, state } = planned {
            let Some(parent) = self.node_ref(store, state.parent)? else { return Ok(None) };
            let temporary = u32::try_from(self.temporaries.len()).unwrap_or(u32::MAX);
            self.temporaries.insert(*key, temporary);
            return Ok(Some(Operation::Create {
                temporary,
                parent,
                name: state.name.clone(),
                content: state.content.clone(),
                executable: state.executable,
                mtime: state.mtime,
            }));
        }
        let (Some(node), Some(base)) = (row.extra.id, row.extra.revision) else { return Ok(None) };
        let Revision { placement, version } = base;
        Ok(match planned {
            RemoteOperation::Update { content, executable, mtime, .. } => Some(Operation::Update {
                node,
                base: version,
                content: content.clone(),
                executable: *executable,
                mtime: *mtime,
            }),
            RemoteOperation::Attributes { executable, mtime, .. } => {
                Some(Operation::Attributes { node, base: version, executable: *executable, mtime: *mtime })
            }
            RemoteOperation::Move { parent, name, .. } => self
                .node_ref(store, *parent)?
                .map(|parent| Operation::Move { node, base: placement, parent, name: name.clone() }),
            RemoteOperation::Remove { .. } => Some(Operation::Remove { node, base }),
            RemoteOperation::Create { .. } => None,
        })
    }

    fn node_ref<S: PairStore>(&self, store: &S, key: NodeKey) -> Result<Option<NodeRef>, StoreError> {
        if let Some(temporary) = self.temporaries.get(&key) {
            return Ok(Some(NodeRef::Temporary(*temporary)));
        }
        let row = store.row(key)?;
        let held = row.filter(|row| row.triple.remote.is_some());
        Ok(held.and_then(|row| row.extra.id).map(NodeRef::Id))
    }
}

fn file_content(planned: &RemoteOperation) -> Option<&Content> {
    match planned {
        RemoteOperation::Create { state, .. } => Some(&state.content),
        RemoteOperation::Update { content, .. } => Some(content),
        _ => None,
    }
    .filter(|content| content.kind() == model::Kind::File)
}

/// Whether an action puts a content at a place.
fn is_placing(kind: &LocalActionKind) -> bool {
    matches!(kind, LocalActionKind::PlaceFile { .. } | LocalActionKind::PlaceLink { .. })
}
