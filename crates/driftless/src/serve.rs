//! `driftless serve`.

use crate::cli::ServeArguments;
use crate::data::Data;
use crate::{output, tls};
use anyhow::Context as _;
use server::{Settings, Tls, serve};
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::net::TcpListener;

pub(crate) fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    let data = Data::at(arguments.data.data.as_deref())?;
    data.must_exist()?;
    let lock = data.lock()?;
    let tls = tls::choose(&arguments.tls, arguments.listen, &data)?;
    raise_file_limit();
    let watch = arguments.watch.watch;
    let settings = Settings {
        admin_socket: Some(data.admin_socket()),
        plain: Some(data.plain_directories(watch)),
        tls: tls.clone(),
        trusted_proxies: arguments.tls.trusted_proxy.iter().copied().collect(),
        ..Settings::default()
    };
    let server = data.open(&lock, settings)?;
    crate::runtime(threads())?.block_on(async {
        let listener = TcpListener::bind(arguments.listen)
            .await
            .with_context(|| format!("cannot listen on {}", arguments.listen))?;
        let address = listener.local_addr()?;
        say(address, tls.as_deref(), &data);
        tokio::spawn(tls::reload_when_told(tls));
        serve(listener, server, crate::asked_to_stop()).await.context("the server stopped")
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
