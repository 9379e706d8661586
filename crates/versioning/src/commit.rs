//! Commits: the way a change comes into a folder.
//!
//! Reading order: this file (one transaction from key to answer), `commit/workspace.rs` (the part of the tree that a
//! commit touches, with undo), `commit/group.rs` (operations and judgement), `commit/contents.rs` (which contents
//! may be used), `commit/answer.rs` (how the answer is stored).

mod answer;
mod contents;
pub(crate) mod group;
pub(crate) mod state;
pub(crate) mod wanted;
pub(crate) mod workspace;

use crate::access::recheck;
use crate::identity::epoch;
use crate::{Error, Manifest};
use contents::Contents;
use group::Run;
use metadata::folder::Folder;
use metadata::operation::{Caller, OperationRow};
use metadata::{Database, Snapshot, Transaction, read, write};
use model::location::Located;
use model::permit::Write;
use model::{
    Action, Denied, Group, GroupOutcome, IdempotencyKey, Limits, NodeRef, Operation, Permit, Principal, Seq,
    Timestamp, UploadId, UserId,
};
use std::collections::HashSet;
use workspace::{Author, Workspace};

/// For how long the answer to a commit is kept.
pub const ANSWER_DAYS: u64 = 30;

/// A commit, ready to run: its chunks are in the chunk store and durable.
#[derive(Debug)]
pub struct Commit {
    /// Who may write where.
    pub permit: Permit<Write>,
    /// Which attempt this is.
    pub key: IdempotencyKey,
    /// Digest of the whole request.
    pub digest: [u8; 32],
    /// The groups, in order.
    pub groups: Vec<Group>,
    /// Whose changes the groups are.
    pub authors: Authors,
    /// Manifests of contents of several chunks that the folder may not know yet.
    pub manifests: Vec<Manifest>,
    /// The chunks that came with the commit, and where the chunk store put them.
    pub received: Vec<Located>,
    /// Uploads that end if every group is applied.
    pub uploads: Vec<UploadId>,
    /// What the server takes.
    pub limits: Limits,
    /// Now.
    pub now: Timestamp,
}

/// Whose changes a commit's groups are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Authors {
    /// The caller's own.
    #[default]
    Caller,
    /// One account a group, or [`UserId::SERVER`] for nobody known: only the server itself ([`Principal::SERVER`]) speaks
    /// for others, of what it finds in a plain directory.
    Named(Vec<UserId>),
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// One outcome a group, in order.
    pub outcomes: Vec<GroupOutcome>,
    /// The folder's newest number after it.
    pub head: Seq,
    /// Whether this is the stored answer of an earlier attempt.
    pub repeated: bool,
}

impl Committed {
    /// The folder's newest number before it, as far as its outcomes show it. All numbers from there to the head are
    /// the commit's own, so that a later one makes a reader pull what it need not, never miss what it must.
    #[must_use]
    pub fn before(&self) -> Seq {
        let applied = self.outcomes.iter().flat_map(|outcome| match outcome {
            GroupOutcome::Applied(entries) => &entries[..],
            GroupOutcome::Refused { .. } => &[],
        });
        let first = applied
            .map(|entry| entry.revision.placement.max(entry.revision.version))
            .min()
            .filter(|seq| *seq > Seq(0));
        first.map_or(self.head, |first| Seq(first.0 - 1))
    }
}

/// Runs a commit in one transaction. It is durable on return.
///
/// # Errors
/// `Denied`, `KeyReused`, `Limit`, `Invalid` (a temporary number used twice, authors that are not one account a group),
/// `Database`. A group that cannot be
/// applied is no error.
pub fn commit(database: &dyn Database, commit: Commit) -> Result<Committed, Error> {
    check_form(&commit)?;
    write(database, move |transaction| run(transaction, commit))
}

/// The stored answer to an earlier attempt, so that the body of a repetition need not be taken in.
///
/// # Errors
/// `Denied`, `KeyReused`, `Database`.
pub fn repeated(
    database: &dyn Database,
    permit: Permit<Write>,
    key: IdempotencyKey,
    digest: [u8; 32],
    now: Timestamp,
) -> Result<Option<Committed>, Error> {
    read(database, move |snapshot| {
        recheck(snapshot, &permit, Action::Write, now)?;
        stored_answer(snapshot, permit.principal(), key, &digest)
    })
}

