//! The part of a folder's tree that a commit touches: loaded with a few queries, changed in memory with undo,
//! written back with a few statements.
//!
//! Invariant: whatever the operations name, and every ancestor of it, is loaded; so is whoever stands where something
//! is to go. Counters, `occupied` and `children` follow every change of a row, also when it is undone.

use super::state::{Origin, State};
use super::wanted::Wanted;
use crate::Error;
use metadata::folder::Folder;
use metadata::moment::Moment;
use metadata::node::NodeRow;
use metadata::placement::PlacementRow;
use metadata::version::{VersionOrigin, VersionRow};
use metadata::{Snapshot, Transaction};
use model::{
    DeviceId, Epoch, Kind, Limits, Name, NameKey, NodeId, Operation, Principal, Seq, Timestamp, UserId,
    VersionNumber,
};
use std::collections::{HashMap, HashSet};

/// Who makes the changes, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    user: UserId,
    device: Option<DeviceId>,
    /// How its new contents come to be.
    origin: VersionOrigin,
    epoch: Epoch,
    at: Timestamp,
}

impl Author {
    pub(crate) fn new(principal: Principal, epoch: Epoch, at: Timestamp) -> Self {
        let is_server = principal == Principal::SERVER;
        let origin = if is_server { VersionOrigin::Outside } else { VersionOrigin::Commit };
        Self { user: principal.user, device: principal.device, origin, epoch, at }
    }
}

#[derive(Debug, Clone)]
struct Held {
    row: NodeRow,
    /// The directory it had in the database; none if it is new.
    stored_parent: Option<NodeId>,
    touched: bool,
}

/// A change that can be undone: the node, and what was there before.
type Undo = (NodeId, Option<Held>);

/// Where a workspace stands, to come back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    changes: usize,
    placements: usize,
    versions: usize,
    departures: usize,
    head: Seq,
    next_node: NodeId,
}

/// A directory whose ancestors do not lead to the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cycle;

/// See the module.
#[derive(Debug)]
pub(crate) struct Workspace {
    folder: Folder,
    limits: Limits,
    author: Author,
    nodes: HashMap<NodeId, Held>,
    occupied: HashMap<(NodeId, NameKey), Vec<NodeId>>,
    children: HashMap<NodeId, i64>,
    deepest: HashMap<NodeId, u64>,
    path_bytes: HashMap<NodeId, u64>,
    owner: Option<OwnerQuota>,
    undo: Vec<Undo>,
    placements: Vec<PlacementRow>,
    versions: Vec<VersionRow>,
    /// Nodes that have left a directory for another.
    departures: Vec<(NodeId, NodeId)>,
    moved_directories: bool,
}

/// What the account that a folder counts for has, without this folder.
#[derive(Debug, Clone, Copy)]
struct OwnerQuota {
    other_bytes: u64,
    quota_bytes: u64,
}

impl Workspace {
    /// Loads what these operations touch.
    pub(crate) fn load(
        snapshot: &dyn Snapshot,
        folder: Folder,
        author: Author,
        limits: Limits,
        operations: &mut dyn Iterator<Item = &Operation>,
    ) -> Result<Self, Error> {
        let mut wanted = Wanted::default();
        operations.for_each(|operation| wanted.add(operation, folder.names));
        Self::load_wanted(snapshot, folder, author, limits, &wanted)
    }

    /// Loads nodes and their ancestors, and whoever stands at the places.
    pub(crate) fn load_wanted(
        snapshot: &dyn Snapshot,
        folder: Folder,
        author: Author,
        limits: Limits,
        wanted: &Wanted,
    ) -> Result<Self, Error> {
        let id = folder.id;
        let owner = match folder.settings.owner {
            Some(owner) => snapshot.user(owner)?,
            None => None,
        };
        let owner = owner.and_then(|user| {
            let other_bytes = user.used_bytes.saturating_sub(folder.counters.used_bytes);
            user.quota_bytes.map(|quota_bytes| OwnerQuota { other_bytes, quota_bytes })
        });
        let capacity = wanted.nodes.len() + wanted.places.len();
        let mut workspace = Self {
            folder,
            limits,
            author,
            nodes: HashMap::with_capacity(capacity),
            occupied: HashMap::with_capacity(capacity),
            children: HashMap::new(),
            deepest: HashMap::new(),
            path_bytes: HashMap::from([(NodeId::ROOT, 0)]),
            owner,
            undo: Vec::new(),
            placements: Vec::with_capacity(wanted.places.len()),
            versions: Vec::with_capacity(wanted.places.len()),
            departures: Vec::new(),
            moved_directories: false,
        };
        workspace.take_in(snapshot.nodes_and_ancestors(id, &wanted.nodes)?);
        workspace.take_in(snapshot.nodes_named(id, &wanted.places)?);
        let directories = |ids: &[NodeId]| -> Vec<NodeId> {
            ids.iter().copied().filter(|id| workspace.kind(*id) == Some(Kind::Directory)).collect()
        };
        let (removed, moved) = (directories(&wanted.removed), directories(&wanted.moved));
        for (parent, count) in snapshot.child_counts(id, &removed)? {
            workspace.children.insert(parent, count.cast_signed());
        }
        workspace.deepest.extend(snapshot.deepest_paths(id, &moved)?);
        Ok(workspace)
    }

