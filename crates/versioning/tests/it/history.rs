//! What was.

use crate::world::{NOW, World, error_of, move_to, remove, text, update};
use metadata::version::VersionOrigin;
use model::{NodeId, Operation, Seq, Timestamp, VersionNumber};
use versioning::Error;
use versioning::history::{placements, trash, trash_of, tree_at, versions};

const ROOT: NodeId = NodeId::ROOT;

#[test]
fn versions_are_listed_newest_first_with_their_newest_attributes() {
    let world = World::new();
    let a = world.file(ROOT, "a", "one");
    world.each(vec![update(a, world.revision(a).version, "two")], &["two"]);
    let base = world.revision(a).version;
    world.each(vec![Operation::Attributes { node: a, base, executable: true, mtime: Timestamp(99) }], &[]);
    let listed = versions(&*world.database, world.may_read(), a, NOW).unwrap();
    assert_eq!(listed.len(), 2, "attributes make no version");
    assert_eq!((listed[0].number, &listed[0].content), (VersionNumber(2), &text("two")));
    assert_eq!((listed[0].executable, listed[0].mtime, listed[0].seq), (true, Timestamp(99), Seq(2)));
    assert_eq!((listed[1].number, &listed[1].content), (VersionNumber(1), &text("one")));
    assert_eq!((listed[0].user, listed[0].device), (world.alice.user, world.alice.device));
    assert_eq!((listed[0].origin, listed[0].at), (VersionOrigin::Commit, NOW));
    let d = world.directory(ROOT, "d");
    assert_eq!(versions(&*world.database, world.may_read(), d, NOW).unwrap(), []);
    let absent = versions(&*world.database, world.may_read(), NodeId(99), NOW);
    assert!(matches!(error_of(absent), Error::NotFound(_)));
}

#[test]
fn placements_and_past_trees_show_where_things_were() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let a = world.file(ROOT, "a", "one");
    world.each(vec![move_to(a, world.revision(a).placement, d, "b")], &[]);
    world.each(vec![remove(a, world.revision(a))], &[]);
    let places = placements(&*world.database, world.may_read(), a, NOW).unwrap();
    let places: Vec<(NodeId, &str, bool)> =
        places.iter().map(|place| (place.parent, place.name.as_str(), place.deleted)).collect();
    assert_eq!(places, [(ROOT, "a", false), (d, "b", false), (d, "b", true)]);
    let names = |seq| {
        let rows = tree_at(&*world.database, world.may_read(), Seq(seq), NodeId(0), 9, NOW).unwrap();
        rows.iter().map(|row| format!("{}/{}", row.parent, row.name)).collect::<Vec<_>>()
    };
    assert_eq!(names(1), ["n1/d"]);
    assert_eq!(names(2), ["n1/d", "n1/a"]);
    assert_eq!(names(3), ["n1/d", "n2/b"]);
    assert_eq!(names(4), ["n1/d"]);
    let future = tree_at(&*world.database, world.may_read(), Seq(5), NodeId(0), 9, NOW);
    assert!(matches!(error_of(future), Error::RolledBack));
}

#[test]
fn the_trash_lists_what_was_removed_last_first() {
    let world = World::new();
    let ids: Vec<NodeId> = ["a", "b", "c"].map(|text| world.file(ROOT, text, text)).to_vec();
    for id in [ids[1], ids[0]] {
        world.each(vec![remove(id, world.revision(id))], &[]);
    }
    let list = |before, limit| trash(&*world.database, world.may_read(), before, limit, NOW).unwrap();
    let all = list(None, 10);
    assert_eq!(all.iter().map(|removed| removed.node.id).collect::<Vec<_>>(), [ids[0], ids[1]]);
    assert_eq!((all[0].user, all[0].at), (world.alice.user, NOW));
    let rest = list(Some(all[0].node.seq), 10);
    assert_eq!(rest, all[1..]);
    assert_eq!(list(None, 1), all[..1]);
}

#[test]
fn a_directorys_trash_is_counted_with_all_below() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let e = world.directory(d, "e");
    let (deep, file) = (world.file(e, "deep", "1234"), world.file(d, "file", "12"));
    world.file(d, "stays", "123456");
    for id in [deep, e, file] {
        world.each(vec![remove(id, world.revision(id))], &[]);
    }
    let list = |directory, after, limit| {
        trash_of(&*world.database, world.may_read(), directory, after, limit, NOW).unwrap()
    };
    let all = list(d, NodeId(0), 10);
    let seen: Vec<_> = all.iter().map(|tree| (tree.removed.node.id, tree.nodes, tree.bytes)).collect();
    assert_eq!(seen, [(e, 1, 4), (file, 0, 2)]);
    let flat = trash(&*world.database, world.may_read(), None, 10, NOW).unwrap();
    let paths: Vec<String> = flat
        .iter()
        .map(|removed| removed.path.iter().map(|part| part.as_str()).collect::<Vec<_>>().join("/"))
        .collect();
    assert_eq!(paths, ["d/file", "d/e", "d/e/deep"]);
    assert_eq!((all[0].removed.user, all[0].removed.device), (world.alice.user, world.alice.device));
    assert_eq!(list(d, NodeId(0), 1), all[..1]);
    assert_eq!(list(d, e, 10), all[1..]);
    assert_eq!(list(e, NodeId(0), 10).len(), 1, "a removed directory is looked into like a living one");
    assert_eq!(list(ROOT, NodeId(0), 10), []);
    let absent = trash_of(&*world.database, world.may_read(), NodeId(99), NodeId(0), 1, NOW);
    assert!(matches!(error_of(absent), Error::NotFound(_)));
}
