//! A network namespace of our own: its loopback interface counts our bytes only.

use anyhow::{Context as _, Result};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

const INSIDE: &str = "DRIFTLESS_BENCH_NAMESPACE";

/// Starts this program again in a namespace of its own, if we are root and are not there yet. Others go on where
/// they are; their `wire` then counts everybody's loopback traffic.
pub(crate) fn enter() -> Result<()> {
    if !rustix::process::geteuid().is_root() || std::env::var_os(INSIDE).is_some() {
        return Ok(());
    }
    let program = std::env::current_exe()?;
    let error = Command::new("unshare")
        .args(["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(error).context("cannot start `unshare` (util-linux)")
}