    /// Adds rows of the database that are not there yet.
    pub(crate) fn take_in(&mut self, rows: Vec<NodeRow>) {
        for row in rows {
            if self.nodes.contains_key(&row.id) {
                continue;
            }
            if !row.deleted {
                self.occupied.entry((row.parent, row.name_key.clone())).or_default().push(row.id);
            }
            let stored_parent = Some(row.parent);
            self.nodes.insert(row.id, Held { row, stored_parent, touched: false });
        }
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&NodeRow> {
        self.nodes.get(&id).map(|held| &held.row)
    }

    pub(crate) fn kind(&self, id: NodeId) -> Option<Kind> {
        self.node(id).map(|row| row.content.kind())
    }

    /// Whose the changes from here on are.
    pub(crate) fn speak_for(&mut self, user: UserId) {
        self.author.user = user;
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn name_key(&self, name: &Name) -> NameKey {
        self.folder.names.key(name)
    }

    /// Who else lives where this node lives.
    pub(crate) fn rival(&self, row: &NodeRow) -> Option<&NodeRow> {
        let others = self.occupied.get(&(row.parent, row.name_key.clone()))?;
        others.iter().find(|id| **id != row.id).and_then(|id| self.node(*id))
    }

    /// Who lives at a place.
    pub(crate) fn at(&self, parent: NodeId, key: &NameKey) -> Option<NodeId> {
        self.occupied.get(&(parent, key.clone())).and_then(|ids| ids.first()).copied()
    }

    /// How many living children; known for directories that are to be removed.
    pub(crate) fn children(&self, id: NodeId) -> i64 {
        self.children.get(&id).copied().unwrap_or(0)
    }

    /// Bytes of the longest path below a directory in the database; known for directories that are to be moved.
    pub(crate) fn deepest(&self, id: NodeId) -> u64 {
        self.deepest.get(&id).copied().unwrap_or(0)
    }

    /// Bytes of a directory's path with a separator after it (nothing for the root).
    pub(crate) fn path_bytes(&mut self, directory: NodeId) -> Result<u64, Cycle> {
        let mut walked = Vec::new();
        let mut at = directory;
        let mut bytes = loop {
            if let Some(bytes) = self.path_bytes.get(&at) {
                break *bytes;
            }
            let row = self.node(at).ok_or(Cycle)?;
            if walked.len() > self.nodes.len() {
                return Err(Cycle);
            }
            walked.push((at, row.name.as_str().len() as u64 + 1));
            at = row.parent;
        };
        for (id, own) in walked.into_iter().rev() {
            bytes += own;
            self.path_bytes.insert(id, bytes);
        }
        Ok(bytes)
    }

    /// Paths are counted anew after a directory has moved.
    fn forget_paths(&mut self) {
        self.path_bytes.clear();
        self.path_bytes.insert(NodeId::ROOT, 0);
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            changes: self.undo.len(),
            placements: self.placements.len(),
            versions: self.versions.len(),
            departures: self.departures.len(),
            head: self.folder.counters.head,
            next_node: self.folder.counters.next_node,
        }
    }

    /// Undoes everything since a mark.
    pub(crate) fn roll_back(&mut self, mark: Mark) {
        while self.undo.len() > mark.changes {
            let Some((id, before)) = self.undo.pop() else { break };
            let after = match before {
                Some(held) => self.nodes.insert(id, held),
                None => self.nodes.remove(&id),
            };
            if let Some(after) = after {
                self.count(&after.row, -1);
            }
            if let Some(row) = self.node(id).cloned() {
                self.count(&row, 1);
            }
        }
        self.placements.truncate(mark.placements);
        self.versions.truncate(mark.versions);
        self.departures.truncate(mark.departures);
        self.folder.counters.head = mark.head;
        self.folder.counters.next_node = mark.next_node;
        self.forget_paths();
    }

    /// The bytes that the folder's living files have.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.folder.counters.used_bytes
    }

