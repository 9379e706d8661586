//! Somebody works in the plain directory, somebody on a client: both have the same at the end, and nothing is lost.

use super::start;
use crate::conflicts::owed;
use anyhow::{Result, ensure};
use e2e::{Editor, Random, Tree, TreeShape, World};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const KILLS: usize = 15;

#[test]
fn a_directory_full_of_files_is_taken_in_and_a_client_gets_it() -> Result<()> {
    let shape = TreeShape { largest: 5 << 20, ..TreeShape::of(2_000) };
    let (mut world, plain) = World::create_plain("auto", |directory| shape.make(directory, 51))?;
    let before = Tree::read(plain.directory())?;
    let mut laptop = world.device("laptop")?;
    laptop.start()?;
    before.ensure_same(&plain.arrives(world.server(), &laptop, 120)?)?;
    ensure!(before.files() > 1_500, "the tree is too small to say anything");
    world.server().verify()
}

#[test]
fn what_a_client_commits_appears_in_the_plain_directory() -> Result<()> {
    let (mut world, plain, laptop) = start("auto", |_| Ok(()))?;
    TreeShape { largest: 5 << 20, ..TreeShape::of(500) }.make(laptop.directory(), 52)?;
    let made = Tree::read(laptop.directory())?;
    made.ensure_same(&plain.settle(world.server(), &laptop, 120)?)
}

#[test]
fn conflicting_edits_in_the_plain_directory_and_on_a_client_are_all_kept() -> Result<()> {
    let (mut world, plain, mut laptop) =
        start("auto", |directory| TreeShape { largest: 600_000, ..TreeShape::of(800) }.make(directory, 53))?;
    let mut before = Tree::read(plain.directory())?;
    let mut copies = 0;
    for round in 0..3 {
        // While both the server and the device are away, so that every edit meets one that it knows nothing of.
        laptop.stop()?;
        world.server().stop()?;
        Editor::new(plain.directory(), &format!("samba-{round}"), 60 + round).work(250)?;
        Editor::new(laptop.directory(), &format!("alice-{round}"), 70 + round).work(250)?;
        let owed = owed(&before, &Tree::read(plain.directory())?, &Tree::read(laptop.directory())?);
        world.server().start()?;
        laptop.start()?;
        let after = plain.settle(world.server(), &laptop, 120)?;
        let kept = after.contents();
        let lost = owed.difference(&kept).count();
        ensure!(lost == 0, "round {round}: {lost} of {} contents are gone", owed.len());
        copies += after.conflict_copies().len();
        before = after;
    }
    ensure!(copies > 0, "no two edits met");
    world.server().verify()
}

/// Somebody who works on and on.
struct Worker {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Worker {
    fn start(directory: &Path, name: &str, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut editor, stopped) = (Editor::new(directory, name, seed), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                editor.work(5)?;
                thread::sleep(Duration::from_millis(30));
            }
            Ok(())
        });
        Self { stop, thread }
    }

    fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("an editor does not panic")
    }
}

#[test]
fn edits_in_the_plain_directory_and_on_a_client_at_once_come_into_step() -> Result<()> {
    let (mut world, plain, laptop) =
        start("auto", |directory| TreeShape { largest: 600_000, ..TreeShape::of(300) }.make(directory, 54))?;
    let outside = Worker::start(plain.directory(), "samba", 55);
    let inside = Worker::start(laptop.directory(), "alice", 56);
    thread::sleep(Duration::from_secs(4));
    outside.end()?;
    inside.end()?;
    plain.settle(world.server(), &laptop, 120)?;
    world.server().verify()
}

#[test]
fn a_server_killed_again_and_again_while_both_sides_work_comes_into_step() -> Result<()> {
    let (mut world, plain, laptop) =
        start("auto", |directory| TreeShape { largest: 600_000, ..TreeShape::of(300) }.make(directory, 57))?;
    let outside = Worker::start(plain.directory(), "samba", 58);
    let inside = Worker::start(laptop.directory(), "alice", 59);
    let mut random = Random::new(60);
    for _ in 0..KILLS {
        thread::sleep(Duration::from_millis(50 + random.below(700) as u64));
        world.server().kill()?;
        world.server().verify()?;
        world.server().start()?;
    }
    outside.end()?;
    inside.end()?;
    plain.settle(world.server(), &laptop, 180)?;
    world.server().verify()
}

#[test]
fn a_server_killed_while_only_the_plain_directory_is_worked_in_changes_nothing_there() -> Result<()> {
    let (mut world, plain, laptop) =
        start("auto", |directory| TreeShape { largest: 600_000, ..TreeShape::of(300) }.make(directory, 61))?;
    let outside = Worker::start(plain.directory(), "samba", 62);
    let mut random = Random::new(63);
    for _ in 0..KILLS {
        thread::sleep(Duration::from_millis(50 + random.below(500) as u64));
        world.server().kill()?;
        world.server().verify()?;
        world.server().start()?;
    }
    outside.end()?;
    plain.arrives(world.server(), &laptop, 180)?;
    world.server().verify()
}
