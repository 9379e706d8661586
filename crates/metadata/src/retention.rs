//! What is kept for how long: each folder's progress, the queue of nodes to look at, pins, mass changes, and rows
//! that go. Which rows go is not decided here.

use crate::error::Result;
use model::{DeviceId, FolderId, NodeId, Seq, Timestamp, UserId, VersionNumber};

/// A folder's retention, beside the numbers in its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionRow {
    /// For how many days no node, and no hour's last version by each author, goes.
    pub safe_days: u32,
    /// Up to here in the journal changed nodes have been put into the queue.
    pub queued_to: Seq,
    /// Up to here mass changes have been looked for.
    pub watched_to: Seq,
    /// From here on the folder's past can be shown: of what was before, something is gone for good.
    pub covered_since: Seq,
}

impl Default for RetentionRow {
    fn default() -> Self {
        Self { safe_days: 14, queued_to: Seq(0), watched_to: Seq(0), covered_since: Seq(0) }
    }
}

/// A node's row of its versions, as far as retention needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptRow {
    /// The node.
    pub node: NodeId,
    /// From when in the journal.
    pub seq: Seq,
    /// Which version.
    pub number: VersionNumber,
    /// When.
    pub at: Timestamp,
    /// Who made it.
    pub user: UserId,
    /// From which device.
    pub device: Option<DeviceId>,
    /// Whether it only changed attributes.
    pub is_attributes: bool,
    /// Bytes of its content.
    pub size: u64,
    /// Whether its version is pinned or labelled.
    pub is_pinned: bool,
    /// The first number from which it answers for another row, that is gone.
    pub thinned_from: Option<Seq>,
}

/// What a person has said of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinRow {
    /// The node.
    pub node: NodeId,
    /// Which version.
    pub number: VersionNumber,
    /// Whether it is to be kept for ever. A label keeps it too.
    pub pinned: bool,
    /// What it is called.
    pub label: Option<String>,
    /// Who said so.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
}

/// What one author changed and removed in one hour; new nodes and moves do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusyHour {
    /// Who.
    pub user: UserId,
    /// From which device.
    pub device: Option<DeviceId>,
    /// When the hour began.
    pub begins: Timestamp,
    /// How many nodes.
    pub nodes: u64,
    /// How many of them were removed.
    pub removed: u64,
    /// The first number.
    pub first: Seq,
    /// The last number.
    pub last: Seq,
    /// When the first change was.
    pub first_at: Timestamp,
    /// When the last change was.
    pub last_at: Timestamp,
}

/// A mass change that was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MassChangeRow {
    /// What was changed, and by whom.
    pub hour: BusyHour,
    /// When a person said that all is well.
    pub acknowledged_at: Option<Timestamp>,
}

/// A node of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueNode {
    /// The node.
    pub node: NodeId,
    /// Its number in the journal.
    pub seq: Seq,
    /// If it was removed: when, as its last placement says.
    pub removed_at: Option<Timestamp>,
    /// Whether its time in the trash is over.
    pub purged: bool,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether a tombstone names it as its directory.
    pub has_removed_children: bool,
}

/// Reads for retention.
pub trait ReadRetention {
    /// A folder's retention; what holds for a new one if none was written.
    fn retention(&self, folder: FolderId) -> Result<RetentionRow>;

    /// Nodes of the queue whose moment has come, the longest waiting first.
    fn due_nodes(&self, folder: FolderId, now: Timestamp, limit: usize) -> Result<Vec<DueNode>>;

    /// Nodes by id after one of them, as the queue would show them: for a look without changes.
    fn nodes_with_history(&self, folder: FolderId, after: NodeId, limit: usize) -> Result<Vec<DueNode>>;

    /// The rows of these nodes by node and seq, the first `limit` of them.
    fn kept_rows(&self, folder: FolderId, nodes: &[NodeId], limit: usize) -> Result<Vec<KeptRow>>;

    /// What authors changed past a number, by hours that begin `shift_ns` after each full hour.
    fn busy_hours(&self, folder: FolderId, since: Seq, shift_ns: i64) -> Result<Vec<BusyHour>>;

    /// The folder's mass changes, the oldest first.
    fn mass_changes(&self, folder: FolderId) -> Result<Vec<MassChangeRow>>;

    /// What people said of these nodes' versions, by node and number.
    fn pins(&self, folder: FolderId, nodes: &[NodeId]) -> Result<Vec<PinRow>>;
}

/// Changes for retention.
pub trait WriteRetention {
    /// Sets a folder's retention. Coverage never grows back: the later of the two is kept.
    fn put_retention(&self, folder: FolderId, row: &RetentionRow) -> Result<()>;

    /// Puts into the queue those of the next `limit` changed nodes past `after` that have anything to decide about,
    /// to be looked at at `at` or, if they wait already, at the earlier moment. Says up to where; none at the end.
    fn queue_changed(&self, folder: FolderId, after: Seq, limit: usize, at: Timestamp)
    -> Result<Option<Seq>>;

    /// Sets when nodes are looked at next; none takes them out of the queue.
    fn put_due(&self, folder: FolderId, nodes: &[(NodeId, Option<Timestamp>)]) -> Result<()>;

    /// Takes rows away.
    fn drop_versions(&self, folder: FolderId, rows: &[(NodeId, Seq)]) -> Result<()>;

    /// Marks rows as answering for others from a number on; a mark that is there stays.
    fn mark_thinned(&self, folder: FolderId, rows: &[(NodeId, Seq, Seq)]) -> Result<()>;

    /// Marks removed nodes as purged: they are in the trash no more.
    fn purge_nodes(&self, folder: FolderId, nodes: &[NodeId]) -> Result<()>;

    /// Takes purged nodes away for good, with their placements and departures.
    fn drop_tombstones(&self, folder: FolderId, nodes: &[NodeId]) -> Result<()>;

    /// Notes a mass change; one of the same author and hour grows.
    fn put_mass_change(&self, folder: FolderId, hour: &BusyHour) -> Result<()>;

    /// Notes that a person looked at all mass changes of the folder; says how many were new to them.
    fn acknowledge_mass_changes(&self, folder: FolderId, at: Timestamp) -> Result<u64>;

    /// Sets what is said of a version; without pin and label nothing is.
    fn put_pin(&self, folder: FolderId, pin: &PinRow) -> Result<()>;
}
