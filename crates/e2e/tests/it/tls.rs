//! Between machines: who is believed, who is not, and what the latter get to hear (nothing).

mod memory;

use anyhow::{Context as _, Result, ensure};
use e2e::process::{self, Output, eventually, run};
use e2e::server::PASSWORD;
use e2e::world::{FOLDER, USER};
use e2e::{Authority, Certificate, Device, Interceptor, World};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SELF_SIGNED: [&str; 2] = ["--tls", "self-signed"];

fn https(address: SocketAddr) -> String {
    format!("https://{address}")
}

/// A device that believes the server's own certificate, with a synced directory.
fn pinned(world: &mut World, name: &str, address: SocketAddr) -> Result<Device> {
    let fingerprint = world.server().fingerprint()?;
    let device = Device::unlinked(world.place(), name)?;
    device.introduce(&https(address), USER, &["--fingerprint", &fingerprint])?.ok()?;
    device.sync(FOLDER)?;
    Ok(device)
}

fn status(device: &Device) -> Result<serde_json::Value> {
    Ok(serde_json::from_str(&device.run(&["status", "--json"])?.ok()?.stdout)?)
}

#[test]
fn two_devices_are_in_step_over_tls_with_the_servers_own_certificate() -> Result<()> {
    let mut world = World::create_with(&SELF_SIGNED)?;
    let address = world.server().address();
    let mut laptop = pinned(&mut world, "laptop", address)?;
    let mut desktop = pinned(&mut world, "desktop", address)?;
    let long = e2e::Random::new(1).bytes(3_000_000);
    std::fs::write(laptop.directory().join("long"), &long)?;
    for device in [&mut laptop, &mut desktop] {
        device.start()?;
        device.wait(60)?;
    }
    ensure!(std::fs::read(desktop.directory().join("long"))? == long);
    // What is told at once comes over the WebSocket: nothing looks again within this time.
    std::fs::write(desktop.directory().join("answer"), "soon")?;
    eventually("the answer is on the laptop", Duration::from_secs(20), || {
        Ok((std::fs::read(laptop.directory().join("answer")).unwrap_or_default() == b"soon").then_some(()))
    })?;
    ensure!(status(&laptop)?["online"] == true);
    // The same certificate after a restart, and the same devices.
    let before = world.server().fingerprint()?;
    world.server().stop()?;
    ensure!(world.server().fingerprint()? == before, "told while it does not run");
    world.server().start()?;
    ensure!(world.server().fingerprint()? == before);
    std::fs::write(laptop.directory().join("later"), "after a restart")?;
    laptop.wait(60)?;
    desktop.wait(60)?;
    e2e::tree::ensure_same(laptop.directory(), desktop.directory())
}

#[test]
fn without_a_terminal_an_unknown_server_is_not_believed_and_the_way_on_is_told() -> Result<()> {
    let mut world = World::create_with(&SELF_SIGNED)?;
    let address = https(world.server().address());
    let fingerprint = world.server().fingerprint()?;
    let device = Device::unlinked(world.place(), "laptop")?;
    let refused = device.introduce(&address, USER, &[])?.refused()?;
    ensure!(refused.stderr.contains(&format!("--fingerprint {fingerprint}")), "{}", refused.stderr);
    ensure!(!device.home().join("client.json").exists(), "something was kept");
    // Doctor and status on the server say the same fingerprint.
    let data = world.server().data().to_string_lossy().into_owned();
    for command in [&["doctor", "--data", &*data][..], &["admin", "status", "--data", &*data]] {
        let said = run(None, command, "")?.ok()?.stdout;
        ensure!(said.contains(&fingerprint), "{said}");
    }
    // As other programs write it.
    let bare = fingerprint.replace(':', "").to_lowercase();
    device.introduce(&address, USER, &["--fingerprint", &bare])?.ok()?;
    Ok(())
}

