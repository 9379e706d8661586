//! What shells complete, and the manual's pages: both from the arguments themselves.

use crate::cli::Cli;
use crate::output;
use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "driftless", &mut script);
    output::line(String::from_utf8(script)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// A page for each command: `driftless.1`, `driftless-sync.1`, …
pub(crate) fn pages(directory: &Path) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    clap_mangen::generate_to(Cli::command(), directory)
        .with_context(|| format!("cannot write into {}", directory.display()))?;
    output::remark(&format!("read them with `man -l {}/driftless.1`", directory.display()));
    Ok(ExitCode::SUCCESS)
}
