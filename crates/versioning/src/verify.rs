//! Proof of everything that the database claims: trees, names, journal, history, counters, and every reference from a
//! version through its manifest to bytes in a pack — on request the bytes themselves.
//!
//! It reads one snapshot, so it may run beside writers. Chunks are durable before rows name them: packs are looked
//! at after the snapshot was taken, so what it names must be there. Chunks that nothing names, and bytes at a pack's
//! end, are what crashes and refused groups leave; they are counted, and no problem.
//!
//! Memory grows with the nodes of a folder and the chunks of the store: some 100 bytes each.

mod chunks;
pub mod log;
mod tree;

use crate::Error;
use content::{ChunkStore, Depth, PackId};
use metadata::audit::Digest;
use metadata::{Database, Snapshot, read};
use model::{ChunkId, FolderId, NodeId, VersionNumber};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// How many problems a report lists; beyond that they are only counted.
pub const PROBLEMS_LISTED: usize = 1000;

/// Rows read at a time.
const PAGE: usize = 4096;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The engine's own check.
    Engine(String),
    /// A node's row contradicts its folder, its directory or its history.
    Node {
        /// The folder.
        folder: FolderId,
        /// The node.
        node: NodeId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A version's bytes cannot be had.
    Version {
        /// The folder.
        folder: FolderId,
        /// The node.
        node: NodeId,
        /// Which version.
        number: VersionNumber,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A counter is not what it counts.
    Counter {
        /// Whose counter, and which.
        what: String,
        /// What it says.
        stored: u64,
        /// What was counted.
        counted: u64,
    },
    /// A chunk that has a row is not intact.
    Chunk {
        /// The chunk.
        chunk: ChunkId,
        /// Where it should be.
        pack: PackId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Bytes in the middle of a pack are damaged.
    Pack {
        /// The pack.
        pack: PackId,
        /// Where.
        offset: u64,
        /// How many.
        bytes: u64,
    },
    /// The audit log was changed at this row, or one before it was taken away.
    Audit {
        /// The row.
        number: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(what) => write!(f, "database: {what}"),
            Self::Node { folder, node, what } => write!(f, "folder {folder}, node {node}: {what}"),
            Self::Version { folder, node, number, what } => {
                write!(f, "folder {folder}, node {node}, version {}: {what}", number.0)
            }
            Self::Counter { what, stored, counted } => {
                write!(f, "{what}: {stored} stored, {counted} counted")
            }
            Self::Chunk { chunk, pack, what } => write!(f, "chunk {chunk} in pack {pack}: {what}"),
            Self::Pack { pack, offset, bytes } => {
                write!(f, "pack {pack}: {bytes} damaged bytes at {offset}")
            }
            Self::Audit { number } => write!(f, "audit log: row {number} is not as it was written"),
        }
    }
}

/// What was proven, and what could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Folders.
    pub folders: u64,
    /// Nodes, tombstones too.
    pub nodes: u64,
    /// Versions.
    pub versions: u64,
    /// Different contents of files.
    pub contents: u64,
    /// Chunks that have a row.
    pub chunks: u64,
    /// Chunks among them that no version names: of uploads, or left over.
    pub unreferenced_chunks: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of the packs.
    pub pack_bytes: u64,
    /// Bytes at the ends of packs that are no record: what a crash leaves.
    pub tail_bytes: u64,
    /// The first [`PROBLEMS_LISTED`] problems.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problem_count: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn add(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_LISTED {
            self.problems.push(problem);
        }
    }

    fn count(&mut self, what: impl FnOnce() -> String, stored: u64, counted: u64) {
        if stored != counted {
            self.add(Problem::Counter { what: what(), stored, counted });
        }
    }
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Folders whose trees, histories and contents were followed.
    Folders {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// Bytes of packs that were looked at.
    PackBytes {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
}

/// Is told of the progress now and then, from the thread that verifies.
pub type Tell = Box<dyn FnMut(Progress) + Send>;

/// Verifies everything; with [`Depth::AllBytes`] every stored byte is read and hashed.
///
/// # Errors
/// `Database`, `Content`: it could not look. What it finds wrong is in the report.
pub fn verify(
    database: &dyn Database,
    store: Arc<dyn ChunkStore>,
    depth: Depth,
    audit_digest: Digest,
) -> Result<Report, Error> {
    verify_and_tell(database, store, depth, audit_digest, Box::new(|_| {}))
}

/// The same, telling how far it is.
///
/// # Errors
/// As [`verify`].
pub fn verify_and_tell(
    database: &dyn Database,
    store: Arc<dyn ChunkStore>,
    depth: Depth,
    audit_digest: Digest,
    mut tell: Tell,
) -> Result<Report, Error> {
    // Before the snapshot: its packs stay, and all that are listed.
    let hold = store.hold_all();
    read(database, move |snapshot| {
        let mut report = Report::default();
        for damage in snapshot.damage()? {
            report.add(Problem::Engine(damage));
        }
        let mut referenced = HashSet::new();
        let mut owned: HashMap<u64, u64> = HashMap::new();
        let folders = snapshot.folders()?;
        let total = folders.len() as u64;
        for folder in folders {
            tell(Progress::Folders { done: report.folders, total });
            report.folders += 1;
            if let Some(owner) = folder.settings.owner {
                *owned.entry(owner.0).or_default() += folder.counters.used_bytes;
            }
            tree::check(snapshot, &folder, &mut referenced, &mut report)?;
        }
        for user in snapshot.users()? {
            let counted = owned.get(&user.id.0).copied().unwrap_or(0);
            report.count(|| format!("bytes of user {}", user.id), user.used_bytes, counted);
        }
        let packs = chunks::scan(&*store, depth, &mut report, &mut tell)?;
        chunks::check(snapshot, &packs, &referenced, &mut report)?;
        check_audit(snapshot, audit_digest, &mut report)?;
        drop(hold);
        Ok(report)
    })
}

fn check_audit(snapshot: &dyn Snapshot, digest: Digest, report: &mut Report) -> Result<(), Error> {
    let chain = log::chain(snapshot, digest)?;
    for number in &chain.faults {
        report.add(Problem::Audit { number: *number });
    }
    report.problem_count += chain.fault_count - chain.faults.len() as u64;
    Ok(())
}
