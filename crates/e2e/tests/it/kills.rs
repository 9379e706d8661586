//! The server or a client ends at any moment, as by a power cut: nothing is lost, and nobody has to repair anything.

use anyhow::{Result, ensure};
use e2e::{Device, Editor, Random, Tree, TreeShape, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often each is killed; over the three tests, a hundred times.
const SERVER_KILLS: usize = 40;
const SENDER_KILLS: usize = 30;
const RECEIVER_KILLS: usize = 30;

/// Somebody who works on and on, at a person's pace times a hundred.
struct Worker {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Worker {
    fn start(device: &Device, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut editor, stopped) = (Editor::new(device.directory(), "alice", seed), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                editor.work(5)?;
                thread::sleep(Duration::from_millis(20));
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

fn pair(world: &World) -> Result<(Device, Device)> {
    let (mut left, mut right) = (world.device("laptop")?, world.device("desktop")?);
    TreeShape { largest: 2 << 20, ..TreeShape::of(500) }.make(left.directory(), 11)?;
    left.start()?;
    right.start()?;
    left.wait(120)?;
    right.wait(120)?;
    Ok((left, right))
}

/// Only one person worked: their tree is as they left it, the other device has exactly that, and nobody has to tidy
/// up conflict copies.
fn ensure_untouched(world: &mut World, left: &Device, right: &Device) -> Result<()> {
    ensure_whole(world, left, right)?;
    let copies = Tree::read(left.directory())?.conflict_copies().len();
    ensure!(copies == 0, "{copies} conflict copies, though only one person worked");
    Ok(())
}

/// The worker's tree is as they left it, and the other device has exactly that.
fn ensure_whole(world: &mut World, left: &Device, right: &Device) -> Result<()> {
    let worked = Tree::read(left.directory())?;
    left.wait(180)?;
    right.wait(180)?;
    worked.ensure_same(&Tree::read(left.directory())?)?;
    worked.ensure_same(&Tree::read(right.directory())?)?;
    world.server().verify()
}

fn moment(random: &mut Random) -> Duration {
    Duration::from_millis(20 + random.below(700) as u64)
}

#[test]
fn a_server_killed_again_and_again_under_load_loses_nothing() -> Result<()> {
    let mut world = World::create()?;
    let (left, right) = pair(&world)?;
    let worker = Worker::start(&left, 21);
    let mut random = Random::new(22);
    for _ in 0..SERVER_KILLS {
        thread::sleep(moment(&mut random));
        world.server().kill()?;
        world.server().verify()?;
        world.server().start()?;
    }
    worker.end()?;
    ensure_untouched(&mut world, &left, &right)
}

#[test]
fn a_sending_client_killed_again_and_again_under_load_loses_nothing() -> Result<()> {
    let mut world = World::create()?;
    let (mut left, right) = pair(&world)?;
    let worker = Worker::start(&left, 31);
    let mut random = Random::new(32);
    for _ in 0..SENDER_KILLS {
        thread::sleep(moment(&mut random));
        left.kill()?;
        world.server().verify()?;
        left.start()?;
    }
    worker.end()?;
    ensure_untouched(&mut world, &left, &right)
}

#[test]
fn a_receiving_client_killed_again_and_again_under_load_loses_nothing() -> Result<()> {
    let mut world = World::create()?;
    let (left, mut right) = pair(&world)?;
    let worker = Worker::start(&left, 41);
    let mut random = Random::new(42);
    for _ in 0..RECEIVER_KILLS {
        thread::sleep(moment(&mut random));
        right.kill()?;
        world.server().verify()?;
        right.start()?;
    }
    worker.end()?;
    ensure_untouched(&mut world, &left, &right)
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_after_it() -> Result<()> {
    let mut world = World::create()?;
    let (left, mut right) = pair(&world)?;
    right.stop()?;
    for number in 0..10 {
        let name = format!("acknowledged-{number}");
        std::fs::write(left.directory().join(&name), &name)?;
        left.wait(60)?;
        world.server().kill()?;
        world.server().start()?;
    }
    right.start()?;
    right.wait(120)?;
    for number in 0..10 {
        let name = format!("acknowledged-{number}");
        ensure!(std::fs::read_to_string(right.directory().join(&name))? == name);
    }
    world.server().verify()
}
