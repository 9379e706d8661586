//! Deletions so many that a person is asked, however slowly they come.

use crate::world::World;

const LIMIT: Option<u64> = Some(100);
const MINUTE_MS: u64 = 60_000;

/// A pair in step: so many directories of twenty files, and so many files beside them.
fn full(directories: usize, beside: usize) -> World {
    let mut world = World::new(LIMIT);
    (0..directories).for_each(|directory| {
        (0..20).for_each(|file| world.write(&format!("archive/{directory}/{file}")));
    });
    (0..beside).for_each(|file| world.write(&format!("kept/{file}")));
    world.start();
    assert!(world.status().in_step);
    world
}

/// Deletes directories one after the other, each seen by itself.
fn delete_slowly(world: &mut World, directories: std::ops::Range<usize>, pause_ms: u64) {
    for directory in directories {
        world.delete(&format!("archive/{directory}"));
        world.look();
        world.now = world.now.plus_ms(pause_ms);
    }
}

#[test]
fn deletions_that_come_in_small_batches_are_held_together() {
    let mut world = full(20, 10);
    delete_slowly(&mut world, 0..20, 1_000);
    let (here, there) = world.status().held.expect("the burst is held");
    assert_eq!((here, there), (0, 20 * 21 - world.removed));
    assert!(world.removed <= 100, "{} were removed", world.removed);
    assert!(world.removed > 80, "only {} were removed", world.removed);
}

#[test]
fn what_is_held_stays_held_however_long_and_across_restarts() {
    let mut world = full(20, 10);
    delete_slowly(&mut world, 0..6, 1_000);
    let (removed, held) = (world.removed, world.status().held);
    assert!(held.is_some_and(|(_, there)| there < 100), "less than the limit: {held:?}");
    world.now = world.now.plus_ms(60 * MINUTE_MS);
    world.look();
    world.restart(LIMIT);
    world.look();
    assert_eq!((world.removed, world.status().held), (removed, held));
}

#[test]
fn deletions_with_long_pauses_do_not_add_up() {
    let mut world = full(20, 300);
    delete_slowly(&mut world, 0..20, 6 * MINUTE_MS);
    assert_eq!((world.status().held, world.removed), (None, 20 * 21));
}

#[test]
fn an_approval_covers_what_is_held_and_what_goes_on_but_not_what_comes_later() {
    let mut world = full(40, 10);
    delete_slowly(&mut world, 0..10, 1_000);
    assert!(world.status().held.is_some());
    let now = world.now;
    world.engine.decide_hold(true, now, &mut world.store).unwrap();
    world.look();
    assert_eq!((world.status().held, world.removed), (None, 10 * 21));
    // The same removal goes on.
    delete_slowly(&mut world, 10..20, 1_000);
    assert_eq!((world.status().held, world.removed), (None, 20 * 21));
    world.now = world.now.plus_ms(11 * MINUTE_MS);
    delete_slowly(&mut world, 20..30, 1_000);
    assert!(world.status().held.is_some());
    assert!(world.removed <= 20 * 21 + 100, "{}", world.removed);
}

#[test]
fn undone_is_what_was_held() {
    let mut world = full(20, 10);
    delete_slowly(&mut world, 0..20, 1_000);
    let (_, there) = world.status().held.unwrap();
    let now = world.now;
    world.engine.decide_hold(false, now, &mut world.store).unwrap();
    world.look();
    assert!(world.status().in_step, "{:?}", world.status());
    // Two directories and what was kept.
    assert_eq!(world.disk.len(), 12 + there);
}

#[test]
fn what_comes_and_goes_within_the_window_empties_nothing() {
    let mut world = full(20, 10);
    // One ordinary deletion begins the window.
    world.delete("kept/0");
    world.look();
    for _ in 0..8 {
        (0..60).for_each(|file| world.write(&format!("target/{file}")));
        world.look();
        world.delete("target");
        world.look();
        world.now = world.now.plus_ms(MINUTE_MS);
    }
    assert_eq!((world.status().held, world.removed), (None, 1 + 8 * 61));
}

#[test]
fn emptying_the_pair_is_held_from_a_tenth_of_the_limit_on() {
    let mut world = full(1, 0);
    world.delete("archive");
    world.look();
    assert_eq!((world.status().held, world.removed), (Some((0, 22)), 0));
    let mut world = full(0, 9);
    world.delete("kept");
    world.look();
    assert_eq!((world.status().held, world.removed), (None, 10));
}

#[test]
fn moves_count_for_nothing() {
    let mut world = full(20, 10);
    let moved: Vec<_> = world.disk.iter().map(|(path, file)| (path.to_string(), file.clone())).collect();
    world.delete("archive");
    for (path, file) in moved {
        if let Some(rest) = path.strip_prefix("archive/")
            && file.is_some()
        {
            let (directory, name) = rest.split_once('/').unwrap();
            world.disk.insert(crate::world::path(&format!("elsewhere/{directory}-{name}")), file);
        }
    }
    world.disk.insert(crate::world::path("elsewhere"), None);
    world.look();
    // Only the directories are gone.
    assert_eq!((world.status().held, world.removed), (None, 21));
}
