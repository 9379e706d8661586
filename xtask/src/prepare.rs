//! What the tests need on the machine, installed where it is missing.

use crate::commands::{program, run, succeeds};
use anyhow::{Result, bail};

/// A program, how to see that it works, and the Debian package that has it.
struct Need {
    program: &'static str,
    probe: &'static str,
    package: &'static str,
}

/// SQLite, zstd and BLAKE3 are compiled from C; one end-to-end test counts system calls.
const NEEDS: [Need; 2] = [
    Need { program: "cc", probe: "--version", package: "build-essential" },
    Need { program: "strace", probe: "--version", package: "strace" },
];

/// Installs what is missing on Debian when run as root; says what to install elsewhere.
pub(crate) fn run_hook() -> Result<()> {
    let missing: Vec<&Need> =
        NEEDS.iter().filter(|need| !succeeds(program(need.program).arg(need.probe))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !succeeds(program("apt-get").arg("--version")) || !is_root() {
        bail!("the tests need these packages: {}; install them and try again", packages.join(" "));
    }
    run(program("apt-get").args(["update", "--quiet"]))?;
    let mut install = program("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    run(install.args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

fn is_root() -> bool {
    crate::commands::output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
