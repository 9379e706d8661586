//! Looking at a folder as it was, and what has changed since.

use crate::world::{NOW, World, error_of, move_to, name, remove, update};
use model::{NodeId, Seq};
use versioning::Error;
use versioning::compare::{Compare, Compared, Counts, compare};
use versioning::past::{List, Listed, When, list};

const ROOT: NodeId = NodeId::ROOT;

fn look(world: &World, when: When, path: &[&str]) -> Result<Listed, Error> {
    let path = path.iter().map(|part| name(part)).collect();
    let permit = world.may_read();
    list(&*world.database, List { permit, when, node: ROOT, path, after: NodeId(0), limit: 100, now: NOW })
}

fn names(listed: &Listed) -> Vec<&str> {
    listed.entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn differences(world: &World, from: Seq, path: &[&str], after: Seq, limit: usize) -> Compared {
    let request = Compare {
        permit: world.may_read(),
        from: When::Seq(from),
        to: When::Now,
        node: ROOT,
        path: path.iter().map(|part| name(part)).collect(),
        after,
        limit,
        now: NOW,
    };
    compare(&*world.database, request).unwrap()
}

#[test]
fn a_directory_is_listed_as_it_was() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let (a, b, c) = (world.file(d, "a", "1"), world.file(d, "b", "2"), world.file(d, "c", "3"));
    let then = When::Seq(world.row().counters.head);
    world.each(vec![move_to(a, world.revision(a).placement, ROOT, "moved out")], &[]);
    world.each(vec![move_to(b, world.revision(b).placement, d, "renamed")], &[]);
    world.each(vec![remove(c, world.revision(c))], &[]);
    world.file(d, "new", "4");
    world.each(vec![move_to(d, world.revision(d).placement, ROOT, "other")], &[]);
    let past = look(&world, then, &["D"]).unwrap();
    assert_eq!(names(&past), ["a", "b", "c"]);
    assert_eq!(past.node.as_ref().map(|node| node.id), Some(d));
    assert_eq!(past.entries[0].version.0, 1);
    assert_eq!(names(&look(&world, then, &[]).unwrap()), ["d"]);
    assert_eq!(names(&look(&world, When::Now, &["other"]).unwrap()), ["renamed", "new"]);
    let file = look(&world, then, &["d", "a"]).unwrap();
    assert_eq!((file.node.map(|node| node.id), file.entries.len()), (Some(a), 0));
    assert!(matches!(error_of(look(&world, then, &["other"])), Error::NotFound(_)));
    assert!(matches!(error_of(look(&world, When::Now, &["d"])), Error::NotFound(_)));
    let empty = look(&world, When::Seq(Seq(0)), &[]).unwrap();
    assert_eq!((empty.entries.len(), empty.node), (0, None));
}

#[test]
fn pages_of_a_past_directory_hold_everything_once() {
    let world = World::new();
    let d = world.directory(ROOT, "d");
    let ids: Vec<NodeId> = (0..9).map(|number| world.file(d, &format!("f{number}"), "x")).collect();
    let then = When::Seq(world.row().counters.head);
    for id in ids.iter().step_by(2) {
        world.each(vec![move_to(*id, world.revision(*id).placement, ROOT, &format!("out{id}"))], &[]);
    }
    let mut seen = Vec::new();
    let mut after = NodeId(0);
    loop {
        let permit = world.may_read();
        let page = List { permit, when: then, node: d, path: Vec::new(), after, limit: 2, now: NOW };
        let page = list(&*world.database, page).unwrap();
        assert!(page.entries.len() <= 2);
        seen.extend(page.entries.iter().map(|entry| entry.id));
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(seen, ids);
}

#[test]
fn two_moments_are_compared_with_counts_and_paths() {
    let world = World::new();
    let (d, e) = (world.directory(ROOT, "d"), world.directory(ROOT, "e"));
    let (a, b, c) = (world.file(d, "a", "1"), world.file(d, "b", "2"), world.file(e, "c", "3"));
    let back = world.file(d, "back", "4");
    let then = world.row().counters.head;
    world.each(vec![update(a, world.revision(a).version, "x")], &["x"]);
    world.each(vec![move_to(b, world.revision(b).placement, e, "b out")], &[]);
    world.each(vec![remove(c, world.revision(c))], &[]);
    world.file(d, "new", "5");
    // Changed and changed back: no difference.
    world.each(vec![move_to(back, world.revision(back).placement, e, "back")], &[]);
    world.each(vec![move_to(back, world.revision(back).placement, d, "back")], &[]);
    let all = differences(&world, then, &[], Seq(0), 100);
    assert_eq!(all.counts, Some(Counts { added: 1, removed: 1, changed: 1, moved: 1 }));
    assert_eq!((all.differences.len(), all.next), (4, None));
    let moved = all.differences.iter().find(|difference| difference.id == b).unwrap();
    let paths = [&moved.then, &moved.now].map(|side| {
        side.as_ref().unwrap().path.iter().map(|part| part.as_str()).collect::<Vec<_>>().join("/")
    });
    assert_eq!((paths, moved.is_move(), moved.is_change()), (["d/b".into(), "e/b out".into()], true, false));
    let of_d = differences(&world, then, &["d"], Seq(0), 100);
    assert_eq!(of_d.counts, Some(Counts { added: 1, removed: 0, changed: 1, moved: 1 }));
    let mut seen = Vec::new();
    let mut after = Seq(0);
    loop {
        let page = differences(&world, then, &[], after, 1);
        assert_eq!(page.counts.is_some(), after == Seq(0));
        seen.extend(page.differences);
        let Some(next) = page.next else { break };
        after = next;
    }
    assert_eq!(seen, all.differences);
    let nothing = differences(&world, world.row().counters.head, &[], Seq(0), 9);
    assert_eq!((nothing.counts, nothing.differences.len()), (Some(Counts::default()), 0));
}
