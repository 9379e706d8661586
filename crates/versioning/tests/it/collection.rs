//! What collection takes away, what it leaves, and what stops it.

use crate::world::{NOW, World, applied, chunk_id, create, create_file, manifest, one, refused, remove};
use content::{ChunkStore, ErrorKind};
use metadata::{Error as MetadataError, Transaction, read, write};
use metadata_sqlite::Sqlite;
use model::{Content, ContentId, Limits, NodeId, NodeRef, Refusal, Seq, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use versioning::collection::plan::Rules;
use versioning::collection::{Collection, Done, collect};
use versioning::missing::missing;
use versioning::{Commit, Error, commit, fetch};

const HOUR: i64 = 3_600_000_000_000;
const ROOT: NodeId = NodeId::ROOT;

fn after(hours: i64) -> Timestamp {
    Timestamp(NOW.0 + hours * HOUR)
}

fn rules() -> Rules {
    Rules { grace_ns: 2 * HOUR, most_percent: None, seal_bytes: 1, ..Rules::default() }
}

impl World {
    fn collect(&self, rules: Rules, now: Timestamp) -> Result<Done, Error> {
        collect(&*self.database, &self.store, rules, now, &mut || true)
    }

    /// A removed node's versions go, as retention has them go.
    fn purge(&self, node: NodeId) {
        let folder = self.folder;
        write::<_, MetadataError>(&*self.database, move |t| {
            let rows = t.versions(folder, node, Seq(0), 1000)?;
            let rows: Vec<_> = rows.iter().map(|row| (node, row.seq)).collect();
            t.purge_nodes(folder, &[node])?;
            t.drop_versions(folder, &rows)
        })
        .unwrap();
    }

    fn gone(&self, name: &str, text: &str) {
        let node = self.file(ROOT, name, text);
        self.each(vec![remove(node, self.revision(node))], &[]);
        self.purge(node);
    }

    fn chunks(&self) -> usize {
        read::<_, MetadataError>(&*self.database, |s| s.scan_chunks(None, 1000)).unwrap().len()
    }

    fn missing(&self, text: &str, now: Timestamp) -> usize {
        let chunks = vec![chunk_id(text.as_bytes())];
        missing(&*self.database, self.may_write(), chunks, &Limits::default(), now).unwrap().len()
    }
}

#[test]
fn what_is_nobodys_waits_out_the_grace_and_then_frees_the_disk() {
    let world = World::new();
    let big = "nobody's ".repeat(5000);
    world.file(ROOT, "kept", "kept");
    world.gone("gone", &big);
    let first = world.collect(rules(), NOW).unwrap();
    assert_eq!((first.unnamed_chunks, first.deleted_chunks, first.removed_packs), (1, 0, 0));
    let early = world.collect(rules(), after(1)).unwrap();
    assert_eq!((early.unnamed_chunks, early.deleted_chunks), (1, 0), "the grace is not over");
    assert_eq!(world.chunks(), 2);

    let due = world.collect(rules(), after(2)).unwrap();
    assert_eq!((due.deleted_chunks, due.rewritten_packs, due.removed_packs), (1, 1, 0));
    assert!(due.waiting_bytes > 40_000, "the old pack waits as well: {due:?}");
    assert_eq!(world.chunks(), 1);
    let last = world.collect(rules(), after(4)).unwrap();
    assert_eq!(last.removed_packs, 1);
    assert!(last.freed_bytes > 40_000 && world.stored_bytes() < 1000, "{last:?}");
    world.assert_sound();
    assert_eq!(world.collect(rules(), after(9)).unwrap().condemned, 0, "then there is rest");
}

#[test]
fn without_a_grace_one_run_does_it_all_and_a_look_changes_nothing() {
    let world = World::new();
    world.file(ROOT, "kept", "kept");
    world.gone("gone", &"nobody's ".repeat(5000));
    let before = world.stored_bytes();
    let look = world.collect(Rules { dry_run: true, grace_ns: 0, ..rules() }, NOW).unwrap();
    assert_eq!((look.unnamed_chunks, look.condemned, look.deleted_chunks), (1, 0, 0));
    assert_eq!((world.stored_bytes(), world.chunks()), (before, 2));
    let done = world.collect(Rules { grace_ns: 0, ..rules() }, NOW).unwrap();
    assert_eq!((done.deleted_chunks, done.removed_packs), (1, 1));
    assert!(world.stored_bytes() < 1000);
    world.assert_sound();
}

#[test]
fn the_trash_old_versions_and_uploads_are_somebodys() {
    let world = World::new();
    let node = world.file(ROOT, "a", "first");
    world.each(vec![crate::world::update(node, world.revision(node).version, "second")], &["second"]);
    world.each(vec![remove(node, world.revision(node))], &[]);
    let id = model::UploadId([4; 16]);
    let open = versioning::upload::Open { id, node: None, base: None, size: 8 };
    versioning::upload::open(&*world.database, world.may_write(), open, &Limits::default(), NOW).unwrap();
    versioning::upload::receive(&*world.database, world.may_write(), id, world.store(&[b"arrived"]), NOW)
        .unwrap();
    let rules = Rules { grace_ns: 0, ..rules() };
    assert_eq!(world.collect(rules, NOW).unwrap().unnamed_chunks, 0);
    versioning::upload::abandon(&*world.database, world.may_write(), id, NOW).unwrap();
    assert_eq!(world.collect(rules, NOW).unwrap().deleted_chunks, 1);
    world.purge(node);
    assert_eq!(world.collect(rules, NOW).unwrap().deleted_chunks, 2);
    world.assert_sound();
}

/// Whoever hears that a chunk need not be sent can name it for as long as the grace, counted from then.
#[test]
fn a_condemned_chunk_that_is_asked_for_is_rescued() {
    let world = World::new();
    world.gone("gone", "wanted again");
    world.collect(rules(), NOW).unwrap();
    assert_eq!(world.missing("wanted again", after(1)), 0, "it is still there");
    // Its first grace ends, and nothing names it yet.
    assert_eq!(world.collect(rules(), after(2)).unwrap().deleted_chunks, 0);
    let again = one(create_file(0, ROOT, "again", "wanted again"));
    applied(&commit(&*world.database, world.plain(vec![again])).unwrap().outcomes[0]);
    assert_eq!(world.collect(rules(), after(20)).unwrap().deleted_chunks, 0);
    world.assert_sound();
}

#[test]
fn a_commit_and_an_upload_rescue_what_they_name() {
    let world = World::new();
    world.gone("one", "by a commit");
    world.gone("two", "by an upload");
    world.collect(rules(), NOW).unwrap();
    let condemned = |world: &World| {
        read::<_, MetadataError>(&*world.database, |s| s.condemned_until(after(1), 100)).unwrap().len()
    };
    assert_eq!(condemned(&world), 4, "two chunks, and whose they are");
    let again = one(create_file(0, ROOT, "again", "by a commit"));
    applied(&commit(&*world.database, world.plain(vec![again])).unwrap().outcomes[0]);
    assert_eq!(condemned(&world), 2);
    let id = model::UploadId([4; 16]);
    let open = versioning::upload::Open { id, node: None, base: None, size: 8 };
    versioning::upload::open(&*world.database, world.may_write(), open, &Limits::default(), NOW).unwrap();
    let received = world.store(&[b"by an upload"]);
    versioning::upload::receive(&*world.database, world.may_write(), id, received, NOW).unwrap();
    assert_eq!(condemned(&world), 0);
}

/// What another folder keeps does not make this folder's people need to send less.
#[test]
fn a_folder_whose_last_version_went_holds_the_bytes_no_more() {
    let world = World::new();
    let big = manifest(&[b"part one", b"part two"]);
    let content = Content::File { id: big.content(), size: big.size() };
    let received = world.store(&[b"part one", b"part two"]);
    let plain = world.plain(vec![one(create(0, NodeRef::Id(ROOT), "big", content))]);
    let answer =
        commit(&*world.database, Commit { received, manifests: vec![big.clone()], ..plain }).unwrap();
    let node = applied(&answer.outcomes[0])[0];
    let bob = world.file(ROOT, "small", "part one");
    world.each(vec![remove(node, world.revision(node))], &[]);
    world.purge(node);
    let rules = Rules { grace_ns: 0, ..rules() };
    assert_eq!(world.collect(rules, NOW).unwrap().deleted_chunks, 1);
    assert_eq!((world.missing("part one", NOW), world.missing("part two", NOW)), (0, 1));
    let again = Content::File { id: big.content(), size: big.size() };
    let again = one(create(0, NodeRef::Id(ROOT), "again", again));
    let answer = commit(&*world.database, Commit { manifests: vec![big], ..world.plain(vec![again]) });
    assert_eq!(refused(&answer.unwrap().outcomes[0]).0, Refusal::ChunkMissing);
    world.each(vec![remove(bob, world.revision(bob))], &[]);
    world.purge(bob);
    world.collect(rules, NOW).unwrap();
    assert_eq!((world.chunks(), world.missing("part one", NOW)), (0, 1));
    world.assert_sound();
}

#[test]
fn too_large_a_part_of_the_store_does_not_go_unless_somebody_says_so() {
    let world = World::new();
    world.file(ROOT, "kept", "kept");
    world.gone("gone", "much more than the half of it");
    let careful = Rules { grace_ns: 0, most_percent: Some(50), always_bytes: 10, ..rules() };
    let done = world.collect(careful, NOW).unwrap();
    assert!(done.braked && done.deleted_chunks == 0);
    assert_eq!(world.chunks(), 2);
    let done = world.collect(Rules { most_percent: None, ..careful }, NOW).unwrap();
    assert!(!done.braked && done.deleted_chunks == 1);
}

/// An older or a new catalog beside the packs of another: they may be all that is left of people's files.
#[test]
fn packs_that_the_catalog_has_never_heard_of_do_not_go_by_themselves() {
    let world = World::new();
    world.store(&["of another catalog ".repeat(500).as_bytes()]);
    world.store.restart();
    world.file(ROOT, "kept", "kept");
    let careful = Rules { most_percent: Some(50), always_bytes: 10, ..rules() };
    for hours in [0, 3, 6] {
        let done = world.collect(careful, after(hours)).unwrap();
        assert!(done.braked && done.removed_packs == 0 && done.due_bytes > 9000, "{done:?}");
    }
    assert!(world.stored_bytes() > 9000);
    let allowed = Rules { most_percent: None, ..careful };
    assert_eq!(world.collect(allowed, after(6)).unwrap().removed_packs, 0, "they wait, as all do");
    assert_eq!(world.collect(careful, after(8)).unwrap().removed_packs, 1);
    world.assert_sound();
}

/// Its row still tells the content's name, whose bytes may be gone.
#[test]
fn what_is_purged_cannot_be_copied() {
    let world = World::new();
    let node = world.file(ROOT, "gone", "gone");
    world.each(vec![remove(node, world.revision(node))], &[]);
    world.purge(node);
    world.collect(Rules { grace_ns: 0, ..rules() }, NOW).unwrap();
    for version in [None, Some(model::VersionNumber(1))] {
        let name = crate::world::name("copy");
        let parent = NodeRef::Id(ROOT);
        let copy = model::Operation::Copy { temporary: 0, source: node, version, parent, name };
        let answer = commit(&*world.database, world.plain(vec![one(copy)])).unwrap();
        assert_eq!(refused(&answer.outcomes[0]).0, Refusal::Gone);
    }
    world.collect(rules(), NOW).unwrap();
    world.assert_sound();
}

/// A manifest that was lost would make the chunks of its content nobody's.
#[test]
fn a_catalog_that_contradicts_itself_stops_it() {
    let world = World::new();
    let big = manifest(&[b"part one", b"part two"]);
    let id: ContentId = big.content();
    let content = Content::File { id, size: big.size() };
    let received = world.store(&[b"part one", b"part two"]);
    let plain = world.plain(vec![one(create(0, NodeRef::Id(ROOT), "big", content))]);
    commit(&*world.database, Commit { received, manifests: vec![big], ..plain }).unwrap();
    world.gone("gone", "gone");
    write::<_, MetadataError>(&*world.database, move |t| {
        t.drop_claims(&[metadata::collection::Claim::Manifest(id)]).map(drop)
    })
    .unwrap();
    let rules = Rules { grace_ns: 0, ..rules() };
    assert!(matches!(world.collect(rules, NOW), Err(Error::Database(_))));
    assert_eq!(world.chunks(), 3);
}

#[test]
fn a_missing_pack_stops_it() {
    let world = World::new();
    let node = world.file(ROOT, "kept", "kept");
    world.store.seal().unwrap();
    world.gone("gone", "gone");
    let folder = world.folder;
    let place = fetch::file(&*world.database, world.may_read(), node, None, NOW).unwrap().chunks[0];
    world.store.remove_pack(place.location.pack).unwrap();
    match world.collect(Rules { grace_ns: 0, ..rules() }, NOW) {
        Err(Error::Content(error)) => {
            assert_eq!((error.kind(), error.pack()), (ErrorKind::NotFound, Some(place.location.pack)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((world.chunks(), folder), (2, world.folder));
}

/// Bytes of a commit that never came, or that a crash cut off.
#[test]
fn bytes_that_no_row_leads_to_go_too() {
    let world = World::new();
    world.store(&["never named".repeat(500).as_bytes()]);
    world.store.restart();
    world.file(ROOT, "kept", "kept");
    let first = world.collect(rules(), NOW).unwrap();
    assert!(first.waiting_bytes > 5000 && first.removed_packs == 0, "{first:?}");
    assert_eq!(world.collect(rules(), after(2)).unwrap().removed_packs, 1);
    world.assert_sound();
}

/// Steps are short transactions; commits between any two of them are kept.
#[test]
fn a_commit_between_any_two_steps_keeps_what_it_names() {
    for at in 0.. {
        let world = World::new();
        world.file(ROOT, "other", "other");
        world.gone("gone", "wanted in the middle");
        let mut run = Collection::new(Rules { grace_ns: 0, rows: 2, ..rules() });
        let step = |run: &mut Collection| run.step(&*world.database, &world.store, NOW).unwrap();
        let mut steps = 0;
        while steps < at && step(&mut run) {
            steps += 1;
        }
        if steps < at {
            assert!(at > 8, "there are many steps");
            return;
        }
        let group = one(create_file(0, ROOT, "again", "wanted in the middle"));
        let answer = commit(&*world.database, world.plain(vec![group])).unwrap();
        let is_kept = matches!(answer.outcomes[0], model::GroupOutcome::Applied(_));
        while step(&mut run) {}
        world.assert_sound();
        let chunks: Arc<dyn ChunkStore> = Arc::new(world.store.clone());
        if is_kept {
            let node = applied(&answer.outcomes[0])[0];
            let file = fetch::file(&*world.database, world.may_read(), node, None, NOW).unwrap();
            assert_eq!(chunks.read_chunk(&file.chunks[0]).unwrap(), b"wanted in the middle");
        } else {
            assert_eq!(refused(&answer.outcomes[0]).0, Refusal::ChunkMissing);
        }
    }
}

/// Something that a transaction does.
type Change = Box<dyn FnOnce(&dyn Transaction) -> metadata::Result<()> + Send>;

/// Rows that go, move or are rescued cost what they are, not what else is stored.
#[test]
fn what_collection_changes_costs_the_same_in_a_small_and_in_a_big_store() {
    use metadata::collection::{Claim, Move};
    let cost = |files: usize| {
        let world = World::new();
        let texts: Vec<String> = (0..files).map(|number| format!("text {number}")).collect();
        let names = texts.iter().enumerate();
        let operations =
            names.map(|(number, text)| create_file(number as u32, ROOT, &format!("f{number}"), text));
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        world.each(operations.collect(), &texts);
        let folder = world.folder;
        let rows = read::<_, MetadataError>(&*world.database, |s| s.scan_chunks(None, 12)).unwrap();
        let chunks: Vec<_> = rows.iter().map(|row| row.id).collect();
        let of = |claim: &dyn Fn(model::ChunkId) -> Claim| {
            chunks.iter().map(|chunk| claim(*chunk)).collect::<Vec<Claim>>()
        };
        let (owners, holdings) =
            (of(&|chunk| Claim::Owner(folder, chunk)), of(&|chunk| Claim::Holding(folder, chunk)));
        let (gone, manifests) =
            (of(&Claim::Chunk), of(&|chunk| Claim::Manifest(ContentId::of_single_chunk(chunk))));
        let moves: Vec<Move> = rows
            .iter()
            .map(|row| {
                let to = model::location::Location { offset: row.location.offset + 1, ..row.location };
                Move { chunk: row.id, from: row.location, to }
            })
            .collect();
        let steps = |work: Change| {
            let before = world.database.figures().steps;
            write::<_, MetadataError>(&*world.database, work).unwrap();
            world.database.figures().steps - before
        };
        let (again, asked) = (gone.clone(), chunks.clone());
        vec![
            steps(Box::new(move |t| t.condemn(&again, NOW))),
            steps(Box::new(move |t| t.condemned_until(NOW, 100).map(drop))),
            steps(Box::new(move |t| t.move_chunks(&moves))),
            steps(Box::new(move |t| t.drop_claims(&owners).map(drop))),
            steps(Box::new(move |t| t.drop_claims(&holdings).map(drop))),
            steps(Box::new(move |t| t.drop_claims(&manifests).map(drop))),
            steps(Box::new(move |t| t.uploaded_chunks(&asked).map(drop))),
            steps(Box::new(move |t| {
                t.rescue(&gone)?;
                t.drop_claims(&gone).map(drop)
            })),
        ]
    };
    let (few, many) = (cost(50), cost(5_000));
    for (index, (few, many)) in few.iter().zip(&many).enumerate() {
        assert!(*many <= few * 2 + 50, "{index}: {few} steps in a small store, {many} in a big one");
    }
}

/// Threads, because what happens within a step can only be met from outside.
#[test]
fn commits_uploads_and_collection_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::on(Arc::new(Sqlite::open(&directory.path().join("catalog.db")).unwrap()));
    let texts: Vec<String> = (0..10).map(|number| format!("text {number} ").repeat(30)).collect();
    let rules = Rules { grace_ns: 0, rows: 3, ..rules() };
    let stop = AtomicBool::new(false);
    let collected = std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut deleted = 0;
            while !stop.load(Ordering::SeqCst) {
                deleted += world.collect(rules, NOW).unwrap().deleted_chunks;
            }
            deleted
        });
        let workers: Vec<_> = (0..2_usize)
            .map(|worker| {
                let (world, texts) = (&world, &texts);
                scope.spawn(move || (0..120).for_each(|round| world.work(worker, round, texts)))
            })
            .chain([scope.spawn(|| (0..80).for_each(|round| world.upload(round)))])
            .collect();
        let ended: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        stop.store(true, Ordering::SeqCst);
        ended.into_iter().for_each(|ended| ended.unwrap());
        collector.join().unwrap()
    });
    assert!(collected > 50, "{collected} chunks went meanwhile");
    world.assert_sound();
    for node in world.listing().into_values() {
        let file = fetch::file(&*world.database, world.may_read(), node.id, None, NOW).unwrap();
        let mut bytes = Vec::new();
        world.store.read(&file.chunks, &mut |_, chunk| bytes.extend_from_slice(chunk)).unwrap();
        assert_eq!(bytes.len() as u64, node.content.size());
    }
}

