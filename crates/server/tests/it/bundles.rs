//! Commits to send, and what comes back.

use crate::world::{Answer, Api};
use model::{
    ChunkId, Content, ContentId, Group, GroupOutcome, IdempotencyKey, Name, NodeId, NodeRef, Operation,
    Refusal, Timestamp, UploadId,
};
use protocol::bundle::{CommitHead, CommitResult, Encoder, Record};
use protocol::v1::ClientInfo;
use std::sync::atomic::{AtomicU64, Ordering};

/// A commit that is put together piece by piece.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) key: IdempotencyKey,
    pub(crate) groups: Vec<Group>,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) uploads: Vec<UploadId>,
}

pub(crate) struct Committed {
    pub(crate) result: CommitResult,
    pub(crate) outcomes: Vec<GroupOutcome>,
}

pub(crate) fn new_key() -> IdempotencyKey {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    IdempotencyKey(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes())
}

pub(crate) fn chunk_id(bytes: &[u8]) -> ChunkId {
    content::record::chunk_id(bytes)
}

pub(crate) fn file_content(bytes: &[u8]) -> Content {
    let id = ContentId::of_single_chunk(chunk_id(bytes));
    Content::File { id, size: bytes.len() as u64 }
}

pub(crate) fn create(temporary: u32, parent: NodeRef, name: &str, content: Content) -> Operation {
    Operation::Create {
        temporary,
        parent,
        name: Name::new(name).unwrap(),
        content,
        executable: false,
        mtime: Timestamp(7),
    }
}

pub(crate) const ROOT: NodeRef = NodeRef::Id(NodeId::ROOT);

impl Draft {
    pub(crate) fn new() -> Self {
        Self { key: new_key(), groups: Vec::new(), chunks: Vec::new(), uploads: Vec::new() }
    }

    pub(crate) fn group(mut self, operations: impl Into<Vec<Operation>>) -> Self {
        self.groups.push(Group { operations: operations.into() });
        self
    }

    /// A new file in the root, with its bytes.
    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        let temporary = self.groups.len() as u32;
        let mut draft = self.group([create(temporary, ROOT, name, file_content(bytes))]);
        if !bytes.is_empty() {
            draft.chunks.push(bytes.to_vec());
        }
        draft
    }

    /// A new directory in the root.
    pub(crate) fn directory(self, name: &str) -> Self {
        let temporary = self.groups.len() as u32;
        self.group([create(temporary, ROOT, name, Content::Directory)])
    }

    /// A new file in a directory, with its bytes.
    pub(crate) fn file_in(self, directory: NodeId, name: &str, bytes: &[u8]) -> Self {
        let temporary = self.groups.len() as u32;
        let parent = NodeRef::Id(directory);
        let mut draft = self.group([create(temporary, parent, name, file_content(bytes))]);
        if !bytes.is_empty() {
            draft.chunks.push(bytes.to_vec());
        }
        draft
    }

    pub(crate) fn head(&self) -> CommitHead {
        CommitHead {
            key: self.key,
            uploads: self.uploads.clone(),
            groups: self.groups.len() as u32,
            operations: self.groups.iter().map(|group| group.operations.len() as u32).sum(),
            chunk_bytes: self.chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            client: ClientInfo { name: "test".into(), version: "1".into() },
        }
    }

    pub(crate) fn start(&self) -> Encoder {
        let mut encoder = Encoder::new();
        encoder.commit_head(&self.head());
        encoder.groups(&self.groups);
        encoder
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut encoder = self.start();
        self.chunks.iter().for_each(|chunk| encoder.small_chunk(None, chunk));
        encoder.finish()
    }
}

#[track_caller]
pub(crate) fn committed(answer: &Answer) -> Committed {
    let mut result = None;
    let mut outcomes = Vec::new();
    for record in answer.records() {
        match record {
            Record::CommitResult(said) => result = Some(said),
            Record::Outcomes(said) => outcomes.extend(said.expand(100_000).unwrap()),
            Record::End(_) => {}
            other => panic!("{other:?}"),
        }
    }
    Committed { result: result.unwrap(), outcomes }
}

impl Committed {
    /// What became of each group: nothing if it was applied.
    pub(crate) fn refusals(&self) -> Vec<Option<Refusal>> {
        let reason = |outcome: &GroupOutcome| match outcome {
            GroupOutcome::Applied(_) => None,
            GroupOutcome::Refused { reason, .. } => Some(*reason),
        };
        self.outcomes.iter().map(reason).collect()
    }

    /// The node that the first operation of a group made or changed.
    #[track_caller]
    pub(crate) fn node(&self, group: usize) -> model::Applied {
        match &self.outcomes[group] {
            GroupOutcome::Applied(entries) => entries[0],
            other => panic!("{other:?}"),
        }
    }
}

impl Api {
    pub(crate) async fn send_commit(&self, draft: &Draft) -> Answer {
        self.bundle(&self.folder_path("commits"), draft.bytes()).await
    }

    /// Commits with something more in the address, and expects success.
    pub(crate) async fn commit_at(&self, query: &str, draft: Draft) -> Committed {
        committed(&self.bundle(&self.folder_path(&format!("commits{query}")), draft.bytes()).await)
    }

    pub(crate) async fn commit(&self, draft: Draft) -> Committed {
        committed(&self.send_commit(&draft).await)
    }
}
