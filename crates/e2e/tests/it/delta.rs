//! A small edit of a big file sends a few chunks of it.
//!
//! In full: `cargo test -p e2e -- --ignored a_kibibyte_inserted_in_a_gibibyte`.

use anyhow::{Result, ensure};
use e2e::{Proxy, Random, World};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

const GIBIBYTE: u64 = 1 << 30;
const INSERTED: usize = 1024;

/// Saves the file anew with a kibibyte more at some place, as an editor would.
fn insert(path: &Path, place: u64, random: &mut Random) -> Result<()> {
    let beside = path.with_extension("new");
    let (mut from, mut to) = (File::open(path)?, File::create(&beside)?);
    std::io::copy(&mut (&from).take(place), &mut to)?;
    to.write_all(&random.bytes(INSERTED))?;
    std::io::copy(&mut from, &mut to)?;
    fs::rename(beside, path)?;
    Ok(())
}

#[test]
fn a_kibibyte_inserted_in_a_big_file_sends_under_a_mebibyte() -> Result<()> {
    a_few_chunks_travel(GIBIBYTE / 4)
}

#[test]
#[ignore = "takes minutes: see the module"]
fn a_kibibyte_inserted_in_a_gibibyte_sends_under_a_mebibyte() -> Result<()> {
    a_few_chunks_travel(GIBIBYTE)
}

fn a_few_chunks_travel(size: u64) -> Result<()> {
    let mut world = World::create()?;
    let (up, down) = (Proxy::open(world.server().address())?, Proxy::open(world.server().address())?);
    let mut laptop = world.device_through("laptop", up.address())?;
    let mut desktop = world.device_through("desktop", down.address())?;
    let mut random = Random::new(4);
    let path = laptop.directory().join("disk.img");
    let mut file = File::create(&path)?;
    for _ in 0..size >> 20 {
        file.write_all(&random.bytes(1 << 20))?;
    }
    drop(file);
    laptop.start()?;
    desktop.start()?;
    laptop.wait(240)?;
    desktop.wait(240)?;

    let (mut sent, mut fetched) = (Vec::new(), Vec::new());
    for fifth in 0..5 {
        let (up_before, down_before) = (up.up(), down.down());
        insert(&path, size / 5 * fifth + 12_345, &mut random)?;
        laptop.wait(120)?;
        desktop.wait(120)?;
        sent.push(up.up() - up_before);
        fetched.push(down.down() - down_before);
    }
    ensure!(
        same_bytes(&path, &desktop.directory().join("disk.img"))?,
        "the file differs on the other device"
    );
    sent.sort_unstable();
    fetched.sort_unstable();
    ensure!(sent[2] < 1 << 20, "sent {sent:?}");
    ensure!(fetched[2] < 1 << 20, "fetched {fetched:?}");
    Ok(())
}

fn same_bytes(left: &Path, right: &Path) -> Result<bool> {
    let hash = |path: &Path| -> Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        std::io::copy(&mut File::open(path)?, &mut hasher)?;
        Ok(hasher.finalize())
    };
    Ok(hash(left)? == hash(right)?)
}
