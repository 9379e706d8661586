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

#[test]
fn a_directory_goes_back_to_a_moment_and_forth_again() -> Result<()> {
    let world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let papers = laptop.directory().join("papers");
    fs::create_dir(&papers)?;
    laptop.start()?;
    for name in ["a", "b", "c"] {
        fs::write(papers.join(name), name)?;
    }
    laptop.wait(60)?;
    let path = papers.to_str().context("a test's directory is text")?;
    let listed = laptop.run(&["list", path, "--at", "0s", "--json"])?.ok()?.stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed)?;
    let then = listed["seq"].to_string();
    fs::write(papers.join("a"), "encrypted")?;
    fs::rename(papers.join("b"), papers.join("b.locked"))?;
    fs::remove_file(papers.join("c"))?;
    fs::write(papers.join("README"), "pay")?;
    laptop.wait(60)?;
    let compared = laptop.run(&["compare", path, "--seq", &then])?.ok()?.stdout;
    ensure!(compared.lines().count() >= 4, "{compared}");
    let trash = laptop.run(&["trash", path])?.ok()?.stdout;
    ensure!(trash.contains("papers/c"), "{trash}");
    let past = laptop.run(&["list", path, "--seq", &then])?.ok()?.stdout;
    ensure!(past.lines().count() == 4, "{past}");
    let before = files(&papers)?;
    let dry = laptop.run(&["restore", path, "--seq", &then, "--dry-run"])?.ok()?.stdout;
    ensure!(dry.contains("would be"), "{dry}");
    ensure!(files(&papers)? == before);
    let done = laptop.run(&["restore", path, "--seq", &then, "--json"])?.ok()?.stdout;
    let done: serde_json::Value = serde_json::from_str(&done)?;
    laptop.wait(60)?;
    let expected = ["a", "b", "c"].map(|name| (name.to_owned(), name.to_owned()));
    ensure!(files(&papers)? == expected, "{:?}", files(&papers)?);
    laptop.run(&["restore", path, "--seq", &done["before"].to_string()])?.ok()?;
    laptop.wait(60)?;
    ensure!(files(&papers)? == before, "undone: {:?}", files(&papers)?);
    Ok(())
}

#[test]
fn several_deleted_paths_come_back_at_once() -> Result<()> {
    let world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let directory = laptop.directory().join("photos");
    fs::create_dir(&directory)?;
    fs::write(directory.join("one.jpg"), "1")?;
    let file = laptop.directory().join("letter.txt");
    fs::write(&file, "dear reader")?;
    laptop.start()?;
    laptop.wait(60)?;
    fs::remove_dir_all(&directory)?;
    fs::remove_file(&file)?;
    laptop.wait(60)?;
    let paths = [&directory, &file].map(|path| path.to_str().unwrap_or_default().to_owned());
    laptop.run(&["restore", &paths[0], &paths[1]])?.ok()?;
    laptop.wait(60)?;
    ensure!(fs::read_to_string(&file)? == "dear reader");
    ensure!(fs::read_to_string(directory.join("one.jpg"))? == "1");
    ensure!(laptop.run(&["restore", &paths[1]])?.ok().is_err(), "what lives is not in the trash");
    Ok(())
}

#[test]
fn versions_are_pinned_and_labelled_and_everybody_sees_it() -> Result<()> {
    let world = World::create()?;
    let (mut laptop, mut desktop) = (world.device("laptop")?, world.device("desktop")?);
    let file = laptop.directory().join("letter.txt");
    laptop.start()?;
    for text in ["first", "second", "third"] {
        fs::write(&file, text)?;
        laptop.wait(60)?;
    }
    let path = file.to_str().context("a test's directory is text")?;
    laptop.run(&["versions", path, "--pin", "1"])?.ok()?;
    laptop.run(&["versions", path, "--label", "2", "as sent"])?.ok()?;
    ensure!(laptop.run(&["versions", path, "--pin", "99"])?.ok().is_err(), "there is no such version");
    desktop.start()?;
    desktop.wait(60)?;
    let other = desktop.directory().join("letter.txt");
    let other = other.to_str().context("a test's directory is text")?;
    let marks = |listed: &str| {
        let lines = listed.lines().skip(1).map(str::trim_end);
        let mark =
            |line: &str| ["current", "pinned", "\"as sent\""].into_iter().find(|mark| line.ends_with(mark));
        lines.map(mark).collect::<Vec<_>>()
    };
    let listed = desktop.run(&["versions", other])?.ok()?.stdout;
    ensure!(marks(&listed) == [Some("current"), Some("\"as sent\""), Some("pinned")], "{listed}");
    desktop.run(&["versions", other, "--unpin", "1"])?.ok()?;
    desktop.run(&["versions", other, "--label", "2", ""])?.ok()?;
    let listed = laptop.run(&["versions", path])?.ok()?.stdout;
    ensure!(marks(&listed) == [Some("current"), None, None], "{listed}");
    Ok(())
}

#[test]
fn a_file_goes_back_to_a_time() -> Result<()> {
    let world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let file = laptop.directory().join("letter.txt");
    laptop.start()?;
    fs::write(&file, "dear reader")?;
    laptop.wait(60)?;
    let path = file.to_str().context("a test's directory is text")?;
    let listed = laptop.run(&["list", path, "--at", "0s", "--json"])?.ok()?.stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed)?;
    let then = listed["time"].as_str().context("a list by time says which")?.to_owned();
    fs::write(&file, "encrypted")?;
    laptop.wait(60)?;
    laptop.run(&["restore", path, "--at", &then])?.ok()?;
    laptop.wait(60)?;
    ensure!(fs::read_to_string(&file)? == "dear reader");
    let before = laptop.run(&["restore", path, "--at", "1999-01-01T00:00:00Z"])?.ok();
    ensure!(before.is_err(), "there was no folder then");
    Ok(())
}

/// The files of a directory by name, with their texts.
fn files(directory: &std::path::Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.push((entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path())?));
    }
    files.sort();
    Ok(files)
}
