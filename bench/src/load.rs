//! The workloads.

mod big;
mod clients;
mod idle;
mod latency;
mod scan;
mod small;

use crate::options::Options;
use anyhow::Result;

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Load {
    /// Many small files for the first time, then nothing changed.
    Small,
    /// A big file for the first time, then changed in the middle, then with an insertion.
    Big,
    /// Two equal trees of very many files joined, then nothing changed.
    Scan,
    /// One small file, from A to B.
    Latency,
    /// Doing nothing.
    Idle,
    /// Very many idle clients that are told of a change; only when asked for.
    Clients,
}

impl Load {
    pub(crate) const ALL: [Self; 5] = [Self::Small, Self::Big, Self::Scan, Self::Latency, Self::Idle];

    pub(crate) fn run(self, options: &Options) -> Result<()> {
        match self {
            Self::Small => small::run(options),
            Self::Big => big::run(options),
            Self::Scan => scan::run(options),
            Self::Latency => latency::run(options),
            Self::Idle => idle::run(options),
            Self::Clients => clients::run(options),
        }
    }
}

/// Prints as it is written on the command line.
impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Small => "small",
            Self::Big => "big",
            Self::Scan => "scan",
            Self::Latency => "latency",
            Self::Idle => "idle",
            Self::Clients => "clients",
        })
    }
}
