//! Two equal trees that meet for the first time.

use anyhow::{Context as _, Result, ensure};
use e2e::{Proxy, Random, Tree, World, tree};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

const FILES: usize = 2_000;
const FILE_BYTES: usize = 20_000;

fn fill(root: &Path) -> Result<()> {
    let mut random = Random::new(9);
    for index in 0..FILES {
        let directory = root.join(format!("directory-{}", index % 20));
        fs::create_dir_all(&directory)?;
        let path = directory.join(format!("file-{index}"));
        fs::write(&path, random.bytes(FILE_BYTES))?;
        let moment =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 + index as u64);
        fs::File::options().write(true).open(&path)?.set_modified(moment)?;
    }
    Ok(())
}

#[test]
fn equal_trees_joined_for_the_first_time_transfer_no_contents() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    fill(laptop.directory())?;
    laptop.start()?;
    laptop.wait(120)?;

    let door = Proxy::open(world.server().address())?;
    let mut desktop = world.device_through("desktop", door.address())?;
    fill(desktop.directory())?;
    let inodes = |root: &Path| -> Result<Vec<u64>> {
        let paths = tree::paths(root)?;
        paths.iter().map(|path| Ok(fs::symlink_metadata(root.join(path))?.ino())).collect()
    };
    let before = inodes(desktop.directory())?;
    desktop.start()?;
    desktop.wait(120)?;
    laptop.wait(60)?;

    tree::ensure_same(laptop.directory(), desktop.directory())?;
    ensure!(before == inodes(desktop.directory())?, "files were made anew");
    let copies = Tree::read(desktop.directory())?.conflict_copies().len();
    ensure!(copies == 0, "{copies} conflict copies of equal files");
    let (up, down) = (door.up(), door.down());
    ensure!(up < 100_000 && down < (FILES * 500) as u64, "{up} bytes up, {down} bytes down");
    Ok(())
}

#[test]
fn trees_that_differ_in_part_keep_both_sides_of_every_difference() -> Result<()> {
    let world = World::create()?;
    let (mut laptop, mut desktop) = (world.device("laptop")?, world.device("desktop")?);
    for (device, name) in [(&laptop, "laptop"), (&desktop, "desktop")] {
        fs::write(device.directory().join("same"), "the same")?;
        fs::write(device.directory().join("differs"), format!("as on the {name}"))?;
        fs::write(device.directory().join(format!("only on {name}")), name)?;
    }
    laptop.start()?;
    laptop.wait(60)?;
    desktop.start()?;
    desktop.wait(60)?;
    laptop.wait(60)?;
    let tree = Tree::read(laptop.directory())?;
    tree.ensure_same(&Tree::read(desktop.directory())?)?;
    ensure!(tree.files() == 5 && tree.conflict_copies().len() == 1, "{tree:?}");
    let kept = fs::read_to_string(laptop.directory().join("differs")).context("the first keeps the name")?;
    ensure!(kept == "as on the laptop", "{kept}");
    Ok(())
}
