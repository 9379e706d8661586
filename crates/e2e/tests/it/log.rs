//! `driftless log FILE`: what sync did to a file, why, and who had changed it.

use anyhow::{Context as _, Result, ensure};
use e2e::process::eventually;
use e2e::{Device, World};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// What was done to a file on a device, and from which device it came, newest first.
fn lines(device: &Device, path: &Path) -> Result<Vec<(String, String, String)>> {
    let path = path.to_str().context("text")?;
    let lines: Value = serde_json::from_str(&device.run(&["log", path, "--json"])?.ok()?.stdout)?;
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let all = lines.as_array().context("a list")?.iter();
    Ok(all.map(|line| (text(line, "action"), text(line, "user"), text(line, "device"))).collect())
}

fn expect(device: &Device, path: &Path, wanted: &[(&str, &str)]) -> Result<()> {
    eventually("the log says who it was", Duration::from_secs(60), || {
        let found = lines(device, path)?;
        let found: Vec<(&str, &str)> =
            found.iter().map(|(action, _, device)| (action.as_str(), device.as_str())).collect();
        Ok((found == wanted).then_some(()))
    })
    .with_context(|| format!("{:?}", lines(device, path)))
}

#[test]
fn the_log_of_a_file_says_who_changed_moved_and_removed_it() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let mut desktop = world.device("desktop")?;
    let here = laptop.directory().join("letter.txt");
    let there = desktop.directory().join("letter.txt");
    laptop.start()?;
    desktop.start()?;
    fs::write(&here, "first")?;
    laptop.wait(60)?;
    desktop.wait(60)?;
    fs::write(&there, "changed on the desktop")?;
    desktop.wait(60)?;
    laptop.wait(60)?;
    expect(&laptop, &here, &[("downloaded", "desktop"), ("uploaded", "laptop")])?;
    let (_, user, _) = lines(&laptop, &here)?.swap_remove(0);
    ensure!(user == "alice", "{user}");
    let shown = laptop.run(&["log", here.to_str().context("text")?])?.ok()?.stdout;
    ensure!(shown.contains("by alice on desktop"), "{shown}");
    let (moved_here, moved_there) = (here.with_file_name("note.txt"), there.with_file_name("note.txt"));
    fs::rename(&there, &moved_there)?;
    desktop.wait(60)?;
    laptop.wait(60)?;
    let moved = [("moved_here", "desktop"), ("downloaded", "desktop"), ("uploaded", "laptop")];
    expect(&laptop, &moved_here, &moved)?;
    fs::remove_file(&moved_there)?;
    desktop.wait(60)?;
    laptop.wait(60)?;
    expect(&laptop, &moved_here, &[&[("removed_here", "desktop")], &moved[..]].concat())?;
    // Without the server the log is still there.
    world.server().stop()?;
    let alone = eventually("the log answers by itself", Duration::from_secs(60), || {
        let found = lines(&laptop, &moved_here)?;
        Ok(found.iter().all(|(_, user, _)| user.is_empty()).then_some(found))
    })?;
    ensure!(alone.len() == 4, "{alone:?}");
    Ok(())
}
