//! A server that is lost comes back from its backup, and nobody loses a file.

use anyhow::{Context as _, Result, ensure};
use e2e::process::{eventually, run};
use e2e::{Device, Random, Server, Tree, World};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a test's directory is text")
}

/// Makes a backup; gives where it is.
fn create(server: &Server, target: &Path, options: &[&str]) -> Result<Value> {
    let made = server.admin(&[&["backup", "create", text(target)?, "--json"], options].concat())?.ok()?;
    Ok(serde_json::from_str(&made.stdout)?)
}

fn verify(target: &Path) -> Result<e2e::process::Output> {
    run(None, &["admin", "backup", "verify", text(target)?, "--json"], "")
}

fn restore(target: &Path, data: &Path) -> Result<e2e::process::Output> {
    run(None, &["admin", "backup", "restore", text(target)?, "--data", text(data)?], "")
}

/// The server is lost, and comes back from the newest backup at its old address.
fn lose_and_restore(world: &mut World, target: &Path) -> Result<()> {
    let data = world.place().join("restored");
    let server = world.server();
    server.kill()?;
    fs::remove_dir_all(server.data())?;
    restore(target, &data)?.ok()?;
    server.adopt(&data);
    server.start()
}

fn same_trees(left: &Device, right: &Device) -> Result<Tree> {
    eventually("both have the same", Duration::from_secs(90), || {
        let (here, there) = (Tree::read(left.directory())?, Tree::read(right.directory())?);
        Ok(here.differences(&there).is_empty().then_some(here))
    })
}

#[test]
fn a_lost_server_comes_back_and_clients_merge_without_losing_a_byte() -> Result<()> {
    let mut world = World::create()?;
    let (mut laptop, mut desktop) = (world.device("laptop")?, world.device("desktop")?);
    let mut random = Random::new(41);
    fs::create_dir(laptop.directory().join("sub"))?;
    for number in 0..25 {
        let length = 100 + random.below(200_000);
        fs::write(laptop.directory().join(format!("sub/file {number}")), random.bytes(length))?;
    }
    laptop.start()?;
    desktop.start()?;
    laptop.wait(120)?;
    desktop.wait(120)?;
    let target = world.place().join("backups");
    create(world.server(), &target, &[])?;

    // Work goes on: in step with the server, and on one device also without it.
    for number in 0..5 {
        fs::write(laptop.directory().join(format!("sub/file {number}")), random.bytes(50_000))?;
        fs::write(desktop.directory().join(format!("new {number}")), random.bytes(9_000))?;
        fs::remove_file(laptop.directory().join(format!("sub/file 1{number}")))?;
    }
    fs::rename(laptop.directory().join("sub/file 20"), laptop.directory().join("moved"))?;
    laptop.wait(120)?;
    desktop.wait(120)?;
    laptop.wait(120)?;
    desktop.stop()?;
    fs::write(desktop.directory().join("sub/file 0"), "written while nobody was there")?;
    fs::write(desktop.directory().join("alone"), "only here")?;
    let before: BTreeSet<[u8; 32]> = [&laptop, &desktop]
        .iter()
        .map(|device| Ok(Tree::read(device.directory())?.contents()))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();

    lose_and_restore(&mut world, &target)?;
    desktop.start()?;
    laptop.wait(180)?;
    desktop.wait(180)?;
    laptop.wait(180)?;
    let after = same_trees(&laptop, &desktop)?;
    let lost = before.difference(&after.contents()).count();
    ensure!(lost == 0, "{lost} of {} contents are lost", before.len());
    ensure!(after.0.contains_key(&b"sub/file 10"[..]), "what was deleted since comes back");
    world.server().verify()?;

    // And it goes on as if nothing had been.
    fs::write(laptop.directory().join("next day"), "work")?;
    laptop.wait(120)?;
    desktop.wait(120)?;
    same_trees(&laptop, &desktop)?;
    create(world.server(), &target, &[])?;
    verify(&target)?.ok()?;
    Ok(())
}

#[test]
fn a_killed_backup_leaves_the_earlier_one_valid() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let mut random = Random::new(42);
    laptop.start()?;
    let target = world.place().join("backups");
    let mut killed = 0;
    for round in 0..8 {
        for number in 0..6 {
            let name = format!("file {round} {number}");
            fs::write(laptop.directory().join(name), random.bytes(700_000))?;
        }
        laptop.wait(120)?;
        if round == 0 {
            create(world.server(), &target, &[])?;
        }
        let moment = Duration::from_millis(random.below(90) as u64);
        let server = world.server();
        let (data, place) = (text(server.data())?.to_owned(), text(&target)?.to_owned());
        let ended = thread::scope(|scope| {
            let making = scope.spawn(move || {
                run(None, &["admin", "backup", "create", &place, "--copy", "--data", &data], "")
            });
            thread::sleep(moment);
            server.kill()?;
            making.join().expect("a command is run without a panic")
        })?;
        killed += usize::from(ended.code != 0);
        verify(&target)?.ok().context("a backup that was there is damaged")?;
        world.server().start()?;
    }
    ensure!(killed > 0, "no backup was ever interrupted");
    create(world.server(), &target, &["--keep", "1"])?;
    verify(&target)?.ok()?;
    let left: Vec<PathBuf> = fs::read_dir(&target)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    ensure!(left.len() == 2, "a backup and a lock, not {left:?}");
    Ok(())
}

