//! What a commit is to do, before its chunks have come: checked groups and whole manifests.

use super::more_than_announced;
use crate::failure::Failure;
use crate::server::Server;
use model::permit::{Read, Write};
use model::{
    Action, ChunkId, ContentId, Group, GroupOutcome, IdempotencyKey, Limits, NodeId, Permit, Refusal,
    UploadId,
};
use protocol::ProblemKind;
use protocol::bundle::{BadGroup, CommitHead, Groups, ManifestPart, OperationRun, Splice};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use versioning::Manifest;

/// The most uploads that one commit names.
const UPLOADS_MAX: usize = 64;
/// The longest name and version of a client.
const CLIENT_BYTES_MAX: usize = 64;
/// The most entries of all manifests of a commit together: 1 TiB of contents at the average length of a chunk.
pub(crate) const MANIFEST_ENTRIES_MAX: usize = 1 << 22;

/// What has been said so far.
pub(super) struct Plan {
    head: CommitHead,
    groups: Groups,
    digest: blake3::Hasher,
    parts: Vec<Draft>,
    entries: usize,
    room: Vec<OwnedSemaphorePermit>,
}

/// A manifest whose parts are still coming.
struct Draft {
    content: ContentId,
    size: u64,
    base: Option<(NodeId, ContentId)>,
    splices: Vec<chunker::Splice>,
    whole: bool,
}

/// What is to be done.
pub(super) struct Planned {
    pub(super) key: IdempotencyKey,
    pub(super) digest: [u8; 32],
    pub(super) uploads: Vec<UploadId>,
    /// The groups that can be tried.
    pub(super) groups: Vec<Group>,
    /// Where among all groups those stand that cannot, and at which operation.
    bad: Vec<(usize, u32)>,
    pub(super) manifests: Vec<Manifest>,
    /// The chunks that groups and manifests name.
    pub(super) named: Arc<HashSet<ChunkId>>,
    pub(super) chunk_bytes: u64,
    /// The memory that the manifests may take, given back when all is done.
    _room: Vec<OwnedSemaphorePermit>,
}

impl Plan {
    pub(super) fn new(head: CommitHead, limits: &Limits) -> Result<Self, Failure> {
        if u64::from(head.operations) > limits.commit_operations {
            return Err(Failure::over_limit("commit_operations", limits.commit_operations));
        }
        if head.chunk_bytes > limits.bundle_bytes {
            return Err(Failure::over_limit("bundle_bytes", limits.bundle_bytes));
        }
        if head.uploads.len() > UPLOADS_MAX {
            return Err(Failure::over_limit("uploads", UPLOADS_MAX as u64));
        }
        if head.client.name.len().max(head.client.version.len()) > CLIENT_BYTES_MAX {
            return Err(Failure::invalid("The client's name or version is too long."));
        }
        tracing::debug!(
            client = head.client.name,
            version = head.client.version,
            operations = head.operations,
            "commit"
        );
        Ok(Self {
            head,
            groups: Groups::default(),
            digest: blake3::Hasher::new(),
            parts: Vec::new(),
            entries: 0,
            room: Vec::new(),
        })
    }

    pub(super) fn add_operations(&mut self, run: OperationRun) -> Result<(), Failure> {
        if self.groups.operations() + run.len() > self.head.operations as usize {
            return Err(more_than_announced("it has more operations than its head says"));
        }
        let mut canonical = Vec::new();
        run.write_canonical(&mut canonical);
        self.digest.update(&canonical);
        self.groups.push(run);
        Ok(())
    }

    pub(super) fn add_manifest(&mut self, server: &Server, part: ManifestPart) -> Result<(), Failure> {
        let splices: Vec<chunker::Splice> = part.splices.into_iter().map(to_chunker).collect();
        let entries = splices.iter().fold(0usize, |sum, splice| sum.saturating_add(entries_of(splice)));
        self.entries = self.entries.saturating_add(entries);
        if self.entries > MANIFEST_ENTRIES_MAX {
            return Err(Failure::over_limit("manifest_entries", MANIFEST_ENTRIES_MAX as u64));
        }
        // What all commits that run take together is bounded, too.
        let room = Arc::clone(&server.manifest_entries).try_acquire_many_owned(entries as u32);
        self.room.push(room.map_err(|_| {
            Failure::new(ProblemKind::TooManyRequests)
                .detail("Too many long manifests at once.")
                .retry_after(2)
        })?);
        let base = part.base.map(|base| (base.node, base.content));
        match self.parts.last_mut() {
            Some(draft) if !draft.whole => {
                if draft.content != part.content || draft.base != base || draft.size != part.size {
                    return Err(super::out_of_place("The parts of a manifest follow one another."));
                }
                draft.splices.extend(splices);
                draft.whole = part.last;
            }
            _ => {
                if self.parts.len() >= self.head.operations as usize {
                    return Err(more_than_announced("it has more manifests than operations"));
                }
                self.parts.push(Draft {
                    content: part.content,
                    size: part.size,
                    base,
                    splices,
                    whole: part.last,
                });
            }
        }
        Ok(())
    }