    /// Whether the folder, grown from `before`, is over its or its owner's quota.
    pub(crate) fn is_over_quota(&self, before: u64) -> bool {
        let used = self.used_bytes();
        let folder = self.folder.settings.quota_bytes.is_some_and(|quota| used > quota);
        let owner =
            self.owner.is_some_and(|owner| owner.other_bytes.saturating_add(used) > owner.quota_bytes);
        used > before && (folder || owner)
    }

    /// The id of a new node.
    pub(crate) fn next_node(&mut self) -> NodeId {
        let id = self.folder.counters.next_node;
        self.folder.counters.next_node = NodeId(id.0 + 1);
        id
    }

    /// The next number of the journal.
    pub(crate) fn next_seq(&mut self) -> Seq {
        self.folder.counters.head = Seq(self.folder.counters.head.0 + 1);
        self.folder.counters.head
    }

    /// Follows a row that comes (1) or goes (-1) in `occupied`, `children` and the counters.
    fn count(&mut self, row: &NodeRow, sign: i64) {
        if row.deleted {
            return;
        }
        let place = (row.parent, row.name_key.clone());
        *self.children.entry(row.parent).or_insert(0) += sign;
        let counters = &mut self.folder.counters;
        counters.nodes = counters.nodes.wrapping_add_signed(sign);
        if sign > 0 {
            counters.used_bytes += row.used_bytes();
            self.occupied.entry(place).or_default().push(row.id);
        } else {
            counters.used_bytes = counters.used_bytes.saturating_sub(row.used_bytes());
            if let Some(ids) = self.occupied.get_mut(&place) {
                ids.retain(|id| *id != row.id);
            }
        }
    }

    /// Sets a node's row.
    fn put(&mut self, row: NodeRow) {
        let id = row.id;
        let before = self.nodes.get(&id).cloned();
        if let Some(held) = &before {
            self.count(&held.row, -1);
        }
        self.count(&row, 1);
        let stored_parent = before.as_ref().and_then(|held| held.stored_parent);
        self.nodes.insert(id, Held { row, stored_parent, touched: true });
        self.undo.push((id, before));
    }

    /// Adds a node; `content` is known to be usable.
    pub(crate) fn create(&mut self, id: NodeId, place: (NodeId, Name), state: &State, origin: Origin) {
        let (parent, name) = place;
        let seq = self.next_seq();
        let number = u64::from(state.content.kind() != Kind::Directory);
        let row = NodeRow {
            id,
            parent,
            name_key: self.name_key(&name),
            name,
            content: state.content.clone(),
            executable: state.executable,
            mtime: state.mtime,
            version: VersionNumber(number),
            revision: model::Revision { placement: seq, version: seq },
            seq,
            subtree_seq: seq,
            deleted: false,
            purged: false,
        };
        self.note_placement(&row);
        if number > 0 {
            self.note_version(&row, origin);
        }
        self.put(row);
    }

    /// Gives a file or link a new version.
    pub(crate) fn update(&mut self, id: NodeId, state: &State, origin: Origin) {
        let Some(row) = self.node(id) else { return };
        let mut row = row.clone();
        row.content = state.content.clone();
        row.executable = state.executable;
        row.mtime = state.mtime;
        row.seq = self.next_seq();
        row.revision.version = row.seq;
        if origin.origin != VersionOrigin::Attributes {
            row.version = VersionNumber(row.version.0 + 1);
        }
        self.note_version(&row, origin);
        self.put(row);
    }

    /// Gives a node a place; a removed one comes back to life.
    pub(crate) fn place(&mut self, id: NodeId, parent: NodeId, name: &Name) {
        self.set_placement(id, |workspace, row| {
            row.parent = parent;
            row.name = name.clone();
            row.name_key = workspace.name_key(name);
            row.deleted = false;
            row.purged = false;
        });
    }

