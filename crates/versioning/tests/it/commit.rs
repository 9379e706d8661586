//! What commits do.

use crate::world::{
    NOW, World, applied, create, create_directory, create_file, error_of, manifest, move_to, name, one,
    refused, remove, text, update,
};
use metadata_sqlite::Sqlite;
use model::{
    Content, Denied, Group, GroupOutcome, NodeId, NodeRef, Operation, Privilege, Refusal, Seq, Timestamp,
    VersionNumber,
};
use std::sync::Arc;
use versioning::commit::forget_answers;
use versioning::{Commit, Error, commit, repeated};

const ROOT: NodeId = NodeId::ROOT;

#[test]
fn good_groups_are_applied_beside_bad_ones() {
    let world = World::new();
    let stale = world.file(ROOT, "stale", "old");
    let old = world.revision(stale).version;
    world.each(vec![update(stale, old, "new")], &["new"]);
    let authority = versioning::folder::Authority::Administrator;
    versioning::folder::set(
        &*world.database,
        authority,
        world.folder,
        |s| s.quota_bytes = Some(1 << 20),
        NOW,
    )
    .unwrap();
    let big = "x".repeat(1 << 20);
    let mut groups: Vec<Group> =
        (0..1000).map(|number| one(create_file(number, ROOT, &format!("f{number}"), "good"))).collect();
    groups.insert(500, one(update(stale, old, "good")));
    groups.insert(600, one(create_file(5000, ROOT, "big", &big)));
    groups.insert(700, one(remove(ROOT, world.revision(stale))));
    let answer = world.run(groups, &["good", &big]);
    let bad: Vec<(usize, Refusal)> = answer
        .outcomes
        .iter()
        .enumerate()
        .filter(|(_, outcome)| matches!(outcome, GroupOutcome::Refused { .. }))
        .map(|(index, outcome)| (index, refused(outcome).0))
        .collect();
    assert_eq!(bad, [(500, Refusal::Stale), (600, Refusal::Quota), (700, Refusal::Forbidden)]);
    assert_eq!(world.listing().len(), 1001);
    assert_eq!(answer.head, Seq(1002));
    assert_eq!(world.row().counters.used_bytes, 4003);
    world.assert_sound();
}

#[test]
fn names_are_exchanged_and_cycles_turned_within_a_group() {
    let world = World::new();
    let [a, b, c] = ["a", "b", "c"].map(|text| world.directory(ROOT, text));
    world.file(a, "in a", "1");
    let place = |id| world.revision(id).placement;
    let outcome = world
        .run(
            vec![Group {
                operations: vec![
                    move_to(a, place(a), ROOT, "b"),
                    move_to(b, place(b), ROOT, "c"),
                    move_to(c, place(c), ROOT, "a"),
                ],
            }],
            &[],
        )
        .outcomes;
    assert_eq!(applied(&outcome[0]), [a, b, c]);
    assert_eq!(world.paths(), ["a", "b", "b/in a", "c"]);
    // Parent and child change places: mv c/x to the top, and c below it.
    let x = world.directory(c, "x");
    let outcome = world.run(
        vec![Group { operations: vec![move_to(c, place(c), x, "c"), move_to(x, place(x), ROOT, "x")] }],
        &[],
    );
    assert_eq!(applied(&outcome.outcomes[0]), [c, x]);
    assert_eq!(world.paths(), ["b", "b/in a", "c", "x", "x/c"]);
    world.assert_sound();
}

#[test]
fn a_directory_is_emptied_and_removed_in_one_group_in_any_order() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let f = world.file(d, "f", "1");
    let g = world.file(d, "g", "1");
    let group = Group {
        operations: vec![
            remove(d, world.revision(d)),
            remove(f, world.revision(f)),
            move_to(g, world.revision(g).placement, ROOT, "g"),
        ],
    };
    assert_eq!(applied(&world.run(vec![group], &[]).outcomes[0]).len(), 3);
    assert_eq!(world.paths(), ["g"]);
    assert!(world.node(d).deleted && world.node(f).deleted);
    world.assert_sound();
}

#[test]
fn deep_trees_are_made_with_temporary_numbers_in_one_commit() {
    let world = World::new();
    let mut operations = vec![create_directory(0, ROOT, "d0")];
    for number in 1..500u32 {
        let parent = NodeRef::Temporary(number - 1);
        operations.push(create(number, parent, &format!("d{number}"), Content::Directory));
    }
    let outcomes = world.each(operations, &[]);
    outcomes.iter().for_each(|outcome| drop(applied(outcome)));
    assert_eq!(world.listing().len(), 500);
    // The same in one group, deepest first.
    let world = World::new();
    let mut operations: Vec<Operation> = (1..500u32)
        .rev()
        .map(|number| create(number, NodeRef::Temporary(number - 1), "d", Content::Directory))
        .collect();
    operations.push(create_directory(0, ROOT, "d"));
    let answer = world.run(vec![Group { operations }], &[]);
    assert_eq!(applied(&answer.outcomes[0]).len(), 500);
    let deepest = world.paths().pop().unwrap();
    assert_eq!(deepest, vec!["d"; 500].join("/"));
    world.assert_sound();
}

