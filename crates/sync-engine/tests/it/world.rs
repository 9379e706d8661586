//! A disk and a server that do as they are told, and count what is asked of them.

use model::conflict::Author;
use model::{
    Applied, Content, ContentId, Entry, EntryKind, Epoch, Fingerprint, GroupOutcome, Handle, Kind, Name,
    NameRule, NodeId, RelativePath, RemoteNode, Revision, Seq, Timestamp, View,
};
use planner::{Direction, RemoteOperation};
use std::collections::{BTreeMap, VecDeque};
use sync_engine::{
    CommitAnswer, Cursor, Effect, Engine, Event, HashOutcome, HashResult, IgnoreFile, Intent, ListRequest,
    Listed, Listing, LocalAction, LocalActionKind, LocalOutcome, LookFailure, MemoryStore, PairView,
    Settings, Status,
};

/// What the engine asked for at most.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) planned: usize,
    pub(crate) hashing: usize,
    pub(crate) listing: usize,
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) store: MemoryStore,
    pub(crate) now: Timestamp,
    /// The disk: none for a directory.
    pub(crate) disk: BTreeMap<RelativePath, Option<Fingerprint>>,
    /// How many nodes were made on the server, removed and moved.
    pub(crate) made: usize,
    pub(crate) removed: usize,
    pub(crate) moved: usize,
    /// What the next pull brings.
    pub(crate) news: Vec<RemoteNode>,
    pub(crate) most: Most,
    asked: VecDeque<Effect>,
    timer: Option<Timestamp>,
    seq: u64,
    inodes: u64,
}

pub(crate) fn path(text: &str) -> RelativePath {
    RelativePath::parse(text).expect("a path")
}

fn handle(number: u64) -> Handle {
    Handle(number.to_be_bytes().into())
}

impl World {
    pub(crate) fn new(hold_deletes: Option<u64>) -> Self {
        let author = Author { user: "alice".to_owned(), device: "A".to_owned() };
        Self {
            engine: Engine::new(Settings {
                author,
                direction: Direction::Both,
                hold_deletes,
                seed: [7; 16],
                view: PairView::new(View::of(NodeId::ROOT), NameRule::Exact),
            }),
            store: MemoryStore::new(NameRule::Portable),
            now: Timestamp(1_000_000_000_000),
            disk: BTreeMap::new(),
            made: 0,
            removed: 0,
            moved: 0,
            news: Vec::new(),
            most: Most::default(),
            asked: VecDeque::new(),
            timer: None,
            seq: 1,
            inodes: 1,
        }
    }

    /// The engine's process ends, and another begins with the same memory.
    pub(crate) fn restart(&mut self, hold_deletes: Option<u64>) {
        let store = self.store.clone();
        let Self { engine, .. } = Self::new(hold_deletes);
        (self.engine, self.store, self.timer) = (engine, store, None);
        self.asked.clear();
        self.start();
    }

    pub(crate) fn start(&mut self) {
        self.tell(Event::Started);
        self.tell(Event::Online);
        self.settle();
    }

    pub(crate) fn status(&self) -> Status {
        self.engine.status(&self.store).expect("a store in memory")
    }

    pub(crate) fn write(&mut self, text: &str) {
        let path = path(text);
        let mut above = path.clone();
        while let Some((parent, _)) = above.clone().split() {
            if !parent.is_root() {
                self.disk.entry(parent.clone()).or_insert(None);
            }
            above = parent;
        }
        self.inodes += 1;
        let fingerprint = self.fingerprint(handle(1_000_000_000 + self.inodes), 10);
        self.disk.insert(path, Some(fingerprint));
    }

    fn fingerprint(&self, handle: Handle, size: u64) -> Fingerprint {
        Fingerprint { handle, size, mtime: self.now, ctime: self.now, executable: false }
    }

