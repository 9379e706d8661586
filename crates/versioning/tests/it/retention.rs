//! Retention on a whole folder, with time passed in.

use crate::world::{NOW, World, applied, create_file, error_of, move_to, one, remove, text, update};
use metadata::{Error as MetadataError, read, write};
use metadata_sqlite::Sqlite;
use model::{Group, NodeId, Operation, Revision, Seq, Timestamp, VersionNumber};
use std::collections::BTreeMap;
use std::sync::Arc;
use versioning::history::{trash, tree_at, versions};
use versioning::restore::{Item, Restore, restore};
use versioning::retention::plan::{DAY_NS, HOUR_NS};
use versioning::retention::{Done, pin, preview, round};
use versioning::{Commit, Error, changes, commit, folder};

const ROOT: NodeId = NodeId::ROOT;

pub(crate) fn later(days: i64) -> Timestamp {
    Timestamp(NOW.0 + days * DAY_NS)
}

impl World {
    pub(crate) fn rules(&self, versions: u32, days: Option<u32>, safe_days: u32) {
        let authority = folder::Authority::Administrator;
        let change = move |settings: &mut metadata::folder::FolderSettings| {
            settings.keep_versions = versions;
            settings.keep_days = days;
        };
        folder::set(&*self.database, authority, self.folder, change, NOW).unwrap();
        let folder = self.folder;
        write::<_, MetadataError>(&*self.database, move |t| {
            let row = t.retention(folder)?;
            t.put_retention(folder, &metadata::retention::RetentionRow { safe_days, ..row })?;
            versioning::retention::look_again(t, folder)
        })
        .unwrap();
    }

    pub(crate) fn at(&self, now: Timestamp, operations: Vec<Operation>, texts: &[&str]) -> Vec<NodeId> {
        let chunks: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
        let received = self.store(&chunks);
        let groups: Vec<Group> = operations.into_iter().map(one).collect();
        let answer = commit(&*self.database, Commit { received, now, ..self.plain(groups) }).unwrap();
        answer.outcomes.iter().flat_map(applied).collect()
    }

    pub(crate) fn write_version(&self, now: Timestamp, node: NodeId, text: &str) {
        let base = self.revision(node).version;
        self.at(now, vec![update(node, base, text)], &[text]);
    }

    pub(crate) fn round(&self, now: Timestamp) -> Done {
        round(&*self.database, self.folder, now, &|| true).unwrap()
    }

    pub(crate) fn numbers(&self, node: NodeId) -> Vec<u64> {
        let rows = versions(&*self.database, self.may_read(), node, NOW).unwrap();
        rows.iter().map(|version| version.number.0).collect()
    }

    fn covered_since(&self) -> Seq {
        let folder = self.folder;
        read::<_, MetadataError>(&*self.database, move |s| s.retention(folder)).unwrap().covered_since
    }

    pub(crate) fn bring_back(&self, node: NodeId) -> model::GroupOutcome {
        let request = Restore {
            permit: self.may_write(),
            key: self.next_key(),
            digest: [0; 32],
            items: vec![Item::Node(node)],
            limits: self.limits,
            now: NOW,
        };
        restore(&*self.database, request).unwrap().outcomes.remove(0)
    }
}

#[test]
fn versions_are_thinned_to_the_wanted_number_and_the_past_says_so() {
    let world = World::new();
    world.rules(8, None, 2);
    let node = world.file(ROOT, "a", "0");
    for day in 1..=40 {
        world.write_version(later(day), node, &format!("day {day}"));
    }
    let now = later(100);
    let foreseen = preview(&*world.database, world.folder, now).unwrap();
    assert_eq!(world.numbers(node).len(), 41, "a preview changes nothing");
    let done = world.round(now);
    assert_eq!((done.versions, done.bytes), (33, foreseen.bytes));
    assert_eq!(done, foreseen);
    let kept = world.numbers(node);
    assert_eq!((kept.len(), kept[0], kept[7]), (8, 41, 1));
    world.assert_sound();
    assert_eq!(world.covered_since(), Seq(0));
    // Each moment finds the version kept from before it, and knows whether it is the very one.
    for number in 1..=41_u64 {
        let tree = tree_at(&*world.database, world.may_read(), Seq(number), ROOT, 9, NOW).unwrap();
        assert_eq!(tree[0].thinned, !kept.contains(&number), "at {number}");
        let expected = kept.iter().copied().find(|kept| *kept <= number).unwrap();
        let bytes = if expected == 1 { "0".to_owned() } else { format!("day {}", expected - 1) };
        assert_eq!(tree[0].content, text(&bytes));
    }
    assert_eq!(world.round(now), Done::default(), "nothing is left to do, and nothing is looked at");
    assert_eq!(world.round(later(10_000)).versions, 0);
}

