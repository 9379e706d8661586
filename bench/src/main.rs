//! Driftless on the workloads that its peers (rsync, unison, Syncthing, rclone) are measured on.
//!
//! A server and two clients, A and B, run on loopback and one disk, from the release binary that lies beside this
//! program (`DRIFTLESS_BIN` names another). Every figure is one line, in the form that the peers' driver prints:
//!
//! ```text
//! FIGURE <workload> driftless <metric> <value> <unit> [note]
//! ```
//!
//! *Durable* means that `driftless wait` on A returned: the server holds everything on disk. *Visible* means that the
//! same returned on B. CPU is user and system time of the server and the clients that took part (the waiting
//! command is not counted); wire is what the loopback interface carried, headers and acknowledgements included. As
//! root the program moves into a network namespace of its own, so that these are its own bytes only.
//!
//! Figures that other load disturbs little come first when comparing: `cpu`, `wire`, and the server's own counters.

mod crowd;
mod figure;
mod http;
mod load;
mod machine;
mod namespace;
mod options;
mod trees;
mod watch;
mod world;

use anyhow::{Result, ensure};
use clap::Parser as _;
use options::Options;

fn main() -> Result<()> {
    namespace::enter()?;
    let options = Options::parse().sized();
    figure::say(&format!("{options:?}"))?;
    std::fs::create_dir_all(&options.scratch)?;

    let mut failed = Vec::new();
    for load in &options.loads {
        if let Err(error) = load.run(&options) {
            figure::say(&format!("FAILED {load:?}: {error:#}"))?;
            failed.push(load);
        }
    }
    ensure!(failed.is_empty(), "these workloads failed: {failed:?}");
    Ok(())
}
