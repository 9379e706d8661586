//! What is moved on the disk is the same node elsewhere, however often a round of looking comes by.

use crate::world::{World, path};
use model::RelativePath;
use sync_engine::Event;

#[test]
fn a_file_renamed_over_another_in_a_directory_listed_twice_replaces_it() {
    let mut world = World::new(None);
    ["from/new", "to/old"].into_iter().for_each(|file| world.write(file));
    world.start();
    assert_eq!((world.made, world.status().in_step), (4, true));
    let file = world.disk.remove(&path("from/new")).expect("it was written");
    world.disk.insert(path("to/old"), file);
    // The watcher saw something in one directory, and lost something somewhere.
    world.tell(Event::Hints { directories: vec![path("to")], subtrees: vec![RelativePath::root()] });
    world.settle();
    assert!(world.status().in_step, "{:?}", world.status());
    // The old file is gone, the new one was moved; none was edited, or made anew.
    assert_eq!((world.made, world.removed, world.moved), (4, 1, 1));
}
