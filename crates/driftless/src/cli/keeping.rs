//! What keeps the store small, and what keeps it twice.

use super::{Common, DataArgument};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct CollectArguments {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Only says what would be freed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long something must have been nobody's before it goes [default: as the server is set]
    #[arg(long, value_name = "HOURS")]
    pub(crate) grace: Option<u32>,
    /// Lets any part of the store go at once, however large
    #[arg(long)]
    pub(crate) any_share: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Makes a backup of everything in a directory, while the server works
    #[command(after_help = "Example: driftless admin backup create /mnt/backup --keep 14")]
    Create {
        /// Where backups are; each gets a directory of its own there
        directory: PathBuf,
        /// Copies every pack, instead of linking those that are there already
        #[arg(long)]
        copy: bool,
        /// Takes the oldest backups there away, until so many are left
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Reads every byte of a backup and proves that everything it names is in it; needs no server
    #[command(after_help = "Example: driftless admin backup verify /mnt/backup")]
    Verify {
        /// Where backups are
        directory: PathBuf,
        /// Which of them [default: the newest]
        #[arg(long, value_name = "NAME")]
        backup: Option<String>,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Makes a new data directory of a backup, under a new epoch: clients merge and delete nothing
    #[command(after_help = "Example: driftless admin backup restore /mnt/backup --data /srv/driftless-new")]
    Restore {
        /// Where backups are
        directory: PathBuf,
        /// Which of them [default: the newest]
        #[arg(long, value_name = "NAME")]
        backup: Option<String>,
        #[command(flatten)]
        data: DataArgument,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}
