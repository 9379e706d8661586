//! A plain directory that is not there is offline, never empty: nothing is deleted anywhere, and it goes on when it
//! is back.

use super::start;
use anyhow::{Result, ensure};
use e2e::process::remark;
use e2e::{Device, Plain, Tree, TreeShape, World};
use std::fs;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn full() -> Result<(World, Plain, Device)> {
    start("auto", |directory| TreeShape { largest: 100_000, ..TreeShape::of(200) }.make(directory, 81))
}

/// How soon the server sees that a directory is away, or back.
const SEEN_WITHIN: u64 = 60;

/// While it is away: it is shown as offline, the device keeps everything and works on, and a restart changes nothing.
fn ensure_away(world: &mut World, plain: &Plain, laptop: &Device, before: &Tree, there: &Path) -> Result<()> {
    plain.wait_for(world.server(), "offline", SEEN_WITHIN)?;
    fs::write(laptop.directory().join("made-meanwhile.txt"), "on the laptop")?;
    fs::write(there.join("made-outside.txt"), "in the directory that is away")?;
    laptop.wait(30)?;
    world.server().stop()?;
    world.server().start()?;
    plain.wait_for(world.server(), "offline", 30)?;
    laptop.wait(30)?;
    let mut kept = Tree::read(laptop.directory())?;
    ensure!(kept.0.remove(&b"made-meanwhile.txt"[..]).is_some());
    before.ensure_same(&kept)
}

/// Now that it is back: what both sides did meanwhile is on both.
fn ensure_back(world: &mut World, plain: &Plain, laptop: &Device, before: &Tree) -> Result<()> {
    let mut after = plain.settle(world.server(), laptop, SEEN_WITHIN)?;
    ensure!(after.0.remove(&b"made-meanwhile.txt"[..]).is_some(), "the laptop's edit is gone");
    ensure!(after.0.remove(&b"made-outside.txt"[..]).is_some(), "the edit outside is gone");
    before.ensure_same(&after)
}

#[test]
fn a_directory_with_an_empty_one_in_its_place_deletes_nothing() -> Result<()> {
    let (mut world, plain, laptop) = full()?;
    let before = Tree::read(plain.directory())?;
    let aside = world.place().join("aside");
    fs::rename(plain.directory(), &aside)?;
    fs::create_dir(plain.directory())?;
    ensure_away(&mut world, &plain, &laptop, &before, &aside)?;
    ensure!(fs::read_dir(plain.directory())?.next().is_none(), "something was put into what is not ours");
    fs::remove_dir(plain.directory())?;
    fs::rename(&aside, plain.directory())?;
    ensure_back(&mut world, &plain, &laptop, &before)
}

/// A file system in memory mounted over a directory, unmounted at the end.
struct Mounted(PathBuf);

impl Mounted {
    /// None where the system does not let us.
    fn over(directory: &Path) -> Result<Option<Self>> {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "none"]).arg(directory).output()?;
        Ok(mounted.status.success().then(|| Self(directory.to_path_buf())))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // What still looks into it is no obstacle to a lazy unmount.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_directory_under_another_mount_deletes_nothing() -> Result<()> {
    let (mut world, plain, laptop) = full()?;
    let before = Tree::read(plain.directory())?;
    // The directory itself stays reachable, as a disk does that is mounted elsewhere now.
    let there = fs::File::open(plain.directory())?;
    let Some(mounted) = Mounted::over(plain.directory())? else {
        remark("SKIPPED: this process may not mount");
        return Ok(());
    };
    let below = PathBuf::from(format!("/proc/self/fd/{}", there.as_raw_fd()));
    // No watcher tells of it; the server asks now and then.
    ensure_away(&mut world, &plain, &laptop, &before, &below)?;
    ensure!(fs::read_dir(plain.directory())?.next().is_none(), "something was put into what is not ours");
    drop(mounted);
    ensure_back(&mut world, &plain, &laptop, &before)
}

#[test]
fn an_emptied_directory_deletes_nothing() -> Result<()> {
    let (mut world, plain, laptop) = full()?;
    let before = Tree::read(plain.directory())?;
    let aside = world.place().join("aside");
    fs::create_dir(&aside)?;
    for entry in fs::read_dir(plain.directory())? {
        let entry = entry?;
        fs::rename(entry.path(), aside.join(entry.file_name()))?;
    }
    ensure_away(&mut world, &plain, &laptop, &before, &aside)?;
    for entry in fs::read_dir(&aside)? {
        let entry = entry?;
        fs::rename(entry.path(), plain.path("").join(entry.file_name()))?;
    }
    ensure_back(&mut world, &plain, &laptop, &before)
}