    /// Checks it all, and puts manifests together with the help of the bases that the folder holds.
    pub(super) async fn settle(
        self,
        server: &Arc<Server>,
        permit: Permit<Write>,
    ) -> Result<Planned, Failure> {
        if self.groups.operations() != self.head.operations as usize {
            return Err(more_than_announced("it has fewer operations than its head says"));
        }
        if self.parts.last().is_some_and(|draft| !draft.whole) {
            return Err(super::out_of_place("A manifest misses its last part."));
        }
        let groups = self.groups.finish();
        if groups.len() != self.head.groups as usize {
            return Err(more_than_announced("it has other groups than its head says"));
        }
        let mut bad = Vec::new();
        let mut good = Vec::with_capacity(groups.len());
        for (index, group) in groups.into_iter().enumerate() {
            match group {
                Ok(group) => good.push(group),
                // What would use the nodes it was to make is refused by the commit: they are never made.
                Err(BadGroup { operation, .. }) => bad.push((index, operation)),
            }
        }
        check_uploads(server, permit, &self.head.uploads).await?;
        let manifests = assemble(server, permit, self.parts).await?;
        let singles = good
            .iter()
            .flat_map(|group| &group.operations)
            .filter_map(|operation| operation.file_content())
            .map(|(content, _)| content.as_single_chunk());
        let listed = manifests.iter().flat_map(|manifest| manifest.chunks().iter().map(|(chunk, _)| *chunk));
        let named = singles.chain(listed).collect();
        Ok(Planned {
            key: self.head.key,
            digest: *self.digest.finalize().as_bytes(),
            uploads: self.head.uploads,
            groups: good,
            bad,
            manifests,
            named: Arc::new(named),
            chunk_bytes: self.head.chunk_bytes,
            _room: self.room,
        })
    }
}

impl Planned {
    /// The outcomes of all groups, in the order they were sent.
    pub(super) fn merge(&self, outcomes: Vec<GroupOutcome>) -> Vec<GroupOutcome> {
        let mut all = Vec::with_capacity(outcomes.len() + self.bad.len());
        let mut tried = outcomes.into_iter();
        for (index, operation) in &self.bad {
            all.extend(tried.by_ref().take(index - all.len()));
            let reason = Refusal::BadName;
            all.push(GroupOutcome::Refused { operation: *operation, reason, current: None });
        }
        all.extend(tried);
        all
    }
}

/// Chunks are taken in only for uploads of the caller's own.
async fn check_uploads(
    server: &Arc<Server>,
    permit: Permit<Write>,
    uploads: &[UploadId],
) -> Result<(), Failure> {
    if uploads.is_empty() {
        return Ok(());
    }
    let (uploads, principal) = (uploads.to_vec(), permit.principal());
    server
        .read(move |snapshot| {
            for upload in uploads {
                let row = snapshot.upload(upload)?.filter(|row| {
                    row.folder == permit.folder()
                        && (row.user, row.device) == (principal.user, principal.device)
                });
                if row.is_none() {
                    return Err(Failure::not_found()
                        .detail("There is no such upload.")
                        .member("upload", upload.to_string()));
                }
            }
            Ok(())
        })
        .await
}

async fn assemble(
    server: &Arc<Server>,
    permit: Permit<Write>,
    drafts: Vec<Draft>,
) -> Result<Vec<Manifest>, Failure> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    // Reading a base is reading: it is asked for like any other.
    let permit = server.permit::<Read>(permit.principal(), permit.folder(), Action::Read).await?;
    let (database, limits, now) = (Arc::clone(&server.database), server.settings.limits, server.now());
    server
        .blocking(move || {
            let mut wanted: Vec<_> = drafts.iter().filter_map(|draft| draft.base).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let held = versioning::fetch::manifests(&*database, permit, wanted.clone(), &limits, now)?;
            let bases: HashMap<_, _> =
                wanted.into_iter().zip(held).filter_map(|(wanted, held)| Some((wanted, held?))).collect();
            let mut left = MANIFEST_ENTRIES_MAX;
            let mut manifests = Vec::with_capacity(drafts.len());
            for draft in drafts {
                let base = match draft.base {
                    None => chunker::Manifest::default(),
                    Some(id) => bases
                        .get(&id)
                        .map(|chunks| chunker::Manifest::new(chunks.iter().map(to_entry).collect()))
                        .ok_or_else(|| {
                            Failure::invalid(
                                "A manifest is based on a content that this folder does not hold.",
                            )
                            .member("base", id.1.to_string())
                        })?,
                };
                let manifest = chunker::Splices(draft.splices).apply(&base, left)?;
                left -= manifest.entries().len();
                let chunks: Vec<_> =
                    manifest.entries().iter().map(|entry| (entry.chunk, entry.length)).collect();
                if manifest.size() != draft.size {
                    return Err(Failure::invalid("A manifest is of another size than it says."));
                }
                manifests.push(Manifest::verified(draft.content, chunks, |_| manifest.content_id())?);
            }
            Ok(manifests)
        })
        .await
}

fn to_entry((chunk, length): &(ChunkId, u32)) -> chunker::Entry {
    chunker::Entry { chunk: *chunk, length: *length }
}

fn to_chunker(splice: Splice) -> chunker::Splice {
    match splice {
        Splice::Keep { start, count } => chunker::Splice::Keep(start..start.saturating_add(count)),
        Splice::New(chunks) => chunker::Splice::New(
            chunks.iter().map(|chunk| chunker::Entry { chunk: chunk.id, length: chunk.length }).collect(),
        ),
    }
}

fn entries_of(splice: &chunker::Splice) -> usize {
    match splice {
        chunker::Splice::Keep(range) => range.len(),
        chunker::Splice::New(entries) => entries.len(),
    }
}
