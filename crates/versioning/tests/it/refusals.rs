//! Every reason why a group is refused.

use crate::world::{
    World, applied, chunk_id, create, create_directory, create_file, manifest, move_to, name, one, refused,
    remove, update,
};
use model::{
    Content, ContentId, Group, Limits, NodeId, NodeRef, Operation, Refusal, Revision, Seq, Timestamp,
    VersionNumber,
};
use versioning::{Commit, commit};

const ROOT: NodeId = NodeId::ROOT;

#[test]
fn stale_bases_are_refused_with_the_current_state() {
    let world = World::new();
    let (a, b) = (world.file(ROOT, "a", "1"), world.directory(ROOT, "b"));
    let old = world.revision(a);
    world.each(vec![update(a, old.version, "2")], &["2"]);
    let outcomes = world.each(
        vec![
            update(a, old.version, "3"),
            Operation::Attributes { node: a, base: old.version, executable: true, mtime: Timestamp(1) },
            remove(a, old),
            move_to(a, old.placement, b, "moved"),
            move_to(a, old.placement, ROOT, "again"),
            update(b, world.revision(b).version, "3"),
            Operation::Update {
                node: a,
                base: world.revision(a).version,
                content: Content::Link { target: (*b"x").into() },
                executable: false,
                mtime: Timestamp(0),
            },
        ],
        &["3"],
    );
    for index in [0, 1, 2, 4, 6] {
        assert_eq!(refused(&outcomes[index]), (Refusal::Stale, Some(a)), "{index}");
    }
    assert_eq!(applied(&outcomes[3]), [a], "the other half did not change");
    assert_eq!(refused(&outcomes[5]), (Refusal::Stale, Some(b)), "a node never changes its kind");
    world.assert_sound();
}

#[test]
fn what_is_gone_is_gone() {
    let world = World::new();
    let (a, d) = (world.file(ROOT, "a", "1"), world.directory(ROOT, "d"));
    let (revision, of_d) = (world.revision(a), world.revision(d));
    world.each(vec![remove(a, revision), remove(d, of_d)], &[]);
    let nowhere = NodeId(99);
    let outcomes = world.each(
        vec![
            update(a, revision.version, "2"),
            remove(a, revision),
            move_to(a, revision.placement, ROOT, "b"),
            create_file(0, d, "x", "2"),
            update(nowhere, Seq(1), "2"),
            create_file(1, nowhere, "x", "2"),
            Operation::Copy {
                temporary: 2,
                source: nowhere,
                version: None,
                parent: NodeRef::Id(ROOT),
                name: name("x"),
            },
            Operation::Copy {
                temporary: 3,
                source: a,
                version: Some(VersionNumber(7)),
                parent: NodeRef::Id(ROOT),
                name: name("x"),
            },
        ],
        &["2"],
    );
    let shown = [Some(a), Some(a), Some(a), Some(d), None, None, None, Some(a)];
    for (outcome, shown) in outcomes.iter().zip(shown) {
        assert_eq!(refused(outcome), (Refusal::Gone, shown));
    }
    world.assert_sound();
}

#[test]
fn a_name_is_taken_by_its_key() {
    let world = World::new();
    let a = world.file(ROOT, "Caf\u{e9}", "1");
    let b = world.file(ROOT, "b", "1");
    let outcomes = world.each(
        vec![
            create_file(0, ROOT, "CAFE\u{301}", "1"),
            move_to(b, world.revision(b).placement, ROOT, "CAF\u{c9}"),
            move_to(a, world.revision(a).placement, ROOT, "CAF\u{c9}"),
        ],
        &["1"],
    );
    assert_eq!(refused(&outcomes[0]), (Refusal::NameTaken, Some(a)));
    assert_eq!(refused(&outcomes[1]), (Refusal::NameTaken, Some(a)));
    assert_eq!(applied(&outcomes[2]), [a], "a node does not stand in its own way");
    world.assert_sound();
}

#[test]
fn two_nodes_of_one_commit_do_not_share_a_name() {
    let world = World::new();
    let group = |first: u32| Group {
        operations: vec![create_file(first, ROOT, "x", "1"), create_file(first + 1, ROOT, "X", "1")],
    };
    let answer = world.run(vec![group(0), one(create_file(2, ROOT, "x", "1")), group(3)], &["1"]);
    assert_eq!(refused(&answer.outcomes[0]).0, Refusal::NameTaken);
    let x = applied(&answer.outcomes[1])[0];
    assert_eq!(refused(&answer.outcomes[2]).0, Refusal::NameTaken);
    assert_eq!(world.listing().keys().copied().collect::<Vec<_>>(), [x]);
    assert_eq!(x, NodeId(2), "ids of refused groups were never given");
    world.assert_sound();
}

