//! What was done in a folder last, as its journal has it: the newest change of each node, with who made it.

use crate::error::Result;
use crate::node::NodeRow;
use crate::version::VersionOrigin;
use model::{DeviceId, FolderId, Name, NodeId, Seq, Timestamp, UserId};

/// The newest change of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityRow {
    /// The node as it is.
    pub node: NodeRow,
    /// Who did it; none if that is no longer kept.
    pub user: Option<UserId>,
    /// From which device.
    pub device: Option<DeviceId>,
    /// When; none if that is no longer kept.
    pub at: Option<Timestamp>,
    /// Where the node stood before, if the change gave it another place.
    pub before: Option<(NodeId, Name)>,
    /// Whether the change gave it a place: the first one, unless there is one before.
    pub placed: bool,
    /// How its version came to be, if the change made one.
    pub origin: Option<VersionOrigin>,
}

/// Reads of activity.
pub trait ReadActivity {
    /// The newest changes below a number (none: from the newest), newest first, without the root.
    fn activity(&self, folder: FolderId, before: Option<Seq>, limit: usize) -> Result<Vec<ActivityRow>>;

    /// Living nodes whose name contains a text, by id: those after `after`, up to `to` with it.
    fn nodes_with(
        &self,
        folder: FolderId,
        text: &str,
        after: NodeId,
        to: NodeId,
        limit: usize,
    ) -> Result<Vec<NodeRow>>;
}