    /// Removes a node.
    pub(crate) fn remove(&mut self, id: NodeId) {
        self.set_placement(id, |_, row| row.deleted = true);
    }

    fn set_placement(&mut self, id: NodeId, set: impl FnOnce(&Self, &mut NodeRow)) {
        let Some(row) = self.node(id) else { return };
        let mut row = row.clone();
        let parent = row.parent;
        set(self, &mut row);
        if parent != row.parent {
            self.departures.push((parent, id));
        }
        row.seq = self.next_seq();
        row.revision.placement = row.seq;
        if row.content.is_directory() {
            self.moved_directories = true;
            self.forget_paths();
        }
        self.note_placement(&row);
        self.put(row);
    }

    fn note_placement(&mut self, row: &NodeRow) {
        self.placements.push(PlacementRow {
            node: row.id,
            seq: row.seq,
            parent: row.parent,
            name: row.name.clone(),
            deleted: row.deleted,
            user: self.author.user,
            device: self.author.device,
            at: self.author.at,
        });
    }

    fn note_version(&mut self, row: &NodeRow, origin: Origin) {
        self.versions.push(VersionRow {
            node: row.id,
            number: row.version,
            seq: row.seq,
            content: row.content.clone(),
            executable: row.executable,
            mtime: row.mtime,
            user: self.author.user,
            device: self.author.device,
            origin: if origin.origin == VersionOrigin::Commit { self.author.origin } else { origin.origin },
            of: origin.of,
            epoch: self.author.epoch,
            at: self.author.at,
        });
    }

    /// Whether every path that this commit has touched is short enough. Groups are checked one by one; only moves of
    /// directories above what an earlier group made can get past that.
    pub(crate) fn paths_fit(&mut self) -> bool {
        if !self.moved_directories {
            return true;
        }
        let living = |held: &&Held| held.touched && !held.row.deleted;
        let touched: Vec<(NodeId, u64)> = self
            .nodes
            .values()
            .filter(living)
            .map(|held| (held.row.parent, held.row.name.as_str().len() as u64))
            .collect();
        let most = self.limits.path_bytes;
        touched
            .into_iter()
            .all(|(parent, own)| self.path_bytes(parent).is_ok_and(|bytes| bytes + own <= most))
    }

    /// Writes everything that has changed; gives the folder's newest number.
    pub(crate) fn write(mut self, transaction: &dyn Transaction) -> Result<Seq, Error> {
        let head = self.folder.counters.head;
        if self.undo.is_empty() {
            return Ok(head);
        }
        let folder = self.folder.id;
        let raised = self.raised_directories();
        let (mut changed, mut new) = (Vec::new(), Vec::with_capacity(self.undo.len()));
        for (id, held) in self.nodes.drain().filter(|(_, held)| held.touched) {
            let subtree_seq =
                if raised.contains(&id) { head } else { held.row.seq.max(held.row.subtree_seq) };
            let row = NodeRow { subtree_seq, ..held.row };
            if held.stored_parent.is_some() { changed.push(row) } else { new.push(row) }
        }
        changed.sort_unstable_by_key(|row| row.id);
        new.sort_unstable_by_key(|row| row.id);
        self.placements.sort_unstable_by_key(|row| (row.node, row.seq));
        self.versions.sort_unstable_by_key(|row| (row.node, row.seq));
        transaction.put_nodes(folder, &changed, &new)?;
        let raised: Vec<NodeId> = raised.into_iter().collect();
        transaction.raise_subtree_seq(folder, &raised, head)?;
        transaction.put_placements(folder, &self.placements)?;
        transaction.put_versions(folder, &self.versions)?;
        transaction.put_departures(folder, &self.departures)?;
        transaction.set_folder_counters(folder, &self.folder.counters)?;
        transaction.put_moment(folder, Moment { at: self.author.at, seq: head })?;
        Ok(head)
    }

    /// Every directory above something that changed, as it stands now and as it stood before.
    fn raised_directories(&self) -> HashSet<NodeId> {
        let mut raised = HashSet::new();
        for held in self.nodes.values().filter(|held| held.touched) {
            for parent in held.stored_parent.into_iter().chain([held.row.parent]) {
                let mut at = parent;
                while raised.insert(at) {
                    let Some(row) = self.node(at) else { break };
                    at = row.parent;
                }
            }
        }
        raised
    }
}