    /// Takes a path and all below it away from the disk.
    pub(crate) fn delete(&mut self, text: &str) {
        let gone = path(text);
        self.disk.retain(|path, _| !path.is_within(&gone));
    }

    pub(crate) fn tell(&mut self, event: Event) {
        let effects = self.engine.handle(event, self.now, &mut self.store).expect("a store in memory");
        for effect in effects {
            match effect {
                Effect::Timer(at) => self.timer = Some(self.timer.map_or(at, |timer| timer.min(at))),
                Effect::Activity(_) => {}
                other => self.asked.push_back(other),
            }
        }
        let count = |count: fn(&Effect) -> usize| self.asked.iter().map(count).sum::<usize>();
        let hashing = count(|effect| if let Effect::Hash(requests) = effect { requests.len() } else { 0 });
        let listing = count(|effect| if let Effect::List(requests) = effect { requests.len() } else { 0 });
        self.most.hashing = self.most.hashing.max(hashing);
        self.most.listing = self.most.listing.max(listing);
        self.most.planned = self.most.planned.max(self.engine.planned_at_once());
    }

    /// What the server has, once this pair is in step with it.
    pub(crate) fn remote(&self) -> Vec<RemoteNode> {
        let rows = || self.store.trees().rows();
        let id_of = |key| self.store.trees().row(key).and_then(|row| row.extra.id).expect("it is synced");
        let node = |row: &sync_engine::Row| {
            let (id, state) = (row.extra.id?, row.triple.remote.clone()?);
            Some(RemoteNode {
                id,
                parent: id_of(state.parent),
                name: state.name,
                content: state.content,
                executable: state.executable,
                mtime: state.mtime,
                revision: row.extra.revision?,
                seq: Seq(1),
                deleted: false,
            })
        };
        rows().filter_map(|(_, row)| node(row)).collect()
    }

    /// Does what is asked until nothing is left but timers far away.
    pub(crate) fn settle(&mut self) {
        let patience = self.now.plus_ms(30_000);
        loop {
            if let Some(effect) = self.asked.pop_front() {
                self.carry_out(effect);
            } else if let Some(at) = self.timer.filter(|at| *at <= patience) {
                self.timer = None;
                self.now = self.now.max(at);
                self.tell(Event::Tick);
            } else {
                return;
            }
        }
    }

    /// Has everything looked at, as a watcher's hint would.
    pub(crate) fn look(&mut self) {
        self.tell(Event::Hints { directories: Vec::new(), subtrees: vec![RelativePath::root()] });
        self.settle();
    }

