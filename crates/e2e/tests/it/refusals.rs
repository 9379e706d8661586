//! What is refused: with a message, without a crash, and without any change.

use anyhow::{Result, ensure};
use e2e::process::run;
use e2e::server::PASSWORD;
use e2e::world::{FOLDER, USER};
use e2e::{Tree, World};

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused_alike() -> Result<()> {
    let mut world = World::create()?;
    let address = format!("http://{}", world.server().address());
    let home = world.place().join("stranger");
    let link = |user: &str, password: &str| {
        let arguments = ["link", &*address, "--user", user, "--password-stdin", "--device", "x"];
        run(Some(&home), &arguments, password)
    };
    let wrong = link(USER, "wrong\n")?.refused()?;
    let unknown = link("nobody", PASSWORD)?.refused()?;
    ensure!(wrong.stderr == unknown.stderr, "{}\n{}", wrong.stderr, unknown.stderr);
    Ok(())
}

#[test]
fn folders_that_are_not_there_or_not_granted_are_refused_alike() -> Result<()> {
    let mut world = World::create()?;
    world.server().admin(&["folder", "add", "secret"])?.ok()?;
    let device = world.device("laptop")?;
    let directory = world.place().join("elsewhere");
    let directory = directory.to_string_lossy();
    let secret = device.run(&["sync", "secret", &directory])?.refused()?;
    let missing = device.run(&["sync", "missing", &directory])?.refused()?;
    let message = |text: &str, name: &str| text.replace(name, "NAME");
    ensure!(message(&secret.stderr, "secret") == message(&missing.stderr, "missing"));
    Ok(())
}

#[test]
fn one_directory_is_not_synced_twice_nor_inside_another() -> Result<()> {
    let mut world = World::create()?;
    world.server().admin(&["folder", "add", "other"])?.ok()?;
    world.server().admin(&["folder", "grant", "other", USER, "write"])?.ok()?;
    let device = world.device("laptop")?;
    let directory = device.directory().to_string_lossy().into_owned();
    let inside = device.directory().join("inside");
    std::fs::create_dir(&inside)?;
    device.run(&["sync", "other", &directory])?.refused()?;
    device.run(&["sync", FOLDER, &inside.to_string_lossy()])?.refused()?;
    // Said again, it is the same pair.
    device.run(&["sync", FOLDER, &directory])?.ok()?;
    let status: serde_json::Value = serde_json::from_str(&device.run(&["status", "--json"])?.ok()?.stdout)?;
    ensure!(status["pairs"].as_array().is_some_and(|pairs| pairs.len() == 1), "{status}");
    Ok(())
}

#[test]
fn who_may_only_read_sends_nothing_and_loses_nothing() -> Result<()> {
    let mut world = World::create()?;
    let mut writer = world.device("laptop")?;
    std::fs::write(writer.directory().join("letter.txt"), "as it is")?;
    writer.start()?;
    writer.wait(60)?;
    writer.stop()?;
    world.server().admin(&["folder", "grant", FOLDER, USER, "read"])?.ok()?;
    let mut reader = world.device("desktop")?;
    reader.start()?;
    reader.wait(60)?;
    std::fs::write(reader.directory().join("letter.txt"), "changed by a reader")?;
    // Whether that counts as in step is not this story's matter.
    reader.run(&["wait", "--timeout", "5"])?;
    reader.stop()?;
    world.server().admin(&["folder", "grant", FOLDER, USER, "write"])?.ok()?;
    let tree = Tree::read(reader.directory())?;
    let kept = tree.contents().contains(blake3::hash(b"changed by a reader").as_bytes());
    ensure!(kept, "the reader's own words are gone: {tree:?}");
    writer.start()?;
    writer.wait(60)?;
    ensure!(std::fs::read_to_string(writer.directory().join("letter.txt"))? == "as it is");
    Ok(())
}

#[test]
fn an_unlinked_device_sends_nothing_and_keeps_its_files() -> Result<()> {
    let mut world = World::create()?;
    let (mut laptop, mut desktop) = (world.device("laptop")?, world.device("desktop")?);
    std::fs::write(laptop.directory().join("letter.txt"), "before")?;
    for device in [&mut laptop, &mut desktop] {
        device.start()?;
        device.wait(60)?;
    }
    let id = world.server().entry("device", "name", "laptop")?["id"].as_str().unwrap_or_default().to_owned();
    world.server().admin(&["device", "unlink", &id])?.ok()?;
    std::fs::write(laptop.directory().join("letter.txt"), "after")?;
    laptop.run(&["wait", "--timeout", "3"])?.refused()?;
    desktop.wait(60)?;
    ensure!(std::fs::read_to_string(desktop.directory().join("letter.txt"))? == "before");
    ensure!(std::fs::read_to_string(laptop.directory().join("letter.txt"))? == "after");
    Ok(())
}

#[test]
fn a_full_quota_keeps_out_the_large_file_alone() -> Result<()> {
    let mut world = World::create()?;
    world.server().admin(&["folder", "set", FOLDER, "--quota", "100000"])?.ok()?;
    let (mut laptop, mut desktop) = (world.device("laptop")?, world.device("desktop")?);
    laptop.start()?;
    desktop.start()?;
    std::fs::write(laptop.directory().join("large"), e2e::Random::new(1).bytes(1_000_000))?;
    for index in 0..50 {
        std::fs::write(laptop.directory().join(format!("small-{index}")), format!("number {index}"))?;
    }
    let waited = laptop.run(&["wait", "--timeout", "20"])?.refused()?;
    ensure!(waited.code == 4 && waited.stderr.contains("large"), "{waited:?}");
    desktop.wait(60)?;
    ensure!(Tree::read(desktop.directory())?.files() == 50);
    ensure!(laptop.directory().join("large").exists());
    // With room for it, it goes by itself.
    world.server().admin(&["folder", "set", FOLDER, "--quota", "10000000"])?.ok()?;
    laptop.wait(120)?;
    desktop.wait(60)?;
    e2e::tree::ensure_same(laptop.directory(), desktop.directory())
}

#[test]
fn bad_arguments_are_explained() -> Result<()> {
    for arguments in [
        &["no-such-command"][..],
        &["sync"],
        &["link", "not a url", "--user", USER, "--password-stdin"],
        &["link", "http://example.invalid", "--user", USER, "--password-stdin"],
        &["wait", "--timeout", "soon"],
        &["admin", "init", "--data", "/dev/null/below", "--user", USER, "--password-stdin"],
    ] {
        let home = tempfile::tempdir()?;
        run(Some(home.path()), arguments, PASSWORD)?.refused()?;
    }
    Ok(())
}

#[test]
fn a_second_server_on_the_same_data_is_refused() -> Result<()> {
    let mut world = World::create()?;
    let data = world.server().data().to_string_lossy().into_owned();
    run(None, &["serve", "--data", &data, "--listen", "127.0.0.1:0"], "")?.refused()?;
    Ok(())
}
