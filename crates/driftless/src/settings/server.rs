//! Settings of the server.
#![allow(unused_qualifications, reason = "in what the derive of nested settings writes")]

use super::{LogFormat, PreviewMode, Size, Speed, Text, TlsMode};
use confique::Config;
use filesystem_os::WatchMode;
use server::Network;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Settings of a Driftless server. Each can also be given as an environment variable; flags come before these,
/// and these before this file.
#[derive(Debug, Config)]
#[config(layer_attr(derive(Debug, Clone, clap::Args, serde::Serialize)))]
pub(crate) struct ServerSettings {
    /// Where to listen, such as 0.0.0.0:7440 for everybody.
    #[config(env = "DRIFTLESS_LISTEN", default = "127.0.0.1:7440")]
    #[config(layer_attr(arg(long, value_name = "ADDRESS")))]
    pub(crate) listen: SocketAddr,

    /// Proxies, or networks of them, that may speak plain HTTP and say for whom they ask; more than one by commas.
    #[config(env = "DRIFTLESS_TRUSTED_PROXIES", default = [], parse_env = confique::env::parse::list_by_comma)]
    #[config(layer_attr(arg(long = "trusted-proxy", value_name = "NETWORK", value_delimiter = ',')))]
    pub(crate) trusted_proxies: Vec<Text<Network>>,

    /// Where the plain directories of folders are made for which none is named (`auto`); if absent, in `folders` of the data
    /// directory.
    #[config(env = "DRIFTLESS_PLAIN_ROOT")]
    #[config(layer_attr(arg(long, value_name = "DIR")))]
    pub(crate) plain_root: Option<PathBuf>,

    /// How directories are watched: auto, fanotify (as root), inotify, or scan (looked at now and then only).
    #[config(env = "DRIFTLESS_WATCH", default = "auto")]
    #[config(layer_attr(arg(long, value_name = "METHOD")))]
    pub(crate) watch: Text<WatchMode>,

    /// Previews of pictures, texts and documents: sandboxed, without-landlock (for kernels and containers that lack it), or off.
    #[config(env = "DRIFTLESS_PREVIEWS", default = "sandboxed")]
    #[config(layer_attr(arg(long, value_enum, value_name = "HOW")))]
    pub(crate) previews: PreviewMode,

    /// How much is logged: error, warn, info, debug or trace, also by module.
    #[config(env = "DRIFTLESS_LOG", default = "info")]
    #[config(layer_attr(arg(long, value_name = "LEVEL")))]
    pub(crate) log: String,

    /// How logs are written: text, or json for those who collect them.
    #[config(env = "DRIFTLESS_LOG_FORMAT", default = "text")]
    #[config(layer_attr(arg(long, value_enum, value_name = "FORMAT")))]
    pub(crate) log_format: LogFormat,

    /// Encryption on the way.
    #[config(nested)]
    #[config(layer_attr(command(flatten)))]
    pub(crate) tls: TlsSettings,

    /// What the server takes. Devices are told.
    #[config(nested)]
    #[config(layer_attr(command(flatten)))]
    pub(crate) limits: LimitSettings,

    /// Freeing the disk of what nobody needs any more.
    #[config(nested)]
    #[config(layer_attr(command(flatten)))]
    pub(crate) collection: CollectionSettings,
}

/// Freeing the disk of what nobody needs any more.
#[derive(Debug, Config)]
#[config(layer_attr(derive(Debug, Clone, clap::Args, serde::Serialize)))]
pub(crate) struct CollectionSettings {
    /// For how many hours what no file, version or upload needs any more is kept, and a pack that holds nothing any more:
    /// a copy of catalog.db that is no older still finds all its bytes.
    #[config(env = "DRIFTLESS_COLLECTION__GRACE_HOURS", default = 72)]
    #[config(layer_attr(arg(skip)))]
    pub(crate) grace_hours: u32,

    /// Every how many hours it is looked for; 0: only by `driftless admin gc`.
    #[config(env = "DRIFTLESS_COLLECTION__PERIOD_HOURS", default = 24)]
    #[config(layer_attr(arg(skip)))]
    pub(crate) period_hours: u32,

    /// How many per cent of all stored bytes may go at once; if more is due, nothing goes and the log says so.
    #[config(env = "DRIFTLESS_COLLECTION__MOST_PERCENT", default = 25)]
    #[config(layer_attr(arg(skip)))]
    pub(crate) most_percent: u32,
}

/// Encryption on the way.
#[derive(Debug, Config)]
#[config(layer_attr(derive(Debug, Clone, clap::Args, serde::Serialize)))]
pub(crate) struct TlsSettings {
    /// How the server speaks: auto is off on this machine, and self-signed elsewhere unless files or a proxy are given.
    #[config(env = "DRIFTLESS_TLS__MODE", default = "auto")]
    #[config(layer_attr(arg(long = "tls", value_enum, value_name = "HOW")))]
    pub(crate) mode: TlsMode,

    /// A certificate with its chain, in PEM form; read again when it changes, or on SIGHUP.
    #[config(env = "DRIFTLESS_TLS__CERTIFICATE")]
    #[config(layer_attr(arg(long = "tls-cert", value_name = "FILE")))]
    pub(crate) certificate: Option<PathBuf>,

    /// The certificate's private key, in PEM form.
    #[config(env = "DRIFTLESS_TLS__KEY")]
    #[config(layer_attr(arg(long = "tls-key", value_name = "FILE")))]
    pub(crate) key: Option<PathBuf>,
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

    /// For how many seconds a transfer waits for its turn before it is told to come again later.
    #[config(env = "DRIFTLESS_LIMITS__TRANSFER_WAIT_SECONDS", default = 20)]
    #[config(layer_attr(arg(skip)))]
    pub(crate) transfer_wait_seconds: u64,

    /// The most files and directories of one zip archive.
    #[config(env = "DRIFTLESS_LIMITS__ZIP_ENTRIES", default = 250_000)]
    #[config(layer_attr(arg(skip)))]
    pub(crate) zip_entries: u64,

    /// How many bytes a second the devices of an account may send together, such as 5M; if absent, as many as they can.
    /// An account may have a rate of its own.
    #[config(env = "DRIFTLESS_LIMITS__USER_UPLOAD_RATE")]
    #[config(layer_attr(arg(skip)))]
    pub(crate) user_upload_rate: Option<Text<Speed>>,

    /// The same for what they receive.
    #[config(env = "DRIFTLESS_LIMITS__USER_DOWNLOAD_RATE")]
    #[config(layer_attr(arg(skip)))]
    pub(crate) user_download_rate: Option<Text<Speed>>,

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
