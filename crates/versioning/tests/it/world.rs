//! A server's state to test on: a database, a chunk store, accounts, a folder.

use content::{ChunkStore, Depth, Entry, MemoryStore, Record};
use metadata::account::{NewDevice, NewUser, Subject};
use metadata::{Database, Error as MetadataError, read, write};
use metadata_sqlite::Sqlite;
use model::location::{Codec, Located};
use model::permit::{Read, Write};
use model::{
    Access, Action, ChunkId, Content, ContentId, Denied, FolderId, Group, GroupOutcome, IdempotencyKey,
    Limits, Name, NameRule, NodeId, NodeRef, Operation, Permit, Principal, Privilege, RemoteNode, Revision,
    Seq, Timestamp, UserId, authorize,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use versioning::changes::Cursor;
use versioning::verify::{Report, verify};
use versioning::{Authors, Commit, Committed, Error, Manifest, changes, commit, folder};

/// The moment of every test that does not care.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

/// See the module.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) store: MemoryStore,
    pub(crate) folder: FolderId,
    pub(crate) alice: Principal,
    pub(crate) limits: Limits,
    pub(crate) keys: AtomicU64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(Sqlite::in_memory().unwrap()))
    }

    pub(crate) fn on(database: Arc<dyn Database>) -> Self {
        let identity = versioning::identity::Identity {
            epoch: model::Epoch([9; 16]),
            cursor_key: [1; 32],
            server_key: [2; 32],
        };
        versioning::identity::identity(&*database, identity).unwrap();
        let folder = folder::create(&*database, folder::Create::shared("docs"), NOW).unwrap();
        let mut world = Self {
            database,
            store: MemoryStore::new(),
            folder,
            alice: Principal { user: UserId(0), device: None },
            limits: Limits::default(),
            keys: AtomicU64::new(0),
        };
        world.alice = world.person("alice");
        world.grant(world.alice, Some(Privilege::Write));
        world
    }

    /// An account with a device.
    pub(crate) fn person(&self, text: &'static str) -> Principal {
        write::<_, MetadataError>(&*self.database, move |t| {
            let name = Name::new(text).unwrap();
            let user = t.create_user(&NewUser {
                name: text.into(),
                name_key: NameRule::Portable.key(&name),
                administrator: false,
                quota_bytes: None,
                at: NOW,
            })?;
            let mut token_hash = [0; 32];
            token_hash[..text.len()].copy_from_slice(text.as_bytes());
            let device = t.create_device(&NewDevice {
                user,
                name: "pc".into(),
                token_hash,
                at: NOW,
                expires_at: None,
                platform: String::new(),
                address: String::new(),
            })?;
            Ok(Principal { user, device: Some(device) })
        })
        .unwrap()
    }

    pub(crate) fn grant(&self, who: Principal, privilege: Option<Privilege>) {
        let subject = Subject::User(who.user);
        folder::grant(
            &*self.database,
            folder::Authority::Administrator,
            self.folder,
            subject,
            privilege,
            NOW,
        )
        .unwrap();
    }

    pub(crate) fn permit<A: Access>(&self, who: Principal, action: Action) -> Result<Permit<A>, Denied> {
        let folder = self.folder;
        let facts = read::<_, MetadataError>(&*self.database, move |s| s.facts(who, folder, NOW)).unwrap();
        authorize(who, self.folder, action, facts)
    }

    pub(crate) fn may_read(&self) -> Permit<Read> {
        self.permit(self.alice, Action::Read).unwrap()
    }

    pub(crate) fn may_write(&self) -> Permit<Write> {
        self.permit(self.alice, Action::Write).unwrap()
    }

    pub(crate) fn next_key(&self) -> IdempotencyKey {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.keys.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        IdempotencyKey(key)
    }

    /// Stores chunks of these bytes.
    pub(crate) fn store(&self, chunks: &[&[u8]]) -> Vec<Located> {
        let entries: Vec<[Entry; 1]> = chunks
            .iter()
            .map(|bytes| [Entry { chunk: chunk_id(bytes), length: u32::try_from(bytes.len()).unwrap() }])
            .collect();
        let records: Vec<Record<'_>> = entries
            .iter()
            .zip(chunks)
            .map(|(entries, bytes)| Record { entries, codec: Codec::Raw, bytes })
            .collect();
        self.store.append(&records).unwrap()
    }

    /// A commit of these groups, its single-chunk contents not sent.
    pub(crate) fn plain(&self, groups: Vec<Group>) -> Commit {
        Commit {
            permit: self.may_write(),
            key: self.next_key(),
            digest: [0; 32],
            groups,
            authors: Authors::Caller,
            manifests: Vec::new(),
            received: Vec::new(),
            uploads: Vec::new(),
            limits: self.limits,
            now: NOW,
        }
    }

    /// Runs groups; the bytes of their texts are sent along.
    pub(crate) fn run(&self, groups: Vec<Group>, texts: &[&str]) -> Committed {
        let chunks: Vec<&[u8]> =
            texts.iter().filter(|text| !text.is_empty()).map(|text| text.as_bytes()).collect();
        let received = self.store(&chunks);
        commit(&*self.database, Commit { received, ..self.plain(groups) }).unwrap()
    }

    /// Runs each operation as a group of one.
    pub(crate) fn each(&self, operations: Vec<Operation>, texts: &[&str]) -> Vec<GroupOutcome> {
        self.run(operations.into_iter().map(one).collect(), texts).outcomes
    }

    /// Makes a file and gives its id.
    pub(crate) fn file(&self, parent: NodeId, name: &str, text: &str) -> NodeId {
        applied(&self.each(vec![create_file(0, parent, name, text)], &[text])[0])[0]
    }

    /// Makes a directory and gives its id.
    pub(crate) fn directory(&self, parent: NodeId, name: &str) -> NodeId {
        applied(&self.each(vec![create_directory(0, parent, name)], &[])[0])[0]
    }

    /// Everything that lives, by id, as a first listing gives it.
    pub(crate) fn listing(&self) -> BTreeMap<NodeId, RemoteNode> {
        // Small pages, to try their seams; but not for folders of ten thousands.
        let limit = if self.row().counters.nodes > 1_000 { 10_000 } else { 7 };
        self.follow(None, limit).0.into_iter().map(|node| (node.id, node)).collect()
    }

    /// Follows changes to the end.
    pub(crate) fn follow(&self, mut cursor: Option<Cursor>, limit: usize) -> (Vec<RemoteNode>, Cursor) {
        let mut nodes = Vec::new();
        loop {
            let page = changes(&*self.database, self.may_read(), cursor, limit, NOW).unwrap();
            nodes.extend(page.nodes);
            cursor = Some(page.next);
            if !page.more {
                return (nodes, page.next);
            }
        }
    }

    /// Proves the whole state.
    pub(crate) fn verify(&self) -> Report {
        verify(&*self.database, Arc::new(self.store.clone()), Depth::AllBytes, digest).unwrap()
    }

    /// Proves the whole state, and expects nothing wrong.
    pub(crate) fn assert_sound(&self) {
        assert_eq!(self.verify().problems, []);
    }

    /// What the chunk store holds, in bytes.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.store.packs().unwrap().iter().map(|pack| pack.bytes).sum()
    }

    /// A node, alive or not.
    pub(crate) fn node(&self, id: NodeId) -> RemoteNode {
        let folder = self.folder;
        let rows = read::<_, MetadataError>(&*self.database, move |s| s.nodes(folder, &[id])).unwrap();
        rows[0].to_remote()
    }

    pub(crate) fn revision(&self, id: NodeId) -> Revision {
        self.node(id).revision
    }

    /// The folder's row.
    pub(crate) fn row(&self) -> metadata::folder::Folder {
        let folder = self.folder;
        read::<_, MetadataError>(&*self.database, move |s| s.folder(folder)).unwrap().unwrap()
    }

    /// Paths of all that lives, each with its content's first bytes.
    pub(crate) fn paths(&self) -> Vec<String> {
        let nodes = self.listing();
        let path = |node: &RemoteNode| {
            let mut names = vec![node.name.as_str().to_owned()];
            let mut at = node.parent;
            while let Some(parent) = nodes.get(&at) {
                names.push(parent.name.as_str().to_owned());
                at = parent.parent;
            }
            names.reverse();
            names.join("/")
        };
        let mut paths: Vec<String> = nodes.values().map(path).collect();
        paths.sort();
        paths
    }
}

