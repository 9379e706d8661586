//! Settings: a file, the environment, flags; what is in force is shown, and what nobody knows is refused.

use anyhow::{Context as _, Result, ensure};
use e2e::World;
use e2e::process::{program, run};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn shown(data: &Path, variables: &[(&str, &str)]) -> Result<Vec<Value>> {
    let mut command = Command::new(program()?);
    command.args(["config", "show", "server", "--json", "--data"]).arg(data);
    let output = command.envs(variables.iter().copied()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown: Value = serde_json::from_slice(&output.stdout)?;
    Ok(shown.as_array().context("a list")?.clone())
}

fn one<'a>(shown: &'a [Value], key: &str) -> Result<(&'a Value, &'a str)> {
    let found = shown.iter().find(|setting| setting["key"] == key).context("not shown")?;
    Ok((&found["value"], found["origin"].as_str().context("an origin")?))
}

#[test]
fn each_setting_says_what_it_is_and_where_it_came_from() -> Result<()> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("driftless.toml");
    std::fs::write(&file, "listen = '127.0.0.1:9'\n[limits]\ntransfers = 12\nfile_size = '3G'\n")?;
    let shown = shown(place.path(), &[("DRIFTLESS_LIMITS__TRANSFERS", "13")])?;
    let from_file = file.to_str().context("text")?;
    ensure!(one(&shown, "listen")? == (&"127.0.0.1:9".into(), from_file));
    ensure!(one(&shown, "limits.file_size")? == (&"3G".into(), from_file));
    ensure!(one(&shown, "limits.transfers")? == (&13.into(), "DRIFTLESS_LIMITS__TRANSFERS"));
    ensure!(one(&shown, "watch")? == (&"auto".into(), "default"));
    Ok(())
}

#[test]
fn a_new_server_has_a_sample_that_changes_nothing() -> Result<()> {
    let mut world = World::create()?;
    let file = world.server().data().join("driftless.toml");
    let sample = std::fs::read_to_string(&file).context("admin init leaves a sample")?;
    ensure!(sample.contains("#transfers = ") && sample.contains("DRIFTLESS_LIMITS__TRANSFERS"), "{sample}");
    for setting in shown(world.server().data(), &[])? {
        ensure!(setting["origin"] == "default", "{setting}");
    }
    Ok(())
}

#[test]
fn a_server_with_a_setting_that_nobody_knows_does_not_start_and_says_what_was_meant() -> Result<()> {
    let mut world = World::create()?;
    world.server().stop()?;
    let data = world.server().data().to_path_buf();
    std::fs::write(data.join("driftless.toml"), "[limits]\ntransferz = 12\n")?;
    let data = data.to_str().context("text")?;
    let refused = run(None, &["serve", "--data", data, "--listen", "127.0.0.1:0"], "")?.refused()?;
    ensure!(refused.stderr.contains("did you mean `limits.transfers`?"), "{}", refused.stderr);
    ensure!(refused.stderr.contains("driftless.toml"), "{}", refused.stderr);
    Ok(())
}

#[test]
fn shells_and_readers_are_helped_with_every_command() -> Result<()> {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(None, &["completions", shell], "")?.ok()?.stdout;
        ensure!(script.contains("hold-deletes"), "{shell}: {script}");
    }
    let place = tempfile::tempdir()?;
    let bash = run(None, &["completions", "bash"], "")?.ok()?.stdout;
    let path = place.path().join("driftless.bash");
    std::fs::write(&path, bash)?;
    ensure!(Command::new("bash").arg("-n").arg(&path).status()?.success());
    let pages = place.path().join("man1");
    run(None, &["man", pages.to_str().context("text")?], "")?.ok()?;
    for page in ["driftless.1", "driftless-sync.1", "driftless-admin-folder-add.1"] {
        let text = std::fs::read_to_string(pages.join(page)).context(page)?;
        ensure!(text.contains(".TH "), "{page}");
    }
    Ok(())
}

#[test]
fn a_password_may_come_from_a_file() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (data, file) = (place.path().join("data"), place.path().join("password"));
    let init = |password: &str| -> Result<bool> {
        std::fs::write(&file, password)?;
        let mut command = Command::new(program()?);
        command.args(["admin", "init", "--user", "alice", "--data"]).arg(&data);
        Ok(command.env("DRIFTLESS_PASSWORD_FILE", &file).output()?.status.success())
    };
    ensure!(!init("\nsecond line\n")?, "an empty first line is no password");
    ensure!(init("correct horse battery staple\n")?);
    Ok(())
}
