//! However the directory is watched, what is changed there arrives.

use super::{is_root, start};
use anyhow::{Result, ensure};
use e2e::process::{eventually, remark};
use std::fs;
use std::time::{Duration, Instant};

const EDITS: usize = 100;

/// How long so many edits take to arrive at a device, one after the other.
fn measure(watch: &str) -> Result<()> {
    let (mut world, plain, laptop) = start(watch, |directory| {
        (0..20).try_for_each(|number| {
            let deep = directory.join(format!("{number}/deep"));
            fs::create_dir_all(&deep)?;
            Ok(fs::write(deep.join("file"), "before")?)
        })
    })?;
    let method = plain.entry(world.server())?["watch"].clone();
    ensure!(method == watch, "watched by {method}, not by {watch}");
    let mut times = Vec::new();
    for number in 0..EDITS {
        let (name, text) = (format!("{}/deep/file", number % 20), format!("edit {number}"));
        let began = Instant::now();
        fs::write(plain.path(&name), &text)?;
        let seen = laptop.directory().join(&name);
        times.push(eventually("an edit has arrived", Duration::from_secs(20), || {
            Ok(fs::read_to_string(&seen).is_ok_and(|shown| shown == text).then(|| began.elapsed()))
        })?);
    }
    times.sort_unstable();
    let (median, p99) = (times[EDITS / 2], times[EDITS * 99 / 100]);
    remark(&format!("{watch}: an edit outside is on a client after {median:?} (median), {p99:?} (p99)"));
    ensure!(median < Duration::from_secs(1), "{watch}: {times:?}");
    plain.arrives(world.server(), &laptop, 60)?;
    Ok(())
}

#[test]
fn an_edit_outside_is_on_a_client_in_under_a_second_with_fanotify() -> Result<()> {
    if !is_root() {
        remark("SKIPPED: fanotify watches whole file systems, which only root may do");
        return Ok(());
    }
    measure("fanotify")
}

#[test]
fn an_edit_outside_is_on_a_client_in_under_a_second_with_inotify() -> Result<()> {
    measure("inotify")
}

#[test]
fn without_a_watcher_a_scan_finds_what_was_changed() -> Result<()> {
    let (mut world, plain, laptop) =
        start("scan", |directory| Ok(fs::write(directory.join("a"), "before")?))?;
    ensure!(plain.entry(world.server())?["watch"] == "scan");
    let change = |text: &str| -> Result<()> {
        fs::write(plain.path("a"), text)?;
        fs::create_dir_all(plain.path("new/below"))?;
        Ok(fs::write(plain.path("new/below/b"), text)?)
    };
    change("changed while the server ran")?;
    // A server looks at everything when it starts; this one would do so every minute, too.
    world.server().stop()?;
    world.server().start()?;
    plain.arrives(world.server(), &laptop, 60)?;
    ensure!(fs::read_to_string(laptop.directory().join("a"))? == "changed while the server ran");
    world.server().stop()?;
    change("changed while the server was away")?;
    fs::rename(plain.path("new"), plain.path("renamed"))?;
    world.server().start()?;
    plain.arrives(world.server(), &laptop, 60)?;
    ensure!(
        fs::read_to_string(laptop.directory().join("renamed/below/b"))?
            == "changed while the server was away"
    );
    Ok(())
}
