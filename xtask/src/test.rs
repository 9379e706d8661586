//! `cargo xtask test`: everything that must hold before a change is taken. `.ci/run` calls this and nothing else.
//!
//! The cheapest steps come first, so that a slip shows in seconds. Each step says how long it took.

use crate::commands::{self, cargo, succeeds, target, timed};
use crate::{api, prepare, sim, tidy, web};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Seeds of the short simulation, each run twice: equal traces prove that seeds replay.
const SEEDS: &str = "60";

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("prepare", prepare::run_hook),
    ("format", format),
    ("tidy", tidy::run),
    ("lints", lints),
    ("page", web::check),
    ("program", program),
    ("tests", tests),
    ("doctests", doctests),
    ("stories", || web::stories(binary(), &[])),
    ("api", || api::short(binary())),
    ("simulation", simulation),
];

/// Runs every step until one fails.
pub(crate) fn run() -> Result<()> {
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (name, step) in STEPS {
        println!("== {name}");
        let ((), time) = timed(step).with_context(|| format!("step '{name}' failed"))?;
        println!("== {name}: {:.1} s", time.as_secs_f64());
        times.push((name, time));
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    let each: Vec<String> =
        times.iter().map(|(name, time)| format!("{name} {:.0} s", time.as_secs_f64())).collect();
    println!("all {} steps passed in {:.0} s ({})", times.len(), total.as_secs_f64(), each.join(", "));
    Ok(())
}

fn format() -> Result<()> {
    commands::run(cargo().args(["fmt", "--all", "--", "--check"]))
}

fn lints() -> Result<()> {
    commands::run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The end-to-end tests run the program. The whole workspace and its tests are named so that the tests can use what this
/// builds: without them cargo chooses other features for a few libraries, and nearly everything is compiled twice.
fn program() -> Result<()> {
    commands::run(cargo().args(["build", "--workspace", "--bins", "--tests", "--locked"]))
}

/// cargo-nextest where it is installed: it reports better, kills what hangs and tries nothing twice.
fn tests() -> Result<()> {
    let mut command = cargo();
    if succeeds(cargo().args(["nextest", "--version"])) {
        command.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]);
    } else {
        command.args(["test", "--workspace", "--lib", "--bins", "--tests", "--locked"]);
    }
    commands::run(with_binary(&mut command))
}

fn doctests() -> Result<()> {
    commands::run(with_binary(cargo().args(["test", "--workspace", "--doc", "--quiet", "--locked"])))
}

fn simulation() -> Result<()> {
    if sim::exists() { sim::run_with(&["--seed", "1", "--seeds", SEEDS, "--twice"]) } else { Ok(()) }
}

fn with_binary(command: &mut Command) -> &mut Command {
    command.env("DRIFTLESS_BIN", binary())
}

/// The program as `cargo build` leaves it.
pub(crate) fn binary() -> PathBuf {
    target().join("debug").join(format!("driftless{}", std::env::consts::EXE_SUFFIX))
}
