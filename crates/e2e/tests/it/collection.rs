//! The disk gets back what nobody needs any more, and nothing else, whatever happens meanwhile.

use anyhow::{Context as _, Result, ensure};
use e2e::process::{eventually, run};
use e2e::{Random, Server, Tree, World};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Bytes of all packs.
fn packs(server: &Server) -> Result<u64> {
    fn below(directory: &Path) -> Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            bytes +=
                if entry.file_type()?.is_dir() { below(&entry.path())? } else { entry.metadata()?.len() };
        }
        Ok(bytes)
    }
    below(&server.data().join("store/packs"))
}

/// Years go by, after which nothing of the past is kept. (Time cannot be made to pass from outside; but what has happened
/// can be made long ago.)
fn forget_the_past(server: &mut Server) -> Result<()> {
    const AGE: &str = "import sqlite3, sys
catalog = sqlite3.connect(sys.argv[1], isolation_level=None)
for table in ['version', 'placement', 'moment', 'retention_due']:
    catalog.execute(f'UPDATE {table} SET at = at - 63072000000000000')
catalog.close()";
    server.stop()?;
    let catalog = server.data().join("catalog.db");
    let aged = Command::new("python3").args(["-c", AGE]).arg(catalog).status()?;
    ensure!(aged.success(), "python3 is needed to make the past long ago");
    server.start()?;
    server.admin(&["folder", "set", "docs", "--versions", "1", "--days", "1", "--safe-days", "1"])?.ok()?;
    server.admin(&["folder", "retention", "docs"])?.ok()?;
    Ok(())
}

fn collect(server: &Server, options: &[&str]) -> Result<Value> {
    let output = server.admin(&[&["gc", "--json"], options].concat())?.ok()?.stdout;
    serde_json::from_str(&output).with_context(|| format!("not JSON: {output}"))
}

#[test]
fn what_was_deleted_and_purged_frees_the_disk_and_everything_else_stays() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let mut random = Random::new(31);
    let directory = laptop.directory().to_path_buf();
    for number in 0..30 {
        fs::write(directory.join(format!("big {number}")), random.bytes(600_000))?;
        fs::write(directory.join(format!("small {number}")), random.bytes(900))?;
    }
    laptop.start()?;
    laptop.wait(120)?;
    for number in 0..27 {
        fs::remove_file(directory.join(format!("big {number}")))?;
        fs::write(directory.join(format!("small {number}")), random.bytes(950))?;
    }
    laptop.wait(120)?;
    let server = world.server();
    let full = packs(server)?;
    let kept = collect(server, &["--grace", "0", "--any-share"])?;
    ensure!(kept["unnamed_chunks"] == 0 && packs(server)? == full, "the trash is somebody's: {kept}");

    forget_the_past(server)?;
    let look = collect(server, &["--grace", "0", "--dry-run"])?;
    ensure!(look["unnamed_bytes"].as_u64() > Some(15_000_000) && packs(server)? == full, "{look}");
    let waits = collect(server, &[])?;
    ensure!(waits["deleted_chunks"] == 0, "the grace has only begun: {waits}");

    let done = collect(server, &["--grace", "0", "--any-share"])?;
    ensure!(done["freed_bytes"].as_u64() > Some(15_000_000), "{done}");
    ensure!(packs(server)? < full / 5, "{} of {full} are left", packs(server)?);
    server.verify()?;
    server.kill()?;
    server.verify()?;
    server.start()?;
    let mut desktop = world.device("desktop")?;
    desktop.start()?;
    desktop.wait(120)?;
    Tree::read(&directory)?.ensure_same(&Tree::read(desktop.directory())?)
}

#[test]
fn a_server_killed_while_it_collects_loses_nothing() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    let mut random = Random::new(32);
    let directory = laptop.directory().to_path_buf();
    laptop.start()?;
    let mut interrupted = 0;
    for round in 0..10 {
        for number in 0..12 {
            let length = 1000 + random.below(400_000);
            fs::write(directory.join(format!("file {number}")), random.bytes(length))?;
        }
        fs::write(directory.join(format!("kept {round}")), random.bytes(70_000))?;
        laptop.wait(120)?;
        forget_the_past(world.server())?;
        // New files are on their way meanwhile.
        fs::write(directory.join(format!("late {round}")), random.bytes(300_000))?;
        let server = world.server();
        let moment = Duration::from_millis(random.below(120) as u64);
        let ended = thread::scope(|scope| {
            let (data, command) = (server.data().to_path_buf(), ["gc", "--grace", "0", "--any-share"]);
            let collecting = scope.spawn(move || {
                let all = [&["admin"], &command[..], &["--data", data.to_str().unwrap_or_default()]].concat();
                run(None, &all, "")
            });
            thread::sleep(moment);
            server.kill()?;
            collecting.join().expect("a command is run without a panic")
        })?;
        interrupted += usize::from(ended.code != 0);
        world.server().start()?;
    }
    ensure!(interrupted > 0, "the server was never killed in the middle");
    laptop.wait(180)?;
    let server = world.server();
    server.verify()?;
    forget_the_past(server)?;
    collect(server, &["--grace", "0", "--any-share"])?;
    let rest = collect(server, &["--grace", "0", "--any-share"])?;
    ensure!(rest["unnamed_chunks"] == 0, "{rest}");
    server.verify()?;
    let mut desktop = world.device("desktop")?;
    desktop.start()?;
    desktop.wait(120)?;
    eventually("both have the same", Duration::from_secs(60), || {
        let same = Tree::read(&directory)?.differences(&Tree::read(desktop.directory())?).is_empty();
        Ok(same.then_some(()))
    })
}
