//! `driftless doctor` says what is well and what is not.

use anyhow::{Context as _, Result, ensure};
use e2e::process::{eventually, run};
use e2e::world::USER;
use e2e::{Authority, Device, World};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

/// What it says, and that each thing that is not well has a remedy, in text and in JSON.
fn examine(arguments: &[&str]) -> Result<(i32, Vec<Value>)> {
    let output = run(None, &[&["doctor", "--json"], arguments].concat(), "")?;
    let found: Value = serde_json::from_str(&output.stdout)
        .with_context(|| format!("not JSON: {}{}", output.stdout, output.stderr))?;
    let found = found.as_array().context("a list")?.clone();
    for finding in &found {
        let remedy = finding["remedy"].as_str();
        ensure!(remedy.is_none() == (finding["health"] == "good"), "{finding}");
        ensure!(remedy.is_none_or(|remedy| !remedy.trim().is_empty()), "{finding}");
    }
    let bad = found.iter().any(|finding| finding["health"] == "bad");
    ensure!(output.code == i32::from(bad), "exit status {}: {found:#?}", output.code);
    Ok((output.code, found))
}

fn data_of(world: &mut World) -> Result<String> {
    Ok(world.server().data().to_str().context("text")?.to_owned())
}

fn findings(world: &mut World) -> Result<(i32, Vec<Value>)> {
    let data = data_of(world)?;
    examine(&["--data", &data])
}

fn says(findings: &[Value], subject: &str, health: &str, text: &str) -> bool {
    remedy(findings, subject, health, text).is_some()
}

/// What is to be done about a finding; empty if nothing.
fn remedy(findings: &[Value], subject: &str, health: &str, text: &str) -> Option<String> {
    let found = findings.iter().find(|finding| {
        finding["subject"] == subject
            && finding["health"] == health
            && finding["text"].as_str().is_some_and(|found| found.contains(text))
    })?;
    Some(found["remedy"].as_str().unwrap_or_default().to_owned())
}

/// Does what a remedy says.
fn follow(remedy: &str) -> Result<()> {
    ensure!(Command::new("sh").args(["-c", remedy]).status()?.success(), "{remedy}");
    Ok(())
}

#[test]
fn open_doors_unknown_settings_and_a_clock_set_back_are_told_and_the_remedies_help() -> Result<()> {
    let mut world = World::create()?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 0 && says(&found, "server", "good", "runs"), "{found:#?}");
    world.server().stop()?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 0, "that it does not run is no fault");
    let start = remedy(&found, "server", "warning", "does not run").context("it does not run")?;
    ensure!(start.contains("driftless serve --data"), "{start}");

    let data = world.server().data().to_owned();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755))?;
    std::fs::write(data.join("driftless.toml"), "lisen = '127.0.0.1:1'\n")?;
    let catalog = std::fs::File::options().write(true).open(data.join("catalog.db"))?;
    catalog.set_modified(SystemTime::now() + Duration::from_secs(7_200))?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 1, "{found:#?}");
    ensure!(says(&found, "settings", "bad", "did you mean `listen`?"), "{found:#?}");
    ensure!(says(&found, "clock", "bad", "behind what was written last"), "{found:#?}");
    follow(&remedy(&found, "permissions", "warning", "mode 755").context("others may look")?)?;

    std::fs::remove_file(data.join("driftless.toml"))?;
    catalog.set_modified(SystemTime::now())?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 0 && says(&found, "permissions", "good", "out of others' reach"), "{found:#?}");
    Ok(())
}

#[test]
fn a_damaged_database_and_missing_contents_are_told() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    std::fs::write(laptop.directory().join("file"), e2e::Random::new(1).bytes(100_000))?;
    laptop.start()?;
    laptop.wait(60)?;
    laptop.stop()?;
    world.server().stop()?;
    let data = world.server().data().to_owned();
    let packs = data.join("store/packs");
    std::fs::rename(&packs, data.join("elsewhere"))?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 1 && found.iter().any(|one| one["subject"] == "content" && one["health"] == "bad"));
    std::fs::remove_dir_all(&packs)?;
    std::fs::rename(data.join("elsewhere"), &packs)?;
    ensure!(findings(&mut world)?.0 == 0, "all is well again");
    for side in ["catalog.db-wal", "catalog.db-shm"] {
        let _ = std::fs::remove_file(data.join(side));
    }
    std::fs::write(data.join("catalog.db"), "no database at all".repeat(1_000))?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 1 && says(&found, "database", "bad", "catalog.db"), "{found:#?}");
    Ok(())
}

