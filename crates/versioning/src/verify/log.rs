//! Whether the audit log is whole: each row sealed over the one before, from the first to the head.
//!
//! Where old rows were taken away, the first that is left is sealed over one that is gone. It counts as the beginning only
//! if an entry further on says so ([`THINNED`]) with that row's number and digest. Who keeps the head of a proof can find
//! out later that nothing before it has changed, whoever could write to the database meanwhile.

use crate::Error;
use metadata::audit::{AuditRow, Digest, THINNED, thinned};
use metadata::{Database, Snapshot, read};

/// Rows read at a time.
const PAGE: usize = 1_000;
/// How many faults are listed.
const FAULTS_LISTED: usize = 100;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// The first row; 0 if there is none.
    pub first: u64,
    /// The last row; 0 if there is none.
    pub last: u64,
    /// How many rows there are.
    pub rows: u64,
    /// The digest of the last row; zeros if there is none.
    pub head: [u8; 32],
    /// The digest that the first row is sealed over; zeros for the first of all.
    pub beginning: [u8; 32],
    /// The numbers of the first rows that are not as they were written, or do not follow the one before.
    pub faults: Vec<u64>,
    /// How many there are.
    pub fault_count: u64,
    /// The digest of the row that was asked for, if it is there.
    pub kept: Option<[u8; 32]>,
}

impl Chain {
    fn fault(&mut self, number: u64) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_LISTED {
            self.faults.push(number);
        }
    }

    fn add(&mut self, row: &AuditRow, digest: Digest) {
        if self.rows == 0 {
            (self.first, self.beginning) = (row.number, row.previous);
        }
        let previous = if self.rows == 0 { row.previous } else { self.head };
        let number = if self.rows == 0 { row.number } else { self.last + 1 };
        if !row.is_sealed(number, &previous, digest) {
            self.fault(row.number);
        }
        (self.last, self.head) = (row.number, row.digest);
        self.rows += 1;
    }

    /// Whether a row tells that the rows before the first were taken away.
    fn is_begun_by(&self, row: &AuditRow) -> bool {
        row.action == THINNED && row.details == thinned(self.first - 1, &self.beginning)
    }
}

/// Follows the chain.
///
/// # Errors
/// `Database`: it could not look. What is wrong is in the answer.
pub fn chain(snapshot: &dyn Snapshot, digest: Digest) -> Result<Chain, Error> {
    chain_past(snapshot, digest, None)
}

/// The same, in a unit of its own; and what digest the row of a number has now.
///
/// # Errors
/// As [`chain`].
pub fn proof(database: &dyn Database, digest: Digest, kept: Option<u64>) -> Result<Chain, Error> {
    read(database, move |snapshot| chain_past(snapshot, digest, kept))
}

fn chain_past(snapshot: &dyn Snapshot, digest: Digest, kept: Option<u64>) -> Result<Chain, Error> {
    let (mut chain, mut begun) = (Chain::default(), false);
    loop {
        let rows = snapshot.audit(chain.last, PAGE)?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            chain.add(&row, digest);
            begun = begun || chain.is_begun_by(&row);
            if kept == Some(row.number) {
                chain.kept = Some(row.digest);
            }
        }
    }
    let is_whole = chain.rows == 0 || (chain.first == 1 && chain.beginning == [0; 32]);
    if !is_whole && !begun {
        chain.fault(chain.first);
    }
    Ok(chain)
}
