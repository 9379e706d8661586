//! Bringing back.

use crate::world::{NOW, World, applied, create_file, error_of, move_to, refused, remove, text, update};
use model::{Group, IdempotencyKey, NodeId, Refusal, Seq, VersionNumber};
use versioning::restore::{Item, Restore, restore};
use versioning::{Committed, Error};

const ROOT: NodeId = NodeId::ROOT;

fn request(world: &World, items: Vec<Item>) -> Restore {
    Restore {
        permit: world.may_write(),
        key: world.next_key(),
        digest: [1; 32],
        items,
        limits: world.limits,
        now: NOW,
    }
}

fn bring_back(world: &World, items: Vec<Item>) -> Committed {
    let answer = restore(&*world.database, request(world, items)).unwrap();
    world.assert_sound();
    answer
}

fn remove_all(world: &World, ids: &[NodeId]) {
    let operations = ids.iter().map(|id| remove(*id, world.revision(*id))).collect();
    let answer = world.run(vec![Group { operations }], &[]);
    applied(&answer.outcomes[0]);
}

#[test]
fn an_old_version_comes_back_as_a_new_one_and_can_be_undone() {
    let world = World::new();
    let a = world.file(ROOT, "a", "one");
    world.each(vec![update(a, world.revision(a).version, "two!")], &["two!"]);
    let version = |number, base| Item::Version { node: a, version: VersionNumber(number), base };
    let answer = bring_back(&world, vec![version(1, Some(world.revision(a).version))]);
    assert_eq!(applied(&answer.outcomes[0]), [a]);
    assert_eq!((world.node(a).content, world.row().counters.used_bytes), (text("one"), 3));
    bring_back(&world, vec![version(2, None)]);
    assert_eq!(world.node(a).content, text("two!"));
    let listed = versioning::history::versions(&*world.database, world.may_read(), a, NOW).unwrap();
    let of: Vec<Option<u64>> = listed.iter().map(|version| version.of.map(|of| of.0)).collect();
    assert_eq!(of, [Some(2), Some(1), None, None]);
    let stale = bring_back(&world, vec![version(1, Some(Seq(1))), version(9, None)]);
    assert_eq!(refused(&stale.outcomes[0]), (Refusal::Stale, Some(a)));
    assert_eq!(refused(&stale.outcomes[1]).0, Refusal::Gone);
}

#[test]
fn a_removed_directory_comes_back_with_what_was_removed_with_it() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let e = world.directory(d, "e");
    let (f, long_gone) = (world.file(e, "f", "1"), world.file(d, "long gone", "2"));
    // Removed by somebody else: not part of it.
    let bob = world.person("bob");
    world.grant(bob, Some(model::Privilege::Write));
    let commit = versioning::Commit {
        permit: world.permit(bob, model::Action::Write).unwrap(),
        ..world.plain(vec![crate::world::one(remove(long_gone, world.revision(long_gone)))])
    };
    versioning::commit(&*world.database, commit).unwrap();
    remove_all(&world, &[f, e, d]);
    assert_eq!(world.paths(), Vec::<String>::new());
    let answer = bring_back(&world, vec![Item::Node(d)]);
    assert_eq!(applied(&answer.outcomes[0]), [d, e, f]);
    assert_eq!(world.paths(), ["d", "d/e", "d/e/f"]);
    bring_back(&world, vec![Item::Node(long_gone)]);
    assert_eq!(world.paths(), ["d", "d/e", "d/e/f", "d/long gone"]);
    let again = bring_back(&world, vec![Item::Node(d), Item::Node(NodeId(99))]);
    assert_eq!(refused(&again.outcomes[0]), (Refusal::Stale, Some(d)), "it lives");
    assert_eq!(refused(&again.outcomes[1]).0, Refusal::Gone);
}

#[test]
fn missing_parents_come_back_too_or_give_way_to_their_successors() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let e = world.directory(d, "e");
    let (f, g) = (world.file(e, "f", "1"), world.file(e, "g", "2"));
    remove_all(&world, &[f, g, e, d]);
    bring_back(&world, vec![Item::Node(f)]);
    assert_eq!(world.paths(), ["d", "d/e", "d/e/f"]);
    remove_all(&world, &[f, e, d]);
    // Somebody makes a new directory of that name, with a new e that is a file.
    let new_d = world.directory(ROOT, "D");
    world.file(new_d, "e", "3");
    bring_back(&world, vec![Item::Version { node: g, version: VersionNumber(1), base: None }]);
    assert_eq!(world.paths(), ["D", "D/e", "D/e (restored)", "D/e (restored)/g"]);
}

#[test]
fn what_comes_back_to_a_taken_name_gets_another() {
    let world = World::new();
    let ids: Vec<NodeId> = (0..3)
        .map(|number| {
            let id = world.file(ROOT, "a.txt", &number.to_string());
            if number < 2 {
                remove_all(&world, &[id]);
            }
            id
        })
        .collect();
    let answer = bring_back(&world, vec![Item::Node(ids[0]), Item::Node(ids[1])]);
    answer.outcomes.iter().for_each(|outcome| drop(applied(outcome)));
    assert_eq!(world.paths(), ["a (restored 2).txt", "a (restored).txt", "a.txt"]);
    let live = ids[2];
    world.each(vec![move_to(live, world.revision(live).placement, ROOT, "b")], &[]);
    assert_eq!(world.node(ids[0]).name.as_str(), "a (restored).txt");
}

#[test]
fn a_restore_obeys_the_quota_and_is_answered_once() {
    let world = World::new();
    let a = world.file(ROOT, "a", "12345");
    remove_all(&world, &[a]);
    let set = |quota| {
        let authority = versioning::folder::Authority::Administrator;
        versioning::folder::set(
            &*world.database,
            authority,
            world.folder,
            move |s| s.quota_bytes = quota,
            NOW,
        )
        .unwrap();
    };
    set(Some(4));
    let answer = bring_back(&world, vec![Item::Node(a)]);
    assert_eq!(refused(&answer.outcomes[0]).0, Refusal::Quota);
    assert!(world.node(a).deleted);
    set(None);
    let once = || Restore { key: IdempotencyKey([7; 16]), ..request(&world, vec![Item::Node(a)]) };
    let first = restore(&*world.database, once()).unwrap();
    let second = restore(&*world.database, once()).unwrap();
    assert_eq!((&first.outcomes, second.repeated), (&second.outcomes, true));
    let other = restore(&*world.database, Restore { digest: [2; 32], ..once() });
    assert!(matches!(error_of(other), Error::KeyReused));
    let few = model::Limits { commit_operations: 0, ..world.limits };
    let many = restore(&*world.database, Restore { limits: few, ..request(&world, vec![Item::Node(a)]) });
    assert!(matches!(error_of(many), Error::Limit { .. }));
    applied(&world.each(vec![create_file(0, ROOT, "b", "1")], &["1"])[0]);
    world.assert_sound();
}
