//! `driftless serve`.

use crate::cli::ServeArguments;
use crate::data::Data;
use crate::settings::{self, ServerSettings};
use crate::{logging, output, service};
use anyhow::{Context as _, bail};
use model::Limits;
use server::{Settings, serve};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

pub(crate) fn run(arguments: ServeArguments) -> anyhow::Result<ExitCode> {
    let data = Data::at(arguments.data.data.as_deref())?;
    data.must_exist()?;
    let chosen = settings::load::<ServerSettings>(arguments.settings, data.directory())?.settings;
    logging::start(&chosen.log, chosen.log_format)?;
    let listen = chosen.listen;
    may_be_reached(listen)?;
    let lock = data.lock()?;
    raise_file_limit();
    let settings = Settings {
        admin_socket: Some(data.admin_socket()),
        plain: Some(data.plain_directories(chosen.watch.0)),
        ..of(&chosen)
    };
    let server = data.open(&lock, settings)?;
    crate::runtime(threads())?.block_on(async {
        let listener = match service::inherited_listener()? {
            Some(listener) => listener,
            None => TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?,
        };
        let address = listener.local_addr()?;
        may_be_reached(address)?;
        tracing::info!(%address, data = %data.directory().display(), "serving");
        output::line(&format!("listening on http://{address}"));
        service::ready(&format!("listening on http://{address}"));
        let stop = async {
            crate::asked_to_stop().await;
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

/// Plain HTTP is for this machine only.
fn may_be_reached(address: SocketAddr) -> anyhow::Result<()> {
    if !address.ip().is_loopback() {
        bail!("{address} can be reached from elsewhere, and plain HTTP is only for this machine");
    }
    Ok(())
}

/// What was chosen, as the server takes it.
fn of(chosen: &ServerSettings) -> Settings {
    let defaults = Settings::default();
    let limits = &chosen.limits;
    Settings {
        limits: Limits {
            file_bytes: limits.file_size.0.0,
            commit_operations: limits.commit_operations,
            ..defaults.limits
        },
        device_transfers: limits.device_transfers,
        transfers: limits.transfers,
        connections: limits.connections,
        passwords_at_once: limits.passwords,
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
