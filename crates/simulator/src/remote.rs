//! The server, as the devices' shells reach it: the real versioning over a database and a chunk store in memory.
//!
//! What becomes of the folder's past there: `remote/keeping.rs`.

mod keeping;

use content::{ChunkStore as _, Entry, MemoryStore, Record};
use metadata::account::{NewDevice, NewUser, Subject};
use metadata::{Database, read, write};
use metadata_sqlite::Sqlite;
use model::location::{Codec, Located};
use model::permit::{Access, Read, Write};
use model::{
    Action, ContentId, Epoch, FolderId, Group, IdempotencyKey, Limits, NameRule, NodeId, Operation, Permit,
    Principal, Privilege, RemoteNode, Revision, Seq, Timestamp, UserId, View,
};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use sync_engine::{CommitAnswer, CommitFailure, Cursor, PullFailure};
use versioning::folder::{Authority, Create};
use versioning::identity::Identity;
use versioning::past::When;
use versioning::rewind::{Only, Rewind};
use versioning::verify::verify;
use versioning::view::changes as in_view;
use versioning::{Authors, Commit, Error, Manifest, fetch, folder, identity, rewind};

/// A content's bytes, sent or fetched.
pub(crate) type Bytes = Arc<Vec<u8>>;

pub(crate) use keeping::{Quotas, created};

/// A commit as it arrives.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) key: IdempotencyKey,
    pub(crate) groups: Vec<Group>,
    pub(crate) contents: Vec<(ContentId, Bytes)>,
}

/// What a pull brings.
pub(crate) struct Changes {
    pub(crate) nodes: Vec<RemoteNode>,
    pub(crate) cursor: Cursor,
    pub(crate) epoch: Epoch,
    pub(crate) may_write: bool,
}

/// A rule of the server broken on purpose, to show that the simulation would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerFault {
    /// New content is taken whatever it was based on.
    BlindUpdate,
    /// A move is taken whatever it was based on.
    BlindMove,
    /// A removal is taken whatever it was based on.
    BlindRemove,
    /// A commit that comes again is done again.
    ForgetsKeys,
    /// Retention takes what is pinned or labelled.
    PinsIgnored,
    /// Retention knows no safe window.
    SafeWindowIgnored,
    /// Retention holds nothing for a mass change.
    MassChangesIgnored,
    /// Space is told without the trash.
    TrashNotCounted,
    /// What comes back from the trash stands in another directory.
    RestoredElsewhere,
    /// What comes back from the trash has lost its bytes.
    RestoredEmpty,
    /// No quota is kept to.
    QuotaIgnored,
    /// Collection takes what only the trash names.
    TrashCollected,
}

impl ServerFault {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::BlindUpdate,
        Self::BlindMove,
        Self::BlindRemove,
        Self::ForgetsKeys,
        Self::PinsIgnored,
        Self::SafeWindowIgnored,
        Self::MassChangesIgnored,
        Self::TrashNotCounted,
        Self::RestoredElsewhere,
        Self::RestoredEmpty,
        Self::QuotaIgnored,
        Self::TrashCollected,
    ];
}

/// One shared folder on a server. Every call is one durable step: a server that stops, stops between two.
pub(crate) struct Server {
    database: Arc<dyn Database>,
    store: MemoryStore,
    folder: FolderId,
    /// By device.
    principals: Vec<Principal>,
    fault: Option<ServerFault>,
    taken: u64,
    /// Whether removals are forgotten at once.
    forgets: bool,
    /// How many cursors had expired when they were shown.
    expired: Cell<u64>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("folder", &self.folder).field("fault", &self.fault).finish()
    }
}

const EPOCH: Epoch = Epoch([7; 16]);

/// How many nodes a pull asks for at once: few, so that pages are followed.
const PAGE: usize = 20;

/// More than any world has.
const NODES_MAX: usize = 1 << 20;

impl Server {
    /// A server with one empty folder and an account with one device each for so many; with a monitor, the first of
    /// them is the server itself.
    pub(crate) fn new(
        rule: NameRule,
        devices: usize,
        monitor: bool,
        fault: Option<ServerFault>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let database: Arc<dyn Database> = Arc::new(Sqlite::in_memory()?);
        let identity = Identity { epoch: EPOCH, cursor_key: [1; 32], server_key: [2; 32] };
        identity::identity(&*database, identity)?;
        let folder = folder::create(
            &*database,
            Create {
                names: rule,
                plain_directory: monitor.then(|| b"/plain".to_vec()),
                ..Create::shared("folder")
            },
            now,
        )?;
        let mut principals = Vec::new();
        for device in 0..devices {
            if monitor && device == 0 {
                principals.push(Principal::SERVER);
                continue;
            }
            let principal = account(&*database, device, now)?;
            let (authority, subject) = (Authority::Administrator, Subject::User(principal.user));
            folder::grant(&*database, authority, folder, subject, Some(Privilege::Write), now)?;
            principals.push(principal);
        }
        Ok(Self {
            database,
            store: MemoryStore::new(),
            folder,
            principals,
            fault,
            taken: 0,
            forgets: false,
            expired: Cell::new(0),
        })
    }

