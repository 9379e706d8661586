//! Logs: to standard error, in JSON for those who collect them (`DRIFTLESS_LOG_FORMAT=json`), as much as
//! `DRIFTLESS_LOG` says (default: `info` for what runs for long, `warn` for commands).

use crate::cli::{Command, DeviceCommand};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

pub(crate) fn start(command: &Command) {
    let long = matches!(command, Command::Serve(_) | Command::Device(DeviceCommand::Daemon { .. }));
    let level = if long { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("DRIFTLESS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    if std::env::var("DRIFTLESS_LOG_FORMAT").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.with_target(false).init();
    }
}
