//! What to run, and how large.

use crate::load::Load;
use clap::Parser;
use std::path::PathBuf;

/// Measures Driftless on the workloads of its peers.
///
/// Example: bench --loads small,latency --repeat 1
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub(crate) struct Options {
    /// Where trees and data go: about 10 GiB at full size.
    #[arg(long, default_value_os_t = std::env::temp_dir().join("driftless-bench"))]
    pub(crate) scratch: PathBuf,
    /// The workloads, in this order.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Load::ALL)]
    pub(crate) loads: Vec<Load>,
    /// Small sizes: half a minute in all, for checking that everything runs.
    #[arg(long)]
    smoke: bool,
    /// Files of the workload of small files.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) small_files: usize,
    /// Their directories.
    #[arg(long, default_value_t = 200)]
    pub(crate) small_dirs: usize,
    /// Their size in bytes.
    #[arg(long, default_value_t = 4096)]
    pub(crate) small_size: usize,
    /// What small files hold.
    #[arg(long, value_enum, default_value_t = Filling::Random)]
    pub(crate) small_filling: Filling,
    /// The size of the big file in MiB.
    #[arg(long, default_value_t = 2048)]
    pub(crate) big_mib: usize,
    /// Files of the workload of equal trees.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) scan_files: usize,
    /// Their directories.
    #[arg(long, default_value_t = 1000)]
    pub(crate) scan_dirs: usize,
    /// How many files are timed one by one.
    #[arg(long, default_value_t = 20)]
    pub(crate) latency_n: usize,
    /// How often a step is repeated; the median counts.
    #[arg(long, default_value_t = 3)]
    pub(crate) repeat: usize,
    /// Clients of the workload of idle clients.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) clients: usize,
    /// The idle clients speak TLS.
    #[arg(long)]
    pub(crate) tls: bool,
    /// The seed of all contents.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many seconds to wait at most for other load to fall before a step.
    #[arg(long, default_value_t = 45.0)]
    pub(crate) quiet_wait: f64,
    /// How many seconds idle processes are watched.
    #[arg(long, default_value_t = 20.0)]
    pub(crate) idle_seconds: f64,
    /// How many seconds a step may take.
    #[arg(long, default_value_t = 900)]
    pub(crate) timeout: u32,
}

/// What small files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Filling {
    /// Bytes that do not compress.
    Random,
    /// Lines of program text.
    Text,
}

impl Options {
    /// With small sizes where `--smoke` asks for them.
    pub(crate) fn sized(self) -> Self {
        if !self.smoke {
            return self;
        }
        Self {
            small_files: 500,
            small_dirs: 10,
            big_mib: 32,
            scan_files: 2000,
            scan_dirs: 20,
            latency_n: 3,
            clients: 200,
            repeat: 1,
            quiet_wait: 0.0,
            idle_seconds: 2.0,
            timeout: 60,
            ..self
        }
    }
}