#[test]
fn the_root_stays() {
    let world = World::new();
    let none = Revision { placement: Seq(0), version: Seq(0) };
    let outcomes = world.each(
        vec![
            remove(ROOT, none),
            move_to(ROOT, Seq(0), ROOT, "x"),
            update(ROOT, Seq(0), "1"),
            Operation::Attributes { node: ROOT, base: Seq(0), executable: true, mtime: Timestamp(0) },
        ],
        &["1"],
    );
    outcomes.iter().for_each(|outcome| assert_eq!(refused(outcome), (Refusal::Forbidden, None)));
    world.assert_sound();
}

#[test]
fn bad_names_and_paths_are_refused() {
    let world = World::new();
    let file = world.file(ROOT, "file", "1");
    let long = "x".repeat(255);
    let mut parent = ROOT;
    for _ in 0..15 {
        parent = world.directory(parent, &long);
    }
    // 3,843 bytes with the separator: a name of 255 is too long by two.
    parent = world.directory(parent, "zz");
    let outcomes = world.each(
        vec![
            create_file(0, ROOT, ".Driftless", "1"),
            create_file(1, file, "through a file", "1"),
            create_file(2, parent, &"y".repeat(255), "1"),
            create_directory(3, parent, "fits"),
            create(4, NodeRef::Id(ROOT), "link", Content::Link { target: [].into() }),
            create(5, NodeRef::Id(ROOT), "link", Content::Link { target: (*b"a\0b").into() }),
            create(6, NodeRef::Id(ROOT), "link", Content::Link { target: vec![b'x'; 4096].into() }),
            create(7, NodeRef::Id(ROOT), "link", Content::Link { target: (*b"../../etc").into() }),
        ],
        &["1"],
    );
    assert_eq!(refused(&outcomes[0]).0, Refusal::BadName);
    assert_eq!(refused(&outcomes[1]), (Refusal::BadName, Some(file)));
    assert_eq!(refused(&outcomes[2]).0, Refusal::BadName);
    applied(&outcomes[3]);
    (4..7).for_each(|index| assert_eq!(refused(&outcomes[index]).0, Refusal::BadName));
    let link = applied(&outcomes[7])[0];
    let below = world.each(vec![create_file(0, link, "through a link", "1")], &["1"]);
    assert_eq!(refused(&below[0]), (Refusal::BadName, Some(link)));
    world.assert_sound();
}

#[test]
fn a_directory_is_not_moved_to_where_its_content_has_too_long_paths() {
    let world = World::new();
    let long = "x".repeat(250);
    let top = world.directory(ROOT, "top");
    let mut parent = top;
    for _ in 0..10 {
        parent = world.directory(parent, &long);
    }
    let mut deep = world.directory(ROOT, "deep");
    for _ in 0..8 {
        deep = world.directory(deep, &long);
    }
    let outcomes = world.each(vec![move_to(top, world.revision(top).placement, deep, "top")], &[]);
    assert_eq!(refused(&outcomes[0]).0, Refusal::BadName);
    let up = world.node(deep).parent;
    let up = world.node(world.node(up).parent).parent;
    applied(&world.each(vec![move_to(top, world.revision(top).placement, up, "top")], &[])[0]);
    world.assert_sound();
}

#[test]
fn large_files_and_full_quotas_are_refused() {
    let mut world = World::new();
    world.limits = Limits { file_bytes: 10, ..Limits::default() };
    let outcomes = world.each(vec![create_file(0, ROOT, "a", "12345678901")], &["12345678901"]);
    assert_eq!(refused(&outcomes[0]).0, Refusal::TooLarge);
    let set = |quota| {
        let authority = versioning::folder::Authority::Administrator;
        let change = move |settings: &mut metadata::folder::FolderSettings| settings.quota_bytes = quota;
        versioning::folder::set(&*world.database, authority, world.folder, change, crate::world::NOW)
            .unwrap();
    };
    set(Some(10));
    let outcomes = world.each(
        vec![
            create_file(0, ROOT, "a", "1234567"),
            create_file(1, ROOT, "b", "1234"),
            create_file(2, ROOT, "c", "123"),
            create_file(3, ROOT, "d", ""),
        ],
        &["1234567", "1234", "123"],
    );
    let a = applied(&outcomes[0])[0];
    assert_eq!(refused(&outcomes[1]).0, Refusal::Quota);
    applied(&outcomes[2]);
    applied(&outcomes[3]);
    assert_eq!(world.row().counters.used_bytes, 10);
    // Over a lowered quota one may still shrink, move and remove.
    set(Some(5));
    let revision = world.revision(a);
    let outcomes = world.each(
        vec![
            update(a, revision.version, "123456"),
            move_to(a, revision.placement, ROOT, "e"),
            create_file(0, ROOT, "f", "1"),
        ],
        &["123456", "1"],
    );
    applied(&outcomes[0]);
    applied(&outcomes[1]);
    assert_eq!(refused(&outcomes[2]).0, Refusal::Quota);
    applied(&world.each(vec![remove(a, world.revision(a))], &[])[0]);
    assert_eq!(world.row().counters.used_bytes, 3);
    world.assert_sound();
}

