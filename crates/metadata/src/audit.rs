//! The audit log: only added to, each row sealed over the one before.

use crate::error::Result;
use model::{DeviceId, FolderId, Timestamp, UserId};

/// Something to be remembered. Values are structured, never formatted into the text of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who; none if nobody is signed in.
    pub user: Option<UserId>,
    /// From which device.
    pub device: Option<DeviceId>,
    /// From which address; empty if none.
    pub address: String,
    /// What: a fixed word, such as `folder.grant`.
    pub action: &'static str,
    /// In which folder.
    pub folder: Option<FolderId>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Names and values.
    pub details: Vec<(String, String)>,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Counted from 1 without gaps.
    pub number: u64,
    /// What [`canonical`] made of the entry.
    pub record: Vec<u8>,
    /// The digest of the row before; zeros for the first.
    pub previous: [u8; 32],
    /// The digest of `previous` followed by `record`.
    pub digest: [u8; 32],
    /// When.
    pub at: Timestamp,
    /// Who.
    pub user: Option<UserId>,
    /// From which device.
    pub device: Option<DeviceId>,
    /// From which address.
    pub address: String,
    /// What.
    pub action: String,
    /// In which folder.
    pub folder: Option<FolderId>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// Names and values.
    pub details: Vec<(String, String)>,
}

/// The action of an entry that tells that the rows before some number were taken away: it seals the chain's new beginning.
pub const THINNED: &str = "log.thin";

/// The details of such an entry: the last row that went, and its digest, which the first row that stays is sealed over.
#[must_use]
pub fn thinned(to: u64, digest: &[u8; 32]) -> Vec<(String, String)> {
    vec![("to".to_owned(), to.to_string()), ("digest".to_owned(), hex(digest))]
}

/// A digest as text.
#[must_use]
pub fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computes a digest of 256 bits; passed in, as this crate knows no hash function.
pub type Digest = fn(&[u8]) -> [u8; 32];

/// The one spelling of an entry that digests are made of: every value with its length before it.
#[must_use]
pub fn canonical(number: u64, entry: &AuditEntry) -> Vec<u8> {
    let ids = [entry.user.map(|id| id.0), entry.device.map(|id| id.0), entry.folder.map(|id| id.0)];
    spell(number, entry.at, ids, entry.allowed, [&entry.address, entry.action], &entry.details)
}

fn spell(
    number: u64,
    at: Timestamp,
    ids: [Option<u64>; 3],
    allowed: bool,
    texts: [&str; 2],
    details: &[(String, String)],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in [Some(number), Some(at.0.cast_unsigned())].into_iter().chain(ids) {
        bytes.push(u8::from(value.is_some()));
        bytes.extend_from_slice(&value.unwrap_or(0).to_le_bytes());
    }
    bytes.push(u8::from(allowed));
    let details = details.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    for text in texts.into_iter().chain(details) {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

impl AuditRow {
    /// Whether the row follows the one before it (`previous` is its digest) and its columns say what was sealed.
    #[must_use]
    pub fn is_sealed(&self, number: u64, previous: &[u8; 32], digest: Digest) -> bool {
        let ids = [self.user.map(|id| id.0), self.device.map(|id| id.0), self.folder.map(|id| id.0)];
        let texts = [self.address.as_str(), &self.action];
        self.number == number
            && self.previous == *previous
            && self.record == spell(number, self.at, ids, self.allowed, texts, &self.details)
            && self.digest == seal(previous, &self.record, digest)
    }
}

/// The digest that seals a row.
#[must_use]
pub fn seal(previous: &[u8; 32], record: &[u8], digest: Digest) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(32 + record.len());
    bytes.extend_from_slice(previous);
    bytes.extend_from_slice(record);
    digest(&bytes)
}

/// Whose rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOf {
    /// All.
    Everything,
    /// What one account did.
    User(UserId),
    /// What was done about one folder.
    Folder(FolderId),
}

/// Where reading begins, and which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFrom {
    /// Below a number, newest first.
    Below(u64),
    /// Above a number, oldest first.
    Above(u64),
}

/// Reads of the log.
pub trait ReadAudit {
    /// Rows from a number on.
    fn audit_of(&self, of: AuditOf, from: AuditFrom, limit: usize) -> Result<Vec<AuditRow>>;

    /// Rows after a number, oldest first.
    fn audit(&self, after: u64, limit: usize) -> Result<Vec<AuditRow>>;

    /// The newest rows below a number (none: from the newest), newest first.
    fn audit_newest(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditRow>>;
}

/// Additions to the log.
pub trait WriteAudit {
    /// Adds an entry under the next number and seals it.
    fn append_audit(&self, entry: &AuditEntry, digest: Digest) -> Result<u64>;

    /// Takes the rows up to a number away; says how many. The newest row stays in any case: the chain goes on from it.
    fn forget_audit(&self, to: u64) -> Result<u64>;
}
