//! Restoring to a moment.

use crate::world::{
    NOW, World, applied, create_directory, create_file, error_of, move_to, name, one, remove, text, update,
};
use metadata::version::VersionOrigin;
use model::{Action, Group, IdempotencyKey, NodeId, Operation, Principal, Seq, Timestamp};
use std::time::Instant;
use versioning::past::When;
use versioning::rewind::{Kept, Only, Reason, Rewind, Rewound, preview, rewind};
use versioning::{Commit, Error, commit, history};

const ROOT: NodeId = NodeId::ROOT;

/// The whole folder, for everybody.
pub(crate) fn request(world: &World, to: When) -> Rewind {
    Rewind {
        permit: world.may_write(),
        key: world.next_key(),
        digest: [3; 32],
        to,
        node: ROOT,
        path: Vec::new(),
        only: Only::Everybody,
        limits: world.limits,
        now: NOW,
    }
}

/// Restores the whole folder.
pub(crate) fn rewind_to(world: &World, to: When) -> Rewound {
    rewind(&*world.database, request(world, to)).unwrap()
}

fn head(world: &World) -> When {
    When::Seq(world.row().counters.head)
}

/// Runs operations as somebody else, each as a group of its own.
fn each_as(world: &World, who: Principal, operations: Vec<Operation>, texts: &[&str]) -> Vec<NodeId> {
    let bytes: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    let received = world.store(&bytes);
    let groups = operations.into_iter().map(one).collect();
    let permit = world.permit(who, Action::Write).unwrap();
    let answer = commit(&*world.database, Commit { permit, received, ..world.plain(groups) }).unwrap();
    answer.outcomes.iter().map(|outcome| applied(outcome)[0]).collect()
}

fn bob(world: &World) -> Principal {
    let bob = world.person("bob");
    world.grant(bob, Some(model::Privilege::Write));
    bob
}

fn by(who: Principal) -> Only {
    Only::By { user: Some(who.user), devices: None }
}

#[test]
fn everything_done_since_is_undone_and_can_be_done_again() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let (a, b) = (world.file(d, "a", "one"), world.file(d, "b", "two"));
    let gone = world.file(ROOT, "gone", "three");
    let then = head(&world);
    world.each(vec![update(a, world.revision(a).version, "encrypted")], &["encrypted"]);
    world.each(vec![move_to(b, world.revision(b).placement, ROOT, "b.locked")], &[]);
    world.each(vec![remove(gone, world.revision(gone))], &[]);
    let e = world.directory(d, "new");
    let note = world.file(e, "README", "pay");
    let paths = world.paths();
    let rewound = rewind_to(&world, then);
    assert_eq!(world.paths(), ["d", "d/a", "d/b", "gone"]);
    assert_eq!(world.node(a).content, text("one"));
    assert!(world.node(e).deleted && world.node(note).deleted, "in the trash");
    let counts = (rewound.removed, rewound.returned, rewound.moved, rewound.changed, rewound.kept_count);
    assert_eq!(counts, (2, 1, 1, 1, 0));
    let newest = history::versions(&*world.database, world.may_read(), a, NOW).unwrap().remove(0);
    assert_eq!((newest.origin, newest.of.map(|of| of.0)), (VersionOrigin::Restore, Some(1)));
    world.assert_sound();
    rewind_to(&world, When::Seq(rewound.before));
    assert_eq!(world.paths(), paths);
    assert_eq!(world.node(a).content, text("encrypted"));
    let nothing = rewind_to(&world, When::Now);
    assert_eq!((nothing.head, nothing.before), (nothing.before, nothing.head), "no number is taken");
    world.assert_sound();
}

#[test]
fn a_preview_says_the_same_and_changes_nothing_and_a_repetition_is_answered_once() {
    let world = World::new();
    let a = world.file(ROOT, "a", "one");
    let then = head(&world);
    world.each(vec![update(a, world.revision(a).version, "two")], &["two"]);
    world.file(ROOT, "b", "three");
    let shown = preview(&*world.database, request(&world, then)).unwrap();
    assert_eq!((shown.changed, shown.removed, shown.head), (1, 1, shown.before));
    assert_eq!(world.paths(), ["a", "b"]);
    let once = || Rewind { key: IdempotencyKey([9; 16]), ..request(&world, then) };
    let first = rewind(&*world.database, once()).unwrap();
    let again = rewind(&*world.database, once()).unwrap();
    assert_eq!(Rewound { repeated: true, ..first.clone() }, again);
    assert_eq!(Rewound { head: shown.head, ..first }, shown);
    let other = rewind(&*world.database, Rewind { digest: [4; 32], ..once() });
    assert!(matches!(error_of(other), Error::KeyReused));
    let ahead = rewind(&*world.database, request(&world, When::Seq(Seq(99))));
    assert!(matches!(error_of(ahead), Error::NotFound(_)));
}

