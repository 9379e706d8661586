//! Linking, and choosing what is kept in step.

mod by_code;

use super::absolute;
use crate::cli::LinkArguments;
use crate::replica::OsReplicas;
use crate::settings::{self, ClientSettings};
use crate::{output, password};
use anyhow::{Context as _, bail, ensure};
use client::control::{self, ControlAnswer, ControlRequest, SyncRequest};
use client::daemon::choose;
use client::home::{Configuration, Link, WipeOrder};
use client::remote::{Distrust, Remote, RemoteError, Trust, link as link_device, wait_for_server};
use client::{Home, OpenReplica as _};
use model::Timestamp;
use protocol::{Fingerprint, ProblemKind};
use serde::Serialize;
use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long to wait for a server that is just starting.
const CONNECTING: Duration = Duration::from_secs(10);
/// The longest answer to a question.
const ANSWER_BYTES_MAX: u64 = 1_000;

/// What `link --json` says at the end.
#[derive(Serialize)]
struct Linked<'a> {
    state: &'static str,
    server: &'a str,
    user: &'a str,
    device: &'a str,
}

pub(super) async fn link(home: &Home, arguments: &LinkArguments) -> anyhow::Result<ExitCode> {
    let lock = home.lock().context("stop the daemon first (it keeps the present link)")?;
    let mut configuration = home.read()?;
    if let Some(link) = &configuration.link
        && !configuration.pairs.is_empty()
    {
        bail!("this device is linked to {} as {}; unsync its directories first", link.server, link.user);
    }
    // Before a password is asked for or a code shown: they are for nobody but the right server.
    let (remote, fingerprint) = introduce(&arguments.url, arguments.fingerprint).await?;
    let device = match &arguments.device {
        Some(device) => device.clone(),
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    let link = match &arguments.user {
        Some(user) => by_password(&remote, user, arguments, &device).await?,
        None => by_code::link(&remote, &device, arguments.shown.json).await?,
    };
    let link = Link { fingerprint, ..link };
    configuration.link = Some(link.clone());
    configuration.wipe = None;
    home.write(&configuration, &lock)?;
    settings::write_sample::<ClientSettings>(home.directory())?;
    if arguments.shown.json {
        let (server, user) = (&link.server, &link.user);
        output::json_line(&Linked { state: "linked", server, user, device: &device })?;
    }
    output::remark(&format!("this device is linked to {} as {}, called {device}", arguments.url, link.user));
    Ok(ExitCode::SUCCESS)
}

async fn by_password(
    remote: &Remote,
    user: &str,
    arguments: &LinkArguments,
    device: &str,
) -> anyhow::Result<Link> {
    let password = password::read(arguments.password_stdin, false)?;
    let mut code = arguments.code.clone();
    let linked = loop {
        let answer = link_device(remote, user, &password, code.as_deref(), device).await;
        match answer.as_ref().err().and_then(RemoteError::problem) {
            Some(ProblemKind::SignInFailed) => {
                bail!("user name or password is wrong; nothing was changed")
            }
            Some(ProblemKind::SecondFactorNeeded) => code = Some(second_factor()?),
            Some(ProblemKind::WrongCode) => bail!(
                "the code is wrong or was used before; nothing was changed. An app shows another one every 30 seconds"
            ),
            _ => break answer?,
        }
    };
    let ids = (linked.user, linked.device);
    Ok(Link::new(remote.server().to_owned(), user.to_owned(), device.to_owned(), ids, linked.token))
}

/// Asks for a code of the account's second factor, where somebody can be asked.
fn second_factor() -> anyhow::Result<String> {
    ensure!(
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        "this account has a second factor: say its code with --code (of the authenticator app, or a recovery code), or link \
         without --user and approve the code that is shown on the server's page"
    );
    output::ask("Code of your authenticator app, or a recovery code: ");
    let mut code = String::new();
    std::io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut code)?;
    ensure!(!code.trim().is_empty(), "not linked; nothing was changed");
    Ok(code.trim().to_owned())
}

/// Gets to know the server anew, where it shows another certificate than before. Nothing else of the link changes.
pub(super) async fn trust(home: &Home, fingerprint: Option<Fingerprint>) -> anyhow::Result<ExitCode> {
    let lock = home.lock().context("stop the daemon first (it keeps the present link)")?;
    let mut configuration = home.read()?;
    let none = not_linked(&configuration);
    let link = configuration.link.as_mut().context(none)?;
    let (_, fingerprint) = introduce(&link.server, fingerprint).await?;
    link.fingerprint = fingerprint;
    let server = link.server.clone();
    home.write(&configuration, &lock)?;
    output::remark(&match fingerprint {
        Some(fingerprint) => format!("{server} is believed if it shows {fingerprint}, and not else"),
        None => format!("{server} is believed if an authority vouches for it"),
    });
    Ok(ExitCode::SUCCESS)
}

