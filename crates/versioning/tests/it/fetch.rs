//! What readers get.

use crate::world::{
    NOW, World, applied, chunk_id, create, create_file, error_of, manifest, one, remove, update,
};
use content::ChunkStore;
use model::{ChunkId, Content, ContentId, Limits, NodeId, NodeRef, VersionNumber};
use versioning::fetch::{Wanted, file, manifests, plan};
use versioning::{Commit, Error, commit, folder};

const ROOT: NodeId = NodeId::ROOT;

fn found(world: &World, chunk: ChunkId, node: Option<NodeId>) -> bool {
    let wanted = vec![Wanted { chunk, node }];
    let plan = plan(&*world.database, world.may_read(), wanted, &Limits::default(), NOW).unwrap();
    plan[0].is_some()
}

#[test]
fn chunks_are_found_in_the_order_asked_and_are_the_right_bytes() {
    let world = World::new();
    let a = world.file(ROOT, "a", "one");
    let b = world.file(ROOT, "b", "two");
    let asked = [("two", Some(b)), ("never", Some(b)), ("one", Some(a)), ("two", None)];
    let wanted = asked.map(|(text, node)| Wanted { chunk: chunk_id(text.as_bytes()), node }).to_vec();
    let plan = plan(&*world.database, world.may_read(), wanted, &Limits::default(), NOW).unwrap();
    let bytes: Vec<Option<Vec<u8>>> =
        plan.iter().map(|located| located.map(|located| world.store.read_chunk(&located).unwrap())).collect();
    let expected = [Some("two"), None, Some("one"), Some("two")];
    assert_eq!(bytes, expected.map(|text| text.map(|text| text.as_bytes().to_vec())));
}

#[test]
fn another_folders_chunks_are_not_found_whatever_is_claimed() {
    let world = World::new();
    let mine = world.file(ROOT, "mine", "mine");
    let other = folder::create(&*world.database, folder::Create::shared("other"), NOW).unwrap();
    let world = World { folder: other, ..world };
    world.grant(world.alice, Some(model::Privilege::Write));
    let chunk = chunk_id(b"mine");
    assert!(!found(&world, chunk, None));
    assert!(!found(&world, chunk, Some(mine)));
    let here = world.file(ROOT, "other", "other");
    assert!(!found(&world, chunk, Some(here)), "the node is here, its content is another");
    assert!(found(&world, chunk_id(b"other"), None));
    // The same bytes sent to this folder too: found by the node, now and when they are an old version.
    let copy = world.file(ROOT, "copy", "mine");
    assert!(!found(&world, chunk, None), "the hash alone is not enough");
    assert!(found(&world, chunk, Some(copy)));
    world.each(vec![update(copy, world.revision(copy).version, "new")], &["new"]);
    world.each(vec![remove(copy, world.revision(copy))], &[]);
    assert!(found(&world, chunk, Some(copy)));
    world.assert_sound();
}

#[test]
fn manifests_and_files_are_read_by_node() {
    let world = World::new();
    let big = manifest(&[b"part one", b"part two"]);
    let received = world.store(&[b"part one", b"part two", b"x"]);
    let content = Content::File { id: big.content(), size: big.size() };
    let groups = vec![
        one(create(0, NodeRef::Id(ROOT), "big", content)),
        one(create_file(1, ROOT, "small", "x")),
        one(create_file(2, ROOT, "empty", "")),
    ];
    let request = Commit { received, manifests: vec![big.clone()], ..world.plain(groups) };
    let answer = commit(&*world.database, request).unwrap();
    let ids: Vec<NodeId> = answer.outcomes.iter().map(|outcome| applied(outcome)[0]).collect();
    let single = ContentId::of_single_chunk(chunk_id(b"x"));
    let wanted = vec![
        (ids[0], big.content()),
        (ids[1], single),
        (ids[2], ContentId::EMPTY),
        (ids[1], big.content()),
        (ROOT, single),
    ];
    let read = manifests(&*world.database, world.may_read(), wanted, &Limits::default(), NOW).unwrap();
    assert_eq!(
        read,
        [Some(big.chunks().to_vec()), Some(vec![(chunk_id(b"x"), 1)]), Some(vec![]), None, None]
    );
    assert!(found(&world, chunk_id(b"part two"), None));
    world.each(vec![update(ids[0], world.revision(ids[0]).version, "x")], &[]);
    let bytes = |version| {
        let file = file(&*world.database, world.may_read(), ids[0], version, NOW)?;
        Ok::<_, Error>(
            file.chunks
                .iter()
                .map(|chunk| world.store.read_chunk(chunk).unwrap())
                .collect::<Vec<_>>()
                .concat(),
        )
    };
    assert_eq!(bytes(None).unwrap(), b"x");
    assert_eq!(bytes(Some(VersionNumber(1))).unwrap(), b"part onepart two");
    assert!(matches!(error_of(bytes(Some(VersionNumber(3)))), Error::NotFound(_)));
    let directory = file(&*world.database, world.may_read(), ROOT, None, NOW);
    assert!(matches!(error_of(directory), Error::NotFound(_)));
    world.assert_sound();
}
