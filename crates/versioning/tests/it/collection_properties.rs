//! Collection among random commits, uploads, readers, purges, failures and crashes, held against a model of its own.
//!
//! The model knows which bytes every node was given and what of it is kept. At any moment all of that can be read; at
//! the end, when everybody has gone and the grace is over, nothing else is left.

use crate::world::{NOW, World, applied, chunk_id, create, manifest, update};
use content::{
    ChunkStore, Counters, Depth, Error, ErrorKind, Hold, Holds, MemoryStore, Operation as StoreOperation,
    PackInfo, Record, ScanSummary, Scanned, StoredRecord,
};
use metadata::account::Subject;
use metadata::content::ChunkRow;
use metadata::{Error as MetadataError, read, write};
use model::location::{Located, Location, PackId};
use model::permit::{Access, Write};
use model::{
    Action, ChunkId, Content, ContentId, FolderId, Group, GroupOutcome, Limits, NodeId, NodeRef, Operation,
    Permit, Privilege, Refusal, Revision, Seq, Timestamp, UploadId, authorize,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use versioning::collection::plan::Rules;
use versioning::collection::{Collection, Done};
use versioning::missing::missing;
use versioning::upload::{self, Open};
use versioning::verify::verify;
use versioning::{Commit, commit, fetch, folder};

const HOUR: i64 = 3_600_000_000_000;
const PARTS: usize = 12;
const CONTENTS: usize = 20;

#[derive(Debug, Clone)]
enum Op {
    Create { folder: usize, content: usize, send: bool },
    Update { node: usize, content: usize, send: bool },
    Copy { node: usize },
    Remove { node: usize },
    Purge { node: usize },
    Begin { folder: usize, content: usize },
    Finish { flight: usize },
    OpenReader { node: usize },
    Read { reader: usize },
    OpenUpload { folder: usize },
    Receive { upload: usize, part: usize },
    EndUpload { upload: usize },
    Ask { folder: usize, content: usize },
    Hours(i64),
    Steps(usize),
    Run,
    Crash,
    FailAppend { after: bool },
    FailRemove { after: bool },
}

fn op() -> impl Strategy<Value = Op> {
    let (some, content) = (0_usize..64, 0..CONTENTS);
    prop_oneof![
        4 => (0_usize..2, content.clone(), any::<bool>())
            .prop_map(|(folder, content, send)| Op::Create { folder, content, send }),
        3 => (some.clone(), content.clone(), any::<bool>())
            .prop_map(|(node, content, send)| Op::Update { node, content, send }),
        1 => some.clone().prop_map(|node| Op::Copy { node }),
        3 => some.clone().prop_map(|node| Op::Remove { node }),
        5 => some.clone().prop_map(|node| Op::Purge { node }),
        2 => (0_usize..2, content.clone()).prop_map(|(folder, content)| Op::Begin { folder, content }),
        3 => some.clone().prop_map(|flight| Op::Finish { flight }),
        1 => some.clone().prop_map(|node| Op::OpenReader { node }),
        2 => some.clone().prop_map(|reader| Op::Read { reader }),
        1 => (0_usize..2).prop_map(|folder| Op::OpenUpload { folder }),
        2 => (some.clone(), 0..PARTS).prop_map(|(upload, part)| Op::Receive { upload, part }),
        1 => some.prop_map(|upload| Op::EndUpload { upload }),
        3 => (0_usize..2, content).prop_map(|(folder, content)| Op::Ask { folder, content }),
        3 => (0_i64..4).prop_map(Op::Hours),
        8 => (1_usize..25).prop_map(Op::Steps),
        4 => Just(Op::Run),
        1 => Just(Op::Crash),
        1 => any::<bool>().prop_map(|after| Op::FailAppend { after }),
        1 => any::<bool>().prop_map(|after| Op::FailRemove { after }),
    ]
}

/// A store that fails on demand, before or after it has done what it was asked for.
#[derive(Debug)]
struct Flaky {
    inner: MemoryStore,
    append: Mutex<Option<bool>>,
    remove: Mutex<Option<bool>>,
}

fn failing<T>(
    fault: &Mutex<Option<bool>>,
    operation: StoreOperation,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    match fault.lock().unwrap().take() {
        None => work(),
        Some(false) => Err(Error::new(ErrorKind::Io, operation)),
        Some(true) => work().and(Err(Error::new(ErrorKind::Io, operation))),
    }
}

impl ChunkStore for Flaky {
    fn append(&self, records: &[Record<'_>]) -> Result<Vec<Located>, Error> {
        failing(&self.append, StoreOperation::Append, || self.inner.append(records))
    }

    fn read(&self, wanted: &[Located], sink: &mut dyn FnMut(usize, &[u8])) -> Result<(), Error> {
        self.inner.read(wanted, sink)
    }

    fn read_record(&self, location: &Location) -> Result<StoredRecord, Error> {
        self.inner.read_record(location)
    }

    fn packs(&self) -> Result<Vec<PackInfo>, Error> {
        self.inner.packs()
    }

    fn scan(&self, pack: PackId, depth: Depth, sink: &mut dyn FnMut(Scanned)) -> Result<ScanSummary, Error> {
        self.inner.scan(pack, depth, sink)
    }

    fn remove_pack(&self, pack: PackId) -> Result<(), Error> {
        failing(&self.remove, StoreOperation::Remove, || self.inner.remove_pack(pack))
    }

    fn seal(&self) -> Result<(), Error> {
        self.inner.seal()
    }

    fn holds(&self) -> &Holds {
        self.inner.holds()
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}

#[derive(Debug)]
struct Node {
    folder: FolderId,
    id: NodeId,
    revision: Revision,
    /// What is kept of it, the current one last.
    kept: Vec<usize>,
    removed: bool,
}

/// A commit whose chunks have arrived and whose transaction has not begun.
struct Flight {
    _hold: Hold,
    folder: FolderId,
    content: usize,
    received: Vec<Located>,
}

/// A download that knows where its chunks lie.
struct Reader {
    _hold: Hold,
    chunks: Vec<Located>,
    bytes: Vec<u8>,
}

struct Rig {
    world: World,
    store: Flaky,
    folders: [FolderId; 2],
    parts: Vec<Vec<u8>>,
    rules: Rules,
    now: i64,
    nodes: Vec<Node>,
    flights: Vec<Flight>,
    readers: Vec<Reader>,
    uploads: Vec<(UploadId, FolderId, BTreeSet<usize>)>,
    /// Contents that need not be sent, as was said at a moment.
    promises: BTreeMap<(FolderId, usize), i64>,
    run: Option<Collection>,
    names: u32,
}

impl Rig {
    fn new(grace_hours: i64) -> Self {
        let world = World::new();
        let other = folder::create(&*world.database, folder::Create::shared("other"), NOW).unwrap();
        let authority = folder::Authority::Administrator;
        let subject = Subject::User(world.alice.user);
        folder::grant(&*world.database, authority, other, subject, Some(Privilege::Write), NOW).unwrap();
        let noise = |index: usize| {
            let mut bytes = vec![0; 150 + 61 * index];
            blake3::Hasher::new().update(&[index as u8]).finalize_xof().fill(&mut bytes);
            bytes
        };
        Self {
            folders: [world.folder, other],
            world,
            store: Flaky {
                inner: MemoryStore::with_pack_bytes(2500),
                append: Mutex::new(None),
                remove: Mutex::new(None),
            },
            parts: (0..PARTS).map(noise).collect(),
            rules: Rules {
                grace_ns: grace_hours * HOUR,
                most_percent: None,
                seal_bytes: 200,
                rows: 3,
                move_bytes: 700,
                ..Rules::default()
            },
            now: NOW.0,
            nodes: Vec::new(),
            flights: Vec::new(),
            readers: Vec::new(),
            uploads: Vec::new(),
            promises: BTreeMap::new(),
            run: None,
            names: 0,
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp(self.now)
    }

    fn permit<A: Access>(&self, folder: FolderId, action: Action) -> Permit<A> {
        let (who, now) = (self.world.alice, self.at());
        let facts =
            read::<_, MetadataError>(&*self.world.database, move |s| s.facts(who, folder, now)).unwrap();
        authorize(who, folder, action, facts).unwrap()
    }

    /// The parts of a content: one for the first, up to four that others share for the rest.
    fn parts_of(content: usize) -> Vec<usize> {
        match content {
            0..8 => vec![content],
            _ => (0..2 + content % 3).map(|index| (content * 5 + index * 3) % PARTS).collect(),
        }
    }

    fn bytes_of(&self, content: usize) -> Vec<u8> {
        Self::parts_of(content).into_iter().flat_map(|part| self.parts[part].clone()).collect()
    }

    fn content(&self, content: usize) -> Content {
        let parts = Self::parts_of(content);
        let size = self.bytes_of(content).len() as u64;
        let id = match &parts[..] {
            [part] => ContentId::of_single_chunk(chunk_id(&self.parts[*part])),
            _ => self.manifest(content).unwrap().content(),
        };
        Content::File { id, size }
    }

    fn manifest(&self, content: usize) -> Option<versioning::Manifest> {
        let parts: Vec<&[u8]> =
            Self::parts_of(content).into_iter().map(|part| &self.parts[part][..]).collect();
        (parts.len() > 1).then(|| manifest(&parts))
    }

    /// Stores parts, in one block if there are several.
    fn append(&self, parts: &[usize]) -> Option<Vec<Located>> {
        let mut blocks = content::BlockBuilder::new();
        for part in parts {
            blocks.push(&self.parts[*part]);
        }
        self.store.append(&[blocks.finish().unwrap().as_record()]).ok()
    }

    fn commit(
        &self,
        folder: FolderId,
        operation: Operation,
        content: usize,
        received: Vec<Located>,
    ) -> GroupOutcome {
        let request = Commit {
            permit: self.permit::<Write>(folder, Action::Write),
            received,
            manifests: self.manifest(content).into_iter().collect(),
            now: self.at(),
            ..self.world.plain(vec![Group { operations: vec![operation] }])
        };
        commit(&*self.world.database, request).unwrap().outcomes.remove(0)
    }

    fn create(&mut self, folder: FolderId, content: usize, received: Vec<Located>, must: bool) {
        self.names += 1;
        let name = format!("file {}", self.names);
        let operation = create(0, NodeRef::Id(NodeId::ROOT), &name, self.content(content));
        let outcome = self.commit(folder, operation, content, received);
        match outcome {
            GroupOutcome::Applied(applied) => {
                let (id, revision) = (applied[0].node, applied[0].revision);
                self.nodes.push(Node { folder, id, revision, kept: vec![content], removed: false });
            }
            GroupOutcome::Refused { reason, .. } => {
                assert_eq!(reason, Refusal::ChunkMissing);
                assert!(!must, "what was sent, or need not be sent, can be named");
            }
        }
    }

    /// Whether somebody was told not long ago that this need not be sent.
    fn is_promised(&self, folder: FolderId, content: usize) -> bool {
        let asked = self.promises.get(&(folder, content));
        asked.is_some_and(|asked| self.now - asked < self.rules.grace_ns)
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Create { folder, content, send } => {
                let folder = self.folders[folder];
                let received = if send { self.append(&Self::parts_of(content)) } else { Some(Vec::new()) };
                let Some(received) = received else { return };
                self.create(folder, content, received, send || self.is_promised(folder, content));
            }
            Op::Update { node, content, send } => self.update(node, content, send),
            Op::Copy { node } => self.copy(node),
            Op::Remove { node } => self.remove(node),
            Op::Purge { node } => self.purge(node),
            Op::Begin { folder, content } => {
                let (hold, folder) = (self.store.hold(), self.folders[folder]);
                if let Some(received) = self.append(&Self::parts_of(content)) {
                    self.flights.push(Flight { _hold: hold, folder, content, received });
                }
            }
            Op::Finish { flight } if !self.flights.is_empty() => {
                let flight = self.flights.swap_remove(flight % self.flights.len());
                self.create(flight.folder, flight.content, flight.received, true);
            }
            Op::OpenReader { node } if !self.nodes.is_empty() => self.open_reader(node),
            Op::Read { reader } if !self.readers.is_empty() => {
                let reader = self.readers.swap_remove(reader % self.readers.len());
                self.read(&reader);
            }
            Op::OpenUpload { folder } => {
                self.names += 1;
                let (id, folder) = (UploadId([self.names as u8; 16]), self.folders[folder]);
                let open = Open { id, node: None, base: None, size: 9 };
                let permit = self.permit(folder, Action::Write);
                upload::open(&*self.world.database, permit, open, &Limits::default(), self.at()).unwrap();
                self.uploads.push((id, folder, BTreeSet::new()));
            }
            Op::Receive { upload, part } if !self.uploads.is_empty() => {
                let hold = self.store.hold();
                let Some(received) = self.append(&[part]) else { return };
                let index = upload % self.uploads.len();
                let (id, folder, _) = self.uploads[index];
                let permit = self.permit(folder, Action::Write);
                upload::receive(&*self.world.database, permit, id, received, self.at()).unwrap();
                self.uploads[index].2.insert(part);
                drop(hold);
            }
            Op::EndUpload { upload } if !self.uploads.is_empty() => {
                let (id, folder, _) = self.uploads.swap_remove(upload % self.uploads.len());
                upload::abandon(&*self.world.database, self.permit(folder, Action::Write), id, self.at())
                    .unwrap();
                // What only the upload had need not be there any more.
                self.promises.clear();
            }
            Op::Ask { folder, content } => {
                let folder = self.folders[folder];
                let chunks =
                    Self::parts_of(content).iter().map(|part| chunk_id(&self.parts[*part])).collect();
                let permit = self.permit(folder, Action::Write);
                let limits = Limits::default();
                if missing(&*self.world.database, permit, chunks, &limits, self.at()).unwrap().is_empty() {
                    self.promises.insert((folder, content), self.now);
                }
            }
            Op::Hours(hours) => self.now += hours * HOUR,
            Op::Steps(steps) => {
                for _ in 0..steps {
                    self.step();
                }
            }
            Op::Run => drop(self.run()),
            Op::Crash => {
                self.run = None;
                self.flights.clear();
                self.readers.clear();
                self.store.inner.restart();
            }
            Op::FailAppend { after } => *self.store.append.lock().unwrap() = Some(after),
            Op::FailRemove { after } => *self.store.remove.lock().unwrap() = Some(after),
            Op::Finish { .. }
            | Op::OpenReader { .. }
            | Op::Read { .. }
            | Op::Receive { .. }
            | Op::EndUpload { .. } => {}
        }
    }

    fn update(&mut self, node: usize, content: usize, send: bool) {
        let living: Vec<usize> = (0..self.nodes.len()).filter(|index| !self.nodes[*index].removed).collect();
        let Some(index) = living.get(node % living.len().max(1)).copied() else { return };
        let (folder, id, revision) = {
            let node = &self.nodes[index];
            (node.folder, node.id, node.revision)
        };
        let received = if send { self.append(&Self::parts_of(content)) } else { Some(Vec::new()) };
        let Some(received) = received else { return };
        let Operation::Update { node, base, executable, mtime, .. } = update(id, revision.version, "") else {
            unreachable!("an update is made");
        };
        let operation = Operation::Update { node, base, executable, mtime, content: self.content(content) };
        match self.commit(folder, operation, content, received) {
            GroupOutcome::Applied(applied) => {
                let node = &mut self.nodes[index];
                if node.revision != applied[0].revision {
                    node.revision = applied[0].revision;
                    node.kept.push(content);
                }
            }
            GroupOutcome::Refused { reason, .. } => {
                assert_eq!((reason, send), (Refusal::ChunkMissing, false));
                assert!(!self.is_promised(folder, content));
            }
        }
    }

    fn copy(&mut self, node: usize) {
        let living: Vec<usize> = (0..self.nodes.len()).filter(|index| !self.nodes[*index].removed).collect();
        let Some(index) = living.get(node % living.len().max(1)).copied() else { return };
        self.names += 1;
        let source = &self.nodes[index];
        let (folder, content) = (source.folder, source.kept[source.kept.len() - 1]);
        let operation = Operation::Copy {
            temporary: 0,
            source: source.id,
            version: None,
            parent: NodeRef::Id(NodeId::ROOT),
            name: crate::world::name(&format!("copy {}", self.names)),
        };
        let outcome = self.commit(folder, operation, 0, Vec::new());
        let GroupOutcome::Applied(applied) = outcome else { panic!("a copy brings nothing: {outcome:?}") };
        let (id, revision) = (applied[0].node, applied[0].revision);
        self.nodes.push(Node { folder, id, revision, kept: vec![content], removed: false });
    }

    fn remove(&mut self, node: usize) {
        if self.nodes.is_empty() {
            return;
        }
        let index = node % self.nodes.len();
        let node = &self.nodes[index];
        if node.removed {
            return;
        }
        let outcome = self.commit(node.folder, crate::world::remove(node.id, node.revision), 0, Vec::new());
        applied(&outcome);
        self.nodes[index].removed = true;
    }

    /// What retention does: all but the current version of a living node goes, and all of a removed one.
    fn purge(&mut self, node: usize) {
        if self.nodes.is_empty() {
            return;
        }
        let index = node % self.nodes.len();
        let (folder, id, removed) = {
            let node = &self.nodes[index];
            (node.folder, node.id, node.removed)
        };
        write::<_, MetadataError>(&*self.world.database, move |t| {
            let mut rows: Vec<(NodeId, Seq)> =
                t.versions(folder, id, Seq(0), 10_000)?.iter().map(|row| (id, row.seq)).collect();
            if removed {
                t.purge_nodes(folder, &[id])?;
            } else {
                rows.pop();
            }
            t.drop_versions(folder, &rows)
        })
        .unwrap();
        if removed {
            self.nodes.remove(index);
        } else {
            let kept = &mut self.nodes[index].kept;
            kept.drain(..kept.len() - 1);
        }
    }

    fn open_reader(&mut self, node: usize) {
        let node = &self.nodes[node % self.nodes.len()];
        let hold = self.store.hold();
        let permit = self.permit(node.folder, Action::Read);
        let file = fetch::file(&*self.world.database, permit, node.id, None, self.at()).unwrap();
        let bytes = self.bytes_of(node.kept[node.kept.len() - 1]);
        self.readers.push(Reader { _hold: hold, chunks: file.chunks, bytes });
    }

    fn read(&self, reader: &Reader) {
        let mut bytes = Vec::new();
        self.store.read(&reader.chunks, &mut |_, chunk| bytes.extend_from_slice(chunk)).unwrap();
        assert_eq!(bytes, reader.bytes, "who began to read is served to the end");
    }

    /// One step of the run at work, or of a new one. Says whether there is more; none if it failed.
    fn step(&mut self) -> Option<bool> {
        let mut run = self.run.take().unwrap_or_else(|| Collection::new(self.rules));
        let more = run.step(&*self.world.database, &self.store, Timestamp(self.now)).ok()?;
        if more {
            self.run = Some(run);
        }
        Some(more)
    }

    /// A run from its beginning to its end, if nothing fails.
    fn run(&mut self) -> Option<Done> {
        let mut run = Collection::new(self.rules);
        self.run = None;
        while run.step(&*self.world.database, &self.store, Timestamp(self.now)).ok()? {}
        Some(run.done())
    }

    /// Everything that is kept can be read, and is what it was.
    fn check(&self) {
        let store = Arc::new(self.store.inner.clone());
        let report = verify(&*self.world.database, store, Depth::AllBytes, crate::world::digest).unwrap();
        assert_eq!(report.problems, []);
        for node in &self.nodes {
            let (folder, id) = (node.folder, node.id);
            let rows = read::<_, MetadataError>(&*self.world.database, move |s| {
                s.versions(folder, id, Seq(0), 10_000)
            })
            .unwrap();
            let expected: Vec<Content> = node.kept.iter().map(|content| self.content(*content)).collect();
            let found: Vec<Content> = rows.iter().map(|row| row.content.clone()).collect();
            assert_eq!(found, expected);
            for (row, content) in rows.iter().zip(&node.kept) {
                let permit = self.permit(folder, Action::History);
                let file =
                    fetch::file(&*self.world.database, permit, id, Some(row.number), self.at()).unwrap();
                let mut bytes = Vec::new();
                self.store.read(&file.chunks, &mut |_, chunk| bytes.extend_from_slice(chunk)).unwrap();
                assert_eq!(bytes, self.bytes_of(*content));
            }
        }
        let stored: BTreeSet<ChunkId> = self.chunks().iter().map(|row| row.id).collect();
        for (_, _, parts) in &self.uploads {
            assert!(parts.iter().all(|part| stored.contains(&chunk_id(&self.parts[*part]))));
        }
    }

    fn chunks(&self) -> Vec<ChunkRow> {
        read::<_, MetadataError>(&*self.world.database, |s| s.scan_chunks(None, 10_000)).unwrap()
    }

    /// Everybody goes, the grace is over, and what is left is what is kept.
    fn come_to_rest(&mut self) {
        self.flights.clear();
        for reader in std::mem::take(&mut self.readers) {
            self.read(&reader);
        }
        for (id, folder, _) in std::mem::take(&mut self.uploads) {
            upload::abandon(&*self.world.database, self.permit(folder, Action::Write), id, self.at())
                .unwrap();
        }
        *self.store.append.lock().unwrap() = None;
        *self.store.remove.lock().unwrap() = None;
        for _ in 0..5 {
            self.now += self.rules.grace_ns + 1;
            self.run().unwrap();
        }
        self.check();
        self.check_nothing_else();
    }

    fn check_nothing_else(&self) {
        let (mut chunks, mut contents) = (BTreeSet::new(), BTreeSet::new());
        let (mut holdings, mut owners) = (BTreeSet::new(), BTreeSet::new());
        for node in &self.nodes {
            for content in &node.kept {
                let ids: Vec<ChunkId> =
                    Self::parts_of(*content).iter().map(|part| chunk_id(&self.parts[*part])).collect();
                match &ids[..] {
                    [chunk] => drop(owners.insert((node.folder, *chunk))),
                    _ => {
                        holdings.extend(ids.iter().map(|chunk| (node.folder, *chunk)));
                        let Content::File { id, .. } = self.content(*content) else { continue };
                        contents.insert(id);
                    }
                }
                chunks.extend(ids);
            }
        }
        let rows = self.chunks();
        assert_eq!(rows.iter().map(|row| row.id).collect::<BTreeSet<_>>(), chunks);
        for row in &rows {
            assert!(row.folder.is_none_or(|folder| owners.contains(&(folder, row.id))));
        }
        let folders = self.folders;
        let (found, held, waiting, packs) = read::<_, MetadataError>(&*self.world.database, move |s| {
            let mut held = BTreeSet::new();
            for folder in folders {
                let chunks = s.scan_folder_chunks(folder, None, 10_000)?;
                held.extend(chunks.into_iter().map(|chunk| (folder, chunk)));
            }
            let waiting = s.condemned_until(Timestamp(i64::MAX), 10_000)?;
            Ok((s.scan_content_ids(None, 10_000)?, held, waiting, s.packs()?))
        })
        .unwrap();
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), contents);
        assert_eq!(held, holdings);
        assert_eq!(waiting, []);
        let files = self.store.packs().unwrap();
        let newest = files.last().map(|file| file.pack);
        for file in files.iter().filter(|file| !file.open && Some(file.pack) != newest) {
            let live: u64 = rows
                .iter()
                .filter(|row| row.location.pack == file.pack)
                .map(|row| u64::from(row.location.length) + 76)
                .sum();
            assert!(live * 2 >= file.bytes, "{live} of {file:?}");
        }
        let known: BTreeSet<PackId> = files.iter().map(|file| file.pack).collect();
        assert!(packs.iter().all(|row| known.contains(&row.id)), "{packs:?}");
    }
}

/// How many histories; `PROPTEST_CASES` says otherwise.
fn cases() -> u32 {
    if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 80 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_kept_goes_and_nothing_else_stays(
        grace_hours in 0_i64..4,
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let mut rig = Rig::new(grace_hours);
        for (index, op) in ops.iter().enumerate() {
            rig.apply(op);
            if index % 40 == 39 {
                rig.check();
            }
        }
        rig.check();
        rig.come_to_rest();
    }
}