/// Waits for the server and makes sure that it is the right one: by the certificate asked for, else by the authorities
/// that this machine knows, else by a person who compares what it shows. Gives the certificate to be remembered, too.
async fn introduce(
    url: &str,
    fingerprint: Option<Fingerprint>,
) -> anyhow::Result<(Remote, Option<Fingerprint>)> {
    let remote = Remote::new(url, None, fingerprint.map_or(Trust::Authorities, Trust::Pinned))?;
    let shown = match wait_for_server(&remote, CONNECTING).await {
        Ok(_) => return Ok((remote, fingerprint)),
        Err(RemoteError::Distrusted { reason: Distrust::Unknown { shown }, .. }) => shown,
        Err(error) => return Err(error.into()),
    };
    ensure!(
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        "nobody whom this machine knows vouches for {url}; it shows a certificate of its own:\n  {shown}\nIf that is what \
         `driftless admin status` says on the server, link with --fingerprint {shown}"
    );
    output::remark(&format!(
        "Nobody whom this machine knows vouches for {url}. It shows a certificate of its own:\n\n  {shown}\n\n\
         `driftless admin status` says on the server what it should be; if it differs, somebody is in between."
    ));
    output::ask("Is it the same? From then on only this one is believed. [yes/no] ");
    let mut answer = String::new();
    std::io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut answer)?;
    ensure!(answer.trim().eq_ignore_ascii_case("yes"), "not linked; nothing was sent");
    let remote = Remote::new(url, None, Trust::Pinned(shown))?;
    wait_for_server(&remote, CONNECTING).await?;
    Ok((remote, Some(shown)))
}

fn remote_of(home: &Home) -> anyhow::Result<Remote> {
    let configuration = home.read()?;
    let none = not_linked(&configuration);
    Ok(Remote::of(&configuration.link.context(none)?)?)
}

/// Why a device is linked to no server, and what to do.
fn not_linked(configuration: &Configuration) -> String {
    match &configuration.wipe {
        Some(order) if order.done => format!("{}; `driftless link URL` links it anew", wiped(order)),
        _ => "this device is not linked yet: run `driftless link URL` first".to_owned(),
    }
}

/// What came of the server's order to remove all copies.
pub(crate) fn wiped(order: &WipeOrder) -> String {
    let heard = Timestamp(order.heard);
    let kept = match (order.kept, &*order.kept_in) {
        (0, _) => "none was kept".to_owned(),
        (kept, directories) => {
            let places: Vec<String> =
                directories.iter().map(|directory| directory.display().to_string()).collect();
            format!("{kept} were kept, since the server does not have them, in {}", places.join(", "))
        }
    };
    format!(
        "by order of {} at {heard} this device removed its copies: {} files; {kept}",
        order.server, order.removed
    )
}

/// Nothing may be begun or ended while copies are removed.
fn not_while_wiping(configuration: &Configuration) -> anyhow::Result<()> {
    if configuration.wipe.as_ref().is_some_and(|order| !order.done) {
        bail!("the server has ordered this device to remove its copies; `driftless daemon` goes on with it");
    }
    Ok(())
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
    not_while_wiping(&configuration)?;
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
    not_while_wiping(&configuration)?;
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
    let none = not_linked(&configuration);
    let link = configuration.link.context(none)?;
    let wipe = configuration.wipe.map(|order| control::WipeStatus::of(&order, 0));
    let pairs = configuration.pairs.into_iter().map(|pair| control::PairStatus {
        folder: pair.remote_name(),
        only: pair.only,
        exclude: pair.exclude,
        directory: pair.directory,
        direction: pair.direction,
        state: "stopped".to_owned(),
        detail: Some("the daemon does not run".to_owned()),
        ..control::PairStatus::default()
    });
    Ok(ControlAnswer::Status(control::DaemonStatus {
        server: link.server,
        user: link.user,
        device: link.device,
        online: false,
        distrust: None,
        wipe,
        limits: control::TrafficStatus {
            upload_rate: configuration.limits.upload_rate,
            download_rate: configuration.limits.download_rate,
            ..control::TrafficStatus::default()
        },
        pairs: pairs.collect(),
    }))
}
