//! A device is linked without a password being typed on it.

use anyhow::{Context as _, Result, ensure};
use e2e::world::{FOLDER, USER};
use e2e::{Device, World, process};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

/// `driftless link` as it waits, and the code it shows.
fn begin(
    world: &mut World,
    device: &Device,
) -> Result<(Child, BufReader<std::process::ChildStdout>, String)> {
    let fingerprint = world.server().fingerprint()?;
    let address = format!("https://{}", world.server().address());
    let mut command = Command::new(process::program()?);
    command.args(["link", &address, "--fingerprint", &fingerprint, "--device", "camera", "--json"]);
    command.env("DRIFTLESS_HOME", device.home()).stdin(Stdio::null());
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(running.stdout.take().context("it was piped")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    let waiting: Value = serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))?;
    let code = waiting["user_code"].as_str().context("a code")?.to_owned();
    ensure!(waiting["state"] == "waiting" && waiting["remaining_seconds"] == 600, "{waiting}");
    Ok((running, said, code))
}

fn end(mut running: Child) -> Result<(bool, String)> {
    let mut logged = String::new();
    running.stderr.take().context("it was piped")?.read_to_string(&mut logged)?;
    Ok((running.wait()?.success(), logged))
}

#[test]
fn an_administrator_approves_the_code_that_a_device_shows_and_it_syncs() -> Result<()> {
    let mut world = World::create_with(&["--tls", "self-signed"])?;
    let mut camera = Device::unlinked(world.place(), "camera")?;
    let (running, mut said, code) = begin(&mut world, &camera)?;
    let listed = world.server().admin(&["device", "list"])?.ok()?.stdout;
    ensure!(listed.contains(&code) && listed.contains("camera"), "{listed}");
    world.server().admin(&["device", "approve", "BBBB-BBBB", "--user", USER])?.refused()?;
    let approved =
        world.server().admin(&["device", "approve", &code.to_lowercase(), "--user", USER])?.ok()?;
    ensure!(approved.stdout.contains("camera"), "{}", approved.stdout);
    let mut line = String::new();
    said.read_line(&mut line)?;
    let linked: Value = serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))?;
    ensure!(linked["state"] == "linked" && linked["user"] == USER, "{linked}");
    let (well, logged) = end(running)?;
    ensure!(well, "{logged}");
    // The certificate is pinned as where a password is typed.
    camera.sync(FOLDER)?;
    camera.start()?;
    std::fs::write(camera.directory().join("picture"), "of a cat")?;
    camera.wait(60)?;
    let listed = world.server().entry("device", "name", "camera")?;
    ensure!(listed["user"] == USER, "{listed}");
    Ok(())
}

#[test]
fn a_refused_device_says_so_and_keeps_nothing() -> Result<()> {
    let mut world = World::create_with(&["--tls", "self-signed"])?;
    let camera = Device::unlinked(world.place(), "camera")?;
    let (running, _said, code) = begin(&mut world, &camera)?;
    world.server().admin(&["device", "deny", &code])?.ok()?;
    let (well, logged) = end(running)?;
    ensure!(!well && logged.contains("refused"), "{logged}");
    ensure!(!camera.home().join("client.json").exists(), "something was kept");
    Ok(())
}
