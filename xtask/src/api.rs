//! `cargo xtask api`: schemathesis tries every operation of the API document against the real program.
//!
//! How it is started and what it knows of the API lies under `xtask/api/`.

use crate::commands::{program, root, run};
use crate::prepare;
use anyhow::{Result, bail};
use std::path::PathBuf;

/// How long the short form tries, and from which seed.
const SHORT: [&str; 2] = ["90", "1"];

pub(crate) fn short(binary: PathBuf) -> Result<()> {
    attempt(binary, SHORT)
}

/// `cargo xtask api [SECONDS [SEED]]`.
pub(crate) fn command(binary: PathBuf, arguments: &[String]) -> Result<()> {
    let [seconds, seed] = SHORT;
    match arguments {
        [] => attempt(binary, SHORT),
        [seconds] => attempt(binary, [seconds, seed]),
        [seconds, seed] => attempt(binary, [seconds, seed]),
        _ => bail!("say `api [SECONDS [SEED]]`, such as `api {seconds} {seed}`"),
    }
}

fn attempt(binary: PathBuf, [seconds, seed]: [&str; 2]) -> Result<()> {
    let Some(python) = prepare::schemathesis() else {
        println!("the API is not tried: schemathesis could not be installed");
        return Ok(());
    };
    run(program(python).arg(root().join("xtask/api/run.py")).arg(binary).args([seconds, seed]))
}
