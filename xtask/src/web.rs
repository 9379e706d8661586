//! The web page: `cargo xtask web check` looks at its types, `cargo xtask web e2e` has a browser walk through it.

use crate::commands::{program, root, run, succeeds};
use anyhow::{Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const BROWSER: &str = "chromium";

fn ui() -> PathBuf {
    root().join("crates/web/ui")
}

fn npm() -> Command {
    let mut command = program("npm");
    command.current_dir(ui());
    command
}

/// What the page is built and tested with, as its lock file says; nothing is done where it is there already.
fn install() -> Result<()> {
    let lock = fs::read(ui().join("package-lock.json"))?;
    let stamp = ui().join("node_modules/.lock-installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run(npm().args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    Ok(fs::write(stamp, lock)?)
}

/// Types and accessibility warnings; none is allowed.
pub(crate) fn check() -> Result<()> {
    install()?;
    run(npm().args(["run", "check"]))
}

/// The stories, in a real browser against the real program at `binary`; `arguments` go to Playwright.
pub(crate) fn stories(binary: PathBuf, arguments: &[String]) -> Result<()> {
    if !succeeds(program(BROWSER).arg("--version")) {
        println!("the page's stories are skipped: there is no {BROWSER}");
        return Ok(());
    }
    install()?;
    run(npm().args(["run", "e2e", "--"]).args(arguments).env("DRIFTLESS_BIN", binary))
}

/// `cargo xtask web …`.
pub(crate) fn command(binary: PathBuf, arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((word, [])) if word == "check" => check(),
        Some((word, rest)) if word == "e2e" => stories(binary, rest),
        _ => bail!("say `web check` or `web e2e [ARGUMENTS OF PLAYWRIGHT]`"),
    }
}
