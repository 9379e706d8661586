//! Settings of the server.
#![allow(unused_qualifications, reason = "in what the derive of nested settings writes")]

use super::{LogFormat, Size, Text};
use confique::Config;
use filesystem_os::WatchMode;
use std::net::SocketAddr;

/// Settings of a Driftless server. Each can also be given as an environment variable; flags come before these,
/// and these before this file.
#[derive(Debug, Config)]
#[config(layer_attr(derive(Debug, Clone, clap::Args, serde::Serialize)))]
pub(crate) struct ServerSettings {
    /// Where to listen.
    #[config(env = "DRIFTLESS_LISTEN", default = "127.0.0.1:7440")]
    #[config(layer_attr(arg(long, value_name = "ADDRESS")))]
    pub(crate) listen: SocketAddr,

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

    /// What the server takes. Devices are told.
    #[config(nested)]
    #[config(layer_attr(command(flatten)))]
    pub(crate) limits: LimitSettings,
}

/// What the server takes.
#[derive(Debug, Config)]
#[config(layer_attr(derive(Debug, Clone, clap::Args, serde::Serialize)))]
pub(crate) struct LimitSettings {
    /// The most connections at a time.
    #[config(env = "DRIFTLESS_LIMITS__CONNECTIONS", default = 20_000)]
    #[config(layer_attr(arg(skip)))]
    pub(crate) connections: usize,

    /// The most transfers at a time, in all.
    #[config(env = "DRIFTLESS_LIMITS__TRANSFERS", default = 64)]
    #[config(layer_attr(arg(long = "transfers", value_name = "N")))]
    pub(crate) transfers: usize,

    /// The most transfers of one device at a time.
    #[config(env = "DRIFTLESS_LIMITS__DEVICE_TRANSFERS", default = 8)]
    #[config(layer_attr(arg(long = "device-transfers", value_name = "N")))]
    pub(crate) device_transfers: usize,

    /// The largest file, such as 4T.
    #[config(env = "DRIFTLESS_LIMITS__FILE_SIZE", default = "4T")]
    #[config(layer_attr(arg(skip)))]
    pub(crate) file_size: Text<Size>,

    /// The most operations in one commit.
    #[config(env = "DRIFTLESS_LIMITS__COMMIT_OPERATIONS", default = 10_000)]
    #[config(layer_attr(arg(skip)))]
    pub(crate) commit_operations: u64,

    /// How many passwords are looked at at a time; each takes 46 MiB of memory.
    #[config(env = "DRIFTLESS_LIMITS__PASSWORDS", default = 2)]
    #[config(layer_attr(arg(skip)))]
    pub(crate) passwords: usize,
}
