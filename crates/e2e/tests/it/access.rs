//! A person who has lost access to a folder, for a while or for good.

use anyhow::{Context as _, Result, ensure};
use e2e::process::eventually;
use e2e::world::{FOLDER, USER};
use e2e::{Device, World};
use serde_json::Value;
use std::fs;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(60);

fn pair_of(device: &Device) -> Result<Value> {
    let status: Value = serde_json::from_str(&device.run(&["status", "--json"])?.ok()?.stdout)?;
    status["pairs"].get(0).cloned().context("no pair is shown")
}

fn becomes(device: &Device, state: &str) -> Result<String> {
    eventually(&format!("the pair is {state}"), WITHIN, || {
        let pair = pair_of(device)?;
        Ok((pair["state"] == state).then(|| pair["detail"].as_str().unwrap_or_default().to_owned()))
    })
}

fn grant(world: &mut World, privilege: &str) -> Result<()> {
    world.server().admin(&["folder", "grant", FOLDER, USER, privilege])?.ok()?;
    Ok(())
}

fn doctor(device: &Device) -> Result<(i32, String)> {
    let output = device.run(&["doctor"])?;
    Ok((output.code, output.stdout))
}

/// Two devices in step over a letter.
fn two(world: &World) -> Result<(Device, Device)> {
    let mut laptop = world.device("laptop")?;
    fs::write(laptop.directory().join("letter.txt"), "as it is")?;
    laptop.start()?;
    laptop.wait(60)?;
    let mut desktop = world.device("desktop")?;
    desktop.start()?;
    desktop.wait(60)?;
    Ok((laptop, desktop))
}

#[test]
fn who_loses_access_keeps_the_files_is_told_so_and_goes_on_once_it_is_given_back() -> Result<()> {
    let mut world = World::create()?;
    let (laptop, desktop) = two(&world)?;
    let letter = laptop.directory().join("letter.txt");
    grant(&mut world, "none")?;
    let detail = becomes(&laptop, "no_access")?;
    ensure!(detail.contains("no access") && detail.contains("driftless unsync"), "{detail}");
    let shown = laptop.run(&["status"])?.ok()?.stdout;
    ensure!(shown.contains("no_access") && shown.contains("the files stay here"), "{shown}");
    let waited = laptop.run(&["wait", "--timeout", "50"])?;
    ensure!(waited.code == 5 && waited.stderr.contains("no access"), "{} {}", waited.code, waited.stderr);
    let waited = laptop.run(&["wait", "--timeout", "50", "--json"])?;
    ensure!(waited.code == 5 && waited.stdout.contains("no_access"), "{}", waited.stdout);
    let (code, found) = doctor(&laptop)?;
    ensure!(code == 1 && found.contains("BAD") && found.contains("no access"), "{code} {found}");
    // What is done meanwhile is kept, and nothing is taken away.
    fs::write(&letter, "changed without access")?;
    fs::write(laptop.directory().join("new.txt"), "new")?;
    let refused = laptop.run(&["wait", "--timeout", "50"])?;
    ensure!(refused.code == 5, "{}", refused.stderr);
    ensure!(fs::read_to_string(&letter)? == "changed without access");
    grant(&mut world, "write")?;
    // Nobody does anything on either device.
    let there = desktop.directory();
    eventually("it goes on by itself", WITHIN, || {
        let letter = fs::read_to_string(there.join("letter.txt"))?;
        Ok((letter == "changed without access" && there.join("new.txt").exists()).then_some(()))
    })?;
    laptop.wait(60)?;
    ensure!(doctor(&laptop)?.0 == 0, "{}", doctor(&laptop)?.1);
    Ok(())
}

#[test]
fn who_ends_a_pair_without_access_keeps_the_files() -> Result<()> {
    let mut world = World::create()?;
    let (laptop, _desktop) = two(&world)?;
    grant(&mut world, "none")?;
    becomes(&laptop, "no_access")?;
    let directory = laptop.directory().to_str().context("text")?.to_owned();
    laptop.run(&["unsync", &directory])?.ok()?;
    ensure!(fs::read_to_string(laptop.directory().join("letter.txt"))? == "as it is");
    ensure!(!laptop.directory().join(".driftless").exists(), "something of it stayed");
    let refused = laptop.run(&["sync", FOLDER, &directory])?.refused()?;
    ensure!(refused.stderr.contains("no shared folder"), "{}", refused.stderr);
    Ok(())
}

#[test]
fn a_device_that_was_unlinked_says_so_and_keeps_its_files() -> Result<()> {
    let mut world = World::create()?;
    let (mut laptop, _desktop) = two(&world)?;
    let entry = world.server().entry("device", "name", "laptop")?;
    let id = entry["id"].as_str().context("an id")?.to_owned();
    world.server().admin(&["device", "unlink", &id])?.ok()?;
    let detail = becomes(&laptop, "unlinked")?;
    ensure!(detail.contains("driftless link"), "{detail}");
    let waited = laptop.run(&["wait", "--timeout", "50"])?;
    ensure!(waited.code == 5 && waited.stderr.contains("unlinked"), "{} {}", waited.code, waited.stderr);
    let (code, found) = doctor(&laptop)?;
    ensure!(code == 1 && found.contains("does not take this device"), "{code} {found}");
    // A daemon that is started anew learns it while somebody waits.
    laptop.stop()?;
    laptop.start()?;
    let waited = laptop.run(&["wait", "--timeout", "50"])?;
    ensure!(waited.code == 5, "{} {}", waited.code, waited.stderr);
    ensure!(fs::read_to_string(laptop.directory().join("letter.txt"))? == "as it is");
    Ok(())
}