#[test]
fn days_take_what_is_no_longer_current_and_the_past_begins_later() {
    let world = World::new();
    world.rules(32, Some(30), 14);
    let node = world.file(ROOT, "a", "one");
    world.write_version(later(1), node, "two");
    world.write_version(later(20), node, "three");
    world.round(later(21));
    assert_eq!(world.numbers(node), [3, 2, 1]);
    // One was current until day 1, two until day 20.
    world.round(later(32));
    assert_eq!((world.numbers(node), world.covered_since()), (vec![3, 2], Seq(2)));
    let before = tree_at(&*world.database, world.may_read(), Seq(1), ROOT, 9, NOW);
    assert!(matches!(error_of(before), Error::NotCovered { since: Seq(2) }));
    assert_eq!(tree_at(&*world.database, world.may_read(), Seq(2), ROOT, 9, NOW).unwrap().len(), 1);
    world.round(later(51));
    assert_eq!(world.numbers(node), [3]);
    world.round(later(5000));
    assert_eq!(world.numbers(node), [3], "what is current stays for ever");
    world.assert_sound();
}

#[test]
fn a_pin_or_a_label_keeps_a_version_and_taking_it_away_lets_it_go() {
    let world = World::new();
    world.rules(1, Some(1), 1);
    let node = world.file(ROOT, "a", "one");
    for (day, text) in [(1, "two"), (2, "three"), (3, "four")] {
        world.write_version(later(day), node, text);
    }
    let say = |number, pinned, label: Option<&str>, now| {
        let label = label.map(str::to_owned);
        pin(&*world.database, world.may_write(), (node, VersionNumber(number)), pinned, label, now)
    };
    say(1, Some(true), None, later(3)).unwrap();
    say(2, None, Some("as sent"), later(3)).unwrap();
    assert!(matches!(error_of(say(9, Some(true), None, NOW)), Error::NotFound(_)));
    assert!(matches!(error_of(say(1, None, Some("a\nb"), NOW)), Error::Invalid(_)));
    world.round(later(50));
    assert_eq!(world.numbers(node), [4, 2, 1]);
    let rows = versions(&*world.database, world.may_read(), node, NOW).unwrap();
    assert_eq!((rows[2].pinned, rows[1].label.as_deref()), (true, Some("as sent")));
    say(2, None, Some(""), later(50)).unwrap();
    world.round(later(50));
    assert_eq!(world.numbers(node), [4, 1]);
    world.at(later(51), vec![remove(node, world.revision(node))], &[]);
    world.round(later(500));
    assert_eq!(world.numbers(node), [4, 1], "a pin keeps its node in the trash, with what it last held");
    applied(&world.bring_back(node));
    world.assert_sound();
}

#[test]
fn the_trash_is_purged_after_its_days_and_the_tombstone_stays() {
    let world = World::new();
    world.rules(32, Some(30), 14);
    let d = world.directory(ROOT, "d");
    let a = world.file(d, "a", "one");
    let away = world.follow(None, 9).1;
    world.at(later(1), vec![remove(a, world.revision(a))], &[]);
    world.at(later(1), vec![remove(d, world.revision(d))], &[]);
    let list = || trash(&*world.database, world.may_read(), None, 9, NOW).unwrap().len();
    world.round(later(30));
    assert_eq!(list(), 2);
    let done = world.round(later(31));
    assert_eq!((done.purged, done.versions, list()), (2, 1, 0));
    world.assert_sound();
    let (reason, _) = crate::world::refused(&world.bring_back(a));
    assert_eq!(reason, model::Refusal::Gone);
    let read = versioning::fetch::file(&*world.database, world.may_read(), a, None, NOW);
    assert!(matches!(error_of(read), Error::NotFound(_)));
    // Somebody who was away is told of the removals for half a year.
    let told = world.follow(Some(away), 9).0;
    assert_eq!(told.iter().filter(|node| node.deleted).count(), 2);
    assert_eq!(world.round(later(180)).tombstones, 0);
    // The directory's goes a day after what was in it.
    assert_eq!(world.round(later(182)).tombstones, 1);
    assert_eq!(world.round(later(184)).tombstones, 1);
    world.assert_sound();
    assert_eq!(world.row().journal_floor, Seq(4));
    let expired = changes(&*world.database, world.may_read(), Some(away), 9, NOW);
    assert!(matches!(error_of(expired), Error::CursorExpired));
    assert_eq!(world.follow(None, 9).0, [], "a listing is whole");
}