#[test]
fn a_repetition_gets_the_same_answer_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let world = World::on(Arc::new(Sqlite::open(&path).unwrap()));
    let received = world.store(&[b"1"]);
    let key = world.next_key();
    let attempt = |world: &World, digest| Commit {
        key,
        digest: [digest; 32],
        received: received.clone(),
        ..world.plain(vec![one(create_file(0, ROOT, "a", "1")), one(create_file(1, ROOT, "A", "1"))])
    };
    let first = commit(&*world.database, attempt(&world, 1)).unwrap();
    assert!(!first.repeated);
    let second = commit(&*world.database, attempt(&world, 1)).unwrap();
    assert!(second.repeated);
    assert_eq!((&second.outcomes, second.head), (&first.outcomes, first.head));
    assert!(matches!(error_of(commit(&*world.database, attempt(&world, 2))), Error::KeyReused));
    // The answer was lost with the server: a crash leaves the files as they are now.
    let crashed = directory.path().join("crashed.db");
    std::fs::copy(&path, &crashed).unwrap();
    std::fs::copy(path.with_extension("db-wal"), crashed.with_extension("db-wal")).unwrap();
    let world = World { database: Arc::new(Sqlite::open(&crashed).unwrap()), ..world };
    let third = commit(&*world.database, attempt(&world, 1)).unwrap();
    assert_eq!((&third.outcomes, third.repeated), (&first.outcomes, true));
    assert_eq!(world.listing().len(), 1);
    let ask = |digest| repeated(&*world.database, world.may_write(), key, [digest; 32], NOW);
    assert_eq!(ask(1).unwrap(), Some(third));
    assert!(matches!(error_of(ask(2)), Error::KeyReused));
    let other = repeated(&*world.database, world.may_write(), world.next_key(), [1; 32], NOW);
    assert_eq!(other.unwrap(), None);
    let later = NOW.plus_ms(31 * 86_400_000);
    assert_eq!(forget_answers(&*world.database, later, 100).unwrap(), 1);
    assert_eq!(ask(1).unwrap(), None);
    world.assert_sound();
}

#[test]
fn a_right_withdrawn_after_the_permit_does_not_count() {
    let world = World::new();
    let permit = world.may_write();
    let plain = |world: &World| Commit { permit, ..world.plain(vec![]) };
    let prepared = [plain(&world), plain(&world), plain(&world)];
    let [first, second, third] = prepared;
    world.grant(world.alice, Some(Privilege::Read));
    assert!(matches!(error_of(commit(&*world.database, first)), Error::Denied(Denied::Forbidden)));
    world.grant(world.alice, None);
    assert!(matches!(error_of(commit(&*world.database, second)), Error::Denied(Denied::Hidden)));
    world.grant(world.alice, Some(Privilege::Write));
    let device = world.alice.device.unwrap();
    metadata::write::<_, metadata::Error>(&*world.database, move |t| t.revoke_device(device, NOW)).unwrap();
    assert!(matches!(error_of(commit(&*world.database, third)), Error::Denied(Denied::Hidden)));
    world.assert_sound();
}

#[test]
fn a_commit_has_bounds() {
    let mut world = World::new();
    world.limits.commit_operations = 3;
    let many = world.plain((0..4).map(|number| one(create_directory(number, ROOT, "x"))).collect());
    assert!(matches!(error_of(commit(&*world.database, many)), Error::Limit { most: 3, .. }));
    let empty = world.plain(vec![Group::default(); 4]);
    assert!(matches!(error_of(commit(&*world.database, empty)), Error::Limit { .. }));
    let twice = world.plain(vec![one(create_directory(1, ROOT, "x")), one(create_directory(1, ROOT, "y"))]);
    assert!(matches!(error_of(commit(&*world.database, twice)), Error::Invalid(_)));
    let answer = commit(&*world.database, world.plain(vec![Group::default()])).unwrap();
    assert_eq!(answer.outcomes, [GroupOutcome::Applied(vec![])]);
    world.assert_sound();
}

#[test]
fn halves_of_a_revision_change_apart() {
    let world = World::new();
    let a = world.file(ROOT, "a", "1");
    let first = world.revision(a);
    assert_eq!((first.placement, first.version), (Seq(1), Seq(1)));
    world.each(vec![move_to(a, first.placement, ROOT, "b"), update(a, first.version, "2")], &["2"]);
    let second = world.revision(a);
    assert_eq!((second.placement, second.version), (Seq(2), Seq(3)));
    let attributes =
        Operation::Attributes { node: a, base: second.version, executable: true, mtime: Timestamp(5) };
    world.each(vec![attributes], &[]);
    let node = world.node(a);
    assert_eq!((node.revision.placement, node.revision.version, node.seq), (Seq(2), Seq(4), Seq(4)));
    assert!(node.executable);
    assert_eq!((node.mtime, node.content), (Timestamp(5), text("2")));
    world.assert_sound();
}

