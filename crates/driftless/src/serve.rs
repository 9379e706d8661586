//! `driftless serve`.

use crate::cli::ServeArguments;
use crate::data::Data;
use crate::settings::{self, Loaded, ServerSettings, Shown};
use crate::{logging, output, previews, service, tls};
use anyhow::Context as _;
use confique::{Config, Layer};
use model::{Limits, Rates};
use server::{CollectionRules, Settings, Tls, serve};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

pub(crate) fn run(arguments: ServeArguments) -> anyhow::Result<ExitCode> {
    let data = Data::at(arguments.data.data.as_deref())?;
    data.make_if_empty()?;
    let Loaded { settings: chosen, shown } =
        settings::load::<ServerSettings>(arguments.settings, data.directory())?;
    logging::start(&chosen.log, chosen.log_format)?;
    let inherited = service::inherited_listener()?;
    let listen = match &inherited {
        Some(listener) => listener.local_addr()?,
        None => chosen.listen,
    };
    let lock = data.lock()?;
    settings::write_sample::<ServerSettings>(data.directory())?;
    let tls = tls::choose(&chosen, listen, &data)?;
    raise_file_limit();
    let settings = Settings {
        admin_socket: Some(data.admin_socket()),
        previews: previews::decoders(chosen.previews),
        tls: tls.clone(),
        shown: shown.iter().map(Shown::to_wire).collect(),
        ..of(&chosen, &data)
    };
    let server = data.open(&lock, settings)?;
    let setup_code = server.begin_setup().context("the setup cannot begin")?;
    crate::runtime(threads())?.block_on(async {
        let asked_to_stop = crate::asked_to_stop();
        let listener = match inherited {
            Some(listener) => TcpListener::from_std(listener)?,
            None => TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?,
        };
        let address = listener.local_addr()?;
        say(address, tls.as_deref(), &data);
        if let Some(code) = &setup_code {
            say_setup(address, tls.is_some(), code);
        }
        service::ready(&format!("listening on {address}"));
        tokio::spawn(tls::reload_when_told(tls));
        tokio::spawn({
            let server = Arc::clone(&server);
            async move { server.look_at_previews().await }
        });
        let stop = async {
            asked_to_stop.await;
            service::stopping();
        };
        let alive = || async { server.is_alive().await };
        tokio::select! {
            served = serve(listener, Arc::clone(&server), stop) => served.context("the server stopped"),
            () = service::feed_watchdog(alive) => unreachable!("the watchdog is fed for ever"),
        }
    })?;
    drop(lock);
    Ok(ExitCode::SUCCESS)
}

fn say(address: SocketAddr, tls: Option<&Tls>, data: &Data) {
    tracing::info!(%address, data = %data.directory().display(), tls = tls.is_some(), "serving");
    let scheme = if tls.is_some() { "https" } else { "http" };
    output::line(&format!("listening on {scheme}://{address}"));
    if let Some(tls) = tls {
        let fingerprint = tls.fingerprint();
        tracing::info!(%fingerprint, self_signed = tls.is_self_signed(), "the server shows this certificate");
        output::line(&format!("certificate fingerprint (SHA-256): {fingerprint}"));
    }
}

/// Says how the first administrator comes: only here, to whoever started the server or reads what it prints.
fn say_setup(address: SocketAddr, encrypted: bool, code: &str) {
    tracing::info!("nobody administers this server yet: standard output has the code for that");
    let scheme = if encrypted { "https" } else { "http" };
    // An address for everybody is none that can be opened.
    let host = match address.ip().is_unspecified() {
        true => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        false => SocketAddr::new(address.ip(), 0).to_string().trim_end_matches(":0").to_owned(),
    };
    output::line(&format!(
        "this server is not set up yet: open {scheme}://{host}:{} in a browser",
        address.port()
    ));
    output::line(&format!("setup code, until its next start: {code}"));
}

/// What the settings of a server that does not run say.
pub(crate) fn settings_of(data: &Data) -> anyhow::Result<Settings> {
    let nothing = <<ServerSettings as Config>::Layer as Layer>::empty();
    Ok(of(&settings::load::<ServerSettings>(nothing, data.directory())?.settings, data))
}

/// What was chosen, as the server takes it.
fn of(chosen: &ServerSettings, data: &Data) -> Settings {
    let defaults = Settings::default();
    let (limits, collection) = (&chosen.limits, &chosen.collection);
    Settings {
        limits: Limits {
            file_bytes: limits.file_size.0.0,
            commit_operations: limits.commit_operations,
            ..defaults.limits
        },
        device_transfers: limits.device_transfers,
        transfers: limits.transfers,
        connections: limits.connections,
        transfer_wait: Duration::from_secs(limits.transfer_wait_seconds),
        zip_entries: limits.zip_entries,
        user_rates: Rates {
            upload: limits.user_upload_rate.map(|rate| rate.0.0),
            download: limits.user_download_rate.map(|rate| rate.0.0),
        },
        passwords_at_once: limits.passwords,
        collection: CollectionRules {
            grace_ns: CollectionRules::grace_of_hours(collection.grace_hours),
            most_percent: Some(collection.most_percent),
            ..defaults.collection
        },
        collection_period: match collection.period_hours {
            0 => None,
            hours => Some(Duration::from_secs(u64::from(hours) * 3_600)),
        },
        plain: Some(data.plain_directories(chosen.watch.0, chosen.plain_root.clone())),
        trusted_proxies: chosen.trusted_proxies.iter().map(|network| network.0).collect(),
        ..defaults
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// Every connected device takes a file descriptor: use all that the system allows.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