#[test]
fn without_a_limit_of_days_the_trash_keeps_everything() {
    let world = World::new();
    let a = world.file(ROOT, "a", "one");
    world.at(later(1), vec![remove(a, world.revision(a))], &[]);
    world.round(later(2));
    assert_eq!(world.round(later(20_000)), Done::default());
    applied(&world.bring_back(a));
    world.assert_sound();
}

#[test]
fn what_comes_back_from_the_trash_is_no_longer_due_to_go() {
    let world = World::new();
    world.rules(32, Some(30), 14);
    let a = world.file(ROOT, "a", "one");
    world.at(later(1), vec![remove(a, world.revision(a))], &[]);
    world.round(later(2));
    applied(&world.bring_back(a));
    assert_eq!(world.round(later(400)).versions, 0);
    assert_eq!(world.numbers(a), [1]);
    world.assert_sound();
}

#[test]
fn nothing_next_to_a_mass_change_goes_until_it_is_acknowledged() {
    let world = World::new();
    world.rules(1, Some(1), 1);
    let names: Vec<String> = (0..1100).map(|number| format!("f{number}")).collect();
    let files: Vec<Operation> =
        names.iter().enumerate().map(|(index, name)| create_file(index as u32, ROOT, name, "good")).collect();
    let nodes = world.at(NOW, files, &["good"]);
    let others = (0..2000).map(|number| create_file(number, ROOT, &format!("o{number}"), "other"));
    world.at(NOW, others.collect(), &["other"]);
    let (changed, removed) = nodes.split_at(600);
    let bad = changed.iter().map(|node| update(*node, world.revision(*node).version, "bad")).collect();
    world.at(Timestamp(later(3).0 + 50 * 60 * 1_000_000_000), bad, &["bad"]);
    let gone = removed.iter().map(|node| remove(*node, world.revision(*node))).collect();
    world.at(Timestamp(later(3).0 + 70 * 60 * 1_000_000_000), gone, &[]);
    world.round(Timestamp(later(3).0 + 2 * HOUR_NS));
    let done = world.round(later(60));
    assert_eq!((done.versions, done.purged), (0, 0));
    assert_eq!(world.numbers(changed[0]), [2, 1]);
    let folder = world.folder;
    write::<_, MetadataError>(&*world.database, move |t| {
        assert!(t.acknowledge_mass_changes(folder, later(60))? > 0);
        versioning::retention::look_again(t, folder)
    })
    .unwrap();
    let done = world.round(later(60));
    assert_eq!((done.versions, done.purged), (1100, 500));
    world.assert_sound();
}

#[test]
fn a_mass_change_that_nobody_looks_at_holds_for_ninety_days() {
    let world = World::new();
    world.rules(1, Some(1), 1);
    let nodes =
        world.at(NOW, (0..1001).map(|n| create_file(n, ROOT, &format!("f{n}"), "good")).collect(), &["good"]);
    let gone = nodes.iter().map(|node| remove(*node, world.revision(*node))).collect();
    world.at(later(3), gone, &[]);
    assert_eq!(world.round(later(92)).purged, 0);
    assert_eq!(world.round(later(94)).purged, 1001);
}

/// A round costs what has changed since the last, not what the folder holds.
#[test]
fn a_round_costs_the_same_in_a_folder_of_ten_and_of_ten_thousand() {
    let cost = |files: u32| {
        let world = World::new();
        let operations = (0..files).map(|n| create_file(n, ROOT, &format!("f{n}"), "x")).collect();
        world.at(NOW, operations, &["x"]);
        world.round(later(1));
        let node = world.file(ROOT, "a", "one");
        world.write_version(later(1), node, "two");
        let before = world.database.figures().steps;
        world.round(later(2));
        world.round(later(3));
        world.database.figures().steps - before
    };
    let (few, many) = (cost(10), cost(10_000));
    assert!(many <= few * 2, "{few} steps in a small folder, {many} in a big one");
}

