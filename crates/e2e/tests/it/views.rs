//! Parts of folders: `--only`, `--exclude`, `.driftlessignore` and directories of a folder.

use anyhow::{Context as _, Result, ensure};
use e2e::process::eventually;
use e2e::{Device, World};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Writes files, with the directories that lead there.
fn write(device: &Device, files: &[(&str, &str)]) -> Result<()> {
    for (path, text) in files {
        let path = device.directory().join(path);
        fs::create_dir_all(path.parent().context("a path of a test has a parent")?)?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// The paths below a device's directory, directories with a slash, without the private one.
fn shown(device: &Device) -> Result<Vec<String>> {
    fn walk(directory: &Path, prefix: &str, found: &mut Vec<String>) -> Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == ".driftless" {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                walk(&entry.path(), &format!("{path}/"), found)?;
                found.push(format!("{path}/"));
            } else {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(device.directory(), "", &mut found)?;
    found.sort();
    Ok(found)
}

fn ensure_shown(device: &Device, expected: &[&str]) -> Result<()> {
    let found = shown(device)?;
    ensure!(found == expected, "{found:?} instead of {expected:?}");
    Ok(())
}

/// Says what a device is to sync.
fn choose(device: &Device, folder: &str, options: &[&str]) -> Result<()> {
    let directory = device.directory().to_str().context("a test's directory is text")?;
    device.run(&[&["sync", folder, directory], options].concat())?.ok()?;
    Ok(())
}

fn rename(device: &Device, from: &str, to: &str) -> Result<()> {
    Ok(fs::rename(device.directory().join(from), device.directory().join(to))?)
}

/// Both are in step, and know what the other has said by then.
fn settle(devices: [&Device; 2]) -> Result<()> {
    for device in [devices[0], devices[1], devices[0], devices[1]] {
        device.wait(60)?;
    }
    Ok(())
}

#[test]
fn a_device_holds_what_it_chose_while_things_move_in_and_out() -> Result<()> {
    let mut world = World::create()?;
    let (mut whole, mut part) = (world.device("whole")?, world.device("part")?);
    write(
        &whole,
        &[("in/a", "a"), ("in/x.tmp", "x"), ("in/target/o", "o"), ("out/deep/b", "b"), ("other/c", "c")],
    )?;
    choose(
        &part,
        "docs",
        &["--only", "in", "--only", "other/c", "--exclude", "*.tmp", "--exclude", "target/"],
    )?;
    whole.start()?;
    whole.wait(60)?;
    part.start()?;
    part.wait(60)?;
    ensure_shown(&part, &["in/", "in/a", "other/", "other/c"])?;

    // In and out on the other device, and back.
    rename(&whole, "out/deep", "in/deep")?;
    rename(&whole, "other/c", "out/c")?;
    settle([&whole, &part])?;
    ensure_shown(&part, &["in/", "in/a", "in/deep/", "in/deep/b", "other/"])?;
    rename(&whole, "in/deep", "out/deep")?;
    rename(&whole, "out/c", "other/c")?;
    settle([&whole, &part])?;
    ensure_shown(&part, &["in/", "in/a", "other/", "other/c"])?;

    // What is made outside of the choice stays here.
    write(&part, &[("in/new", "new"), ("in/y.tmp", "y"), ("mine/d", "d"), ("in/target/p", "p")])?;
    settle([&part, &whole])?;
    let there = shown(&whole)?;
    ensure!(there.contains(&"in/new".to_owned()), "{there:?}");
    ensure!(
        !there.iter().any(|path| path.contains("y.tmp") || path.contains("mine") || path.ends_with("/p")),
        "{there:?}"
    );
    let status = part.run(&["status", "--json"])?.ok()?.stdout;
    let status: serde_json::Value = serde_json::from_str(&status)?;
    let pair = &status["pairs"][0];
    ensure!(pair["only"] == serde_json::json!(["in", "other/c"]), "{pair}");
    ensure!(pair["exclude"] == serde_json::json!(["*.tmp", "target/"]), "{pair}");
    ensure!(pair["excluded"].as_u64() >= Some(3), "{pair}");
    ensure!(pair["issues"] == serde_json::json!([]), "{pair}");

    // A synced file that is moved out here is not deleted there, and comes back to where it moves.
    rename(&part, "in/new", "in/new.tmp")?;
    eventually("the moved file is told", Duration::from_secs(30), || {
        let issues = part.run(&["issues"])?.stdout;
        Ok(issues.contains("does not sync").then_some(()))
    })?;
    whole.wait(60)?;
    ensure!(whole.directory().join("in/new").exists(), "a file was deleted because of a filter");
    rename(&part, "in/new.tmp", "in/renamed")?;
    settle([&part, &whole])?;
    ensure!(whole.directory().join("in/renamed").exists() && !whole.directory().join("in/new").exists());
    world.server().verify()
}

#[test]
fn another_choice_deletes_nothing_anywhere() -> Result<()> {
    let mut world = World::create()?;
    let (mut whole, mut part) = (world.device("whole")?, world.device("part")?);
    write(&whole, &[("a/1", "1"), ("a/2.log", "2"), ("b/3", "3"), ("b/4", "4"), ("c", "5")])?;
    whole.start()?;
    whole.wait(60)?;
    part.start()?;
    part.wait(60)?;
    let everything = shown(&whole)?;
    ensure!(shown(&part)? == everything);

    choose(&part, "docs", &["--only", "b", "--exclude", "3"])?;
    settle([&part, &whole])?;
    ensure!(shown(&part)? == everything, "what is no longer chosen stays");
    ensure!(shown(&whole)? == everything, "nothing is deleted elsewhere");

    // Forgotten: what happens to it here is not told, and what happens there does not come.
    fs::remove_file(part.directory().join("a/1"))?;
    write(&part, &[("b/3", "mine")])?;
    write(&whole, &[("b/3", "theirs"), ("b/4", "newer"), ("c", "newer")])?;
    settle([&part, &whole])?;
    settle([&whole, &part])?;
    let read = |device: &Device, path: &str| fs::read_to_string(device.directory().join(path));
    ensure!(read(&whole, "a/1")? == "1" && read(&whole, "b/3")? == "theirs");
    ensure!(read(&part, "b/3")? == "mine" && read(&part, "b/4")? == "newer" && read(&part, "c")? == "5");

    // Everything again, with the daemon stopped: equal files are adopted, different ones are both kept.
    part.stop()?;
    choose(&part, "docs", &[])?;
    part.start()?;
    settle([&part, &whole])?;
    ensure!(shown(&part)? == shown(&whole)?);
    ensure!(read(&part, "a/1")? == "1" && read(&part, "b/3")? == "theirs");
    let kept: Vec<String> = shown(&whole)?.into_iter().filter(|path| path.contains("conflict")).collect();
    ensure!(kept.len() == 2, "{kept:?}");
    let texts: Vec<String> = kept.iter().map(|path| read(&part, path)).collect::<Result<_, _>>()?;
    ensure!(texts.contains(&"mine".to_owned()) && texts.contains(&"5".to_owned()), "{texts:?}");
    world.server().verify()
}

#[test]
fn a_directory_of_a_folder_is_synced_by_itself_wherever_it_moves() -> Result<()> {
    let mut world = World::create()?;
    let (mut whole, mut part) = (world.device("whole")?, world.device("part")?);
    write(&whole, &[("projects/one/a", "a"), ("projects/two/b", "b"), ("c", "c")])?;
    whole.start()?;
    whole.wait(60)?;
    let directory = part.directory().to_str().context("text")?.to_owned();
    part.run(&["unsync", &directory])?.ok()?;
    let refused = part.run(&["sync", "docs/projects/three", &directory])?.refused()?;
    ensure!(refused.stderr.contains("no directory"), "{}", refused.stderr);
    choose(&part, "docs/projects/one", &[])?;
    let refused = part.run(&["sync", "docs/projects/two", &directory])?.refused()?;
    ensure!(refused.stderr.contains("unsync"), "{}", refused.stderr);
    part.start()?;
    part.wait(60)?;
    ensure_shown(&part, &["a"])?;
    write(&part, &[("d/e", "e")])?;
    settle([&part, &whole])?;
    ensure!(whole.directory().join("projects/one/d/e").exists());

    rename(&whole, "projects/one", "elsewhere")?;
    settle([&whole, &part])?;
    write(&part, &[("f", "f")])?;
    settle([&part, &whole])?;
    ensure!(whole.directory().join("elsewhere/f").exists());
    ensure_shown(&part, &["a", "d/", "d/e", "f"])?;

    // Gone there: said, and nothing here is touched.
    fs::remove_dir_all(whole.directory().join("elsewhere"))?;
    whole.wait(60)?;
    eventually("the loss is told", Duration::from_secs(30), || {
        let status = part.run(&["status"])?.stdout;
        Ok(status.contains("gone from the shared folder").then_some(()))
    })?;
    ensure_shown(&part, &["a", "d/", "d/e", "f"])?;
    world.server().verify()
}

#[test]
fn what_an_ignore_file_names_is_not_taken_up_but_what_is_synced_stays_synced() -> Result<()> {
    let mut world = World::create()?;
    let (mut one, mut other) = (world.device("one")?, world.device("other")?);
    write(&one, &[("synced.log", "1"), ("build/kept", "k")])?;
    one.start()?;
    one.wait(60)?;
    write(&one, &[(".driftlessignore", "*.log\nbuild/\n!keep.log\n")])?;
    one.wait(60)?;
    write(
        &one,
        &[("new.log", "2"), ("keep.log", "3"), ("build/out", "4"), ("synced.log", "newer"), ("x", "5")],
    )?;
    one.wait(60)?;
    other.start()?;
    settle([&one, &other])?;
    ensure_shown(&other, &[".driftlessignore", "build/", "build/kept", "keep.log", "synced.log", "x"])?;
    ensure!(fs::read_to_string(other.directory().join("synced.log"))? == "newer");
    // It has come with the others and acts here, too.
    write(&other, &[("mine.log", "6"), ("y", "7")])?;
    settle([&other, &one])?;
    ensure!(one.directory().join("y").exists() && !one.directory().join("mine.log").exists());
    // What is named no more is taken up.
    write(&one, &[(".driftlessignore", "build/\n")])?;
    settle([&one, &other])?;
    settle([&other, &one])?;
    ensure_shown(
        &other,
        &[
            ".driftlessignore",
            "build/",
            "build/kept",
            "keep.log",
            "mine.log",
            "new.log",
            "synced.log",
            "x",
            "y",
        ],
    )?;
    ensure!(one.directory().join("mine.log").exists() && one.directory().join("build/out").exists());
    world.server().verify()
}

#[test]
fn twenty_thousand_nodes_moved_into_a_choice_arrive_whole() -> Result<()> {
    let mut world = World::create()?;
    let (mut whole, mut part) = (world.device("whole")?, world.device("part")?);
    for index in 0..20_000 {
        let directory = whole.directory().join(format!("out/big/d{}", index % 200));
        if index < 200 {
            fs::create_dir_all(&directory)?;
        }
        fs::write(directory.join(format!("f{index}")), index.to_string())?;
    }
    write(&whole, &[("in/first", "1")])?;
    // What moves out of the choice is removed here, and so many removals would be asked about.
    choose(&part, "docs", &["--only", "in", "--hold-deletes", "off"])?;
    whole.start()?;
    whole.wait(240)?;
    part.start()?;
    part.wait(60)?;
    ensure_shown(&part, &["in/", "in/first"])?;
    rename(&whole, "out/big", "in/big")?;
    whole.wait(60)?;
    part.wait(240)?;
    let count = shown(&part)?.len();
    ensure!(count == 20_000 + 200 + 3, "{count} arrived");
    e2e::tree::ensure_same(&whole.directory().join("in"), &part.directory().join("in"))?;
    rename(&whole, "in/big", "out/big")?;
    whole.wait(60)?;
    part.wait(240)?;
    ensure_shown(&part, &["in/", "in/first"])?;
    world.server().verify()
}
