//! Long work says how far it is: to a person at a terminal, and to nobody else.

use anyhow::{Context as _, Result, ensure};
use e2e::World;
use e2e::process::program;
use std::path::Path;
use std::process::Command;

/// Runs the program at a terminal that `script` makes, and gives what it wrote there; none if there is no `script`.
fn at_terminal(home: &Path, terminal: &str, arguments: &[&str]) -> Result<Option<String>> {
    let quoted: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
    let line = format!("stty cols 120; '{}' {}", program()?.display(), quoted.join(" "));
    let mut command = Command::new("script");
    command.args(["-q", "-e", "-c", &line, "/dev/null"]);
    command.env("DRIFTLESS_HOME", home).env("TERM", terminal).env("NO_COLOR", "1");
    match command.output() {
        Ok(output) => Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned())),
        Err(_) => {
            e2e::process::remark("SKIPPED: script is not installed");
            Ok(None)
        }
    }
}

#[test]
fn verifying_and_waiting_show_how_far_they_are_at_a_terminal_only() -> Result<()> {
    let mut world = World::create()?;
    let mut laptop = world.device("laptop")?;
    std::fs::write(laptop.directory().join("long"), e2e::Random::new(1).bytes(20 << 20))?;
    laptop.start()?;
    laptop.wait(60)?;
    laptop.run(&["pause"])?.ok()?;
    let data = world.server().data().to_str().context("text")?.to_owned();
    let verify = ["admin", "verify", "--all-bytes", "--data", &data];
    let wait = ["wait", "--timeout", "2"];
    for stopped in [false, true] {
        if stopped {
            world.server().stop()?;
        }
        let Some(seen) = at_terminal(laptop.home(), "xterm", &verify)? else { return Ok(()) };
        ensure!(seen.contains("contents looked through [") && seen.contains("MiB"), "{seen:?}");
        ensure!(seen.contains(": clean"), "{seen:?}");
        ensure!(
            !seen.contains("\u{1b}[3") && !seen.contains("\u{1b}[1m"),
            "there are colours in it: {seen:?}"
        );
        let dumb = at_terminal(laptop.home(), "dumb", &verify)?.unwrap_or_default();
        ensure!(dumb.contains(": clean") && !dumb.contains("looked through"), "{dumb:?}");
    }
    let seen = at_terminal(laptop.home(), "xterm", &wait)?.unwrap_or_default();
    ensure!(seen.contains("docs: paused"), "{seen:?}");
    // Elsewhere nothing but the result.
    let quiet = world.server().admin(&["verify", "--all-bytes"])?.ok()?;
    let waited = laptop.run(&wait)?;
    for said in [&quiet.stdout, &quiet.stderr, &waited.stdout, &waited.stderr] {
        ensure!(said.lines().count() <= 1 && !said.contains(['\r', '\u{1b}']), "{said:?}");
    }
    Ok(())
}
