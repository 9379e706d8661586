//! What was answered to a change, so that a repetition gets the same answer and changes nothing.

use crate::error::Result;
use model::{DeviceId, IdempotencyKey, Timestamp, UserId};

/// Whose key it is: keys of different callers never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// A device's own numbering.
    Device(DeviceId),
    /// A person without a device.
    User(UserId),
}

/// A stored answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationRow {
    /// Digest of the whole request: the same key with another is a mistake of the caller.
    pub digest: [u8; 32],
    /// The answer, in whatever form its writer can read again.
    pub result: Vec<u8>,
    /// When.
    pub at: Timestamp,
}

/// Reads of stored answers.
pub trait ReadOperations {
    /// The answer given under this key.
    fn operation(&self, caller: Caller, key: IdempotencyKey) -> Result<Option<OperationRow>>;
}

/// Changes of stored answers.
pub trait WriteOperations {
    /// Stores an answer; `Conflict` if the key has one.
    fn put_operation(&self, caller: Caller, key: IdempotencyKey, row: &OperationRow) -> Result<()>;

    /// Forgets answers from before a moment, at most `limit`; says how many.
    fn forget_operations(&self, before: Timestamp, limit: usize) -> Result<u64>;
}
