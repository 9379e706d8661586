//! What was overwritten or deleted can be had again.

use anyhow::{Context as _, Result, ensure};
use e2e::World;
use std::fs;

#[test]
fn an_old_version_of_a_file_is_restored() -> Result<()> {
    let world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let file = laptop.directory().join("letter.txt");
    laptop.start()?;
    for text in ["first", "second", "third"] {
        fs::write(&file, text)?;
        laptop.wait(60)?;
    }
    let path = file.to_str().context("a test's directory is text")?;
    let versions = laptop.run(&["versions", path])?.ok()?.stdout;
    ensure!(versions.lines().count() >= 3, "{versions}");
    laptop.run(&["restore", path, "--version", "1"])?.ok()?;
    laptop.wait(60)?;
    ensure!(fs::read_to_string(&file)? == "first");
    Ok(())
}

#[test]
fn a_deleted_file_is_restored() -> Result<()> {
    let world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let file = laptop.directory().join("letter.txt");
    laptop.start()?;
    fs::write(&file, "dear reader")?;
    laptop.wait(60)?;
    fs::remove_file(&file)?;
    laptop.wait(60)?;
    let path = file.to_str().context("a test's directory is text")?;
    laptop.run(&["restore", path, "--version", "1"])?.ok()?;
    laptop.wait(60)?;
    ensure!(fs::read_to_string(&file)? == "dear reader");
    Ok(())
}
