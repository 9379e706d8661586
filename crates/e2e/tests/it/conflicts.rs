//! Two busy people: whatever both do, the devices come into step, and nobody's bytes are gone.

use anyhow::{Context as _, Result, ensure};
use e2e::{Device, Editor, Tree, TreeShape, World, tree};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Contents that must still be there: what either wrote, and what neither took away. Of a content that two files had
/// before, each may have taken away one.
pub(crate) fn owed(before: &Tree, left: &Tree, right: &Tree) -> BTreeSet<[u8; 32]> {
    let known = before.contents();
    let (left, right) = (left.contents(), right.contents());
    let written = left.union(&right).filter(|content| !known.contains(*content));
    let untouched = left.intersection(&right).filter(|content| before.places(content).len() == 1);
    written.chain(untouched).copied().collect()
}

/// Waits until both are in step: what one sends last, the other has to fetch.
fn settle(left: &Device, right: &Device) -> Result<()> {
    for _ in 0..3 {
        left.wait(120)?;
        right.wait(120)?;
    }
    tree::ensure_same(left.directory(), right.directory())
}

fn start(world: &World, files: usize) -> Result<(Device, Device)> {
    let (mut left, mut right) = (world.device("laptop")?, world.device("desktop")?);
    TreeShape { largest: 600_000, ..TreeShape::of(files) }.make(left.directory(), 3)?;
    left.start()?;
    right.start()?;
    settle(&left, &right)?;
    Ok((left, right))
}

#[test]
fn thousands_of_mixed_edits_on_both_sides_apart_come_into_step_and_keep_every_one() -> Result<()> {
    let mut world = World::create()?;
    let (mut left, mut right) = start(&world, 3_000)?;
    let mut before = Tree::read(left.directory())?;
    for round in 0..5 {
        left.stop()?;
        right.stop()?;
        Editor::new(left.directory(), &format!("alice-{round}"), round).work(500)?;
        Editor::new(right.directory(), &format!("bob-{round}"), 1000 + round).work(500)?;
        let (here, there) = (Tree::read(left.directory())?, Tree::read(right.directory())?);
        let owed = owed(&before, &here, &there);
        left.start()?;
        right.start()?;
        settle(&left, &right)?;
        let after = Tree::read(left.directory())?;
        let kept = after.contents();
        let places = |content| {
            format!(
                "was {:?}, on the one {:?}, on the other {:?}",
                before.places(content),
                here.places(content),
                there.places(content)
            )
        };
        let lost: Vec<String> = owed.difference(&kept).map(places).collect();
        ensure!(lost.is_empty(), "round {round}: of {} contents are gone: {lost:#?}", owed.len());
        before = after;
    }
    world.server().verify()
}

#[test]
fn edits_on_both_sides_at_once_come_into_step() -> Result<()> {
    let mut world = World::create()?;
    let (left, right) = start(&world, 1_000)?;
    let work = |root: &Path, name: &'static str, seed| {
        let mut editor = Editor::new(root, name, seed);
        std::thread::spawn(move || (0..20).try_for_each(|_| editor.work(50)))
    };
    let workers = [work(left.directory(), "alice", 5), work(right.directory(), "bob", 6)];
    for worker in workers {
        worker.join().expect("an editor does not panic")?;
    }
    settle(&left, &right)?;
    world.server().verify()
}

/// Two devices, in step again after both edited `letter.txt`; the copy is the desktop's.
fn with_a_conflict(world: &World) -> Result<(Device, Device)> {
    let (mut left, mut right) = (world.device("laptop")?, world.device("desktop")?);
    std::fs::write(left.directory().join("letter.txt"), "as it was")?;
    left.start()?;
    right.start()?;
    settle(&left, &right)?;
    left.stop()?;
    right.stop()?;
    std::fs::write(left.directory().join("letter.txt"), "from the laptop")?;
    std::fs::write(right.directory().join("letter.txt"), "from the desktop")?;
    left.start()?;
    left.wait(60)?;
    right.start()?;
    settle(&left, &right)?;
    Ok((left, right))
}

#[test]
fn two_edits_of_one_file_keep_both_under_names_that_say_why() -> Result<()> {
    let world = World::create()?;
    let (left, _right) = with_a_conflict(&world)?;
    let tree = Tree::read(left.directory())?;
    ensure!(tree.files() == 2 && tree.conflict_copies().len() == 1, "{tree:?}");
    ensure!(std::fs::read_to_string(left.directory().join("letter.txt"))? == "from the laptop");
    let copy = String::from_utf8_lossy(tree.conflict_copies()[0]).into_owned();
    ensure!(copy.starts_with("letter (conflict, alice on desktop, ") && copy.ends_with(").txt"), "{copy}");
    ensure!(std::fs::read_to_string(left.directory().join(&copy))? == "from the desktop");
    Ok(())
}

#[test]
fn a_conflict_is_resolved_on_any_device_and_what_goes_can_be_brought_back() -> Result<()> {
    for (keep, names, letter) in [
        ("original", vec!["letter.txt"], "from the laptop"),
        ("copy", vec!["letter.txt"], "from the desktop"),
        ("both", vec!["letter-2.txt", "letter.txt"], "from the laptop"),
    ] {
        let world = World::create()?;
        let (left, right) = with_a_conflict(&world)?;
        // The laptop did not make the copy, but finds it.
        let listed: Value = serde_json::from_str(&left.run(&["conflicts", "--json"])?.ok()?.stdout)?;
        let found = listed.get(0).context("no conflict is listed")?;
        ensure!(found["user"] == "alice" && found["device"] == "desktop", "{listed}");
        let copy = found["path"].as_str().context("a path")?;
        left.run(&["conflicts", "resolve", copy, "--keep", keep])?.ok()?;
        settle(&left, &right)?;
        let mut there: Vec<String> = std::fs::read_dir(right.directory())?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<std::io::Result<_>>()?;
        there.retain(|name| name != ".driftless");
        there.sort();
        ensure!(there == names, "--keep {keep}: {there:?}");
        ensure!(std::fs::read_to_string(right.directory().join("letter.txt"))? == letter);
        ensure!(left.run(&["conflicts"])?.ok()?.stdout.is_empty(), "it is resolved");
        if keep == "original" {
            left.run(&["restore", copy])?.ok()?;
            settle(&left, &right)?;
            ensure!(std::fs::read_to_string(copy)? == "from the desktop");
        }
        left.run(&["conflicts", "resolve", "letter.txt", "--keep", "copy"])?.refused()?;
    }
    Ok(())
}

#[test]
fn edits_of_different_files_make_no_conflict_copies() -> Result<()> {
    let world = World::create()?;
    let (mut left, mut right) = start(&world, 200)?;
    left.stop()?;
    right.stop()?;
    for (device, name) in [(&left, "left"), (&right, "right")] {
        for index in 0..200 {
            std::fs::write(device.directory().join(format!("{name}-{index}")), format!("{name} {index}"))?;
        }
    }
    left.start()?;
    right.start()?;
    settle(&left, &right)?;
    let tree = Tree::read(left.directory())?;
    ensure!(tree.conflict_copies().is_empty(), "{:?}", tree.conflict_copies());
    Ok(())
}
