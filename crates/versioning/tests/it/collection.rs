//! What collection takes away, what it leaves, and what stops it.

use crate::world::{NOW, World, applied, chunk_id, create, create_file, manifest, one, refused, remove};
use content::{ChunkStore, ErrorKind};
use metadata::{Error as MetadataError, read, write};
use model::{Content, ContentId, Limits, NodeId, NodeRef, Refusal, Seq, Timestamp};
use std::sync::Arc;
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
