//! However much is new, little of it is in memory at a time. (Counts, not bytes: those the measurements have.)

use crate::world::{World, remote_node};
use model::Kind;

/// More than one portion; the engine's own bounds are to show, not smaller ones.
const DIRECTORIES: u64 = 150;
const FILES: u64 = 100;
const NODES: u64 = DIRECTORIES * (FILES + 1);

#[test]
fn what_is_new_on_the_disk_is_hashed_and_planned_in_portions() {
    let mut world = World::new(None);
    for directory in 0..DIRECTORIES {
        (0..FILES).for_each(|file| world.write(&format!("{directory}/{file}")));
    }
    world.start();
    assert!(world.status().in_step, "{:?}", world.status());
    assert_eq!(world.made as u64, NODES);
    assert!(world.most.planned <= 11_000, "{} were planned at once", world.most.planned);
    assert!(world.most.listing <= 64, "{} directories were asked for at once", world.most.listing);
    assert!(world.most.hashing <= 16_384, "{} files were asked for at once", world.most.hashing);
}

#[test]
fn what_is_new_on_the_remote_side_is_planned_in_portions() {
    let mut world = World::new(None);
    let mut id = 2;
    for directory in 0..DIRECTORIES {
        let parent = id;
        world.news.push(remote_node(parent, 0, &directory.to_string(), Kind::Directory));
        for file in 0..FILES {
            id += 1;
            world.news.push(remote_node(id, parent, &file.to_string(), Kind::File));
        }
        id += 1;
    }
    world.start();
    assert!(world.status().in_step, "{:?}", world.status());
    assert_eq!(world.disk.len() as u64, NODES);
    assert!(world.most.planned <= 11_000, "{} were planned at once", world.most.planned);
}

#[test]
fn a_change_among_what_is_new_does_not_have_everything_planned_at_once() {
    let mut world = World::new(None);
    (0..10).for_each(|file| world.write(&format!("before/{file}")));
    world.start();
    for directory in 0..DIRECTORIES {
        (0..FILES).for_each(|file| world.write(&format!("{directory}/{file}")));
    }
    world.now = world.now.plus_ms(60_000);
    world.write("before/3");
    world.delete("before/4");
    world.look();
    assert!(world.status().in_step, "{:?}", world.status());
    assert!(world.most.planned <= 11_000, "{} were planned at once", world.most.planned);
}

#[test]
fn a_node_whose_directory_comes_later_in_a_pull_has_its_place() {
    let mut world = World::new(None);
    // The file was moved into a directory made after it, so far behind it that it is on another page.
    world.news.push(remote_node(2, 9_000, "moved", Kind::File));
    world.news.extend((3..8_000).map(|id| remote_node(id, 0, &format!("file {id}"), Kind::File)));
    world.news.push(remote_node(9_000, 0, "directory", Kind::Directory));
    world.start();
    assert!(world.status().in_step, "{:?}", world.status());
    assert!(world.disk.contains_key(&crate::world::path("directory/moved")));
}

#[test]
fn what_is_equal_on_both_sides_is_adopted_in_portions() {
    let mut world = World::new(None);
    world.engine.plan_in_portions_of(50);
    for directory in 0..20 {
        (0..20).for_each(|file| world.write(&format!("{directory}/{file}")));
    }
    world.start();
    assert_eq!((world.made, world.status().in_step), (420, true));
    // A second pair joins what the first has made, with the same on its disk.
    let mut second = World::new(None);
    second.engine.plan_in_portions_of(50);
    second.news = world.remote();
    second.disk = world.disk.clone();
    second.start();
    assert!(second.status().in_step, "{:?}", second.status());
    assert_eq!((second.made, second.disk.len()), (0, 420));
}
