//! What retention has taken, as whoever looks at a moment or goes back to one meets it.

use crate::retention::later;
use crate::rewind::{request, rewind_to};
use crate::world::{NOW, World, applied, error_of, refused, remove, text};
use metadata::placement::PastNode;
use model::{Group, NodeId, Refusal, Seq, VersionNumber};
use versioning::compare::{Compare, Compared, compare};
use versioning::history::{RemovedTree, trash_of};
use versioning::past::{List, When, list};
use versioning::retention::pin;
use versioning::rewind::{Only, Rewind, preview, rewind};
use versioning::{Commit, Error, commit};

const ROOT: NodeId = NodeId::ROOT;

fn look(world: &World, when: When) -> Result<Vec<PastNode>, Error> {
    let permit = world.may_read();
    let path = Vec::new();
    let look = List { permit, when, node: ROOT, path, after: NodeId(0), limit: 100, now: NOW };
    list(&*world.database, look).map(|listed| listed.entries)
}

fn differences(world: &World, from: When) -> Result<Compared, Error> {
    let permit = world.may_read();
    let (path, after, limit) = (Vec::new(), Seq(0), 100);
    compare(
        &*world.database,
        Compare { permit, from, to: When::Now, node: ROOT, path, after, limit, now: NOW },
    )
}

fn in_trash(world: &World, directory: NodeId, after: NodeId, limit: usize) -> Vec<RemovedTree> {
    trash_of(&*world.database, world.may_read(), directory, after, limit, NOW).unwrap()
}

#[test]
fn whoever_looks_at_a_moment_is_told_where_an_older_version_stands_in() {
    let world = World::new();
    world.rules(4, None, 1);
    let node = world.file(ROOT, "a", "day 0");
    for day in 1..=20 {
        world.write_version(later(day), node, &format!("day {day}"));
    }
    world.round(later(50));
    let kept = world.numbers(node);
    assert_eq!((kept.len(), kept[0], kept[3]), (4, 21, 1));
    for number in 1..=21_u64 {
        let stands_in = kept.iter().copied().find(|kept| *kept <= number).unwrap();
        let is_thinned = stands_in != number;
        let entry = look(&world, When::Seq(Seq(number))).unwrap().remove(0);
        let seen = (entry.version.0, entry.thinned, entry.content);
        assert_eq!(seen, (stands_in, is_thinned, text(&format!("day {}", stands_in - 1))), "at {number}");
        let difference = differences(&world, When::Seq(Seq(number))).unwrap().differences.pop();
        let then = difference.map(|difference| difference.then.unwrap().node.thinned);
        assert_eq!(then, (number < 21).then_some(is_thinned), "at {number}");
    }
    // Going back brings what is kept.
    let gone = (1..21).rev().find(|number| !kept.contains(number)).unwrap();
    let stands_in = kept.iter().copied().find(|kept| *kept <= gone).unwrap();
    let sure = preview(&*world.database, request(&world, When::Seq(Seq(stands_in)))).unwrap();
    assert_eq!((sure.changed, sure.thinned), (1, 0));
    let only = Only::By { user: Some(world.may_write().principal().user), devices: None };
    let theirs = Rewind { only, ..request(&world, When::Seq(Seq(gone))) };
    let theirs = preview(&*world.database, theirs).unwrap();
    assert_eq!((theirs.changed, theirs.thinned), (1, 1));
    let rewound = rewind_to(&world, When::Seq(Seq(gone)));
    assert_eq!((rewound.changed, rewound.thinned), (1, 1));
    assert_eq!(world.node(node).content, text(&format!("day {}", stands_in - 1)));
    world.assert_sound();
}

#[test]
fn a_moment_of_which_something_is_gone_for_good_is_refused_whoever_asks() {
    let world = World::new();
    world.rules(32, Some(30), 14);
    let node = world.file(ROOT, "a", "one");
    world.write_version(later(1), node, "two");
    world.write_version(later(20), node, "three");
    world.round(later(32));
    assert_eq!(world.numbers(node), [3, 2]);
    let since = |error: Error| match error {
        Error::NotCovered { since } => since,
        other => panic!("{other:?}"),
    };
    for when in [When::Seq(Seq(0)), When::Seq(Seq(1)), When::At(NOW)] {
        assert_eq!(since(error_of(look(&world, when))), Seq(2));
        assert_eq!(since(error_of(differences(&world, when))), Seq(2));
        assert_eq!(since(error_of(preview(&*world.database, request(&world, when)))), Seq(2));
        assert_eq!(since(error_of(rewind(&*world.database, request(&world, when)))), Seq(2));
    }
    assert_eq!(world.node(node).content, text("three"));
    assert_eq!(look(&world, When::At(later(1))).unwrap()[0].version, VersionNumber(2));
    assert_eq!(rewind_to(&world, When::Seq(Seq(2))).changed, 1);
    assert_eq!(world.node(node).content, text("two"));
    world.assert_sound();
}

#[test]
fn what_was_purged_is_in_no_moment_and_no_trash_but_its_directory_brings_what_is_pinned() {
    let world = World::new();
    world.rules(32, Some(30), 14);
    let (d, empty) = (world.directory(ROOT, "d"), world.directory(ROOT, "empty"));
    let (pinned, gone) = (world.file(d, "pinned", "one"), world.file(d, "gone", "two"));
    pin(&*world.database, world.may_write(), (pinned, VersionNumber(1)), Some(true), None, NOW).unwrap();
    let all = [pinned, gone, d, empty].map(|node| remove(node, world.revision(node)));
    let groups = vec![Group { operations: all.to_vec() }];
    commit(&*world.database, Commit { now: later(1), ..world.plain(groups) }).unwrap();
    let seen: Vec<NodeId> =
        in_trash(&world, ROOT, NodeId(0), 9).iter().map(|tree| tree.removed.node.id).collect();
    assert_eq!(seen, [d, empty]);
    world.round(later(40));
    // The files' and directories' time is over, but for what is pinned.
    let seen = in_trash(&world, ROOT, NodeId(0), 1);
    assert_eq!((seen.len(), seen[0].removed.node.id, seen[0].nodes, seen[0].bytes), (1, d, 1, 3));
    assert_eq!(in_trash(&world, ROOT, d, 9), []);
    let below = in_trash(&world, d, NodeId(0), 1);
    assert_eq!((below.len(), below[0].removed.node.id), (1, pinned));
    let head = world.row().counters.head;
    assert_eq!(look(&world, When::Seq(head)).unwrap(), []);
    assert_eq!(rewind_to(&world, When::Seq(head)).returned, 0);
    for node in [empty, gone] {
        assert_eq!(refused(&world.bring_back(node)).0, Refusal::Gone);
    }
    applied(&world.bring_back(d));
    assert_eq!(world.paths(), ["d", "d/pinned"]);
    assert!(world.node(gone).deleted);
    world.assert_sound();
}
