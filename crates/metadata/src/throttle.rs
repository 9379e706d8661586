//! Counted failures (of signing in), kept so that a restart does not forget them.

use crate::error::Result;
use model::Timestamp;

/// Failures counted under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the first of them was.
    pub since: Timestamp,
    /// When the last of them was.
    pub last: Timestamp,
}

/// Reads of counted failures.
pub trait ReadThrottle {
    /// What is counted under a key (an account, a network; the caller names them).
    fn failures(&self, key: &str) -> Result<Option<Failures>>;
}

/// Changes of counted failures.
pub trait WriteThrottle {
    /// Sets what is counted under a key.
    fn put_failures(&self, key: &str, failures: &Failures) -> Result<()>;

    /// Forgets a key.
    fn clear_failures(&self, key: &str) -> Result<()>;

    /// Forgets every key whose last failure was before a moment; says how many.
    fn forget_failures(&self, before: Timestamp) -> Result<u64>;
}