/// Forgets stored answers that are too old; at most `limit`, so that it does not hold others up. Says how many.
///
/// # Errors
/// `Database`.
pub fn forget_answers(database: &dyn Database, now: Timestamp, limit: usize) -> Result<u64, Error> {
    let day_ns = 86_400_000_000_000;
    let before = Timestamp(now.0.saturating_sub(ANSWER_DAYS.cast_signed() * day_ns));
    write(database, move |transaction| Ok(transaction.forget_operations(before, limit)?))
}

/// What is wrong with a commit before anything is looked up.
fn check_form(commit: &Commit) -> Result<(), Error> {
    let operations: usize = commit.groups.iter().map(|group| group.operations.len()).sum();
    if operations as u64 > commit.limits.commit_operations {
        return Err(Error::Limit { what: "operations in one commit", most: commit.limits.commit_operations });
    }
    if commit.groups.len() as u64 > commit.limits.commit_operations {
        return Err(Error::Limit { what: "groups in one commit", most: commit.limits.commit_operations });
    }
    if let Authors::Named(authors) = &commit.authors {
        if commit.permit.principal() != Principal::SERVER {
            return Err(Denied::Forbidden.into());
        }
        if authors.len() != commit.groups.len() {
            return Err(Error::Invalid("there is not one author for each group"));
        }
    }
    let mut made = HashSet::with_capacity(operations);
    for operation in commit.groups.iter().flat_map(|group| &group.operations) {
        if let Operation::Create { temporary, .. } | Operation::Copy { temporary, .. } = operation
            && !made.insert(*temporary)
        {
            return Err(Error::Invalid("a temporary number is used twice"));
        }
    }
    Ok(())
}

/// Whose idempotency keys these are.
pub(crate) fn caller(principal: Principal) -> Caller {
    principal.device.map_or(Caller::User(principal.user), Caller::Device)
}

/// The answer to an earlier attempt, in its stored form.
pub(crate) fn stored_row(
    snapshot: &dyn Snapshot,
    principal: Principal,
    key: IdempotencyKey,
    digest: &[u8; 32],
) -> Result<Option<OperationRow>, Error> {
    let row = snapshot.operation(caller(principal), key)?;
    if row.as_ref().is_some_and(|row| row.digest != *digest) {
        return Err(Error::KeyReused);
    }
    Ok(row)
}

/// The answer to an earlier attempt.
pub(crate) fn stored_answer(
    snapshot: &dyn Snapshot,
    principal: Principal,
    key: IdempotencyKey,
    digest: &[u8; 32],
) -> Result<Option<Committed>, Error> {
    let Some(row) = stored_row(snapshot, principal, key, digest)? else { return Ok(None) };
    let damaged = || metadata::Error::new(metadata::ErrorKind::Corrupt, "operation", "not an answer");
    Ok(Some(answer::read(&row.result).ok_or_else(damaged)?))
}

fn run(transaction: &dyn Transaction, commit: Commit) -> Result<Committed, Error> {
    let snapshot = transaction.as_snapshot();
    let principal = commit.permit.principal();
    let folder = recheck(snapshot, &commit.permit, Action::Write, commit.now)?;
    if let Some(answer) = stored_answer(snapshot, principal, commit.key, &commit.digest)? {
        return Ok(answer);
    }
    check_authors(snapshot, &commit.authors)?;
    let changes = Changes {
        key: commit.key,
        digest: commit.digest,
        groups: commit.groups,
        authors: commit.authors,
        manifests: commit.manifests,
        received: commit.received,
        limits: commit.limits,
        now: commit.now,
    };
    let committed = apply(transaction, folder, principal, changes)?;
    if committed.outcomes.iter().all(|outcome| matches!(outcome, GroupOutcome::Applied(_))) {
        end_uploads(transaction, &commit.permit, &commit.uploads)?;
    }
    Ok(committed)
}