#[test]
fn a_subtree_goes_back_alone() {
    let world = World::new();
    let (d, e) = (world.directory(ROOT, "d"), world.directory(ROOT, "e"));
    let (a, b, c) = (world.file(d, "a", "1"), world.file(d, "b", "2"), world.file(e, "c", "3"));
    let then = head(&world);
    for (node, bytes) in [(a, "x"), (c, "y")] {
        world.each(vec![update(node, world.revision(node).version, bytes)], &[bytes]);
    }
    // One is moved out, one is moved in.
    world.each(vec![move_to(b, world.revision(b).placement, e, "b out")], &[]);
    world.each(vec![move_to(c, world.revision(c).placement, d, "c in")], &[]);
    let of_d = Rewind { path: vec![name("D")], ..request(&world, then) };
    rewind(&*world.database, of_d).unwrap();
    assert_eq!(world.paths(), ["d", "d/a", "d/b", "e", "e/c"]);
    assert_eq!((world.node(a).content, world.node(c).content), (text("1"), text("y")));
    world.assert_sound();
}

#[test]
fn a_subtree_comes_back_below_directories_that_are_gone_and_beside_names_that_are_taken() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let e = world.directory(d, "e");
    let a = world.file(e, "a", "1");
    let then = head(&world);
    for id in [a, e, d] {
        world.each(vec![remove(id, world.revision(id))], &[]);
    }
    let path = vec![name("d"), name("e")];
    rewind(&*world.database, Rewind { path: path.clone(), ..request(&world, then) }).unwrap();
    assert_eq!(world.paths(), ["d", "d/e", "d/e/a"]);
    assert_eq!(world.node(a).id, a);
    // Another stands in its place that was elsewhere then: it goes back there.
    let moved = world.file(ROOT, "moved", "2");
    let then = head(&world);
    world.each(vec![move_to(e, world.revision(e).placement, ROOT, "old e")], &[]);
    world.each(vec![move_to(moved, world.revision(moved).placement, d, "e")], &[]);
    rewind(&*world.database, Rewind { path, ..request(&world, then) }).unwrap();
    assert_eq!(world.paths(), ["d", "d/e", "d/e/a", "moved"]);
    // A file alone, whose name is taken by what is not part of it.
    let file = world.file(ROOT, "file", "3");
    let then = head(&world);
    world.each(vec![move_to(file, world.revision(file).placement, d, "elsewhere")], &[]);
    let node = Rewind { node: file, ..request(&world, then) };
    world.directory(ROOT, "file");
    let rewound = rewind(&*world.database, node).unwrap();
    assert_eq!((rewound.moved, rewound.removed), (1, 1), "the directory made since goes to the trash");
    assert_eq!(world.paths(), ["d", "d/e", "d/e/a", "file", "moved"]);
    let nowhere = Rewind { path: vec![name("nowhere")], ..request(&world, then) };
    assert!(matches!(error_of(rewind(&*world.database, nowhere)), Error::NotFound(_)));
    world.assert_sound();
}

