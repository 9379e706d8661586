//! A server's data directory, and somebody who writes files.

use backup::{Adapters, Created, Error, Order, Source, Verified};
use content::{ChunkStore, Codec, Entry, Record};
use content_store::PackStore;
use metadata::account::{NewDevice, NewUser, Subject};
use metadata::{Error as MetadataError, read, write};
use metadata_sqlite::Sqlite;
use model::permit::{Read, Write};
use model::{
    Access, Action, ChunkId, Content, ContentId, Epoch, FolderId, Group, GroupOutcome, IdempotencyKey,
    Limits, Name, NodeId, NodeRef, Operation, Permit, Principal, Privilege, Timestamp, authorize,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use versioning::{Authors, Commit, commit, fetch, folder, identity};

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
pub(crate) const EPOCH: Epoch = Epoch([9; 16]);

/// See the module.
pub(crate) struct World {
    pub(crate) place: TempDir,
    pub(crate) data: PathBuf,
    pub(crate) database: Arc<Sqlite>,
    pub(crate) store: Arc<PackStore>,
    pub(crate) folder: FolderId,
    pub(crate) alice: Principal,
    keys: AtomicU64,
}

pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

pub(crate) fn adapters() -> Adapters<'static> {
    Adapters {
        database: &|path| Ok(Arc::new(Sqlite::open(path)?)),
        store: &|path| Ok(Arc::new(PackStore::open_with(path, 100_000)?)),
        audit_digest: digest,
    }
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

impl World {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        std::fs::create_dir_all(data.join("tls")).unwrap();
        std::fs::write(data.join("driftless.toml"), "# nothing is set\n").unwrap();
        std::fs::write(data.join("tls/key.pem"), "secret").unwrap();
        let database = Arc::new(Sqlite::open(&data.join("catalog.db")).unwrap());
        let store = Arc::new(PackStore::open_with(&data.join(backup::PACKS), 100_000).unwrap());
        let fresh = identity::Identity { epoch: EPOCH, cursor_key: [1; 32], server_key: [2; 32] };
        identity::identity(&*database, fresh).unwrap();
        let folder = folder::create(&*database, folder::Create::shared("docs"), NOW).unwrap();
        let alice = write::<_, MetadataError>(&*database, |t| {
            let user = t.create_user(&NewUser {
                name: "alice".into(),
                name_key: model::NameKey("alice".into()),
                administrator: false,
                quota_bytes: None,
                at: NOW,
            })?;
            let device = NewDevice {
                user,
                name: "pc".into(),
                token_hash: [1; 32],
                at: NOW,
                expires_at: None,
                platform: String::new(),
                address: String::new(),
            };
            Ok(Principal { user, device: Some(t.create_device(&device)?) })
        })
        .unwrap();
        let (authority, subject) = (folder::Authority::Administrator, Subject::User(alice.user));
        folder::grant(&*database, authority, folder, subject, Some(Privilege::Write), NOW).unwrap();
        Self { place, data, database, store, folder, alice, keys: AtomicU64::new(0) }
    }

    /// Where backups go.
    pub(crate) fn target(&self) -> PathBuf {
        self.place.path().join("backups")
    }

    pub(crate) fn create(&self) -> Result<Created, Error> {
        self.create_with(|order| order)
    }

    pub(crate) fn create_with(
        &self,
        change: impl for<'a> FnOnce(Order<'a>) -> Order<'a>,
    ) -> Result<Created, Error> {
        let source = Source { database: &*self.database, store: &*self.store, data: &self.data };
        let target = self.target();
        let order =
            Order { target: &target, copy: false, keep: None, version: "test", now: NOW, go_on: &|| true };
        backup::create(source, change(order))
    }

    pub(crate) fn verify(&self) -> Verified {
        let scratch = tempfile::tempdir().unwrap();
        backup::verify(&self.target(), None, scratch.path(), &adapters()).unwrap()
    }

    /// Commits a file.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> NodeId {
        let hold = self.store.hold();
        let chunk = ChunkId(*blake3::hash(bytes).as_bytes());
        let entries = [Entry { chunk, length: bytes.len() as u32 }];
        let received = self.store.append(&[Record { entries: &entries, codec: Codec::Raw, bytes }]).unwrap();
        let content = Content::File { id: ContentId::of_single_chunk(chunk), size: bytes.len() as u64 };
        let operation = Operation::Create {
            temporary: 0,
            parent: NodeRef::Id(NodeId::ROOT),
            name: Name::new(name).unwrap(),
            content,
            executable: false,
            mtime: NOW,
        };
        let outcome = self.commit(operation, received);
        drop(hold);
        match outcome {
            GroupOutcome::Applied(applied) => applied[0].node,
            refused => panic!("{refused:?}"),
        }
    }

    pub(crate) fn commit(
        &self,
        operation: Operation,
        received: Vec<model::location::Located>,
    ) -> GroupOutcome {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.keys.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let request = Commit {
            permit: permit::<Write>(&*self.database, self.alice, self.folder, Action::Write),
            key: IdempotencyKey(key),
            digest: [0; 32],
            groups: vec![Group { operations: vec![operation] }],
            authors: Authors::Caller,
            manifests: Vec::new(),
            received,
            uploads: Vec::new(),
            limits: Limits::default(),
            now: NOW,
        };
        commit(&*self.database, request).unwrap().outcomes.remove(0)
    }
}

pub(crate) fn permit<A: Access>(
    database: &dyn metadata::Database,
    who: Principal,
    folder: FolderId,
    action: Action,
) -> Permit<A> {
    let facts = read::<_, MetadataError>(database, move |s| s.facts(who, folder, NOW)).unwrap();
    authorize(who, folder, action, facts).unwrap()
}

/// The bytes of a file, as a server of this data directory gives them.
pub(crate) fn read_file(data: &Path, who: Principal, folder: FolderId, node: NodeId) -> Vec<u8> {
    let database = Sqlite::open(&data.join(backup::CATALOG)).unwrap();
    let store = PackStore::open(&data.join(backup::PACKS)).unwrap();
    let permit = permit::<Read>(&database, who, folder, Action::Read);
    let file = fetch::file(&database, permit, node, None, NOW).unwrap();
    let mut bytes = Vec::new();
    store.read(&file.chunks, &mut |_, chunk| bytes.extend_from_slice(chunk)).unwrap();
    bytes
}
