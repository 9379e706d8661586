//! `cargo xtask sim`: the deterministic simulation of engines, a server, disks and a network.

use crate::commands::{self, cargo, root};
use anyhow::Result;

/// Whether the simulator can be run.
pub(crate) fn exists() -> bool {
    root().join("crates/simulator/src/main.rs").exists()
}

/// Passes its arguments to the simulator. A seed that fails is replayed exactly by `--seed S`.
pub(crate) fn run_with(arguments: &[&str]) -> Result<()> {
    commands::run(cargo().args(["run", "--quiet", "--package", "simulator", "--"]).args(arguments))
}

/// `cargo xtask sim …`
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    run_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}
