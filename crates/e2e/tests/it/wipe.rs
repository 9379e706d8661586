//! A device that is lost, or whose person leaves: it removes its copies by order of the server, and nothing else.

use anyhow::{Context as _, Result, ensure};
use e2e::process::eventually;
use e2e::world::{FOLDER, USER};
use e2e::{Device, World};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(90);

/// A device in step over so many files in directories, with its daemon at work.
fn in_step(world: &World, name: &str, files: usize) -> Result<Device> {
    let mut device = world.device(name)?;
    for number in 0..files {
        let directory = device.directory().join(format!("d{}/e{}", number % 7, number % 31));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(format!("f{number}")), format!("content {number}"))?;
    }
    device.start()?;
    device.wait(120)?;
    Ok(device)
}

fn listed(world: &mut World, name: &str) -> Result<Value> {
    world.server().entry("device", "name", name)
}

fn order(world: &mut World, name: &str) -> Result<()> {
    let id = listed(world, name)?["id"].as_str().context("an id")?.to_owned();
    world.server().admin(&["device", "wipe", &id])?.ok()?;
    Ok(())
}

/// What the server knows of it once it is done: how many files went, and how many stayed.
fn done(world: &mut World, name: &str) -> Result<(u64, u64)> {
    eventually("the server knows that it is done", WITHIN, || {
        let wipe = &listed(world, name)?["wipe"];
        let count = |what: &str| wipe[what].as_u64().context("a number");
        Ok(if wipe["done"].is_string() { Some((count("removed")?, count("kept")?)) } else { None })
    })
}