#[test]
fn an_owners_quota_counts_over_all_folders() {
    let world = World::new();
    let bob = world.person("bob");
    let folder = world.folder;
    metadata::write::<_, metadata::Error>(&*world.database, move |t| {
        let mut settings = t.folder(folder)?.unwrap().settings;
        settings.owner = Some(bob.user);
        t.set_folder(folder, &settings)?;
        let mut other = metadata::folder::NewFolder {
            kind: metadata::folder::FolderKind::Home,
            names: model::NameRule::Exact,
            settings,
            at: Timestamp(0),
        };
        other.settings.name_key = model::NameKey("other".into());
        let other = t.create_folder(&other)?;
        let mut counters = t.folder(other)?.unwrap().counters;
        counters.used_bytes = 6;
        t.set_folder_counters(other, &counters)?;
        let mut user = t.user(bob.user)?.unwrap();
        user.quota_bytes = Some(10);
        t.set_user(&user)
    })
    .unwrap();
    let outcomes = world.each(
        vec![create_file(0, ROOT, "a", "12345"), create_file(1, ROOT, "b", "1234")],
        &["12345", "1234"],
    );
    assert_eq!(refused(&outcomes[0]).0, Refusal::Quota);
    applied(&outcomes[1]);
    let used = metadata::read::<_, metadata::Error>(&*world.database, move |s| s.user(bob.user)).unwrap();
    assert_eq!(used.unwrap().used_bytes, 10);
}

#[test]
fn contents_must_have_come_or_be_held() {
    let world = World::new();
    let big = manifest(&[b"part one", b"part two"]);
    let file = |id, size| create(0, NodeRef::Id(ROOT), "big", Content::File { id, size });
    let missing = |operation: Operation, received: &[&[u8]]| {
        let received = world.store(received);
        let plain = world.plain(vec![one(operation)]);
        let commit_it = Commit { received, manifests: vec![big.clone()], ..plain };
        let answer = commit(&*world.database, commit_it).unwrap();
        refused(&answer.outcomes[0]).0 == Refusal::ChunkMissing
    };
    assert!(missing(create_file(0, ROOT, "a", "never sent"), &[]));
    assert!(missing(file(big.content(), big.size()), &[b"part one"]));
    assert!(missing(file(big.content(), big.size() + 1), &[b"part one", b"part two"]), "another size");
    assert!(missing(file(ContentId::of_single_chunk(chunk_id(b"x")), 2), &[b"x"]), "another size");
    assert!(missing(file(ContentId::EMPTY, 1), &[]));
    assert!(missing(file(ContentId([5; 32]), 0), &[]));
    assert_eq!(world.row().counters.head, Seq(0));
}

#[test]
fn what_uses_a_refused_groups_nodes_is_refused_too() {
    let world = World::new();
    world.file(ROOT, "taken", "1");
    let outcomes = world.each(
        vec![
            create_directory(0, ROOT, "taken"),
            create(1, NodeRef::Temporary(0), "below", Content::Directory),
            create(2, NodeRef::Temporary(1), "further below", Content::Directory),
            create(3, NodeRef::Temporary(77), "of nothing", Content::Directory),
            create(4, NodeRef::Temporary(5), "too early", Content::Directory),
            create_directory(5, ROOT, "good"),
            create(6, NodeRef::Temporary(5), "below", Content::Directory),
        ],
        &[],
    );
    assert_eq!(refused(&outcomes[0]).0, Refusal::NameTaken);
    (1..5).for_each(|index| assert_eq!(refused(&outcomes[index]), (Refusal::Dependency, None)));
    applied(&outcomes[5]);
    applied(&outcomes[6]);
    assert_eq!(world.paths(), ["good", "good/below", "taken"]);
    world.assert_sound();
}

#[test]
fn cycles_and_full_directories_are_stale() {
    let world = World::new();
    let a = world.directory(ROOT, "a");
    let b = world.directory(a, "b");
    let outcomes = world.each(
        vec![
            move_to(a, world.revision(a).placement, b, "a"),
            move_to(a, world.revision(a).placement, a, "a"),
            remove(a, world.revision(a)),
        ],
        &[],
    );
    assert_eq!(refused(&outcomes[0]).0, Refusal::Stale);
    assert_eq!(refused(&outcomes[1]).0, Refusal::Stale);
    assert_eq!(refused(&outcomes[2]), (Refusal::Stale, Some(a)));
    assert_eq!(world.paths(), ["a", "a/b"]);
    world.assert_sound();
}