#[test]
fn a_flipped_bit_is_found_named_and_not_restored() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    fs::write(laptop.directory().join("file"), Random::new(43).bytes(300_000))?;
    laptop.start()?;
    laptop.wait(120)?;
    let target = world.place().join("backups");
    let made = create(world.server(), &target, &["--copy"])?;
    let pack = Path::new(made["backup"].as_str().context("it says where it is")?)
        .join("store/packs/000000/000000000001.pack");
    let mut bytes = fs::read(&pack)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    fs::write(&pack, bytes)?;
    let found = verify(&target)?;
    ensure!(found.code == 1 && found.stdout.contains("000000000001.pack"), "{}", found.stdout);
    let data = world.place().join("restored");
    let refused = restore(&target, &data)?.refused()?;
    ensure!(refused.stderr.contains("000000000001.pack") && !data.exists(), "{}", refused.stderr);
    let used = restore(&target, world.server().data())?.refused()?;
    ensure!(used.stderr.contains("used already"), "{}", used.stderr);
    world.server().verify()
}

#[test]
fn a_restored_server_leaves_plain_directories_alone_until_it_is_given_them_back() -> Result<()> {
    let (mut world, plain) = World::create_plain("auto", |directory| {
        fs::write(directory.join("kept"), "kept")?;
        Ok(fs::write(directory.join("deleted later"), "deleted later")?)
    })?;
    let mut laptop = world.device("laptop")?;
    laptop.start()?;
    eventually("the files are there", Duration::from_secs(60), || {
        Ok(laptop.directory().join("deleted later").is_file().then_some(()))
    })?;
    let target = world.place().join("backups");
    create(world.server(), &target, &[])?;
    fs::write(plain.directory().join("new"), "new")?;
    fs::remove_file(plain.directory().join("deleted later"))?;
    eventually("the laptop follows", Duration::from_secs(60), || {
        let directory = laptop.directory();
        Ok((directory.join("new").is_file() && !directory.join("deleted later").exists()).then_some(()))
    })?;
    laptop.stop()?;
    lose_and_restore(&mut world, &target)?;

    let folder = world.server().entry("folder", "name", "docs")?;
    ensure!(folder["plain"].is_null(), "{folder}");
    ensure!(!plain.directory().join("deleted later").exists(), "nothing outside of it is touched");
    world.server().admin(&["folder", "plain", "docs", plain.text()])?.ok()?;
    eventually("both are merged", Duration::from_secs(60), || {
        let text = |name| fs::read_to_string(plain.directory().join(name)).unwrap_or_default();
        let all = ["kept", "new", "deleted later"].iter().all(|name| text(name) == *name);
        Ok(all.then_some(()))
    })?;
    laptop.start()?;
    laptop.wait(120)?;
    eventually("the laptop has it all", Duration::from_secs(60), || {
        let names = ["kept", "new", "deleted later"];
        Ok(names.iter().all(|name| laptop.directory().join(name).is_file()).then_some(()))
    })?;
    world.server().verify()
}

#[test]
fn a_device_that_the_server_forgot_about_keeps_everything_when_it_is_wiped() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    fs::write(laptop.directory().join("before.txt"), "in the backup")?;
    laptop.start()?;
    laptop.wait(60)?;
    let target = world.place().join("backups");
    create(world.server(), &target, &[])?;
    fs::write(laptop.directory().join("after.txt"), "on the lost server only")?;
    laptop.wait(60)?;
    laptop.kill()?;
    lose_and_restore(&mut world, &target)?;
    world.server().admin(&["device", "wipe", "d1"])?.ok()?;
    laptop.start()?;
    let wipe = eventually("it says that it is done", Duration::from_secs(60), || {
        let wipe = world.server().entry("device", "name", "laptop")?["wipe"].clone();
        Ok(wipe["done"].is_string().then_some(wipe))
    })?;
    ensure!((wipe["removed"].as_u64(), wipe["kept"].as_u64()) == (Some(0), Some(2)), "{wipe}");
    ensure!(fs::read_to_string(laptop.directory().join("after.txt"))? == "on the lost server only");
    ensure!(fs::read_to_string(laptop.directory().join("before.txt"))? == "in the backup");
    Ok(())
}