#[test]
fn certificates_near_their_end_and_keys_that_all_may_read_are_told() -> Result<()> {
    let files = tempfile::tempdir()?;
    let authority = Authority::new("known")?;
    let (certificate, key) = authority.vouch_for_days("localhost", 20)?.write(files.path())?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))?;
    let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
    let mut world = World::create_with(&["--tls-cert", &certificate, "--tls-key", &key])?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 0, "{found:#?}");
    let renew = remedy(&found, "tls", "warning", "ends in 19d").context("it ends soon")?;
    ensure!(renew.contains("renew"), "{renew}");
    follow(&remedy(&found, "tls", "warning", "mode 644").context("all may read the key")?)?;
    ensure!(says(&findings(&mut world)?.1, "tls", "good", "key.pem is out of others' reach"));

    // The same of files that a server would take when it starts.
    world.server().stop()?;
    authority.vouch_until("localhost", 2020)?.write(files.path())?;
    let settings = format!("[tls]\ncertificate = '{certificate}'\nkey = '{key}'\n");
    std::fs::write(world.server().data().join("driftless.toml"), settings)?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 1 && says(&found, "tls", "bad", "ended"), "{found:#?}");
    std::fs::write(&*certificate, "nothing of the kind")?;
    let (code, found) = findings(&mut world)?;
    ensure!(code == 1 && says(&found, "tls", "bad", "holds no certificate"), "{found:#?}");
    Ok(())
}

/// Asks the server something, with more lines in the head.
fn ask_server(address: SocketAddr, lines: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /api/v1/server HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(answer)
}

#[test]
fn proxies_that_do_not_say_for_whom_they_ask_or_are_not_trusted_are_told() -> Result<()> {
    let mut world = World::create()?;
    ask_server(world.server().address(), "x-forwarded-for: 198.51.100.7\r\n")?;
    let found = findings(&mut world)?.1;
    let trust = remedy(&found, "proxies", "warning", "from 127.0.0.1").context("it is not trusted")?;
    ensure!(trust.contains("--trusted-proxy 127.0.0.1"), "{trust}");

    let mut world = World::create_with(&["--trusted-proxy", "127.0.0.1"])?;
    ask_server(world.server().address(), "x-forwarded-for: 198.51.100.7\r\n")?;
    ensure!(says(&findings(&mut world)?.1, "proxies", "good", "127.0.0.1"));
    ask_server(world.server().address(), "")?;
    let found = findings(&mut world)?.1;
    let set = remedy(&found, "proxies", "warning", "did not say").context("it says nothing")?;
    ensure!(set.contains("X-Forwarded-For"), "{set}");
    Ok(())
}

fn of_device(home: &Path) -> Result<(i32, Vec<Value>)> {
    examine(&["--home", home.to_str().context("text")?])
}