    fn cursor(&self) -> Cursor {
        Cursor { text: self.seq.to_string(), seq: Seq(self.seq) }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Pull(_) => {
                let news = std::mem::take(&mut self.news);
                self.tell(Event::ChangesPart(news));
                self.tell(Event::ChangesDone { cursor: self.cursor(), epoch: Epoch([1; 16]) });
            }
            Effect::Commit(commit) => self.commit(&commit.intent),
            Effect::List(requests) => {
                for request in requests {
                    self.tell(Event::Listed(vec![self.list(&request)]));
                }
            }
            Effect::Hash(requests) => {
                let result = |request: sync_engine::HashRequest| HashResult {
                    token: request.token,
                    outcome: HashOutcome::Stable {
                        content: content_of(&request.path),
                        fingerprint: request.expected,
                    },
                };
                self.tell(Event::Hashed(requests.into_iter().map(result).collect()));
            }
            Effect::Apply(actions) => {
                let done = actions.iter().enumerate().map(|(index, action)| (index, self.apply(action)));
                let done = done.collect();
                self.tell(Event::Applied(done));
            }
            Effect::Timer(_) | Effect::Activity(_) => {}
        }
    }

    fn list(&self, request: &ListRequest) -> Listed {
        if !request.path.is_root() && !self.disk.contains_key(&request.path) {
            return Listed { key: request.key, outcome: Err(LookFailure::Gone) };
        }
        let within = self.disk.range(request.path.clone()..).skip_while(|(path, _)| **path == request.path);
        let within = within.take_while(|(path, _)| path.is_within(&request.path));
        let children = within.filter(|(path, _)| path.names().len() == request.path.names().len() + 1);
        let entries = children.filter_map(|(path, file)| {
            let name = path.split()?.1.clone();
            let (kind, fingerprint) = match file {
                Some(fingerprint) => (EntryKind::File, fingerprint.clone()),
                None => (EntryKind::Directory, directory(path)),
            };
            Some(Entry { name, kind, fingerprint })
        });
        Listed {
            key: request.key,
            outcome: Ok(Listing { entries: entries.collect(), unseen: Vec::new(), ignore: IgnoreFile::None }),
        }
    }

    fn commit(&mut self, intent: &Intent) {
        let before = Seq(self.seq);
        let mut outcomes = Vec::new();
        for group in &intent.groups {
            let mut applied = Vec::new();
            for operation in group {
                self.seq += 1;
                let known = self.engine_id(&operation.planned);
                match operation.planned {
                    RemoteOperation::Create { .. } => self.made += 1,
                    RemoteOperation::Remove { .. } => self.removed += 1,
                    RemoteOperation::Move { .. } => self.moved += 1,
                    _ => {}
                }
                let node = known.unwrap_or(NodeId(1_000_000 + self.seq));
                let revision = Revision { placement: Seq(self.seq), version: Seq(self.seq) };
                applied.push(Applied { node, revision });
            }
            outcomes.push(GroupOutcome::Applied(applied));
        }
        let answer = CommitAnswer { outcomes, before, after: self.cursor() };
        self.tell(Event::Committed { key: intent.key, answer });
    }

    fn engine_id(&self, operation: &RemoteOperation) -> Option<NodeId> {
        self.store.trees().row(operation.key())?.extra.id
    }

    fn apply(&mut self, action: &LocalAction) -> LocalOutcome {
        match &action.kind {
            LocalActionKind::MakeDirectory { path } => {
                self.disk.insert(path.clone(), None);
                LocalOutcome::Done(Some(directory(path)))
            }
            LocalActionKind::PlaceFile { path, size, mtime, .. } => {
                self.inodes += 1;
                let mut made = self.fingerprint(handle(1_000_000_000 + self.inodes), *size);
                made.mtime = *mtime;
                self.disk.insert(path.clone(), Some(made.clone()));
                LocalOutcome::Done(Some(made))
            }
            LocalActionKind::Remove { path, .. } => {
                self.disk.remove(path);
                LocalOutcome::Done(None)
            }
            other => panic!("{other:?} is not part of this world"),
        }
    }
}

fn content_of(path: &RelativePath) -> ContentId {
    let mut id = [0_u8; 32];
    for (at, byte) in path.to_string().bytes().enumerate() {
        id[at % 32] = id[at % 32].wrapping_mul(31).wrapping_add(byte);
    }
    ContentId(id)
}

fn directory(path: &RelativePath) -> Fingerprint {
    let handle = Handle(content_of(path).0.into());
    Fingerprint {
        handle,
        size: 0,
        mtime: Timestamp::default(),
        ctime: Timestamp::default(),
        executable: false,
    }
}

/// A node of the server.
pub(crate) fn remote_node(id: u64, parent: u64, name: &str, kind: Kind) -> RemoteNode {
    let content = match kind {
        Kind::Directory => Content::Directory,
        _ => Content::File { id: ContentId([(id % 251) as u8; 32]), size: id },
    };
    RemoteNode {
        id: NodeId(id),
        parent: if parent == 0 { NodeId::ROOT } else { NodeId(parent) },
        name: Name::new(name).expect("a name"),
        content,
        executable: false,
        mtime: Timestamp::default(),
        revision: Revision { placement: Seq(1), version: Seq(1) },
        seq: Seq(1),
        deleted: false,
    }
}