/// The digest of the audit log.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

pub(crate) fn chunk_id(bytes: &[u8]) -> ChunkId {
    ChunkId(*blake3::hash(bytes).as_bytes())
}

/// What names a content of several chunks, for the tests: any function of the list will do.
pub(crate) fn manifest_name(chunks: &[(ChunkId, u32)]) -> ContentId {
    let mut hasher = blake3::Hasher::new_derive_key("versioning tests manifest");
    for (chunk, length) in chunks {
        hasher.update(&chunk.0);
        hasher.update(&length.to_le_bytes());
    }
    ContentId(*hasher.finalize().as_bytes())
}

pub(crate) fn manifest(parts: &[&[u8]]) -> Manifest {
    let chunks: Vec<(ChunkId, u32)> =
        parts.iter().map(|part| (chunk_id(part), u32::try_from(part.len()).unwrap())).collect();
    Manifest::verified(manifest_name(&chunks), chunks, manifest_name).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The content of a file of one chunk.
pub(crate) fn text(text: &str) -> Content {
    let id = ContentId::of_single_chunk(chunk_id(text.as_bytes()));
    Content::File { id, size: text.len() as u64 }
}

pub(crate) fn one(operation: Operation) -> Group {
    Group { operations: vec![operation] }
}

pub(crate) fn create(temporary: u32, parent: NodeRef, text: &str, content: Content) -> Operation {
    Operation::Create {
        temporary,
        parent,
        name: name(text),
        content,
        executable: false,
        mtime: Timestamp(i64::from(temporary)),
    }
}

pub(crate) fn create_file(temporary: u32, parent: NodeId, name: &str, bytes: &str) -> Operation {
    create(temporary, NodeRef::Id(parent), name, text(bytes))
}

pub(crate) fn create_directory(temporary: u32, parent: NodeId, name: &str) -> Operation {
    create(temporary, NodeRef::Id(parent), name, Content::Directory)
}

pub(crate) fn update(node: NodeId, base: Seq, bytes: &str) -> Operation {
    Operation::Update { node, base, content: text(bytes), executable: false, mtime: Timestamp(7) }
}

pub(crate) fn move_to(node: NodeId, base: Seq, parent: NodeId, to: &str) -> Operation {
    Operation::Move { node, base, parent: NodeRef::Id(parent), name: name(to) }
}

pub(crate) fn remove(node: NodeId, base: Revision) -> Operation {
    Operation::Remove { node, base }
}

/// The nodes of an applied group.
pub(crate) fn applied(outcome: &GroupOutcome) -> Vec<NodeId> {
    match outcome {
        GroupOutcome::Applied(applied) => applied.iter().map(|one| one.node).collect(),
        GroupOutcome::Refused { .. } => panic!("{outcome:?}"),
    }
}

/// The reason of a refused group, and the node it shows.
pub(crate) fn refused(outcome: &GroupOutcome) -> (model::Refusal, Option<NodeId>) {
    match outcome {
        GroupOutcome::Applied(_) => panic!("{outcome:?}"),
        GroupOutcome::Refused { reason, current, .. } => (*reason, current.as_ref().map(|node| node.id)),
    }
}

pub(crate) fn error_of<T: std::fmt::Debug>(result: Result<T, Error>) -> Error {
    result.expect_err("it had to fail")
}