#[test]
fn a_device_is_examined_from_its_link_to_its_directories() -> Result<()> {
    let mut world = World::create()?;
    let nowhere = world.place().join("nowhere");
    let (code, found) = of_device(&nowhere)?;
    ensure!(
        code == 1 && remedy(&found, "link", "bad", "no server").is_some_and(|text| text.contains("link"))
    );
    ensure!(!nowhere.exists(), "looking makes nothing");

    let mut laptop = world.device("laptop")?;
    let (code, found) = of_device(laptop.home())?;
    ensure!(code == 0 && says(&found, "daemon", "warning", "does not run"), "{found:#?}");
    ensure!(says(&found, "link", "good", "1 folders") && says(&found, "clock", "good", "same time"));
    laptop.start()?;
    laptop.wait(60)?;
    let subject = format!("directory {}", laptop.directory().display());
    let (code, found) = of_device(laptop.home())?;
    ensure!(code == 0 && says(&found, "daemon", "good", "runs"), "{found:#?}");
    ensure!(says(&found, &subject, "good", "in_step"), "{found:#?}");
    laptop.run(&["pause"])?.ok()?;
    ensure!(remedy(&of_device(laptop.home())?.1, &subject, "warning", "paused").is_some());
    laptop.stop()?;

    std::fs::rename(laptop.directory(), laptop.directory().with_extension("away"))?;
    std::fs::set_permissions(laptop.home().join("client.json"), std::fs::Permissions::from_mode(0o644))?;
    world.server().admin(&["device", "unlink", "d1"])?.ok()?;
    let (code, found) = of_device(laptop.home())?;
    ensure!(code == 1 && says(&found, &subject, "bad", "not there"), "{found:#?}");
    ensure!(remedy(&found, "link", "bad", "token").is_some_and(|text| text.contains("link")), "{found:#?}");
    follow(&remedy(&found, "permissions", "warning", "client.json").context("all may read it")?)?;
    world.server().stop()?;
    let (_, found) = of_device(laptop.home())?;
    ensure!(says(&found, "link", "bad", "cannot be reached"), "{found:#?}");
    ensure!(says(&found, "permissions", "good", "client.json"), "{found:#?}");
    Ok(())
}

#[test]
fn a_clock_that_differs_from_the_servers_is_told() -> Result<()> {
    let mut world = World::create()?;
    let server = world.server().address();
    // Everything as the server says it, but the time.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> Result<()> {
        for stream in listener.incoming() {
            let (mut stream, mut behind) = (stream?, TcpStream::connect(server)?);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                head.push(byte[0]);
            }
            let length = String::from_utf8_lossy(&head).to_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            stream.read_exact(&mut body)?;
            let head = String::from_utf8(head)?.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            behind.write_all(head.as_bytes())?;
            behind.write_all(&body)?;
            let mut answer = String::new();
            behind.read_to_string(&mut answer)?;
            let lines =
                answer.split_inclusive("\r\n").map(|line| match line.to_lowercase().starts_with("date:") {
                    true => "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                    false => line,
                });
            stream.write_all(lines.collect::<String>().as_bytes())?;
        }
        Ok(())
    });
    let device = Device::link(world.place(), "laptop", USER, address)?;
    let (code, found) = of_device(device.home())?;
    let set = remedy(&found, "clock", "warning", "ahead of the server's").context("it differs")?;
    ensure!(code == 0 && set.contains("NTP"), "{set}");
    ensure!(says(&found, "directories", "warning", "none is kept in step"), "{found:#?}");
    Ok(())
}

#[test]
fn the_doctor_says_how_directories_are_watched_and_when_one_is_not_there() -> Result<()> {
    let mut world = World::create()?;
    let plain = world.place().join("plain");
    let text = plain.to_str().context("text")?.to_owned();
    world.server().admin(&["folder", "plain", "docs", &text])?.ok()?;
    let within = Duration::from_secs(30);
    eventually("the plain directory is watched", within, || {
        let (code, found) = findings(&mut world)?;
        ensure!(code == 0, "{found:#?}");
        ensure!(says(&found, "server", "good", "runs") && says(&found, "content", "good", "references"));
        let watched = ["fanotify", "inotify"].iter().any(|method| {
            found.iter().any(|finding| {
                let text = finding["text"].as_str().unwrap_or_default();
                finding["subject"] == "folder docs" && text.contains(&format!("watched by {method}"))
            })
        });
        Ok(watched.then_some(()))
    })?;
    std::fs::rename(&plain, plain.with_extension("elsewhere"))?;
    std::fs::create_dir(&plain)?;
    eventually("a missing mount is told", within, || {
        let (code, found) = findings(&mut world)?;
        Ok((code != 0 && says(&found, "folder docs", "bad", "offline")).then_some(()))
    })
}