/// Every file below a directory, by its path in it.
fn files(directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut todo = vec![directory.to_owned()];
    while let Some(next) = todo.pop() {
        // It may be on its way out.
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                todo.push(path);
            } else {
                found.push(path.strip_prefix(directory)?.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[test]
fn a_device_at_work_removes_what_the_server_has_and_keeps_what_it_has_not() -> Result<()> {
    let mut world = World::create()?;
    let laptop = in_step(&world, "laptop", 40)?;
    let mut desktop = world.device("desktop")?;
    desktop.start()?;
    desktop.wait(60)?;
    laptop.run(&["pause"])?.ok()?;
    fs::write(laptop.directory().join("d0/e0/f0"), "edited, and not sent")?;
    fs::write(laptop.directory().join("note.txt"), "new, and not sent")?;
    let (before, link) = (files(desktop.directory())?.len(), laptop.token()?);
    order(&mut world, "laptop")?;
    ensure!(done(&mut world, "laptop")? == (39, 2), "{}", listed(&mut world, "laptop")?);
    eventually("the daemon has ended", WITHIN, || {
        let status = laptop.run(&["status"])?;
        Ok(status.stderr.contains("removed its copies").then_some(()))
    })?;
    let left = files(laptop.directory())?;
    ensure!(left == ["d0/e0/f0", "note.txt"], "{left:?}");
    ensure!(fs::read_to_string(laptop.directory().join("d0/e0/f0"))? == "edited, and not sent");
    ensure!(!laptop.directory().join("d1").exists(), "an empty directory stayed");
    let status = laptop.run(&["status"])?.refused()?.stderr;
    ensure!(status.contains("39 files; 2 were kept") && status.contains("driftless link"), "{status}");
    let doctor = laptop.run(&["doctor"])?.stdout;
    ensure!(doctor.contains("removed its copies"), "{doctor}");
    let kept = fs::read_to_string(laptop.home().join("client.json"))?;
    ensure!(!kept.contains(&link) && !kept.contains("\"link\""), "the token is still there: {kept}");
    ensure!(files(&laptop.home().join("pairs"))?.is_empty(), "names of files are still there");
    // Nobody else is touched, and the server has everything.
    desktop.wait(60)?;
    ensure!(files(desktop.directory())?.len() == before);
    // The person may link it anew, and what was kept is sent then.
    let address = format!("http://{}", world.server().address());
    laptop.introduce(&address, USER, &[])?.ok()?;
    laptop.sync(FOLDER)?;
    let mut laptop = laptop;
    laptop.start()?;
    laptop.wait(60)?;
    desktop.wait(60)?;
    ensure!(fs::read_to_string(desktop.directory().join("note.txt"))? == "new, and not sent");
    let kept = files(desktop.directory())?;
    let edits: Vec<&String> = kept.iter().filter(|path| path.contains("e0/f0")).collect();
    ensure!(edits.len() == 2, "the edit met what the folder has, and both are kept: {edits:?}");
    Ok(())
}

#[test]
fn an_order_that_was_heard_is_carried_out_through_kills_and_without_the_server() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = in_step(&world, "laptop", 3_000)?;
    laptop.kill()?;
    fs::write(laptop.directory().join("d1/e1/f1"), "edited while nobody watched")?;
    fs::rename(laptop.directory().join("d2"), laptop.directory().join("moved while nobody watched"))?;
    order(&mut world, "laptop")?;
    let heard = |laptop: &Device| -> Result<bool> {
        Ok(fs::read_to_string(laptop.home().join("client.json"))?.contains("\"wipe\""))
    };
    laptop.start()?;
    eventually("it has heard the order", WITHIN, || Ok(heard(&laptop)?.then_some(())))?;
    laptop.kill()?;
    world.server().kill()?;
    let first = files(laptop.directory())?.len();
    for _ in 0..3 {
        laptop.start()?;
        std::thread::sleep(Duration::from_millis(150));
        laptop.kill()?;
    }
    laptop.start()?;
    eventually("the copies are gone without the server", WITHIN, || {
        let left: Vec<String> = files(laptop.directory())?;
        Ok((left == ["d1/e1/f1"]).then_some(()))
    })?;
    let refused = laptop.run(&["sync", FOLDER, &laptop.directory().to_string_lossy()])?.refused()?;
    ensure!(refused.stderr.contains("ordered this device to remove its copies"), "{}", refused.stderr);
    let waited = laptop.run(&["wait", "--timeout", "5"])?;
    ensure!(waited.code == 5, "{} {}", waited.code, waited.stderr);
    ensure!(first > 1, "it was killed before it was done: {first}");
    world.server().start()?;
    let (removed, kept) = done(&mut world, "laptop")?;
    ensure!(kept == 1 && removed <= 2_999, "{removed} {kept}");
    ensure!(fs::read_to_string(laptop.directory().join("d1/e1/f1"))? == "edited while nobody watched");
    Ok(())
}

#[test]
fn a_directory_that_is_not_there_is_waited_for() -> Result<()> {
    let mut world = World::create()?;
    let laptop = in_step(&world, "laptop", 10)?;
    let away = laptop.directory().with_extension("unmounted");
    fs::rename(laptop.directory(), &away)?;
    order(&mut world, "laptop")?;
    eventually("it says what it waits for", WITHIN, || {
        let status: Value = serde_json::from_str(&laptop.run(&["status", "--json"])?.ok()?.stdout)?;
        let pair = &status["pairs"][0];
        let detail = pair["detail"].as_str().unwrap_or_default();
        Ok((pair["state"] == "wiping" && !detail.contains("being removed")).then_some(()))
    })?;
    ensure!(listed(&mut world, "laptop")?["wipe"]["done"].is_null());
    ensure!(files(&away)?.len() >= 10, "nothing of it was touched");
    fs::rename(&away, laptop.directory())?;
    ensure!(done(&mut world, "laptop")? == (10, 0), "{}", listed(&mut world, "laptop")?);
    ensure!(files(laptop.directory())?.is_empty(), "{:?}", files(laptop.directory())?);
    Ok(())
}

#[test]
fn a_directory_that_is_gone_for_good_is_given_up_and_the_rest_is_wiped() -> Result<()> {
    let mut world = World::create()?;
    world.server().admin(&["folder", "add", "other"])?.ok()?;
    world.server().admin(&["folder", "grant", "other", USER, "write"])?.ok()?;
    let laptop = in_step(&world, "laptop", 10)?;
    let other = world.place().join("other");
    let text = other.to_str().context("text")?.to_owned();
    laptop.run(&["sync", "other", &text])?.ok()?;
    laptop.wait(60)?;
    laptop.run(&["pause"])?.ok()?;
    fs::remove_dir_all(&other)?;
    order(&mut world, "laptop")?;
    let shown = eventually("it says what it waits for, and the way out", WITHIN, || {
        let status = laptop.run(&["status"])?.ok()?.stdout;
        Ok(status.contains("driftless unsync").then_some(status))
    })?;
    ensure!(!shown.contains("docs"), "the other directory is done: {shown}");
    let there = laptop.directory().to_str().context("text")?;
    laptop.run(&["unsync", there])?.refused()?;
    laptop.run(&["unsync", &text])?.ok()?;
    ensure!(done(&mut world, "laptop")? == (10, 0), "{}", listed(&mut world, "laptop")?);
    Ok(())
}