    fn permit<A: Access>(&self, device: usize, action: Action, now: Timestamp) -> Result<Permit<A>, Error> {
        let (principal, folder) = (self.principals[device], self.folder);
        let facts = read::<_, Error>(&*self.database, move |s| Ok(s.facts(principal, folder, now)?))?;
        Ok(model::authorize(principal, folder, action, facts)?)
    }

    /// What a device's account may do from now on.
    pub(crate) fn grant(&self, device: usize, read_only: bool, now: Timestamp) -> Result<(), String> {
        let privilege = if read_only { Privilege::Read } else { Privilege::Write };
        let (authority, subject) = (Authority::Administrator, Subject::User(self.principals[device].user));
        folder::grant(&*self.database, authority, self.folder, subject, Some(privilege), now)
            .map_err(|error| error.to_string())
    }

    /// Whether a content is some node's, current, kept or removed.
    pub(crate) fn keeps(&self, content: ContentId, now: Timestamp) -> bool {
        let folder = self.folder;
        let next = read::<_, Error>(&*self.database, move |s| {
            Ok(s.folder(folder)?.map_or(0, |folder| folder.counters.next_node.0))
        });
        (0..next.unwrap_or(0)).any(|node| self.fetch(0, NodeId(node), content, now).is_some())
    }

    /// Takes a commit.
    pub(crate) fn commit(
        &mut self,
        device: usize,
        sent: &Sent,
        now: Timestamp,
    ) -> Result<CommitAnswer, CommitFailure> {
        self.taken += 1;
        let committed = self.try_commit(device, sent, now);
        let committed = committed.map_err(|error| match error {
            Error::Denied(_) if self.permit::<Read>(device, Action::List, now).is_err() => {
                CommitFailure::NoAccess
            }
            _ => CommitFailure::Refused,
        })?;
        let before = committed.before();
        let after = Cursor { text: committed.head.0.to_string(), seq: committed.head };
        Ok(CommitAnswer { outcomes: committed.outcomes, before, after })
    }

    fn try_commit(&self, device: usize, sent: &Sent, now: Timestamp) -> Result<versioning::Committed, Error> {
        let permit = self.permit::<Write>(device, Action::Write, now)?;
        let mut key = sent.key;
        if self.fault == Some(ServerFault::ForgetsKeys) {
            key.0[..8].copy_from_slice(&self.taken.to_le_bytes());
        }
        let mut groups = sent.groups.clone();
        self.break_rules(&mut groups);
        let (mut manifests, mut received) = (Vec::new(), Vec::new());
        for (content, bytes) in &sent.contents {
            self.take_in(*content, bytes, &mut manifests, &mut received);
        }
        let commit = Commit {
            permit,
            key,
            digest: [0; 32],
            authors: match permit.principal() {
                Principal::SERVER => Authors::Named(vec![UserId::SERVER; groups.len()]),
                _ => Authors::Caller,
            },
            groups,
            manifests,
            received,
            uploads: Vec::new(),
            limits: Limits::default(),
            now,
        };
        let committed = versioning::commit(&*self.database, commit)?;
        if self.forgets {
            let (folder, head) = (self.folder, committed.head);
            write::<_, Error>(&*self.database, move |t| Ok(t.raise_journal_floor(folder, head)?))?;
        }
        Ok(committed)
    }

    /// From now on forgets every removal at once: a cursor before the head has expired.
    pub(crate) fn forget_removals(&mut self) {
        self.forgets = true;
    }

    /// How many cursors had expired when they were shown.
    pub(crate) fn expired(&self) -> u64 {
        self.expired.get()
    }

