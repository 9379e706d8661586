//! Logs: to standard error, as much and in the form that the settings say.

use crate::settings::LogFormat;
use anyhow::Context as _;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// For what runs for long.
pub(crate) fn start(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level).with_context(|| format!("the setting `log` is {level:?}"))?;
    begin(filter, format);
    Ok(())
}

/// For a command, which has no settings: what goes wrong, unless `DRIFTLESS_LOG` says more.
pub(crate) fn start_command() {
    let filter = EnvFilter::try_from_env("DRIFTLESS_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    begin(filter, LogFormat::Text);
}

fn begin(filter: EnvFilter, format: LogFormat) {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}
