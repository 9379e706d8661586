//! Operations on the wire, and the groups they make.

use super::wire::{Operation, Step};
use model::Group;

/// Some operations of a commit, in order; a group may go on in the next run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationRun(pub(crate) Vec<Step>);

impl OperationRun {
    /// How many operations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the one spelling of each operation: the same for the same operations, however they were packed and cut
    /// into records. A digest of it tells a repeated commit from another one.
    pub fn write_canonical(&self, out: &mut Vec<u8>) {
        for step in &self.0 {
            let bytes = postcard::to_extend(step, std::mem::take(out));
            *out = bytes.expect("memory takes every wire type");
        }
    }
}

/// A group that holds a name or a link target which is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadGroup {
    /// Its first operation at fault.
    pub operation: u32,
    /// The numbers of the nodes it would have made.
    pub temporaries: Vec<u32>,
}

/// Puts groups together from runs of operations.
#[derive(Debug, Default)]
pub struct Groups {
    whole: Vec<Result<Group, BadGroup>>,
    current: Option<Vec<Operation>>,
    operations: usize,
}

impl Groups {
    /// Takes the next run. Operations before the first group's beginning make a group of their own.
    pub fn push(&mut self, run: OperationRun) {
        self.operations += run.len();
        for step in run.0 {
            if step.begins_group {
                self.close();
            }
            self.current.get_or_insert_default().push(step.operation);
        }
    }

    /// How many operations have been taken.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.operations
    }

    /// All groups, in order. A group with a bad text does not spoil the others.
    #[must_use]
    pub fn finish(mut self) -> Vec<Result<Group, BadGroup>> {
        self.close();
        self.whole
    }

    fn close(&mut self) {
        let Some(operations) = self.current.take() else { return };
        let temporaries: Vec<u32> = operations.iter().filter_map(Operation::temporary).collect();
        let mut group = Group { operations: Vec::with_capacity(operations.len()) };
        for (index, operation) in operations.into_iter().enumerate() {
            match operation.into_model() {
                Ok(operation) => group.operations.push(operation),
                Err(_) => {
                    self.whole.push(Err(BadGroup { operation: index as u32, temporaries }));
                    return;
                }
            }
        }
        self.whole.push(Ok(group));
    }
}