#[test]
fn somebody_in_between_is_refused_at_linking_and_hears_no_password() -> Result<()> {
    let mut world = World::create_with(&SELF_SIGNED)?;
    let fingerprint = world.server().fingerprint()?;
    let between = Interceptor::open(world.server().address(), &Certificate::self_signed()?)?;
    between.intercept(true);
    let device = Device::unlinked(world.place(), "laptop")?;
    for options in [&["--fingerprint", &*fingerprint][..], &[]] {
        let refused = device.introduce(&https(between.address()), USER, options)?.refused()?;
        ensure!(!refused.stderr.contains(PASSWORD.trim()));
    }
    ensure!(between.tried() > 0 && between.heard().is_empty(), "heard: {}", between.heard());
    ensure!(!device.home().join("client.json").exists(), "something was kept");
    between.intercept(false);
    device.introduce(&https(between.address()), USER, &["--fingerprint", &fingerprint])?.ok()?;
    Ok(())
}

#[test]
fn somebody_in_between_later_is_told_of_loudly_and_hears_no_token() -> Result<()> {
    let mut world = World::create_with(&SELF_SIGNED)?;
    let between = Interceptor::open(world.server().address(), &Certificate::self_signed()?)?;
    let mut device = pinned(&mut world, "laptop", between.address())?;
    device.start()?;
    device.wait(60)?;
    between.intercept(true);
    std::fs::write(device.directory().join("secret"), "for the server alone")?;
    let told = eventually("the changed identity is told", Duration::from_secs(60), || {
        let status = status(&device)?;
        Ok((status["pairs"][0]["state"] == "distrusted").then_some(status))
    })?;
    let reason = told["distrust"].as_str().unwrap_or_default();
    ensure!(told["online"] == false && reason.contains("identity has changed"), "{told}");
    ensure!(device.run(&["status"])?.ok()?.stdout.contains("NOT BELIEVED"));
    let waited = device.run(&["wait", "--timeout", "2"])?.refused()?;
    ensure!(waited.code == 2 && waited.stderr.contains("identity has changed"), "{}", waited.stderr);
    // A daemon that starts now, and commands that ask by themselves, say nothing either.
    device.stop()?;
    let asked = device.run(&["folders"])?.refused()?;
    ensure!(asked.stderr.contains("identity has changed"), "{}", asked.stderr);
    let tried = between.tried();
    device.start()?;
    eventually("the daemon has tried", Duration::from_secs(30), || {
        Ok((between.tried() > tried).then_some(()))
    })?;
    ensure!(between.heard().is_empty(), "heard: {}", between.heard());
    between.intercept(false);
    device.wait(60)?;
    ensure!(status(&device)?.get("distrust").is_none_or(serde_json::Value::is_null));
    let mut desktop = pinned(&mut world, "desktop", between.address())?;
    desktop.start()?;
    desktop.wait(60)?;
    ensure!(std::fs::read(desktop.directory().join("secret"))? == b"for the server alone");
    Ok(())
}

#[test]
fn a_certificate_that_was_made_anew_is_believed_when_a_person_says_so() -> Result<()> {
    let mut world = World::create_with(&SELF_SIGNED)?;
    let address = world.server().address();
    let mut device = pinned(&mut world, "laptop", address)?;
    device.start()?;
    device.wait(60)?;
    device.stop()?;
    world.server().stop()?;
    std::fs::remove_file(world.server().data().join("tls/self-signed.pem"))?;
    world.server().start()?;
    std::fs::write(device.directory().join("note"), "kept meanwhile")?;
    device.run(&["folders"])?.refused()?;
    device.run(&["trust"])?.refused()?;
    let fingerprint = world.server().fingerprint()?;
    device.run(&["trust", "--fingerprint", &fingerprint])?.ok()?;
    device.start()?;
    device.wait(60)?;
    let mut other = pinned(&mut world, "desktop", address)?;
    other.start()?;
    other.wait(60)?;
    e2e::tree::ensure_same(device.directory(), other.directory())
}