    /// Stores a content's chunks.
    fn take_in(
        &self,
        content: ContentId,
        bytes: &[u8],
        manifests: &mut Vec<Manifest>,
        received: &mut Vec<Located>,
    ) {
        let (_, manifest) = chunker::hash_bytes(bytes);
        let mut rest = bytes;
        for entry in manifest.entries() {
            let (chunk, after) = rest.split_at(entry.length as usize);
            let entries = [Entry { chunk: entry.chunk, length: entry.length }];
            let record = Record { entries: &entries, codec: Codec::Raw, bytes: chunk };
            received.extend(self.store.append(&[record]).expect("the store in memory takes everything"));
            rest = after;
        }
        let chunks = manifest.entries().iter().map(|entry| (entry.chunk, entry.length)).collect();
        // A content of one chunk has no manifest, and one that is not what its sender says is refused.
        manifests.extend(Manifest::verified(content, chunks, |_| manifest.content_id()));
    }

    fn break_rules(&self, groups: &mut [Group]) {
        let Some(fault) = self.fault else { return };
        let revisions: BTreeMap<NodeId, Revision> =
            self.nodes().into_iter().map(|node| (node.id, node.revision)).collect();
        for operation in groups.iter_mut().flat_map(|group| &mut group.operations) {
            match (fault, operation) {
                (ServerFault::BlindUpdate, Operation::Update { node, base, .. }) => {
                    *base = revisions.get(node).map_or(*base, |revision| revision.version);
                }
                (ServerFault::BlindMove, Operation::Move { node, base, .. }) => {
                    *base = revisions.get(node).map_or(*base, |revision| revision.placement);
                }
                (ServerFault::BlindRemove, Operation::Remove { node, base }) => {
                    *base = revisions.get(node).copied().unwrap_or(*base);
                }
                _ => {}
            }
        }
    }

