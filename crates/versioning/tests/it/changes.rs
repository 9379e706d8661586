//! Pulling the journal.

use crate::world::{NOW, World, create_directory, create_file, error_of, move_to, remove, update};
use metadata::{Error as MetadataError, write};
use model::{NodeId, Seq};
use versioning::changes::Cursor;
use versioning::{Error, changes};

#[test]
fn a_listing_shows_what_lives_and_then_only_what_changes() {
    let world = World::new();
    let kept = world.file(NodeId::ROOT, "kept", "1");
    let removed = world.file(NodeId::ROOT, "removed", "2");
    world.each(vec![remove(removed, world.revision(removed))], &[]);
    let (nodes, cursor) = world.follow(None, 100);
    assert_eq!(nodes.iter().map(|node| node.id).collect::<Vec<_>>(), [kept], "no tombstones in a listing");
    assert_eq!(cursor, Cursor { since: Seq(3), listing: None });
    assert_eq!(world.follow(Some(cursor), 100), (vec![], cursor));
    world.each(vec![update(kept, world.revision(kept).version, "3")], &["3"]);
    world.each(vec![remove(kept, world.revision(kept))], &[]);
    let (nodes, _) = world.follow(Some(cursor), 100);
    assert_eq!(nodes.len(), 1, "the newest state of each node, once");
    assert!(nodes[0].deleted);
}

#[test]
fn who_has_listed_an_empty_folder_is_told_of_removals() {
    let world = World::new();
    let (_, cursor) = world.follow(None, 100);
    let id = world.file(NodeId::ROOT, "a", "1");
    world.each(vec![remove(id, world.revision(id))], &[]);
    let (nodes, _) = world.follow(Some(cursor), 100);
    assert_eq!(nodes.iter().map(|node| (node.id, node.deleted)).collect::<Vec<_>>(), [(id, true)]);
}

#[test]
fn pages_taken_while_others_write_end_in_the_same_state() {
    let world = World::new();
    let ids: Vec<NodeId> =
        (0..30).map(|number| world.file(NodeId::ROOT, &format!("f{number}"), "x")).collect();
    let mut known = std::collections::BTreeMap::new();
    let mut cursor = None;
    for turn in 0.. {
        let page = changes(&*world.database, world.may_read(), cursor, 4, NOW).unwrap();
        known.extend(page.nodes.into_iter().map(|node| (node.id, node)));
        cursor = Some(page.next);
        if !page.more {
            break;
        }
        // Somebody removes what was listed, what was not listed yet, and moves something.
        if turn < 5 {
            for id in [ids[turn], ids[29 - turn]] {
                world.each(vec![remove(id, world.revision(id))], &[]);
            }
            let id = ids[15 - turn];
            let to = format!("moved {turn}");
            world.each(vec![move_to(id, world.revision(id).placement, NodeId::ROOT, &to)], &[]);
        }
    }
    known.retain(|_, node| !node.deleted);
    assert_eq!(known, world.listing());
}

#[test]
fn cursors_that_cannot_be_continued_say_why() {
    let world = World::new();
    let id = world.file(NodeId::ROOT, "a", "1");
    world.each(vec![create_directory(0, NodeId::ROOT, "b"), create_file(1, NodeId::ROOT, "c", "1")], &["1"]);
    world.each(vec![remove(id, world.revision(id))], &[]);
    let folder = world.folder;
    write::<_, MetadataError>(&*world.database, move |t| t.raise_journal_floor(folder, Seq(3))).unwrap();
    let ask = |since, listing: Option<u64>| {
        let cursor = Cursor { since: Seq(since), listing: listing.map(Seq) };
        changes(&*world.database, world.may_read(), Some(cursor), 1, NOW)
    };
    assert!(matches!(error_of(ask(2, None)), Error::CursorExpired));
    assert!(ask(3, None).is_ok());
    assert!(changes(&*world.database, world.may_read(), None, 1, NOW).is_ok(), "a listing can always begin");
    assert!(
        matches!(error_of(ask(0, None)), Error::CursorExpired),
        "who listed an empty folder missed removals"
    );
    assert!(ask(1, Some(4)).is_ok(), "and go on");
    assert!(matches!(error_of(ask(1, Some(2))), Error::CursorExpired), "unless it began too long ago");
    assert!(matches!(error_of(ask(5, None)), Error::RolledBack));
}
