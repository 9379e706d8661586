//! Linking, and choosing what is kept in step.

use super::absolute;
use crate::replica::OsReplicas;
use crate::settings::{self, ClientSettings};
use crate::{output, password};
use anyhow::{Context as _, bail};
use client::control::{self, ControlAnswer, ControlRequest, SyncRequest};
use client::daemon::choose;
use client::home::Link;
use client::remote::{Remote, link as link_device, wait_for_server};
use client::{Home, OpenReplica as _};
use protocol::ProblemKind;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long to wait for a server that is just starting.
const CONNECTING: Duration = Duration::from_secs(10);

pub(super) async fn link(
    home: &Home,
    url: &str,
    user: &str,
    password_stdin: bool,
    device: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let lock = home.lock().context("stop the daemon first (it keeps the present link)")?;
    let mut configuration = home.read()?;
    if let Some(link) = &configuration.link
        && !configuration.pairs.is_empty()
    {
        bail!("this device is linked to {} as {}; unsync its directories first", link.server, link.user);
    }
    let remote = Remote::new(url, None)?;
    let password = password::read(password_stdin, false)?;
    wait_for_server(&remote, CONNECTING).await?;
    let device = match device {
        Some(device) => device.to_owned(),
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    let linked = match link_device(&remote, user, &password, &device).await {
        Err(error) if error.problem() == Some(ProblemKind::SignInFailed) => {
            bail!("user name or password is wrong; nothing was changed")
        }
        answer => answer?,
    };
    let server = remote.server().to_owned();
    let ids = (linked.user, linked.device);
    configuration.link = Some(Link::new(server, user.to_owned(), device.clone(), ids, linked.token));
    home.write(&configuration, &lock)?;
    settings::write_sample::<ClientSettings>(home.directory())?;
    output::remark(&format!("this device is linked to {url} as {user}, called {device}"));
    Ok(ExitCode::SUCCESS)
}

fn remote_of(home: &Home) -> anyhow::Result<Remote> {
    let link = home.read()?.link.context("this device is not linked yet: run `driftless link URL` first")?;
    Ok(Remote::new(&link.server, Some(&link.token))?)
}

pub(super) async fn folders(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    let folders = remote_of(home)?.folders().await?;
    if json {
        output::json(&folders)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![vec!["FOLDER".to_owned(), "PRIVILEGE".to_owned(), "SIZE".to_owned()]];
    for folder in folders {
        let privilege: model::Privilege = folder.privilege.into();
        rows.push(vec![folder.name, privilege.to_string(), output::bytes(folder.used_bytes)]);
    }
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn sync(home: &Home, mut request: SyncRequest) -> anyhow::Result<ExitCode> {
    let directory = &request.directory;
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    request.directory = absolute(directory)?;
    if control::is_running(home).await {
        return super::say(home, &ControlRequest::Sync(request)).await;
    }
    let lock = home.lock()?;
    let mut configuration = home.read()?;
    let chosen = choose(&remote_of(home)?, &configuration, &request).await.map_err(anyhow::Error::msg)?;
    if chosen.is_new {
        OsReplicas::default()
            .prepare(&chosen.pair.directory, &chosen.pair.marker)
            .with_context(|| format!("{} cannot be used", chosen.pair.directory.display()))?;
    }
    let said = chosen.said();
    chosen.put_into(&mut configuration);
    home.write(&configuration, &lock)?;
    output::remark(&format!("{said}, by `driftless daemon`"));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn unsync(home: &Home, directory: &Path) -> anyhow::Result<ExitCode> {
    let request = ControlRequest::Unsync { directory: directory.to_owned() };
    if control::is_running(home).await {
        return super::say(home, &request).await;
    }
    let lock = home.lock()?;
    let mut configuration = home.read()?;
    let Some(place) = configuration.pairs.iter().position(|pair| pair.directory == directory) else {
        bail!("{} is not kept in step; `driftless status` shows what is", directory.display());
    };
    let pair = configuration.pairs.remove(place);
    home.write(&configuration, &lock)?;
    home.remove_pair_file(pair.number)?;
    if let Err(error) = OsReplicas::default().release(directory) {
        output::remark(&format!("the private directory is left behind: {error}"));
    }
    output::remark(&format!("{} is no longer kept in step; its files stay", directory.display()));
    Ok(ExitCode::SUCCESS)
}

/// What the daemon would say of the pairs, when it does not run.
pub(super) fn pairs_without_daemon(home: &Home) -> anyhow::Result<ControlAnswer> {
    let configuration = home.read()?;
    let link = configuration.link.context("this device is not linked yet: run `driftless link URL` first")?;
    let pairs = configuration.pairs.into_iter().map(|pair| control::PairStatus {
        folder: pair.remote_name(),
        only: pair.only,
        exclude: pair.exclude,
        directory: pair.directory,
        state: "stopped".to_owned(),
        detail: Some("the daemon does not run".to_owned()),
        ..control::PairStatus::default()
    });
    Ok(ControlAnswer::Status(control::DaemonStatus {
        server: link.server,
        user: link.user,
        device: link.device,
        online: false,
        pairs: pairs.collect(),
    }))
}