#[test]
fn copies_need_no_bytes_and_may_take_old_versions_of_removed_files() {
    let world = World::new();
    let a = world.file(ROOT, "a", "one");
    world.each(vec![update(a, world.revision(a).version, "two")], &["two"]);
    world.each(vec![remove(a, world.revision(a))], &[]);
    let copy = |temporary, version: Option<u64>, to: &str| Operation::Copy {
        temporary,
        source: a,
        version: version.map(VersionNumber),
        parent: NodeRef::Id(ROOT),
        name: name(to),
    };
    let outcomes = world.each(vec![copy(0, None, "c0"), copy(1, Some(1), "c1"), copy(2, Some(2), "c2")], &[]);
    let contents = outcomes.iter().map(|outcome| world.node(applied(outcome)[0]).content).collect::<Vec<_>>();
    assert_eq!(contents, [text("two"), text("one"), text("two")]);
    assert_eq!(world.row().counters.used_bytes, 9);
    world.assert_sound();
}

#[test]
fn a_big_file_is_changed_by_sending_only_its_new_chunks() {
    let world = World::new();
    let (first, second) = (manifest(&[b"aaaa", b"bbbb", b"cccc"]), manifest(&[b"aaaa", b"XX", b"cccc"]));
    let content =
        |manifest: &versioning::Manifest| Content::File { id: manifest.content(), size: manifest.size() };
    let received = world.store(&[b"aaaa", b"bbbb", b"cccc"]);
    let plain = world.plain(vec![one(create(0, NodeRef::Id(ROOT), "big", content(&first)))]);
    let answer =
        commit(&*world.database, Commit { received, manifests: vec![first.clone()], ..plain }).unwrap();
    let big = applied(&answer.outcomes[0])[0];
    let missing = |parts: &[&[u8]]| {
        let chunks = parts.iter().map(|part| crate::world::chunk_id(part)).collect();
        let limits = model::Limits::default();
        versioning::missing::missing(&*world.database, world.may_write(), chunks, &limits, NOW).unwrap()
    };
    assert_eq!(missing(&[b"XX", b"aaaa", b"XX", b"cccc"]), [crate::world::chunk_id(b"XX")]);
    let received = world.store(&[b"XX"]);
    let change = |content| Operation::Update {
        node: big,
        base: world.revision(big).version,
        content,
        executable: false,
        mtime: Timestamp(0),
    };
    let plain = world.plain(vec![one(change(content(&second)))]);
    let answer = commit(&*world.database, Commit { received, manifests: vec![second], ..plain }).unwrap();
    applied(&answer.outcomes[0]);
    // Back to the first: the folder knows content and chunks, so nothing at all is sent.
    applied(&world.each(vec![change(content(&first))], &[])[0]);
    // A part of it alone is known as well.
    let part = create_file(0, ROOT, "part", "bbbb");
    applied(&world.each(vec![part], &[])[0]);
    world.assert_sound();
}

#[test]
fn the_folders_above_a_change_say_that_something_below_changed() {
    let world = World::new();
    let a = world.directory(ROOT, "a");
    let b = world.directory(a, "b");
    let c = world.directory(ROOT, "c");
    let f = world.file(b, "f", "1");
    let subtree = |id: NodeId| {
        let folder = world.folder;
        let rows =
            metadata::read::<_, metadata::Error>(&*world.database, move |s| s.nodes(folder, &[id])).unwrap();
        rows[0].subtree_seq.0
    };
    assert_eq!([ROOT, a, b, c, f].map(subtree), [4, 4, 4, 3, 4]);
    world.each(vec![update(f, world.revision(f).version, "2")], &["2"]);
    assert_eq!([ROOT, a, b, c, f].map(subtree), [5, 5, 5, 3, 5]);
    world.each(vec![move_to(b, world.revision(b).placement, c, "b")], &[]);
    assert_eq!([ROOT, a, b, c, f].map(subtree), [6, 6, 6, 6, 5]);
    world.assert_sound();
}

#[test]
fn commits_from_many_threads_are_each_whole() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::on(Arc::new(Sqlite::open(&directory.path().join("catalog.db")).unwrap()));
    let counter = world.file(ROOT, "counter", "0");
    let before = world.database.figures();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let world = &world;
            scope.spawn(move || {
                for turn in 0..20 {
                    world.file(ROOT, &format!("{thread} {turn}"), "x");
                    // A counter in a file, by compare-and-set: every success is one more.
                    loop {
                        let node = world.node(counter);
                        let next = (node.content.size() + 1) as usize;
                        let text = "x".repeat(next);
                        let done = world.each(vec![update(counter, node.revision.version, &text)], &[&text]);
                        if matches!(done[0], GroupOutcome::Applied(_)) {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(world.node(counter).content.size(), 161);
    assert_eq!(world.listing().len(), 161);
    let after = world.database.figures();
    assert!(after.commits - before.commits <= after.units - before.units);
    let seqs: Vec<u64> = world.listing().values().map(|node| node.seq.0).collect();
    let distinct: std::collections::BTreeSet<&u64> = seqs.iter().collect();
    assert_eq!(distinct.len(), seqs.len(), "a number belongs to one node");
    world.assert_sound();
}