/// Runs the program where this machine's authorities are those of a file.
fn knowing(authorities: &Path, home: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(process::program()?);
    command.env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", authorities).env("DRIFTLESS_HOME", home);
    let mut words = arguments.to_vec();
    let password = home.with_extension("password");
    std::fs::write(&password, PASSWORD)?;
    if words[0] == "link" {
        words.extend(["--user", USER, "--password-stdin"]);
    }
    let output = command.args(words).stdin(std::fs::File::open(&password)?).output()?;
    Ok(Output {
        code: output.status.code().context("it was killed")?,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[test]
fn an_authority_that_the_machine_knows_is_enough_and_its_certificates_are_looked_at() -> Result<()> {
    let files = tempfile::tempdir()?;
    let (known, other) = (Authority::new("known")?, Authority::new("other")?);
    let authorities = files.path().join("authorities.pem");
    std::fs::write(&authorities, known.pem())?;
    let (certificate, key) = known.vouch_for("localhost")?.write(files.path())?;
    let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
    let mut world = World::create_with(&["--tls-cert", &certificate, "--tls-key", &key])?;
    let address = format!("https://localhost:{}", world.server().address().port());
    let home = world.place().join("home");
    let renew = |fresh: Certificate, world: &mut World| -> Result<()> {
        fresh.write(files.path())?;
        let shown = world.server().fingerprint()?;
        let id = world.server().process().context("it runs")?.id();
        let pid = rustix::process::Pid::from_raw(i32::try_from(id)?).context("a process")?;
        rustix::process::kill_process(pid, rustix::process::Signal::HUP)?;
        eventually("the new certificate is shown", Duration::from_secs(30), || {
            Ok((world.server().fingerprint()? != shown).then_some(()))
        })
    };

    knowing(&authorities, &home, &["link", &address])?.ok()?;
    knowing(&authorities, &home, &["folders"])?.ok()?;
    // Nothing is pinned: another certificate of the same authority is as good.
    renew(known.vouch_for("localhost")?, &mut world)?;
    knowing(&authorities, &home, &["folders"])?.ok()?;

    for (fresh, said) in [
        (known.vouch_until("localhost", 2020)?, "expired"),
        (known.vouch_for("elsewhere.example")?, "another name"),
        (other.vouch_for("localhost")?, "nobody whom this machine knows"),
    ] {
        renew(fresh, &mut world)?;
        for arguments in [&["folders"][..], &["link", &*address]] {
            let refused = knowing(&authorities, &home, arguments)?.refused()?;
            ensure!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
        }
    }
    // Pinned, neither name nor end nor authority matters.
    renew(known.vouch_until("elsewhere.example", 2020)?, &mut world)?;
    let fingerprint = world.server().fingerprint()?;
    knowing(&authorities, &home, &["link", &address, "--fingerprint", &fingerprint])?.ok()?;
    knowing(&authorities, &home, &["folders"])?.ok()?;
    Ok(())
}

#[test]
fn plain_http_between_machines_is_refused_on_both_sides() -> Result<()> {
    let mut world = World::create_with(&SELF_SIGNED)?;
    let data = world.place().join("another");
    let data = data.to_string_lossy();
    run(None, &["admin", "init", "--data", &data, "--user", USER, "--password-stdin"], PASSWORD)?.ok()?;
    let serve = ["serve", "--data", &*data, "--listen", "0.0.0.0:0", "--tls", "off"];
    let refused = run(None, &serve, "")?.refused()?;
    ensure!(refused.stderr.contains("--trusted-proxy"), "{}", refused.stderr);
    let device = Device::unlinked(world.place(), "laptop")?;
    let refused = device.introduce("http://192.0.2.1:7440", USER, &[])?.refused()?;
    ensure!(refused.stderr.contains("https://"), "{}", refused.stderr);
    // The other way round: an address with http:// where TLS is spoken says what is wrong.
    let plain = format!("http://{}", world.server().address());
    let refused = device.introduce(&plain, USER, &[])?.refused()?;
    ensure!(refused.stderr.contains("https://"), "{}", refused.stderr);
    Ok(())
}

#[test]
fn tls_where_none_is_spoken_says_what_is_wrong() -> Result<()> {
    let mut world = World::create()?;
    let device = Device::unlinked(world.place(), "laptop")?;
    let refused = device.introduce(&https(world.server().address()), USER, &[])?.refused()?;
    ensure!(refused.stderr.contains("http://"), "{}", refused.stderr);
    Ok(())
}
