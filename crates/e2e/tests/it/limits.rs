//! Bytes a second, as an administrator or the person of a device chooses.

use anyhow::{Result, ensure};
use e2e::process::eventually;
use e2e::server::PASSWORD;
use e2e::{Device, World};
use std::time::{Duration, Instant};

fn noise(seed: u64, length: usize) -> Vec<u8> {
    e2e::Random::new(seed).bytes(length)
}

fn second_person(world: &mut World, name: &str) -> Result<Device> {
    world.server().admin_with(&["user", "add", name, "--password-stdin"], PASSWORD)?.ok()?;
    world.server().admin(&["folder", "add", "hers"])?.ok()?;
    world.server().admin(&["folder", "grant", "hers", name, "write"])?.ok()?;
    let address = world.server().address();
    let device = Device::link(world.place(), "phone", name, address)?;
    device.sync("hers")?;
    Ok(device)
}

#[test]
fn an_upload_takes_as_long_as_its_rate_says_while_another_persons_does_not() -> Result<()> {
    let mut world = World::create()?;
    let mut slow = world.device("laptop")?;
    let mut fast = second_person(&mut world, "bea")?;
    world.server().admin(&["user", "set", e2e::world::USER, "--upload-rate", "1M"])?.ok()?;
    slow.start()?;
    fast.start()?;
    slow.wait(60)?;
    fast.wait(60)?;
    let begun = Instant::now();
    std::fs::write(slow.directory().join("large"), noise(1, 10 << 20))?;
    std::fs::write(fast.directory().join("large"), noise(2, 4 << 20))?;
    fast.wait(60)?;
    let of_fast = begun.elapsed().as_secs_f64();
    let status: serde_json::Value = serde_json::from_str(&slow.run(&["status", "--json"])?.ok()?.stdout)?;
    ensure!(status["limits"]["server_upload_rate"] == 1 << 20, "{status}");
    slow.wait(60)?;
    let of_slow = begun.elapsed().as_secs_f64();
    ensure!(of_fast < of_slow / 1.5, "the other waited {of_fast} s of {of_slow}");
    ensure!((9.0..16.0).contains(&of_slow), "10 MiB at 1 MiB/s took {of_slow} s");
    Ok(())
}

#[test]
fn a_device_keeps_its_own_rate_and_a_change_holds_at_once() -> Result<()> {
    let world = World::create()?;
    let mut laptop = world.device("laptop")?;
    // Before the daemon runs it is noted in the home.
    laptop.run(&["limits", "--upload", "64K"])?.ok()?;
    laptop.run(&["limits", "--upload", "1"])?.refused()?;
    laptop.start()?;
    laptop.wait(60)?;
    std::fs::write(laptop.directory().join("large"), noise(3, 12 << 20))?;
    let status = || -> Result<serde_json::Value> {
        Ok(serde_json::from_str(&laptop.run(&["status", "--json"])?.ok()?.stdout)?)
    };
    eventually("a transfer is shown", Duration::from_secs(20), || {
        let now = status()?;
        Ok((now["limits"]["running"] == 1 && now["limits"]["upload_rate"] == 65_536).then_some(()))
    })?;
    // At the old rate it would take more than three minutes.
    let begun = Instant::now();
    laptop.run(&["limits", "--upload", "none"])?.ok()?;
    laptop.wait(60)?;
    ensure!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // What is received has a rate of its own.
    let mut desktop = world.device("desktop")?;
    desktop.run(&["limits", "--download", "2M"])?.ok()?;
    let begun = Instant::now();
    desktop.start()?;
    desktop.wait(60)?;
    let took = begun.elapsed().as_secs_f64();
    ensure!((5.4..9.0).contains(&took), "12 MiB at 2 MiB/s took {took} s");
    e2e::tree::ensure_same(laptop.directory(), desktop.directory())?;
    Ok(())
}