#[test]
fn thinning_goes_on_where_a_stop_or_a_crash_left_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.db");
    let world = World::on(Arc::new(Sqlite::open(&path).unwrap()));
    world.rules(2, None, 1);
    let nodes =
        world.at(NOW, (0..700).map(|n| create_file(n, ROOT, &format!("f{n}"), "0")).collect(), &["0"]);
    for day in 1..4 {
        let text = format!("day {day}");
        let updates = nodes.iter().map(|node| update(*node, world.revision(*node).version, &text)).collect();
        world.at(later(day), updates, &[&text]);
    }
    // Two steps: mass changes are looked for, and then one look.
    let steps = std::cell::Cell::new(0);
    let go_on = || steps.replace(steps.get() + 1) < 4;
    let first = round(&*world.database, world.folder, later(100), &go_on).unwrap();
    assert!((1..700).contains(&first.looked), "{first:?}");
    drop(world.database);
    let world = World { database: Arc::new(Sqlite::open(&path).unwrap()), ..world };
    let rest = world.round(later(100));
    assert_eq!((first.looked + rest.looked, first.versions + rest.versions), (700, 1400));
    world.assert_sound();
}

/// More nodes than are put into the queue at a time: none has to wait for a later round.
#[test]
fn new_rules_have_the_whole_folder_looked_at_at_once() {
    let world = World::new();
    let mut nodes = Vec::new();
    for part in 0..3 {
        let files = (0..2000).map(|n| create_file(n, ROOT, &format!("f{part} {n}"), "0")).collect();
        nodes.extend(world.at(NOW, files, &["0"]));
    }
    let now: BTreeMap<NodeId, Revision> =
        world.follow(None, 10_000).0.iter().map(|node| (node.id, node.revision)).collect();
    for part in nodes.chunks(500) {
        // Day by day, so that nobody takes it for a mass change.
        let day = later(i64::from(part[0].0 as u32) / 500);
        world.at(day, part.iter().map(|node| update(*node, now[node].version, "1")).collect(), &["1"]);
    }
    world.round(later(20));
    world.rules(1, None, 1);
    let foreseen = preview(&*world.database, world.folder, later(100)).unwrap();
    let done = world.round(later(100));
    assert_eq!((done.versions, done), (6000, foreseen));
    assert_eq!(world.covered_since(), world.row().counters.head, "one version is no past");
}

#[test]
fn a_device_that_was_away_for_a_hundred_thousand_changes_gets_one_answer() {
    let world = World::new();
    let nodes: Vec<NodeId> =
        world.at(NOW, (0..200).map(|n| create_file(n, ROOT, &format!("f{n}"), "0")).collect(), &["0"]);
    let away = world.follow(None, 1000).1;
    let before = world.listing();
    // Each round changes every file, moves it away and back, and ends as it began: 3 changes a file.
    for turn in 0..167 {
        for step in 0..3 {
            let now: BTreeMap<NodeId, Revision> =
                world.follow(None, 1000).0.iter().map(|node| (node.id, node.revision)).collect();
            let operations = nodes.iter().map(|node| match step {
                0 => update(*node, now[node].version, if turn % 2 == 0 { "1" } else { "0" }),
                1 => move_to(*node, now[node].placement, ROOT, &format!("moved {node}")),
                _ => move_to(*node, now[node].placement, ROOT, before[node].name.as_str()),
            });
            let at = Timestamp(NOW.0 + i64::from(turn) * HOUR_NS);
            world.at(at, operations.collect(), &["0", "1"]);
        }
    }
    assert!(world.row().counters.head.0 - away.since.0 > 100_000);
    let page = changes(&*world.database, world.may_read(), Some(away), 1000, NOW).unwrap();
    assert_eq!((page.nodes.len(), page.more), (200, false), "the newest state of each, and nothing else");
    for node in &page.nodes {
        assert_eq!((node.parent, &node.name), (before[&node.id].parent, &before[&node.id].name));
        assert_eq!(node.content, text("1"));
    }
}
