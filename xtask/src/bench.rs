//! `cargo xtask bench`: Driftless on the workloads that its peers are measured on.

use crate::commands::{self, cargo, root};
use anyhow::{Result, bail};

/// Passes its arguments to the driver in `bench/`, built for release with the program that it measures.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !root().join("bench/Cargo.toml").exists() {
        bail!("there are no benchmarks yet");
    }
    commands::run(cargo().args(["build", "--release", "--package", "driftless"]))?;
    commands::run(cargo().args(["run", "--release", "--quiet", "--package", "bench", "--"]).args(arguments))
}
