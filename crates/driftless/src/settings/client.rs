//! Settings of a client's daemon.

use super::{LogFormat, Text};
use confique::Config;
use filesystem_os::WatchMode;

/// Settings of a Driftless client. Each can also be given as an environment variable; flags come before these,
/// and these before this file.
#[derive(Debug, Config)]
#[config(layer_attr(derive(Debug, Clone, clap::Args, serde::Serialize)))]
pub(crate) struct ClientSettings {
    /// How directories are watched: auto, fanotify (as root), inotify, or scan (looked at now and then only).
    #[config(env = "DRIFTLESS_WATCH", default = "auto")]
    #[config(layer_attr(arg(long, value_name = "METHOD")))]
    pub(crate) watch: Text<WatchMode>,

    /// How much is logged: error, warn, info, debug or trace, also by module.
    #[config(env = "DRIFTLESS_LOG", default = "info")]
    #[config(layer_attr(arg(long, value_name = "LEVEL")))]
    pub(crate) log: String,

    /// How logs are written: text, or json for those who collect them.
    #[config(env = "DRIFTLESS_LOG_FORMAT", default = "text")]
    #[config(layer_attr(arg(long, value_enum, value_name = "FORMAT")))]
    pub(crate) log_format: LogFormat,
}
