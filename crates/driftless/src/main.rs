//! The `driftless` program: arguments, settings, the choice of adapters, start and stop.
//!
//! The only crate that sees adapters: SQLite, packs and this machine's disk are chosen here and handed down as ports.
//! Data goes to standard output, everything else to standard error.

mod admin;
mod cli;
mod config;
mod data;
mod demo;
mod device;
mod doctor;
mod logging;
mod manual;
mod output;
mod password;
mod previews;
mod progress;
mod replica;
mod serve;
mod service;
mod settings;
mod tls;

use clap::Parser as _;
use cli::{Cli, Command, DeviceCommand};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Decode { without_landlock } = cli.command {
        return previews::child(without_landlock);
    }
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            output::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if !matches!(cli.command, Command::Serve(_) | Command::Device(DeviceCommand::Daemon { .. })) {
        logging::start_command();
    }
    match cli.command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Admin(arguments) => admin::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Device(command) => device::run(command),
        Command::Config(command) => config::run(&command),
        Command::Service(command) => service::run(&command),
        Command::Decode { without_landlock } => Ok(previews::child(without_landlock)),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { directory } => manual::pages(&directory),
    }
}

/// An async runtime with a few threads; blocking work has threads of its own.
fn runtime(threads: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?)
}

/// Ends when the process is asked to. Signals are caught from the call on, not only once somebody waits.
fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            tracing::error!("signals cannot be caught; kill the process to stop it");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
