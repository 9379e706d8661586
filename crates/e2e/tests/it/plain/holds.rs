//! Deletions of a large part of the plain directory wait for an administrator.

use super::start;
use anyhow::{Result, ensure};
use e2e::process::eventually;
use e2e::world::FOLDER;
use e2e::{Device, Plain, Tree, World};
use std::fs;
use std::time::Duration;

const DIRECTORIES: usize = 15;
const FILES: usize = 100;

/// A small directory and a large one.
fn full() -> Result<(World, Plain, Device)> {
    start("auto", |directory| {
        fs::create_dir(directory.join("kept"))?;
        fs::write(directory.join("kept/file"), "kept")?;
        for number in 0..DIRECTORIES {
            let inner = directory.join(format!("archive/{number}"));
            fs::create_dir_all(&inner)?;
            (0..FILES)
                .try_for_each(|file| fs::write(inner.join(file.to_string()), format!("{number}/{file}")))?;
        }
        Ok(())
    })
}

/// Takes the large one away at once; the device still has everything when the server has seen it.
fn delete_most(world: &mut World, plain: &Plain, laptop: &Device, before: &Tree) -> Result<()> {
    fs::rename(plain.path("archive"), world.place().join("archive"))?;
    fs::write(plain.path("note.txt"), "written meanwhile")?;
    plain.wait_for(world.server(), "held", 60)?;
    // Not everything waits: what is no deletion goes on.
    eventually("the note arrives", Duration::from_secs(20), || {
        Ok(laptop.directory().join("note.txt").exists().then_some(()))
    })?;
    ensure_kept(laptop, before)?;
    // Nor does a restart decide.
    world.server().stop()?;
    world.server().start()?;
    plain.wait_for(world.server(), "held", 60)?;
    ensure_kept(laptop, before)
}

fn ensure_kept(laptop: &Device, before: &Tree) -> Result<()> {
    let mut held = Tree::read(laptop.directory())?;
    ensure!(held.0.remove(&b"note.txt"[..]).is_some(), "the note is gone");
    before.ensure_same(&held)
}

#[test]
fn a_mass_deletion_outside_is_held_and_undone() -> Result<()> {
    let (mut world, plain, laptop) = full()?;
    let before = Tree::read(plain.directory())?;
    delete_most(&mut world, &plain, &laptop, &before)?;
    world.server().admin(&["folder", "hold", FOLDER, "undo"])?.ok()?;
    let mut after = plain.settle(world.server(), &laptop, 60)?;
    ensure!(after.0.remove(&b"note.txt"[..]).is_some());
    before.ensure_same(&after)
}

#[test]
fn a_mass_deletion_outside_is_carried_out_when_approved() -> Result<()> {
    let (mut world, plain, laptop) = full()?;
    let before = Tree::read(plain.directory())?;
    delete_most(&mut world, &plain, &laptop, &before)?;
    world.server().admin(&["folder", "hold", FOLDER, "approve"])?.ok()?;
    // The device asks its person, too.
    eventually("the device is asked", Duration::from_secs(30), || {
        laptop.run(&["holds", "approve"])?;
        Ok((!laptop.directory().join("archive").exists()).then_some(()))
    })?;
    let after = plain.settle(world.server(), &laptop, 60)?;
    ensure!(after.files() == 2, "{} files are left", after.files());
    world.server().verify()
}

/// Removes the large one directory by directory, each seen before the next goes, until the server holds what is left.
fn delete_slowly(world: &mut World, plain: &Plain, laptop: &Device) -> Result<()> {
    for number in 0..DIRECTORIES {
        let name = format!("archive/{number}");
        fs::remove_dir_all(plain.path(&name))?;
        eventually("the removal is carried out or held", Duration::from_secs(60), || {
            let gone = !laptop.directory().join(&name).exists();
            Ok((gone || plain.entry(world.server())?["state"] == "held").then_some(()))
        })?;
    }
    plain.wait_for(world.server(), "held", 60)
}

#[test]
fn a_slow_removal_is_held_before_most_is_gone_and_what_is_held_comes_back() -> Result<()> {
    let (mut world, plain, laptop) = full()?;
    delete_slowly(&mut world, &plain, &laptop)?;
    let left = Tree::read(laptop.directory())?.files();
    // No more than the limit went, and what waits is less than the limit by itself.
    ensure!((500..=1_000).contains(&left), "{left} files are left on the device");
    // A restart does not decide.
    world.server().stop()?;
    world.server().start()?;
    plain.wait_for(world.server(), "held", 60)?;
    ensure!(Tree::read(laptop.directory())?.files() == left);
    // The last removals may be seen only now: they belong to the same burst, and are held again.
    eventually("everything held is back", Duration::from_secs(60), || {
        if plain.entry(world.server())?["state"] == "held" {
            world.server().admin(&["folder", "hold", FOLDER, "undo"])?.ok()?;
            return Ok(None);
        }
        let Ok(outside) = Tree::read(plain.directory()) else { return Ok(None) };
        Ok((outside.files() == left).then_some(()))
    })?;
    let after = plain.settle(world.server(), &laptop, 60)?;
    ensure!(after.files() == left, "{} of {left} files are left", after.files());
    world.server().verify()
}
