//! `driftless serve`.

use crate::cli::ServeArguments;
use crate::data::Data;
use crate::output;
use anyhow::{Context as _, bail};
use server::{Settings, serve};
use std::process::ExitCode;
use tokio::net::TcpListener;

pub(crate) fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    if !arguments.listen.ip().is_loopback() {
        bail!("{} can be reached from elsewhere, and plain HTTP is only for this machine", arguments.listen);
    }
    let data = Data::at(arguments.data.data.as_deref())?;
    data.must_exist()?;
    let lock = data.lock()?;
    raise_file_limit();
    let watch = arguments.watch.watch;
    let settings = Settings {
        admin_socket: Some(data.admin_socket()),
        plain: Some(data.plain_directories(watch)),
        ..Settings::default()
    };
    let server = data.open(&lock, settings)?;
    crate::runtime(threads())?.block_on(async {
        let listener = TcpListener::bind(arguments.listen)
            .await
            .with_context(|| format!("cannot listen on {}", arguments.listen))?;
        let address = listener.local_addr()?;
        tracing::info!(%address, data = %data.directory().display(), "serving");
        output::line(&format!("listening on http://{address}"));
        serve(listener, server, crate::asked_to_stop()).await.context("the server stopped")
    })?;
    drop(lock);
    Ok(ExitCode::SUCCESS)
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
