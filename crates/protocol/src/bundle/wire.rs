//! The postcard forms of metadata records, version 1, and their way from and to the words of `model`.
//!
//! Fields and variants are in the order of the format: none may be moved, removed or put between. What comes in
//! is checked on its way to `model`; what cannot be said there is an error of the record, but for names and link
//! targets, which a server refuses group by group.

use super::manifest::Splice;
use model::{
    ChunkId, Content, ContentId, Name, NodeId, Refusal, RemoteNode, Revision, Seq, Timestamp, VersionNumber,
};
use serde::{Deserialize, Serialize};

type Hash = [u8; 32];

/// The longest link target in bytes.
const TARGET_BYTES_MAX: usize = 4095;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommitHead {
    pub(crate) key: [u8; 16],
    pub(crate) uploads: Vec<[u8; 16]>,
    pub(crate) groups: u32,
    pub(crate) operations: u32,
    pub(crate) chunk_bytes: u64,
    pub(crate) client_name: String,
    pub(crate) client_version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NodeRef {
    Id(u64),
    Temporary(u32),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WireContent {
    Directory,
    File { id: Hash, size: u64 },
    Link { target: Vec<u8> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    Create {
        temporary: u32,
        parent: NodeRef,
        name: String,
        content: WireContent,
        executable: bool,
        mtime: i64,
    },
    Update {
        node: u64,
        base: u64,
        content: WireContent,
        executable: bool,
        mtime: i64,
    },
    Attributes {
        node: u64,
        base: u64,
        executable: bool,
        mtime: i64,
    },
    Move {
        node: u64,
        base: u64,
        parent: NodeRef,
        name: String,
    },
    Remove {
        node: u64,
        placement: u64,
        version: u64,
    },
    Copy {
        temporary: u32,
        source: u64,
        version: Option<u64>,
        parent: NodeRef,
        name: String,
    },
}

/// An operation, and whether it begins a group: the rest of a group may come in the next record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) begins_group: bool,
    pub(crate) operation: Operation,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum WireSplice {
    Keep { start: u32, count: u32 },
    New(Vec<(Hash, u32)>),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ManifestPart {
    pub(crate) content: Hash,
    pub(crate) size: u64,
    pub(crate) base: Option<(u64, Hash)>,
    pub(crate) splices: Vec<WireSplice>,
    pub(crate) last: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommitResult {
    pub(crate) before: u64,
    pub(crate) head: u64,
    pub(crate) cursor: String,
    pub(crate) replayed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcomes {
    /// What became of the groups, in order.
    pub(crate) groups: Vec<OutcomeRun>,
    /// The applied operations of all applied groups, in order.
    pub(crate) applied: Vec<AppliedRun>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OutcomeRun {
    /// So many groups of so many operations each were applied.
    Applied { groups: u32, operations: u32 },
    /// One group was refused.
    Refused { operation: u32, reason: u8, current: Option<Box<Node>> },
}

/// `count` applied operations; each differs from the one before by the same steps (two's complement).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppliedRun {
    pub(crate) count: u32,
    pub(crate) node: u64,
    pub(crate) node_step: i64,
    pub(crate) placement: u64,
    pub(crate) placement_step: i64,
    pub(crate) version: u64,
    pub(crate) version_step: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) name: String,
    pub(crate) content: WireContent,
    pub(crate) executable: bool,
    pub(crate) mtime: i64,
    pub(crate) seq: u64,
    /// `seq` less the placement's number (two's complement): small, so that pages of changes compress.
    pub(crate) placement_back: u64,
    /// `seq` less the version's number.
    pub(crate) version_back: u64,
    pub(crate) deleted: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PageEnd {
    pub(crate) cursor: String,
    pub(crate) head: u64,
    pub(crate) more: bool,
}

/// The refusals in the order of the format.
/// Every reason, at the place of its number.
pub(crate) const REFUSALS: [Refusal; 10] = [
    Refusal::Stale,
    Refusal::Gone,
    Refusal::NameTaken,
    Refusal::Forbidden,
    Refusal::Quota,
    Refusal::TooLarge,
    Refusal::BadName,
    Refusal::ChunkMissing,
    Refusal::Dependency,
    Refusal::Held,
];

pub(crate) fn refusal_code(reason: Refusal) -> u8 {
    match reason {
        Refusal::Stale => 0,
        Refusal::Gone => 1,
        Refusal::NameTaken => 2,
        Refusal::Forbidden => 3,
        Refusal::Quota => 4,
        Refusal::TooLarge => 5,
        Refusal::BadName => 6,
        Refusal::ChunkMissing => 7,
        Refusal::Dependency => 8,
        Refusal::Held => 9,
    }
}

pub(crate) fn refusal_of(code: u8) -> Option<Refusal> {
    REFUSALS.get(usize::from(code)).copied()
}

impl From<model::NodeRef> for NodeRef {
    fn from(node: model::NodeRef) -> Self {
        match node {
            model::NodeRef::Id(id) => Self::Id(id.0),
            model::NodeRef::Temporary(number) => Self::Temporary(number),
        }
    }
}

impl From<NodeRef> for model::NodeRef {
    fn from(node: NodeRef) -> Self {
        match node {
            NodeRef::Id(id) => Self::Id(NodeId(id)),
            NodeRef::Temporary(number) => Self::Temporary(number),
        }
    }
}

impl From<&Content> for WireContent {
    fn from(content: &Content) -> Self {
        match content {
            Content::Directory => Self::Directory,
            Content::File { id, size } => Self::File { id: id.0, size: *size },
            Content::Link { target } => Self::Link { target: target.to_vec() },
        }
    }
}

/// A name or a link target that `model` cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadText;

impl WireContent {
    pub(crate) fn into_model(self) -> Result<Content, BadText> {
        Ok(match self {
            Self::Directory => Content::Directory,
            Self::File { id, size } => Content::File { id: ContentId(id), size },
            Self::Link { target } => {
                if target.is_empty() || target.len() > TARGET_BYTES_MAX || target.contains(&0) {
                    return Err(BadText);
                }
                Content::Link { target: target.into() }
            }
        })
    }
}

impl From<&model::Operation> for Operation {
    fn from(operation: &model::Operation) -> Self {
        use model::Operation as From;
        match operation {
            From::Create { temporary, parent, name, content, executable, mtime } => Self::Create {
                temporary: *temporary,
                parent: (*parent).into(),
                name: name.as_str().to_owned(),
                content: content.into(),
                executable: *executable,
                mtime: mtime.0,
            },
            From::Update { node, base, content, executable, mtime } => Self::Update {
                node: node.0,
                base: base.0,
                content: content.into(),
                executable: *executable,
                mtime: mtime.0,
            },
            From::Attributes { node, base, executable, mtime } => {
                Self::Attributes { node: node.0, base: base.0, executable: *executable, mtime: mtime.0 }
            }
            From::Move { node, base, parent, name } => Self::Move {
                node: node.0,
                base: base.0,
                parent: (*parent).into(),
                name: name.as_str().to_owned(),
            },
            From::Remove { node, base } => {
                Self::Remove { node: node.0, placement: base.placement.0, version: base.version.0 }
            }
            From::Copy { temporary, source, version, parent, name } => Self::Copy {
                temporary: *temporary,
                source: source.0,
                version: version.map(|number| number.0),
                parent: (*parent).into(),
                name: name.as_str().to_owned(),
            },
        }
    }
}

impl Operation {
    /// The number of the node it makes, also where its texts are bad.
    pub(crate) fn temporary(&self) -> Option<u32> {
        match self {
            Self::Create { temporary, .. } | Self::Copy { temporary, .. } => Some(*temporary),
            _ => None,
        }
    }

    pub(crate) fn into_model(self) -> Result<model::Operation, BadText> {
        let name_of = |text: String| Name::new(&text).map_err(|_| BadText);
        Ok(match self {
            Self::Create { temporary, parent, name, content, executable, mtime } => {
                model::Operation::Create {
                    temporary,
                    parent: parent.into(),
                    name: name_of(name)?,
                    content: content.into_model()?,
                    executable,
                    mtime: Timestamp(mtime),
                }
            }
            Self::Update { node, base, content, executable, mtime } => model::Operation::Update {
                node: NodeId(node),
                base: Seq(base),
                content: content.into_model()?,
                executable,
                mtime: Timestamp(mtime),
            },
            Self::Attributes { node, base, executable, mtime } => model::Operation::Attributes {
                node: NodeId(node),
                base: Seq(base),
                executable,
                mtime: Timestamp(mtime),
            },
            Self::Move { node, base, parent, name } => model::Operation::Move {
                node: NodeId(node),
                base: Seq(base),
                parent: parent.into(),
                name: name_of(name)?,
            },
            Self::Remove { node, placement, version } => model::Operation::Remove {
                node: NodeId(node),
                base: Revision { placement: Seq(placement), version: Seq(version) },
            },
            Self::Copy { temporary, source, version, parent, name } => model::Operation::Copy {
                temporary,
                source: NodeId(source),
                version: version.map(VersionNumber),
                parent: parent.into(),
                name: name_of(name)?,
            },
        })
    }
}

impl From<&RemoteNode> for Node {
    fn from(node: &RemoteNode) -> Self {
        Self {
            id: node.id.0,
            parent: node.parent.0,
            name: node.name.as_str().to_owned(),
            content: (&node.content).into(),
            executable: node.executable,
            mtime: node.mtime.0,
            seq: node.seq.0,
            placement_back: node.seq.0.wrapping_sub(node.revision.placement.0),
            version_back: node.seq.0.wrapping_sub(node.revision.version.0),
            deleted: node.deleted,
        }
    }
}

impl Node {
    pub(crate) fn into_model(self) -> Result<RemoteNode, BadText> {
        let id = NodeId(self.id);
        // Only the root has no name.
        let name = match (id, self.name.as_str()) {
            (NodeId::ROOT, "") => Name::root(),
            (_, text) => Name::new(text).map_err(|_| BadText)?,
        };
        Ok(RemoteNode {
            id,
            parent: NodeId(self.parent),
            name,
            content: self.content.into_model()?,
            executable: self.executable,
            mtime: Timestamp(self.mtime),
            revision: Revision {
                placement: Seq(self.seq.wrapping_sub(self.placement_back)),
                version: Seq(self.seq.wrapping_sub(self.version_back)),
            },
            seq: Seq(self.seq),
            deleted: self.deleted,
        })
    }
}

impl From<&Splice> for WireSplice {
    fn from(splice: &Splice) -> Self {
        match splice {
            Splice::Keep { start, count } => Self::Keep { start: *start, count: *count },
            Splice::New(chunks) => Self::New(chunks.iter().map(|chunk| (chunk.id.0, chunk.length)).collect()),
        }
    }
}

impl From<WireSplice> for Splice {
    fn from(splice: WireSplice) -> Self {
        match splice {
            WireSplice::Keep { start, count } => Self::Keep { start, count },
            WireSplice::New(chunks) => Self::New(
                chunks
                    .into_iter()
                    .map(|(id, length)| super::manifest::ChunkRef { id: ChunkId(id), length })
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_own_code() {
        for reason in REFUSALS {
            assert_eq!(refusal_of(refusal_code(reason)), Some(reason));
        }
        assert_eq!(refusal_of(10), None);
    }
}