impl World {
    /// Somebody writes what may be there already, and forgets two of three files at once.
    fn work(&self, worker: usize, round: usize, texts: &[String]) {
        let text = &texts[(round * 7 + worker * 3) % texts.len()];
        let group = || one(create_file(0, ROOT, &format!("file {worker} {round}"), text));
        let unsent = commit(&*self.database, self.plain(vec![group()])).unwrap().outcomes.remove(0);
        let outcome = match unsent {
            model::GroupOutcome::Applied(_) => unsent,
            model::GroupOutcome::Refused { reason, .. } => {
                assert_eq!(reason, Refusal::ChunkMissing);
                let _hold = self.store.hold();
                let received = self.store(&[text.as_bytes()]);
                let sent = Commit { received, ..self.plain(vec![group()]) };
                commit(&*self.database, sent).unwrap().outcomes.remove(0)
            }
        };
        let node = applied(&outcome)[0];
        if !round.is_multiple_of(3) {
            self.each(vec![remove(node, self.revision(node))], &[]);
            self.purge(node);
        }
    }

    /// What has arrived for an upload is there until the upload ends.
    fn upload(&self, round: usize) {
        let (id, text) = (model::UploadId([round as u8; 16]), format!("part of {}", round % 3));
        let open = versioning::upload::Open { id, node: None, base: None, size: text.len() as u64 };
        versioning::upload::open(&*self.database, self.may_write(), open, &Limits::default(), NOW).unwrap();
        let hold = self.store.hold();
        let received = self.store(&[text.as_bytes()]);
        versioning::upload::receive(&*self.database, self.may_write(), id, received, NOW).unwrap();
        drop(hold);
        std::thread::yield_now();
        let group = one(create_file(0, ROOT, &format!("upload {round}"), &text));
        let request = Commit { uploads: vec![id], ..self.plain(vec![group]) };
        let node = applied(&commit(&*self.database, request).unwrap().outcomes[0])[0];
        self.each(vec![remove(node, self.revision(node))], &[]);
        self.purge(node);
    }
}
