//! What of a commit is sent: all but what the server is known to refuse.

use model::{ContentId, Group, GroupOutcome, Limits, Operation, Refusal};
use std::collections::BTreeSet;

/// The groups of a commit, without those that the server is known to refuse: they are not sent, nor are their contents.
pub(super) struct Sorted {
    pub(super) groups: Vec<Group>,
    pub(super) contents: BTreeSet<ContentId>,
    /// For each group of the commit, why it is not sent.
    refused: Vec<Option<Refusal>>,
}

impl Sorted {
    pub(super) fn new(groups: impl Iterator<Item = Vec<Operation>>, limits: &Limits) -> Self {
        let mut sorted = Self { groups: Vec::new(), contents: BTreeSet::new(), refused: Vec::new() };
        for operations in groups {
            let refusal = operations.iter().find_map(|operation| over_limit(operation, limits));
            sorted.refused.push(refusal);
            if refusal.is_none() {
                sorted
                    .contents
                    .extend(operations.iter().filter_map(Operation::file_content).map(|(id, _)| id));
                sorted.groups.push(Group { operations });
            }
        }
        sorted
    }

    /// The outcomes of all groups, from those of the groups that were sent.
    pub(super) fn merge(&self, outcomes: Vec<GroupOutcome>) -> Vec<GroupOutcome> {
        let mut sent = outcomes.into_iter();
        let of_group = |refused: &Option<Refusal>| match refused {
            Some(reason) => Some(GroupOutcome::Refused { operation: 0, reason: *reason, current: None }),
            None => sent.next(),
        };
        self.refused.iter().map_while(of_group).collect()
    }
}

fn over_limit(operation: &Operation, limits: &Limits) -> Option<Refusal> {
    if operation.file_content().is_some_and(|(_, size)| size > limits.file_bytes) {
        return Some(Refusal::TooLarge);
    }
    match operation {
        Operation::Create { name, .. } | Operation::Move { name, .. } => {
            (name.as_str().len() as u64 > limits.name_bytes).then_some(Refusal::BadName)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Content, Name, NodeId, NodeRef, Timestamp};

    fn create(name: &str, size: u64) -> Vec<Operation> {
        vec![Operation::Create {
            temporary: 0,
            parent: NodeRef::Id(NodeId::ROOT),
            name: Name::new(name).unwrap(),
            content: Content::File {
                id: ContentId::of_single_chunk(chunker::chunk_id(name.as_bytes())),
                size,
            },
            executable: false,
            mtime: Timestamp(0),
        }]
    }

    #[test]
    fn what_the_server_is_known_to_refuse_is_not_sent() {
        let groups = [create("small", 10), create("large", 11), create("a-long-name", 5), create("b", 10)];
        let limits = Limits { file_bytes: 10, name_bytes: 6, ..Limits::default() };
        let sorted = Sorted::new(groups.into_iter(), &limits);
        assert_eq!((sorted.groups.len(), sorted.contents.len()), (2, 2));
        let outcomes = sorted.merge(vec![GroupOutcome::Applied(Vec::new()); 2]);
        let reasons: Vec<Option<Refusal>> = outcomes
            .iter()
            .map(|outcome| match outcome {
                GroupOutcome::Refused { reason, .. } => Some(*reason),
                GroupOutcome::Applied(_) => None,
            })
            .collect();
        assert_eq!(reasons, [None, Some(Refusal::TooLarge), Some(Refusal::BadName), None]);
        // An answer that is too short stays too short.
        assert_eq!(sorted.merge(vec![GroupOutcome::Applied(Vec::new())]).len(), 3);
    }
}
