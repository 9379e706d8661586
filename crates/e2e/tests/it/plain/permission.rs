//! A directory that may not be read, or not be written to, for a while: nothing is deleted, and what waited for it goes
//! on by itself when it may be again, without a restart.
//!
//! Server and device run as a user without privileges here, also when root runs the test.

use super::start_unprivileged;
use anyhow::{Result, ensure};
use e2e::{Device, Plain, Tree, TreeShape, World};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// How soon something is seen that a watcher may miss.
const SEEN_WITHIN: u64 = 60;

/// A folder `d` with a file, besides other things.
fn world() -> Result<(World, Plain, Device)> {
    start_unprivileged(|directory| {
        TreeShape { largest: 100_000, ..TreeShape::of(100) }.make(directory, 91)?;
        fs::create_dir(directory.join("d"))?;
        Ok(fs::write(directory.join("d/there"), "before")?)
    })
}

fn permit(directory: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(directory, Permissions::from_mode(mode))?)
}

/// Both hold what they held, and what was made meanwhile.
fn ensure_made(before: &Tree, mut after: Tree, made: &[&str]) -> Result<()> {
    for name in made {
        ensure!(after.0.remove(name.as_bytes()).is_some(), "{name} is not there");
    }
    before.ensure_same(&after)
}

#[test]
fn an_unreadable_plain_directory_deletes_nothing_and_goes_on_by_itself() -> Result<()> {
    let (mut world, plain, laptop) = world()?;
    let before = Tree::read(plain.directory())?;
    permit(plain.directory(), 0o000)?;
    plain.wait_for(world.server(), "offline", SEEN_WITHIN)?;
    fs::write(laptop.directory().join("made-meanwhile.txt"), "on the laptop")?;
    laptop.wait(30)?;
    ensure_made(&before, Tree::read(laptop.directory())?, &["made-meanwhile.txt"])?;
    permit(plain.directory(), 0o755)?;
    let after = plain.settle(world.server(), &laptop, SEEN_WITHIN)?;
    ensure_made(&before, after, &["made-meanwhile.txt"])
}

/// What is sent into a directory of the plain directory that does not permit it for a while.
fn send_into(mode: u32) -> Result<()> {
    let (mut world, plain, laptop) = world()?;
    let before = Tree::read(plain.directory())?;
    permit(&plain.path("d"), mode)?;
    fs::write(laptop.directory().join("d/made-meanwhile.txt"), "on the laptop")?;
    fs::write(laptop.directory().join("made-beside.txt"), "on the laptop")?;
    laptop.wait(30)?;
    // What comes after it has arrived: so the disk has had its say about what came with it.
    e2e::process::eventually("what is beside arrives", std::time::Duration::from_secs(30), || {
        Ok(plain.path("made-beside.txt").exists().then_some(()))
    })?;
    let made = ["d/made-meanwhile.txt", "made-beside.txt"];
    ensure_made(&before, Tree::read(laptop.directory())?, &made)?;
    permit(&plain.path("d"), 0o755)?;
    // Sooner than a refused change would be tried again for no reason.
    ensure_made(&before, plain.settle(world.server(), &laptop, 12)?, &made)
}

#[test]
fn what_is_sent_into_an_unreadable_directory_appears_when_it_is_readable_again() -> Result<()> {
    send_into(0o000)
}

#[test]
fn what_is_sent_into_a_read_only_directory_appears_when_it_is_writable_again() -> Result<()> {
    send_into(0o555)
}

#[test]
fn what_comes_for_a_devices_unreadable_directory_appears_when_it_is_readable_again() -> Result<()> {
    let (mut world, plain, laptop) = world()?;
    let before = Tree::read(plain.directory())?;
    for (directory, name) in [("d", "d/made-meanwhile.txt"), ("", "made-above.txt")] {
        let closed = laptop.directory().join(directory);
        permit(&closed, 0o000)?;
        fs::write(plain.path(name), "outside")?;
        plain.wait_for(world.server(), "in_step", 30)?;
        permit(&closed, 0o755)?;
        plain.settle(world.server(), &laptop, SEEN_WITHIN)?;
    }
    let after = plain.settle(world.server(), &laptop, SEEN_WITHIN)?;
    ensure_made(&before, after, &["d/made-meanwhile.txt", "made-above.txt"])
}
