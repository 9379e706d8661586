//! What a commit touches, to be loaded at once.

use crate::commit;
use model::{NameKey, NodeId, NodeRef, Operation};

/// What is to be loaded.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) nodes: Vec<NodeId>,
    pub(crate) places: Vec<(NodeId, NameKey)>,
    pub(crate) removed: Vec<NodeId>,
    pub(crate) moved: Vec<NodeId>,
}

impl Wanted {
    pub(super) fn add(&mut self, operation: &Operation, rule: model::NameRule) {
        if let Some((NodeRef::Id(parent), name)) = commit::target(operation) {
            self.nodes.push(parent);
            self.places.push((parent, rule.key(name)));
        }
        self.nodes.extend(commit::subject(operation));
        match operation {
            Operation::Remove { node, .. } => self.removed.push(*node),
            Operation::Move { node, .. } => self.moved.push(*node),
            Operation::Copy { source, .. } => self.nodes.push(*source),
            Operation::Create { .. } | Operation::Update { .. } | Operation::Attributes { .. } => {}
        }
    }
}
