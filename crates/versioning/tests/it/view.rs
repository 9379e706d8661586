//! The journal through a view.

use crate::world::{NOW, World, create_directory, create_file, error_of, move_to, one, remove, update};
use model::{Content, NameRule, NodeId, RelativePath, RemoteNode, Seq, Timestamp, View, ViewId};
use proptest::prelude::*;
use std::collections::BTreeMap;
use versioning::Error;
use versioning::view::changes::{Cursor, changes};
use versioning::view::{Register, VIEWS_MAX, find, forget_unused, register};

/// What a device knows.
#[derive(Default)]
struct Device {
    nodes: BTreeMap<NodeId, RemoteNode>,
    cursor: Option<Cursor>,
}

impl Device {
    /// Pulls to the end, with something done between the pages; gives how many nodes came.
    fn pull(
        &mut self,
        world: &World,
        view: &View,
        limit: usize,
        mut between: impl FnMut(usize),
    ) -> Option<usize> {
        let mut staged = Vec::new();
        let mut cursor = self.cursor;
        for turn in 0..2_000 {
            let page = match changes(&*world.database, world.may_read(), view.clone(), cursor, limit, NOW) {
                Ok(page) => page,
                Err(Error::ViewGone) => return None,
                Err(error) => panic!("{error}"),
            };
            staged.extend(page.nodes);
            cursor = Some(page.next);
            if !page.more {
                let listed = self.cursor.is_none();
                if listed {
                    self.nodes.clear();
                }
                self.cursor = cursor;
                let count = staged.len();
                for node in staged {
                    if node.deleted {
                        self.nodes.remove(&node.id);
                    } else {
                        self.nodes.insert(node.id, node);
                    }
                }
                return Some(count);
            }
            between(turn);
        }
        panic!("a pull does not end");
    }
}

/// The view of the tree, the plain way: every path by itself.
fn oracle(world: &World, view: &View) -> BTreeMap<NodeId, RemoteNode> {
    let all = world.listing();
    let compiled = view.compile(NameRule::Portable);
    let path = |node: &RemoteNode| -> Option<RelativePath> {
        let mut names = vec![node.name.clone()];
        let mut at = node.parent;
        while at != view.root {
            let above = all.get(&at)?;
            names.push(above.name.clone());
            at = above.parent;
        }
        names.reverse();
        Some(names.into_iter().collect())
    };
    all.iter()
        .filter(|(_, node)| {
            path(node).is_some_and(|path| compiled.covers_path(&path, node.content == Content::Directory))
        })
        .map(|(id, node)| (*id, node.clone()))
        .collect()
}

