//! How states, intents and staged nodes are written in blobs: postcard of types of our own, behind a format byte.

use model::{
    Content, ContentId, Fingerprint, Handle, Name, NodeId, NodeKey, NodeRef, NodeState, Operation,
    RemoteNode, Revision, Seq, Timestamp, VersionNumber,
};
use planner::RemoteOperation;
use serde::{Deserialize, Serialize};
use sync_engine::{IntentOperation, StoreError};

const FORMAT: u8 = 1;

/// A blob that is not what this program writes.
fn broken(what: &str) -> StoreError {
    StoreError(format!(
        "a stored {what} cannot be read; remove the pair's file to have everything looked at anew"
    ))
}

fn write<T: Serialize>(value: &T) -> Vec<u8> {
    let bytes = vec![FORMAT];
    postcard::to_extend(value, bytes).expect("writing to memory cannot fail")
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => postcard::from_bytes(rest).map_err(|_| broken(what)),
        _ => Err(broken(what)),
    }
}

#[derive(Serialize, Deserialize)]
enum StoredContent {
    Directory,
    File { id: [u8; 32], size: u64 },
    Link { target: Vec<u8> },
}

impl From<&Content> for StoredContent {
    fn from(content: &Content) -> Self {
        match content {
            Content::Directory => Self::Directory,
            Content::File { id, size } => Self::File { id: id.0, size: *size },
            Content::Link { target } => Self::Link { target: target.to_vec() },
        }
    }
}