/// What a commit changes, once it is known that it may.
pub(crate) struct Changes {
    pub(crate) key: IdempotencyKey,
    pub(crate) digest: [u8; 32],
    pub(crate) groups: Vec<Group>,
    pub(crate) authors: Authors,
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) received: Vec<Located>,
    pub(crate) limits: Limits,
    pub(crate) now: Timestamp,
}

/// Applies the groups for somebody who was found to be allowed in this very transaction, and stores the answer.
pub(crate) fn apply(
    transaction: &dyn Transaction,
    folder: Folder,
    principal: Principal,
    changes: Changes,
) -> Result<Committed, Error> {
    let (snapshot, id) = (transaction.as_snapshot(), folder.id);
    let Changes { key, digest, groups, authors, manifests, received, limits, now } = changes;
    let author = Author::new(principal, epoch(snapshot)?, now);
    let operations = || groups.iter().flat_map(|group| &group.operations);
    let mut workspace = Workspace::load(snapshot, folder, author, limits, &mut operations())?;
    let who = (id, principal.user);
    let contents = Contents::load(snapshot, who, manifests, &received, &mut operations(), now)?;
    let copies = group::copied_versions(snapshot, id, &mut operations())?;
    let mut run = Run::new(&mut workspace, contents, copies);
    let mut outcomes = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        if let Authors::Named(authors) = &authors {
            run.speak_for(authors[index]);
        }
        outcomes.push(run.group(group));
    }
    let contents = run.into_contents();
    if !workspace.paths_fit() {
        return Err(Error::Invalid("together its moves make a path too long"));
    }
    contents.write(transaction, id)?;
    let head = workspace.write(transaction)?;
    let committed = Committed { outcomes, head, repeated: false };
    settle(transaction, principal, key, digest, &committed, now)?;
    Ok(committed)
}

/// Every author named is an account, or nobody.
fn check_authors(snapshot: &dyn Snapshot, authors: &Authors) -> Result<(), Error> {
    let Authors::Named(authors) = authors else { return Ok(()) };
    let named: HashSet<UserId> = authors.iter().copied().filter(|user| *user != UserId::SERVER).collect();
    for user in named {
        if snapshot.user(user)?.is_none() {
            return Err(Error::Invalid("an author has no account"));
        }
    }
    Ok(())
}

/// Stores an answer with what it answers for.
pub(crate) fn settle(
    transaction: &dyn Transaction,
    principal: Principal,
    key: IdempotencyKey,
    digest: [u8; 32],
    committed: &Committed,
    now: Timestamp,
) -> Result<(), Error> {
    let row = OperationRow { digest, result: answer::write(committed), at: now };
    Ok(transaction.put_operation(caller(principal), key, &row)?)
}

/// Ends the caller's own uploads among these.
fn end_uploads(
    transaction: &dyn Transaction,
    permit: &Permit<Write>,
    uploads: &[UploadId],
) -> Result<(), Error> {
    if uploads.is_empty() {
        return Ok(());
    }
    let wanted: HashSet<UploadId> = uploads.iter().copied().collect();
    let own = transaction.uploads(permit.folder(), permit.principal().user, None)?;
    let ended: Vec<UploadId> = own.into_iter().map(|row| row.id).filter(|id| wanted.contains(id)).collect();
    Ok(transaction.delete_uploads(&ended)?)
}

/// The directory an operation goes to, if it names one.
pub(crate) fn target(operation: &Operation) -> Option<(NodeRef, &model::Name)> {
    match operation {
        Operation::Create { parent, name, .. }
        | Operation::Move { parent, name, .. }
        | Operation::Copy { parent, name, .. } => Some((*parent, name)),
        Operation::Update { .. } | Operation::Attributes { .. } | Operation::Remove { .. } => None,
    }
}

/// The node an operation changes, if it is there already.
pub(crate) fn subject(operation: &Operation) -> Option<model::NodeId> {
    match operation {
        Operation::Update { node, .. }
        | Operation::Attributes { node, .. }
        | Operation::Move { node, .. }
        | Operation::Remove { node, .. } => Some(*node),
        Operation::Create { .. } | Operation::Copy { .. } => None,
    }
}