fn names(device: &Device) -> Vec<&str> {
    let mut names: Vec<&str> = device.nodes.values().map(|node| node.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn view_of(root: NodeId, only: &[&str], exclude: &[&str]) -> View {
    View::new(root, only, exclude).unwrap()
}

fn moves(world: &World, node: NodeId, parent: NodeId, name: &str) {
    world.each(vec![move_to(node, world.revision(node).placement, parent, name)], &[]);
}

#[test]
fn a_directory_moved_in_brings_all_below_it_and_moved_out_takes_all_away() {
    let world = World::new();
    let (inside, outside) = (world.directory(NodeId::ROOT, "in"), world.directory(NodeId::ROOT, "out"));
    let deep = world.directory(outside, "deep");
    let deeper = world.directory(deep, "deeper");
    let file = world.file(deeper, "file", "1");
    world.file(deeper, "x.tmp", "1");
    let view = view_of(NodeId::ROOT, &["in"], &["*.tmp"]);
    let mut device = Device::default();
    assert_eq!(device.pull(&world, &view, 100, |_| {}), Some(1));
    world.each(vec![update(file, world.revision(file).version, "2")], &["2"]);
    assert_eq!(device.pull(&world, &view, 100, |_| {}), Some(0), "what others do outside is not told");
    moves(&world, deep, inside, "deep");
    assert_eq!(device.pull(&world, &view, 100, |_| {}), Some(3));
    assert_eq!(names(&device), ["deep", "deeper", "file", "in"]);
    moves(&world, deep, inside, "renamed");
    assert_eq!(device.pull(&world, &view, 100, |_| {}), Some(1), "within the view a move is one node");
    moves(&world, deeper, outside, "deeper");
    assert_eq!(device.pull(&world, &view, 100, |_| {}), Some(2));
    assert_eq!(names(&device), ["in", "renamed"]);
    moves(&world, inside, outside, "in");
    assert_eq!(device.pull(&world, &view, 1, |_| {}), Some(2));
    assert!(device.nodes.is_empty());
}

#[test]
fn the_root_of_a_view_may_move_but_not_go() {
    let world = World::new();
    let (top, other) = (world.directory(NodeId::ROOT, "top"), world.directory(NodeId::ROOT, "other"));
    let root = world.directory(top, "root");
    let file = world.file(root, "file", "1");
    let view = view_of(root, &[], &[]);
    let mut device = Device::default();
    device.pull(&world, &view, 100, |_| {});
    assert_eq!(names(&device), ["file"]);
    moves(&world, root, other, "elsewhere");
    moves(&world, other, top, "deeper");
    assert_eq!(device.pull(&world, &view, 100, |_| {}), Some(0));
    moves(&world, file, top, "file");
    assert_eq!(device.pull(&world, &view, 100, |_| {}), Some(1));
    assert!(device.nodes.is_empty());
    world.each(vec![remove(root, world.revision(root))], &[]);
    assert_eq!(device.pull(&world, &view, 100, |_| {}), None);
}

#[test]
fn a_directory_above_the_root_of_a_view_that_moves_during_a_pull_takes_nothing_away() {
    let world = World::new();
    let (top, other) = (world.directory(NodeId::ROOT, "top"), world.directory(NodeId::ROOT, "other"));
    let between = world.directory(top, "between");
    let root = world.directory(between, "root");
    let deep = world.directory(root, "deep");
    world.file(deep, "file", "1");
    let view = view_of(root, &[], &["*.tmp"]);
    let mut device = Device::default();
    device.pull(&world, &view, 100, |_| {});
    for name in ["1", "2"] {
        world.file(root, name, "1");
    }
    device.pull(&world, &view, 1, |turn| {
        if turn == 0 {
            moves(&world, top, other, "moved");
        }
    });
    assert_eq!(device.nodes, oracle(&world, &view));
}

#[test]
fn thousands_of_nodes_moved_in_arrive_whole_page_by_page_and_at_the_cost_of_what_came() {
    let world = World::new();
    let (inside, outside) = (world.directory(NodeId::ROOT, "in"), world.directory(NodeId::ROOT, "out"));
    let big = world.directory(outside, "big");
    for part in 0..4 {
        let directory = world.directory(big, &format!("d{part}"));
        let files = (0..1_000).map(|number| one(create_file(number, directory, &format!("f{number}"), "x")));
        world.run(files.collect(), &["x"]);
    }
    let view = view_of(NodeId::ROOT, &["in"], &[]);
    let mut device = Device::default();
    device.pull(&world, &view, 1_000, |_| {});
    moves(&world, big, inside, "big");
    let mut pages = 1;
    assert_eq!(device.pull(&world, &view, 1_000, |_| pages += 1), Some(4_005));
    assert_eq!(pages, 5);
    assert_eq!(device.nodes.len(), 4_006);
    moves(&world, big, inside, "bigger");
    assert_eq!(device.pull(&world, &view, 1_000, |_| {}), Some(1));
    moves(&world, big, outside, "big");
    assert_eq!(device.pull(&world, &view, 1_000, |_| {}), Some(4_005));
    assert_eq!(device.nodes.len(), 1);
}

#[test]
fn what_moves_while_it_is_listed_hides_nothing_else() {
    for (directory, turn) in [false, true].into_iter().flat_map(|kind| (0..6).map(move |turn| (kind, turn))) {
        let world = World::new();
        let [first, second, third] = ["a", "b", "c"].map(|name| world.directory(NodeId::ROOT, name));
        let file = world.file(first, "file", "1");
        for directory in [second, third] {
            world.file(directory, "file", "1");
        }
        let (moved, name) = if directory { (first, "a") } else { (file, "moved") };
        let view = view_of(NodeId::ROOT, &[], &["*.tmp"]);
        let mut device = Device::default();
        device.pull(&world, &view, 1, |now| {
            if now == turn {
                moves(&world, moved, third, name);
            }
        });
        assert_eq!(device.nodes, oracle(&world, &view), "{directory} {turn}");
    }
}

#[test]
fn what_moves_within_a_directory_that_came_during_a_pull_hides_nothing_else() {
    for (directory, turn) in [false, true].into_iter().flat_map(|kind| (1..12).map(move |turn| (kind, turn)))
    {
        let world = World::new();
        let (inside, outside) = (world.directory(NodeId::ROOT, "in"), world.directory(NodeId::ROOT, "out"));
        let big = world.directory(outside, "big");
        let [first, second, third] = ["a", "b", "c"].map(|name| world.directory(big, name));
        let file = world.file(first, "file", "1");
        for directory in [second, third] {
            world.file(directory, "file", "1");
        }
        let (moved, name) = if directory { (first, "a") } else { (file, "moved") };
        let view = view_of(NodeId::ROOT, &["in"], &[]);
        let mut device = Device::default();
        device.pull(&world, &view, 100, |_| {});
        for name in ["1", "2"] {
            world.file(inside, name, "1");
        }
        device.pull(&world, &view, 1, |now| {
            if now == 0 {
                moves(&world, big, inside, "big");
            }
            if now == turn {
                moves(&world, moved, third, name);
            }
        });
        // What was done when the pull was over already.
        device.pull(&world, &view, 1, |_| {});
        assert_eq!(device.nodes, oracle(&world, &view), "{directory} {turn}");
    }
}

#[test]
fn a_directory_that_came_with_much_that_was_moved_into_it_before_is_told_to_the_end() {
    let world = World::new();
    let (inside, outside) = (world.directory(NodeId::ROOT, "in"), world.directory(NodeId::ROOT, "out"));
    let big = world.directory(outside, "big");
    let files: Vec<NodeId> = (0..20).map(|number| world.file(outside, &format!("f{number}"), "1")).collect();
    world.file(big, "last", "1");
    let view = view_of(NodeId::ROOT, &["in"], &[]);
    let mut device = Device::default();
    device.pull(&world, &view, 100, |_| {});
    for (number, file) in files.iter().enumerate() {
        moves(&world, *file, big, &format!("f{number}"));
    }
    moves(&world, big, inside, "big");
    device.pull(&world, &view, 1, |_| {});
    assert_eq!(device.nodes, oracle(&world, &view));
}

#[test]
fn a_page_of_a_view_that_is_costly_to_ask_is_short_and_all_of_it_comes() {
    let world = World::new();
    for name in ["a", "b"] {
        let directory = world.directory(NodeId::ROOT, name);
        let files = (0..300).map(|number| one(create_file(number, directory, &format!("f{number}"), "x")));
        world.run(files.collect(), &["x"]);
    }
    let costly: Vec<String> = (0..128).map(|number| format!("*{}{number:03}*", "a".repeat(1_000))).collect();
    let view = View::new(NodeId::ROOT, &[], &costly).unwrap();
    let page = |view: &View| {
        changes(&*world.database, world.may_read(), view.clone(), None, 20_000, NOW).unwrap().nodes.len()
    };
    assert_eq!(page(&view_of(NodeId::ROOT, &["a", "b"], &["*.tmp", "target/"])), 602);
    assert!((1..200).contains(&page(&view)), "{}", page(&view));
    let mut device = Device::default();
    assert_eq!(device.pull(&world, &view, 20_000, |_| {}), Some(602));
    assert_eq!(device.nodes, oracle(&world, &view));
}

#[test]
fn cursors_of_a_view_that_cannot_be_continued_say_why() {
    let world = World::new();
    let id = world.file(NodeId::ROOT, "a", "1");
    world.each(vec![remove(id, world.revision(id))], &[]);
    let folder = world.folder;
    metadata::write::<_, metadata::Error>(&*world.database, move |t| t.raise_journal_floor(folder, Seq(2)))
        .unwrap();
    let view = view_of(NodeId::ROOT, &[], &["x"]);
    let ask = |since| {
        let cursor = Cursor { since: Seq(since), pull: None };
        changes(&*world.database, world.may_read(), view.clone(), Some(cursor), 1, NOW)
    };
    assert!(matches!(error_of(ask(1)), Error::CursorExpired));
    assert!(ask(2).is_ok());
    assert!(matches!(error_of(ask(3)), Error::RolledBack));
    let stranger = world.person("stranger");
    assert!(world.permit::<model::permit::Read>(stranger, model::Action::List).is_err());
}

/// Any function of the bytes will do.
fn view_name(bytes: &[u8]) -> ViewId {
    let mut id = [0; 16];
    id.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    ViewId(id)
}

fn asked(world: &World, view: View, directory: &str, now: Timestamp) -> Register {
    let directory = RelativePath::parse(directory).unwrap();
    Register { permit: world.may_read(), view, directory, name: view_name, now }
}

#[test]
fn a_view_is_kept_under_one_name_while_it_is_used() {
    let world = World::new();
    let a = world.directory(NodeId::ROOT, "a");
    let b = world.directory(a, "b");
    let file = world.file(b, "file", "1");
    let database = &*world.database;
    let wanted = view_of(NodeId::ROOT, &["x", "y"], &["*.o"]);
    let (id, root) = register(database, asked(&world, wanted, "A/b", NOW)).unwrap();
    assert_eq!(root, b);
    let same = view_of(b, &["y", "x", "x/z"], &["*.o"]);
    assert_eq!(register(database, asked(&world, same.clone(), "", NOW)).unwrap(), (id, b));
    assert_eq!(find(database, &world.may_read(), id, NOW).unwrap(), same);
    for (root, path) in [(NodeId::ROOT, "a/c"), (b, "file"), (file, "x")] {
        let asked = asked(&world, view_of(root, &[], &[]), path, NOW);
        assert!(matches!(register(database, asked), Err(Error::NotFound("directory"))), "{root} {path}");
    }
    for root in [NodeId(99), file] {
        let asked = asked(&world, view_of(root, &[], &[]), "", NOW);
        assert!(matches!(register(database, asked), Err(Error::ViewGone)), "{root}");
    }
    assert!(matches!(find(database, &world.may_read(), ViewId([0; 16]), NOW), Err(Error::UnknownView)));
    let days = |days: i64| Timestamp(NOW.0 + days * 86_400_000_000_000);
    assert_eq!(find(database, &world.may_read(), id, days(100)).unwrap(), same);
    assert_eq!(forget_unused(database, days(200)).unwrap(), 0, "it was used on day 100");
    assert_eq!(forget_unused(database, days(300)).unwrap(), 1);
    assert!(matches!(find(database, &world.may_read(), id, NOW), Err(Error::UnknownView)));
}

#[test]
fn a_device_has_so_many_views_and_the_least_recently_used_make_room() {
    let world = World::new();
    let ask_for = |number: usize| {
        let wanted = view_of(NodeId::ROOT, &[&format!("p{number}")], &[]);
        let now = Timestamp(NOW.0 + number as i64);
        register(&*world.database, asked(&world, wanted, "", now)).unwrap().0
    };
    let ids: Vec<ViewId> = (0..VIEWS_MAX + 2).map(ask_for).collect();
    let known = |id: ViewId| find(&*world.database, &world.may_read(), id, NOW).is_ok();
    assert_eq!(ids.iter().filter(|id| known(**id)).count(), VIEWS_MAX);
    assert!(!known(ids[0]) && !known(ids[1]));
}

/// Something somebody does, before it is known which nodes there are.
type Draft = (u8, u16, u16, u8);

const NAMES: [&str; 6] = ["a", "b", "B", "c", "x.tmp", "keep"];

fn act(world: &World, (kind, node, parent, name): Draft) {
    let all: Vec<RemoteNode> = world.listing().into_values().collect();
    let pick = |number: u16| all.get(usize::from(number) % (all.len() + 1));
    let into = pick(parent).map_or(NodeId::ROOT, |node| match node.content {
        Content::Directory => node.id,
        _ => node.parent,
    });
    let name = NAMES[usize::from(name) % NAMES.len()];
    let operation = match (kind % 8, pick(node)) {
        (0 | 1, _) | (_, None) => create_directory(0, into, name),
        (2, _) => create_file(0, into, name, "text"),
        (3, Some(node)) => update(node.id, node.revision.version, "other"),
        (4, Some(node)) => remove(node.id, node.revision),
        (_, Some(node)) => move_to(node.id, node.revision.placement, into, name),
    };
    // Refusals (a name taken, a circle) are fine.
    world.each(vec![operation], &["text", "other"]);
}

fn drafts(count: usize) -> impl Strategy<Value = Vec<Draft>> {
    prop::collection::vec((any::<u8>(), any::<u16>(), any::<u16>(), any::<u8>()), 0..count)
}

fn views() -> impl Strategy<Value = (u16, Vec<&'static str>, Vec<&'static str>)> {
    let only = prop::sample::subsequence(vec!["a", "a/b", "b", "b/c/a", "c/keep", "keep"], 0..3);
    let exclude = prop::sample::subsequence(
        vec!["*.tmp", "b/", "/a/c", "a/*", "!keep", "c/**/a", "**/keep/b", "/b"],
        0..4,
    );
    (prop_oneof![2 => Just(0u16), 1 => any::<u16>()], only, exclude)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn who_pulls_under_a_view_holds_the_view_of_the_tree(
        first in drafts(25),
        rounds in prop::collection::vec((drafts(8), drafts(8), 1usize..12), 1..6),
        (root, only, exclude) in views(),
    ) {
        let world = World::new();
        first.iter().for_each(|draft| act(&world, *draft));
        let directories: Vec<NodeId> = std::iter::once(NodeId::ROOT)
            .chain(world.listing().into_values().filter(|node| node.content == Content::Directory).map(|node| node.id))
            .collect();
        let view = view_of(directories[usize::from(root) % directories.len()], &only, &exclude);
        let mut device = Device::default();
        for (before, between, limit) in rounds {
            before.iter().for_each(|draft| act(&world, *draft));
            let pulled = device.pull(&world, &view, limit, |turn| {
                // Others work between the pages, for a while.
                if let Some(draft) = between.get(turn) {
                    act(&world, *draft);
                }
            });
            if pulled.is_none() {
                prop_assert!(view.root != NodeId::ROOT && world.node(view.root).deleted);
                return Ok(());
            }
            prop_assert_eq!(&device.nodes, &oracle(&world, &view));
        }
    }
}
