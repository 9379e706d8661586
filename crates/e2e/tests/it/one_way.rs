//! Pairs that go one way: `--direction down` and `up`, and folders that an account may only read.

use anyhow::{Context as _, Result, ensure};
use e2e::process::eventually;
use e2e::world::{FOLDER, USER};
use e2e::{Device, World};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The one pair in `status --json`.
fn pair_of(device: &Device) -> Result<Value> {
    let status: Value = serde_json::from_str(&device.run(&["status", "--json"])?.ok()?.stdout)?;
    status["pairs"].get(0).cloned().context("no pair is shown")
}

/// What a device set aside, by text.
fn set_aside(device: &Device) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(device.directory().join("Not synced")) else { return Ok(Vec::new()) };
    let mut texts: Vec<String> =
        entries.map(|entry| Ok(fs::read_to_string(entry?.path())?)).collect::<Result<_>>()?;
    texts.sort();
    Ok(texts)
}

fn text(device: &Device, path: &str) -> Option<String> {
    fs::read_to_string(device.directory().join(path)).ok()
}

/// A device, and another that goes one way, in step over two files.
fn two(world: &World, direction: &str) -> Result<(Device, Device)> {
    let mut writer = world.device("laptop")?;
    fs::create_dir(writer.directory().join("papers"))?;
    fs::write(writer.directory().join("letter.txt"), "as it is")?;
    fs::write(writer.directory().join("papers/plan.txt"), "the plan")?;
    writer.start()?;
    writer.wait(60)?;
    let mut other = world.device_directed("desktop", direction)?;
    other.start()?;
    other.wait(60)?;
    Ok((writer, other))
}

/// Where something is not sent, as `status` says.
fn unsent(device: &Device) -> Result<Vec<(PathBuf, String)>> {
    let pair = pair_of(device)?;
    let issues = pair["issues"].as_array().cloned().unwrap_or_default();
    let line = |issue: &Value| {
        let words = |name: &str| issue[name].as_str().unwrap_or_default().to_owned();
        (PathBuf::from(words("path")), words("reason"))
    };
    Ok(issues.iter().map(line).filter(|(_, reason)| reason.starts_with("not sent")).collect())
}

/// Edits, renames, deletes and makes something where nothing is to be sent; then everything is as the server has it.
fn meddle_and_check(device: &Device) -> Result<()> {
    let at = |path: &str| device.directory().join(path);
    fs::write(at("letter.txt"), "changed here")?;
    fs::rename(at("papers/plan.txt"), at("stolen.txt"))?;
    fs::write(at("mine.txt"), "mine")?;
    fs::create_dir(at("own"))?;
    fs::write(at("own/note.txt"), "note")?;
    device.wait(60)?;
    ensure!(text(device, "letter.txt").as_deref() == Some("as it is"), "{:?}", text(device, "letter.txt"));
    ensure!(text(device, "papers/plan.txt").as_deref() == Some("the plan"));
    ensure!(!at("stolen.txt").exists());
    ensure!(set_aside(device)? == ["changed here"], "{:?}", set_aside(device)?);
    fs::remove_dir_all(at("papers"))?;
    device.wait(60)?;
    ensure!(text(device, "papers/plan.txt").as_deref() == Some("the plan"), "it did not come back");
    ensure!(text(device, "mine.txt").as_deref() == Some("mine"));
    ensure!(text(device, "own/note.txt").as_deref() == Some("note"));
    let named: Vec<PathBuf> = unsent(device)?.into_iter().map(|(path, _)| path).collect();
    ensure!(named == [at("mine.txt"), at("own")], "{named:?}");
    Ok(())
}

#[test]
fn a_device_that_only_receives_follows_and_keeps_what_was_done_here() -> Result<()> {
    let mut world = World::create()?;
    let (writer, reader) = two(&world, "down")?;
    let pair = pair_of(&reader)?;
    ensure!(pair["direction"] == "down", "{pair}");
    meddle_and_check(&reader)?;
    // Something arrives under the name of what is new here, and an edit arrives.
    fs::write(writer.directory().join("mine.txt"), "from the laptop")?;
    fs::write(writer.directory().join("letter.txt"), "a second letter")?;
    writer.wait(60)?;
    reader.wait(60)?;
    ensure!(text(&reader, "mine.txt").as_deref() == Some("from the laptop"));
    ensure!(text(&reader, "letter.txt").as_deref() == Some("a second letter"));
    ensure!(set_aside(&reader)? == ["changed here", "mine"], "{:?}", set_aside(&reader)?);
    ensure!(!writer.directory().join("own").exists() && !writer.directory().join("Not synced").exists());
    world.server().verify()
}

#[test]
fn an_account_that_may_only_read_changes_over_and_back_without_losing_anything() -> Result<()> {
    let mut world = World::create()?;
    let (writer, reader) = two(&world, "both")?;
    world.server().admin(&["folder", "grant", FOLDER, USER, "read"])?.ok()?;
    eventually("the device knows that it may only read", Duration::from_secs(20), || {
        Ok(pair_of(&reader)?["read_only"].as_bool().filter(|only| *only))
    })?;
    meddle_and_check(&reader)?;
    ensure!(unsent(&reader)?.iter().all(|(_, reason)| reason.contains("only read")));
    ensure!(!writer.directory().join("mine.txt").exists());
    // What waited is sent once that is allowed; what was set aside stays where it is.
    world.server().admin(&["folder", "grant", FOLDER, USER, "write"])?.ok()?;
    let arrived = |path: &Path| path.exists().then_some(());
    eventually("what waited arrives", Duration::from_secs(20), || {
        Ok(arrived(&writer.directory().join("own/note.txt")))
    })?;
    reader.wait(60)?;
    writer.wait(60)?;
    ensure!(text(&writer, "mine.txt").as_deref() == Some("mine"));
    ensure!(text(&writer, "letter.txt").as_deref() == Some("as it is"));
    ensure!(set_aside(&reader)? == ["changed here"]);
    ensure!(!writer.directory().join("Not synced").exists());
    ensure!(pair_of(&reader)?["read_only"].is_null());
    world.server().verify()
}