    /// Brings the folder back to how it was at some number of its journal that is still covered; gives its new head.
    /// What a quota does not allow changes nothing.
    pub(crate) fn rewind(&mut self, device: usize, seed: u64, now: Timestamp) -> Result<Seq, String> {
        let since = self.covered_since().map_err(|error| error.to_string())?;
        let to = Seq(since.0 + seed % (self.head().0 + 1 - since.0));
        let permit = self.permit::<Write>(device, Action::Restore, now).map_err(|error| error.to_string())?;
        self.taken += 1;
        let rewind = Rewind {
            permit,
            key: IdempotencyKey((u128::from(self.taken) << 64 | u128::from(seed)).to_le_bytes()),
            digest: [0; 32],
            to: When::Seq(to),
            node: NodeId::ROOT,
            path: Vec::new(),
            only: Only::Everybody,
            limits: Limits::default(),
            now,
        };
        match rewind::rewind(&*self.database, rewind) {
            Ok(rewound) => Ok(rewound.head),
            Err(Error::Quota) => Ok(self.head()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What changed past a cursor, or everything there is.
    pub(crate) fn changes(
        &self,
        device: usize,
        view: &View,
        cursor: Option<&str>,
        now: Timestamp,
    ) -> Result<Changes, PullFailure> {
        let since = cursor.map(str::parse).transpose().map_err(|_| PullFailure::CursorExpired)?;
        if !view.is_everything() {
            return self.changes_in_view(device, view, since.map(Seq), now);
        }
        let mut place = since.map(|since| versioning::changes::Cursor { since: Seq(since), listing: None });
        let mut nodes = Vec::new();
        let failure = |error| self.pull_failure(&error);
        loop {
            let permit = self.permit::<Read>(device, Action::List, now).map_err(failure)?;
            let page = versioning::changes(&*self.database, permit, place, PAGE, now).map_err(failure)?;
            nodes.extend(page.nodes);
            place = Some(page.next);
            if !page.more {
                let cursor = Cursor { text: page.head.0.to_string(), seq: page.head };
                let may_write = self.may_write(device, now);
                return Ok(Changes { nodes, cursor, epoch: EPOCH, may_write });
            }
        }
    }

    fn changes_in_view(
        &self,
        device: usize,
        view: &View,
        since: Option<Seq>,
        now: Timestamp,
    ) -> Result<Changes, PullFailure> {
        let mut place = since.map(|since| in_view::Cursor { since, pull: None });
        let mut nodes = Vec::new();
        let failure = |error| self.pull_failure(&error);
        loop {
            let permit = self.permit::<Read>(device, Action::List, now).map_err(failure)?;
            let page = in_view::changes(&*self.database, permit, view.clone(), place, PAGE, now);
            let page = page.map_err(failure)?;
            nodes.extend(page.nodes);
            place = Some(page.next);
            if !page.more {
                let cursor = Cursor { text: page.head.0.to_string(), seq: page.head };
                let may_write = self.may_write(device, now);
                return Ok(Changes { nodes, cursor, epoch: EPOCH, may_write });
            }
        }
    }

    fn may_write(&self, device: usize, now: Timestamp) -> bool {
        self.permit::<Write>(device, Action::Write, now).is_ok()
    }

    fn pull_failure(&self, error: &Error) -> PullFailure {
        match error {
            Error::Denied(_) => PullFailure::NoAccess,
            Error::CursorExpired => {
                self.expired.set(self.expired.get() + 1);
                PullFailure::CursorExpired
            }
            Error::RolledBack => PullFailure::EpochChanged,
            Error::ViewGone => PullFailure::RootGone,
            _ => PullFailure::Unreachable,
        }
    }

    /// A content of a node, current or kept.
    pub(crate) fn fetch(
        &self,
        device: usize,
        node: NodeId,
        content: ContentId,
        now: Timestamp,
    ) -> Option<Bytes> {
        let permit = self.permit::<Read>(device, Action::Read, now).ok()?;
        let limits = Limits::default();
        let asked = vec![(node, content)];
        let chunks = fetch::manifests(&*self.database, permit, asked, &limits, now).ok()?.pop()??;
        let wanted = chunks.iter().map(|(chunk, _)| fetch::Wanted { chunk: *chunk, node: Some(node) });
        let located = fetch::plan(&*self.database, permit, wanted.collect(), &limits, now).ok()?;
        let located: Vec<Located> = located.into_iter().collect::<Option<_>>()?;
        let mut bytes = Vec::new();
        self.store.read(&located, &mut |_, chunk| bytes.extend_from_slice(chunk)).ok()?;
        Some(Arc::new(bytes))
    }

    /// Where the journal ends.
    pub(crate) fn head(&self) -> Seq {
        let folder = self.folder;
        let found = read::<_, Error>(&*self.database, move |s| Ok(s.folder(folder)?));
        found.ok().flatten().map_or(Seq(0), |folder| folder.counters.head)
    }

    /// Everything there is now, without the root.
    pub(crate) fn nodes(&self) -> Vec<RemoteNode> {
        let folder = self.folder;
        let rows = read::<_, Error>(&*self.database, move |s| {
            Ok(s.changed_nodes(folder, Seq(0), Seq(i64::MAX as u64), NODES_MAX)?)
        });
        let nodes = rows.expect("the database in memory can be read").into_iter().map(|row| row.to_remote());
        nodes.filter(|node| !node.deleted && node.id != NodeId::ROOT).collect()
    }

    /// Proves every reference and every byte.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let digest = |bytes: &[u8]| chunker::chunk_id(bytes).0;
        let store = Arc::new(self.store.clone());
        let report = verify(&*self.database, store, content::Depth::AllBytes, digest);
        let report = report.map_err(|error| error.to_string())?;
        if report.problems.is_empty() { Ok(()) } else { Err(format!("damaged: {:?}", report.problems)) }
    }
}

fn account(database: &dyn Database, device: usize, now: Timestamp) -> Result<Principal, Error> {
    let mut token_hash = [0; 32];
    token_hash[..8].copy_from_slice(&device.to_le_bytes());
    write(database, move |t| {
        let name = format!("user-{device}");
        let user = NewUser {
            name: name.clone(),
            name_key: model::NameKey(name.into()),
            administrator: false,
            quota_bytes: None,
            at: now,
        };
        let user: UserId = t.create_user(&user)?;
        let device = NewDevice {
            user,
            name: "device".to_owned(),
            token_hash,
            at: now,
            expires_at: None,
            platform: String::new(),
            address: String::new(),
        };
        Ok(Principal { user, device: Some(t.create_device(&device)?) })
    })
}

/// Whether nodes are a tree: every parent a directory that is there, no circle, no two names of one key.
pub(crate) fn check_tree(nodes: &[RemoteNode], rule: NameRule) -> Result<(), String> {
    let by_id: BTreeMap<NodeId, &RemoteNode> = nodes.iter().map(|node| (node.id, node)).collect();
    let mut places = BTreeSet::new();
    for node in nodes {
        if !places.insert((node.parent, rule.key(&node.name))) {
            return Err(format!("two nodes are called {} in {}", node.name, node.parent));
        }
        let mut at = node.parent;
        let mut steps = 0;
        while at != NodeId::ROOT {
            let above = by_id.get(&at).filter(|above| above.content.is_directory());
            at = above.ok_or_else(|| format!("{} is in {at}, which is no directory", node.name))?.parent;
            steps += 1;
            if steps > nodes.len() {
                return Err(format!("{} is in a circle", node.name));
            }
        }
    }
    Ok(())
}
