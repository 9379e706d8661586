//! Moving a directory costs what moving one name costs, whatever lies in it.

use anyhow::{Context as _, Result, ensure};
use e2e::world::FOLDER;
use e2e::{Proxy, World, tree};
use std::fs;
use std::os::unix::fs::MetadataExt as _;

const FILES: usize = 10_000;

/// The number of the folder's newest change: every node that changes takes one.
fn head(world: &mut World) -> Result<u64> {
    let folder = world.server().entry("folder", "name", FOLDER)?;
    folder["head"].as_u64().context("a folder has a head")
}

#[test]
fn moving_a_directory_of_ten_thousand_files_sends_no_bytes_and_makes_one_rename() -> Result<()> {
    let mut world = World::create()?;
    let (up, down) = (Proxy::open(world.server().address())?, Proxy::open(world.server().address())?);
    let mut laptop = world.device_through("laptop", up.address())?;
    let mut desktop = world.device_through("desktop", down.address())?;
    let album = laptop.directory().join("album");
    fs::create_dir_all(album.join("deep"))?;
    fs::create_dir(laptop.directory().join("archive"))?;
    for index in 0..FILES {
        let directory = if index % 2 == 0 { album.clone() } else { album.join("deep") };
        fs::write(directory.join(format!("picture-{index}.txt")), format!("picture {index}\n").repeat(20))?;
    }
    laptop.start()?;
    desktop.start()?;
    laptop.wait(120)?;
    desktop.wait(120)?;
    let there = |path: &str| fs::metadata(desktop.directory().join(path));
    let (directory, file) = (there("album")?.ino(), there("album/picture-0.txt")?.ino());
    let sent = up.up() + down.down();
    let head = head(&mut world)?;

    fs::rename(&album, laptop.directory().join("archive/2026"))?;
    laptop.wait(60)?;
    desktop.wait(60)?;

    tree::ensure_same(laptop.directory(), desktop.directory())?;
    ensure!(there("archive/2026")?.ino() == directory, "the directory was made anew");
    ensure!(there("archive/2026/picture-0.txt")?.ino() == file, "a file was made anew");
    let changed = self::head(&mut world)? - head;
    ensure!(changed == 1, "{changed} nodes changed");
    let sent = up.up() + down.down() - sent;
    // A few requests with their heads; a record for each file would be a hundred times as much.
    ensure!(sent < 32 * 1024, "{sent} bytes were sent");
    Ok(())
}