#[test]
fn one_persons_changes_are_undone_where_nobody_else_came_after() {
    let world = World::new();
    let bob = bob(&world);
    let ids: Vec<NodeId> = ["a", "b", "c"].map(|name| world.file(ROOT, name, &format!("{name}0"))).to_vec();
    let (a, b, c) = (ids[0], ids[1], ids[2]);
    let then = head(&world);
    // Alice, then Bob; Bob, then Alice; Bob alone, content and place.
    world.each(vec![update(a, world.revision(a).version, "a1")], &["a1"]);
    each_as(&world, bob, vec![update(a, world.revision(a).version, "a2")], &["a2"]);
    each_as(&world, bob, vec![update(b, world.revision(b).version, "b1")], &["b1"]);
    world.each(vec![update(b, world.revision(b).version, "b2")], &["b2"]);
    each_as(&world, bob, vec![update(c, world.revision(c).version, "c1")], &["c1"]);
    each_as(&world, bob, vec![move_to(c, world.revision(c).placement, ROOT, "C moved")], &[]);
    let made = each_as(&world, bob, vec![create_file(0, ROOT, "bob's", "new")], &["new"])[0];
    let shared = each_as(&world, bob, vec![create_file(0, ROOT, "shared", "s1")], &["s1"])[0];
    world.each(vec![update(shared, world.revision(shared).version, "s2")], &["s2"]);
    let directory = each_as(&world, bob, vec![create_directory(0, ROOT, "bob's directory")], &[])[0];
    world.file(directory, "alice's", "in it");
    let only = Rewind { only: by(bob), ..request(&world, then) };
    let rewound = rewind(&*world.database, only).unwrap();
    assert_eq!(world.node(a).content, text("a1"), "back to Alice's");
    assert_eq!(world.node(b).content, text("b2"), "Alice came after");
    assert_eq!((world.node(c).content, world.node(c).name), (text("c0"), name("c")));
    assert!(world.node(made).deleted);
    assert_eq!(world.node(shared).content, text("s2"));
    assert!(!world.node(directory).deleted);
    let mut kept = rewound.kept.clone();
    kept.sort_by_key(|kept| kept.node);
    let of = |node, reason| Kept { node, reason };
    let expected =
        [of(b, Reason::ChangedByOthers), of(shared, Reason::ChangedByOthers), of(directory, Reason::InUse)];
    assert_eq!((kept, rewound.kept_count), (expected.to_vec(), 3));
    world.assert_sound();
    // A device that changed nothing: nothing to undo.
    let devices = Some(vec![model::DeviceId(77)]);
    let only = Only::By { user: Some(bob.user), devices };
    let nothing = rewind(&*world.database, Rewind { only, ..request(&world, then) }).unwrap();
    assert_eq!((nothing.before, nothing.kept_count), (nothing.head, 0));
}

#[test]
fn what_the_tree_of_today_does_not_allow_is_left_and_said_so() {
    let world = World::new();
    let bob = bob(&world);
    let (d, e) = (world.directory(ROOT, "d"), world.directory(ROOT, "e"));
    let f = world.directory(d, "f");
    let taken = world.file(ROOT, "taken", "1");
    let then = head(&world);
    // Bob takes f out of d; Alice puts d below f: undoing Bob's move alone would make a circle.
    each_as(&world, bob, vec![move_to(f, world.revision(f).placement, e, "f")], &[]);
    world.each(vec![move_to(d, world.revision(d).placement, f, "d")], &[]);
    // Bob takes a name away, and Alice uses it.
    each_as(&world, bob, vec![move_to(taken, world.revision(taken).placement, e, "away")], &[]);
    world.file(ROOT, "taken", "2");
    let rewound = rewind(&*world.database, Rewind { only: by(bob), ..request(&world, then) }).unwrap();
    assert_eq!(rewound.kept, [Kept { node: f, reason: Reason::Impossible }]);
    assert_eq!(rewound.renamed, 1);
    assert_eq!(world.paths(), ["e", "e/f", "e/f/d", "taken", "taken (restored)"]);
    world.assert_sound();
}

#[test]
fn what_one_person_removed_comes_back_where_another_removed_the_directory() {
    let world = World::new();
    let bob = bob(&world);
    let d = world.directory(ROOT, "d");
    let a = world.file(d, "a", "1");
    let then = head(&world);
    each_as(&world, bob, vec![remove(a, world.revision(a))], &[]);
    world.each(vec![remove(d, world.revision(d))], &[]);
    rewind(&*world.database, Rewind { only: by(bob), ..request(&world, then) }).unwrap();
    assert_eq!(world.paths(), ["d", "d/a"]);
    world.assert_sound();
}

#[test]
fn a_restore_obeys_the_quota_as_a_whole() {
    let world = World::new();
    let a = world.file(ROOT, "a", "12345");
    let then = head(&world);
    world.each(vec![remove(a, world.revision(a))], &[]);
    let authority = versioning::folder::Authority::Administrator;
    let set = |settings: &mut metadata::folder::FolderSettings| settings.quota_bytes = Some(4);
    versioning::folder::set(&*world.database, authority, world.folder, set, NOW).unwrap();
    let refused = rewind(&*world.database, request(&world, then));
    assert!(matches!(error_of(refused), Error::Quota));
    assert!(world.node(a).deleted);
}