#[test]
fn a_device_that_only_sends_answers_with_its_own_state_and_takes_nothing() -> Result<()> {
    let mut world = World::create()?;
    let (writer, sender) = two(&world, "both")?;
    drop(sender);
    let mut sender = world.device_directed("camera", "up")?;
    fs::write(sender.directory().join("photo.jpg"), "a photo")?;
    sender.start()?;
    sender.wait(60)?;
    writer.wait(60)?;
    ensure!(text(&writer, "photo.jpg").as_deref() == Some("a photo"));
    ensure!(text(&sender, "letter.txt").is_none(), "something was fetched");
    fs::write(writer.directory().join("photo.jpg"), "scribbled over")?;
    writer.wait(60)?;
    sender.wait(60)?;
    writer.wait(60)?;
    ensure!(text(&writer, "photo.jpg").as_deref() == Some("a photo"), "{:?}", text(&writer, "photo.jpg"));
    fs::remove_file(writer.directory().join("photo.jpg"))?;
    writer.wait(60)?;
    sender.wait(60)?;
    writer.wait(60)?;
    ensure!(text(&writer, "photo.jpg").as_deref() == Some("a photo"), "it was not sent again");
    // A clash: the name is the sender's, the other is kept beside it.
    fs::write(sender.directory().join("letter.txt"), "from the camera")?;
    sender.wait(60)?;
    writer.wait(60)?;
    ensure!(text(&writer, "letter.txt").as_deref() == Some("from the camera"));
    let kept = fs::read_dir(writer.directory())?.any(|entry| {
        let Ok(entry) = entry else { return false };
        entry.file_name().to_string_lossy().contains("(conflict")
            && fs::read_to_string(entry.path()).is_ok_and(|text| text == "as it is")
    });
    ensure!(kept, "the other letter is gone");
    ensure!(fs::read_dir(sender.directory())?.count() == 3, "photo, letter and .driftless");
    let pair = pair_of(&sender)?;
    ensure!(pair["direction"] == "up", "{pair}");
    world.server().verify()
}

#[test]
fn a_new_account_has_a_home_that_only_its_owner_reads_and_that_outlives_it() -> Result<()> {
    let mut world = World::create()?;
    let place = world.place().to_path_buf();
    let address = world.server().address();
    let add = ["user", "add", "bob", "--password-stdin"];
    world.server().admin_with(&add, e2e::server::PASSWORD)?.ok()?;
    let mut bob = Device::link(&place, "bobs", "bob", address)?;
    let folders = bob.run(&["folders"])?.ok()?.stdout;
    ensure!(folders.contains("home") && !folders.contains("bob"), "{folders}");
    bob.sync("home")?;
    bob.start()?;
    fs::write(bob.directory().join("diary.txt"), "dear diary")?;
    bob.wait(60)?;
    // The administrator sees that it is there, and may not sync it.
    let entry = world.server().entry("folder", "name", "home-bob")?;
    ensure!(entry["kind"] == "home" && entry["owner"] == "bob", "{entry}");
    let alice = world.device("laptop")?;
    let folders = alice.run(&["folders"])?.ok()?.stdout;
    ensure!(!folders.contains("home"), "{folders}");
    let elsewhere = place.join("elsewhere");
    alice.run(&["sync", "home-bob", &elsewhere.to_string_lossy()])?.refused()?;
    // An account that has one gets no second, one that has none gets its own.
    world.server().admin(&["user", "set", "bob", "--home", "yes"])?.refused()?;
    world.server().admin(&["user", "set", USER, "--home", "yes"])?.ok()?;
    ensure!(alice.run(&["folders"])?.ok()?.stdout.contains("home"));
    world.server().admin(&["folder", "add", "home-carol"])?.refused()?;
    let bare = ["user", "add", "dave", "--no-home", "--password-stdin"];
    world.server().admin_with(&bare, e2e::server::PASSWORD)?.ok()?;
    world.server().entry("folder", "name", "home-dave").err().context("dave has a home")?;
    // The account goes, the folder stays, and a namesake gets another.
    bob.stop()?;
    world.server().admin(&["user", "remove", "bob"])?.ok()?;
    world.server().admin_with(&add, e2e::server::PASSWORD)?.ok()?;
    ensure!(world.server().entry("folder", "name", "home-bob")?["owner"].is_null());
    ensure!(world.server().entry("folder", "name", "home-bob-2")?["owner"] == "bob");
    let mut namesake = Device::link(&place, "namesakes", "bob", address)?;
    namesake.sync("home")?;
    namesake.start()?;
    namesake.wait(60)?;
    ensure!(text(&namesake, "diary.txt").is_none(), "a namesake reads the diary");
    world.server().admin(&["folder", "grant", "home-bob", USER, "read"])?.ok()?;
    ensure!(alice.run(&["folders"])?.ok()?.stdout.contains("home-bob"));
    world.server().verify()
}
