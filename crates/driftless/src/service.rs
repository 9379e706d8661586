//! Running under systemd: the units (`driftless service install`), and what is told to the one who started us.
//!
//! Without systemd nothing of it happens. A process is ready when it answers, and is alive as long as its work is done: the
//! watchdog is fed only after a round through what does the work, so that one which hangs is started again.

mod units;

use crate::cli::{Role, ServiceCommand};
use crate::data::Data;
use crate::device::home_directory;
use crate::output;
use anyhow::{Context as _, bail};
use sd_notify::NotifyState;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use units::{Unit, client_units, server_units};

/// Where systemd looks for units of the system.
const SYSTEM_UNITS: &str = "/etc/systemd/system";

pub(crate) fn run(command: &ServiceCommand) -> anyhow::Result<ExitCode> {
    let ServiceCommand::Install { places, directory, user, dry_run } = command;
    let program = std::env::current_exe().context("the program's own place is not known")?;
    let (units, default, start) = match places.role {
        Role::Server => {
            let data = Data::at(places.data.data.as_deref())?;
            let listen = listen_of(data.directory())?;
            let units = server_units(&program, &absolute(data.directory())?, listen, user)?;
            (units, PathBuf::from(SYSTEM_UNITS), server_start(user, &absolute(data.directory())?))
        }
        Role::Client => {
            let home = absolute(&home_directory(&places.home)?)?;
            let start =
                "systemctl --user daemon-reload && systemctl --user enable --now driftless-client.service";
            (client_units(&program, &home)?, user_units()?, start.to_owned())
        }
    };
    if *dry_run {
        for unit in &units {
            output::line(&format!("# {}\n{}", unit.name, unit.text));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let directory = directory.clone().unwrap_or(default);
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for Unit { name, text } in &units {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        output::remark(&format!("wrote {}", path.display()));
    }
    output::remark(&format!("start it with: {start}"));
    Ok(ExitCode::SUCCESS)
}

/// What a person does next; the account must be there before its data directory is made.
fn server_start(user: &str, data: &Path) -> String {
    let account = if user == "root" {
        String::new()
    } else {
        format!("useradd --system --home-dir {0} {user}; chown -R {user}: {0}; ", data.display())
    };
    format!("{account}systemctl daemon-reload && systemctl enable --now driftless.socket driftless.service")
}

fn listen_of(data: &Path) -> anyhow::Result<SocketAddr> {
    use confique::{Config, Layer as _};
    let flags = <crate::settings::ServerSettings as Config>::Layer::empty();
    Ok(crate::settings::load::<crate::settings::ServerSettings>(flags, data)?.settings.listen)
}

fn user_units() -> anyhow::Result<PathBuf> {
    let base = match std::env::var_os("XDG_CONFIG_HOME").filter(|value| Path::new(value).is_absolute()) {
        Some(value) => PathBuf::from(value),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("the variable HOME is not set")?).join(".config")
        }
    };
    Ok(base.join("systemd/user"))
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

/// The socket that systemd listens on for us, if it does.
pub(crate) fn inherited_listener() -> anyhow::Result<Option<TcpListener>> {
    let mut inherited = listenfd::ListenFd::from_env();
    if inherited.len() > 1 {
        bail!("{} sockets were handed over; one is needed", inherited.len());
    }
    let Some(listener) = inherited.take_tcp_listener(0).context("the socket that was handed over")? else {
        return Ok(None);
    };
    listener.set_nonblocking(true)?;
    Ok(Some(TcpListener::from_std(listener)?))
}

/// Says that requests are answered from now on.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Says that the end has begun.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Feeds the watchdog, if there is one, as long as `alive` answers in time. Never ends.
pub(crate) async fn feed_watchdog<F: Future<Output = bool>>(alive: impl Fn() -> F) {
    let Some(patience) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let interval = (patience / 3).max(Duration::from_millis(10));
    loop {
        tokio::time::sleep(interval).await;
        match tokio::time::timeout(patience, alive()).await {
            Ok(true) => tell(&[NotifyState::Watchdog]),
            Ok(false) => tracing::error!("the work is not done any more; the watchdog is not fed"),
            Err(_) => tracing::error!("no answer from what does the work; the watchdog is not fed"),
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}