impl From<StoredContent> for Content {
    fn from(content: StoredContent) -> Self {
        match content {
            StoredContent::Directory => Self::Directory,
            StoredContent::File { id, size } => Self::File { id: ContentId(id), size },
            StoredContent::Link { target } => Self::Link { target: target.into() },
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredState {
    parent: u64,
    name: String,
    content: StoredContent,
    executable: bool,
    mtime: i64,
}

impl From<&NodeState> for StoredState {
    fn from(state: &NodeState) -> Self {
        Self {
            parent: state.parent.0,
            name: state.name.as_str().to_owned(),
            content: (&state.content).into(),
            executable: state.executable,
            mtime: state.mtime.0,
        }
    }
}

fn name_of(text: &str) -> Result<Name, StoreError> {
    if text.is_empty() { Ok(Name::root()) } else { Name::new(text).map_err(|_| broken("name")) }
}

impl StoredState {
    fn restore(self) -> Result<NodeState, StoreError> {
        Ok(NodeState {
            parent: NodeKey(self.parent),
            name: name_of(&self.name)?,
            content: self.content.into(),
            executable: self.executable,
            mtime: Timestamp(self.mtime),
        })
    }
}

pub(crate) fn write_state(state: &NodeState) -> Vec<u8> {
    write(&StoredState::from(state))
}

pub(crate) fn read_state(bytes: &[u8]) -> Result<NodeState, StoreError> {
    read::<StoredState>(bytes, "node")?.restore()
}

/// All of a fingerprint but its handle, which has a column of its own.
pub(crate) fn write_disk(disk: &Fingerprint) -> Vec<u8> {
    write(&(disk.size, disk.mtime.0, disk.ctime.0, disk.executable))
}

pub(crate) fn read_disk(handle: Vec<u8>, bytes: &[u8]) -> Result<Fingerprint, StoreError> {
    let (size, mtime, ctime, executable) = read(bytes, "fingerprint")?;
    let (mtime, ctime) = (Timestamp(mtime), Timestamp(ctime));
    Ok(Fingerprint { handle: Handle(handle.into()), size, mtime, ctime, executable })
}

#[derive(Serialize, Deserialize)]
struct StoredNode {
    id: u64,
    parent: u64,
    name: String,
    content: StoredContent,
    executable: bool,
    mtime: i64,
    placement: u64,
    version: u64,
    seq: u64,
    deleted: bool,
}

pub(crate) fn write_node(node: &RemoteNode) -> Vec<u8> {
    write(&StoredNode {
        id: node.id.0,
        parent: node.parent.0,
        name: node.name.as_str().to_owned(),
        content: (&node.content).into(),
        executable: node.executable,
        mtime: node.mtime.0,
        placement: node.revision.placement.0,
        version: node.revision.version.0,
        seq: node.seq.0,
        deleted: node.deleted,
    })
}

pub(crate) fn read_node(bytes: &[u8]) -> Result<RemoteNode, StoreError> {
    let node: StoredNode = read(bytes, "change")?;
    Ok(RemoteNode {
        id: NodeId(node.id),
        parent: NodeId(node.parent),
        name: name_of(&node.name)?,
        content: node.content.into(),
        executable: node.executable,
        mtime: Timestamp(node.mtime),
        revision: Revision { placement: Seq(node.placement), version: Seq(node.version) },
        seq: Seq(node.seq),
        deleted: node.deleted,
    })
}

#[derive(Serialize, Deserialize)]
enum StoredPlanned {
    Create { key: u64, state: StoredState },
    Update { key: u64, content: StoredContent, executable: bool, mtime: i64 },
    Attributes { key: u64, executable: bool, mtime: i64 },
    Move { key: u64, parent: u64, name: String },
    Remove { key: u64 },
}

impl From<&RemoteOperation> for StoredPlanned {
    fn from(operation: &RemoteOperation) -> Self {
        match operation {
            RemoteOperation::Create { key, state } => Self::Create { key: key.0, state: state.into() },
            RemoteOperation::Update { key, content, executable, mtime } => {
                Self::Update { key: key.0, content: content.into(), executable: *executable, mtime: mtime.0 }
            }
            RemoteOperation::Attributes { key, executable, mtime } => {
                Self::Attributes { key: key.0, executable: *executable, mtime: mtime.0 }
            }
            RemoteOperation::Move { key, parent, name } => {
                Self::Move { key: key.0, parent: parent.0, name: name.as_str().to_owned() }
            }
            RemoteOperation::Remove { key } => Self::Remove { key: key.0 },
        }
    }
}

impl StoredPlanned {
    fn restore(self) -> Result<RemoteOperation, StoreError> {
        Ok(match self {
            Self::Create { key, state } => {
                RemoteOperation::Create { key: NodeKey(key), state: state.restore()? }
            }
            Self::Update { key, content, executable, mtime } => RemoteOperation::Update {
                key: NodeKey(key),
                content: content.into(),
                executable,
                mtime: Timestamp(mtime),
            },
            Self::Attributes { key, executable, mtime } => {
                RemoteOperation::Attributes { key: NodeKey(key), executable, mtime: Timestamp(mtime) }
            }
            Self::Move { key, parent, name } => {
                RemoteOperation::Move { key: NodeKey(key), parent: NodeKey(parent), name: name_of(&name)? }
            }
            Self::Remove { key } => RemoteOperation::Remove { key: NodeKey(key) },
        })
    }
}

#[derive(Serialize, Deserialize)]
enum StoredRef {
    Id(u64),
    Temporary(u32),
}

impl From<NodeRef> for StoredRef {
    fn from(node: NodeRef) -> Self {
        match node {
            NodeRef::Id(id) => Self::Id(id.0),
            NodeRef::Temporary(number) => Self::Temporary(number),
        }
    }
}

impl From<StoredRef> for NodeRef {
    fn from(node: StoredRef) -> Self {
        match node {
            StoredRef::Id(id) => Self::Id(NodeId(id)),
            StoredRef::Temporary(number) => Self::Temporary(number),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum StoredOperation {
    Create {
        temporary: u32,
        parent: StoredRef,
        name: String,
        content: StoredContent,
        executable: bool,
        mtime: i64,
    },
    Update {
        node: u64,
        base: u64,
        content: StoredContent,
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
        parent: StoredRef,
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
        parent: StoredRef,
        name: String,
    },
}

impl From<&Operation> for StoredOperation {
    fn from(operation: &Operation) -> Self {
        match operation {
            Operation::Create { temporary, parent, name, content, executable, mtime } => Self::Create {
                temporary: *temporary,
                parent: (*parent).into(),
                name: name.as_str().to_owned(),
                content: content.into(),
                executable: *executable,
                mtime: mtime.0,
            },
            Operation::Update { node, base, content, executable, mtime } => Self::Update {
                node: node.0,
                base: base.0,
                content: content.into(),
                executable: *executable,
                mtime: mtime.0,
            },
            Operation::Attributes { node, base, executable, mtime } => {
                Self::Attributes { node: node.0, base: base.0, executable: *executable, mtime: mtime.0 }
            }
            Operation::Move { node, base, parent, name } => Self::Move {
                node: node.0,
                base: base.0,
                parent: (*parent).into(),
                name: name.as_str().to_owned(),
            },
            Operation::Remove { node, base } => {
                Self::Remove { node: node.0, placement: base.placement.0, version: base.version.0 }
            }
            Operation::Copy { temporary, source, version, parent, name } => Self::Copy {
                temporary: *temporary,
                source: source.0,
                version: version.map(|version| version.0),
                parent: (*parent).into(),
                name: name.as_str().to_owned(),
            },
        }
    }
}

impl StoredOperation {
    fn restore(self) -> Result<Operation, StoreError> {
        Ok(match self {
            Self::Create { temporary, parent, name, content, executable, mtime } => Operation::Create {
                temporary,
                parent: parent.into(),
                name: name_of(&name)?,
                content: content.into(),
                executable,
                mtime: Timestamp(mtime),
            },
            Self::Update { node, base, content, executable, mtime } => Operation::Update {
                node: NodeId(node),
                base: Seq(base),
                content: content.into(),
                executable,
                mtime: Timestamp(mtime),
            },
            Self::Attributes { node, base, executable, mtime } => Operation::Attributes {
                node: NodeId(node),
                base: Seq(base),
                executable,
                mtime: Timestamp(mtime),
            },
            Self::Move { node, base, parent, name } => Operation::Move {
                node: NodeId(node),
                base: Seq(base),
                parent: parent.into(),
                name: name_of(&name)?,
            },
            Self::Remove { node, placement, version } => Operation::Remove {
                node: NodeId(node),
                base: Revision { placement: Seq(placement), version: Seq(version) },
            },
            Self::Copy { temporary, source, version, parent, name } => Operation::Copy {
                temporary,
                source: NodeId(source),
                version: version.map(VersionNumber),
                parent: parent.into(),
                name: name_of(&name)?,
            },
        })
    }
}

pub(crate) fn write_groups(groups: &[Vec<IntentOperation>]) -> Vec<u8> {
    let stored: Vec<Vec<(StoredPlanned, StoredOperation)>> = groups
        .iter()
        .map(|group| group.iter().map(|one| ((&one.planned).into(), (&one.sent).into())).collect())
        .collect();
    write(&stored)
}

pub(crate) fn read_groups(bytes: &[u8]) -> Result<Vec<Vec<IntentOperation>>, StoreError> {
    let stored: Vec<Vec<(StoredPlanned, StoredOperation)>> = read(bytes, "intent")?;
    let restore = |(planned, sent): (StoredPlanned, StoredOperation)| {
        Ok(IntentOperation { planned: planned.restore()?, sent: sent.restore()? })
    };
    stored.into_iter().map(|group| group.into_iter().map(restore).collect()).collect()
}