#[test]
fn a_moment_between_two_commits_is_the_state_after_the_first() {
    let world = World::new();
    let at = |seconds: i64| Timestamp(NOW.0 + seconds * 1_000_000_000);
    for (seconds, file) in [(0, "a"), (10, "b"), (20, "c")] {
        let request = world.plain(vec![one(create_directory(0, ROOT, file))]);
        commit(&*world.database, Commit { now: at(seconds), ..request }).unwrap();
    }
    let rewound =
        rewind(&*world.database, Rewind { now: at(30), ..request(&world, When::At(at(15))) }).unwrap();
    assert_eq!((rewound.to.seq, rewound.to.at), (Seq(2), Some(at(10))));
    assert_eq!(world.paths(), ["a", "b"]);
    let early = rewind(&*world.database, request(&world, When::At(Timestamp(NOW.0 - 1))));
    assert!(matches!(error_of(early), Error::NotFound(_)), "the folder was not there yet");
}

/// All files of a folder overwritten, renamed or removed by one device, and brought back.
#[allow(clippy::print_stdout, reason = "a measurement is read by a person")]
fn ransomware(files: u32) {
    let directory = tempfile::tempdir().unwrap();
    let database = metadata_sqlite::Sqlite::open(&directory.path().join("catalog.db")).unwrap();
    let world = World::on(std::sync::Arc::new(database));
    const BATCH: u32 = 5_000;
    let mut directories = Vec::new();
    for start in (0..files).step_by(BATCH as usize) {
        let parent = world.directory(ROOT, &format!("directory {start}"));
        directories.push(parent);
        let texts: Vec<String> = (start..start + BATCH).map(|number| format!("text {number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let operations = (start..start + BATCH)
            .map(|number| create_file(number, parent, &format!("file {number}"), &format!("text {number}")));
        let answer = world.run(operations.map(one).collect(), &texts);
        assert_eq!(answer.outcomes.len(), BATCH as usize);
    }
    let then = head(&world);
    let before = world.paths();
    let bob = bob(&world);
    let permit = world.permit(bob, Action::Write).unwrap();
    let nodes: Vec<model::RemoteNode> = world.listing().into_values().collect();
    for nodes in nodes.chunks(BATCH as usize) {
        let groups: Vec<Group> = nodes.iter().filter_map(|node| spoil(node, directories[0])).collect();
        let received = world.store(&[b"rubbish"]);
        let answer = commit(&*world.database, Commit { permit, received, ..world.plain(groups) }).unwrap();
        answer.outcomes.iter().for_each(|outcome| drop(applied(outcome)));
    }
    let spoilt = world.paths();
    assert_ne!(before, spoilt);
    let stored = world.stored_bytes();
    let begun = (Instant::now(), cpu_seconds());
    let rewound = rewind(&*world.database, Rewind { only: by(bob), ..request(&world, then) }).unwrap();
    let took = (begun.0.elapsed().as_secs_f64(), cpu_seconds() - begun.1);
    println!("{files} files: {:.2} s, {:.2} s of a processor's time: {rewound:?}", took.0, took.1);
    // Ten times what a build without optimisation takes for ten thousand.
    assert!(took.1 < f64::from(files) / 1_000.0, "{} s of a processor's time", took.1);
    assert_eq!(world.stored_bytes(), stored, "no content is copied");
    assert_eq!(rewound.kept_count, 0);
    assert_eq!(world.paths(), before);
    let listing = world.listing();
    for node in nodes.iter().filter(|node| !node.content.is_directory()) {
        let now = &listing[&node.id];
        assert_eq!((&now.content, &now.name, now.parent), (&node.content, &node.name, node.parent));
    }
    rewind_to(&world, When::Seq(rewound.before));
    assert_eq!(world.paths(), spoilt);
    world.assert_sound();
}

/// What ransomware does to a file: a third is overwritten, a third is also renamed into one directory, a third removed.
fn spoil(node: &model::RemoteNode, to: NodeId) -> Option<Group> {
    if node.content.is_directory() {
        return None;
    }
    let overwrite = update(node.id, node.revision.version, "rubbish");
    let named = format!("{}.locked", node.name);
    let operations = match node.id.0 % 3 {
        0 => vec![overwrite],
        1 => vec![overwrite, move_to(node.id, node.revision.placement, to, &named)],
        _ => vec![remove(node.id, node.revision)],
    };
    Some(Group { operations })
}

/// This process's time on processors.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

#[test]
fn ten_thousand_files_come_back_without_a_byte_copied() {
    ransomware(10_000);
}

#[test]
#[ignore = "a measurement: cargo test --release -p versioning -- --ignored --nocapture"]
fn a_hundred_thousand_files_come_back_without_a_byte_copied() {
    ransomware(100_000);
}
