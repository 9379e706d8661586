//! `driftless demo`: the main job, nothing kept.

use crate::admin;
use crate::cli::DemoArguments;
use crate::data::Data;
use crate::output;
use crate::replica::OsReplicas;
use anyhow::{Context as _, bail};
use client::control::{self, ControlAnswer, ControlRequest, Waited};
use client::daemon::choose;
use client::home::Link;
use client::remote::{Remote, Trust, link};
use client::{Home, OpenReplica as _};
use protocol::admin::{AdminRequest, Secret};
use protocol::v1::{WireNameRule, WirePrivilege};
use server::{Settings, serve};
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let stay = std::io::stdout().is_terminal() && std::io::stdin().is_terminal() && !arguments.once;
    let place =
        tempfile::Builder::new().prefix("driftless-demo-").tempdir().context("no temporary directory")?;
    let shown = crate::runtime(2)?.block_on(show(place.path(), stay));
    drop(place);
    shown?;
    output::line("Nothing was kept.");
    Ok(ExitCode::SUCCESS)
}

/// A device of the demonstration.
struct Device {
    home: Home,
    directory: PathBuf,
}

async fn show(place: &Path, stay: bool) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let end = |mut stopped: watch::Receiver<bool>| async move {
        let _dropped = stopped.wait_for(|stop| *stop).await;
    };
    let data = Data::at(Some(&place.join("server")))?;
    let password = format!("demo-{}", std::process::id());
    admin::init(&data, "alice", password.clone())?;
    let lock = data.lock()?;
    let server =
        data.open(&lock, Settings { admin_socket: Some(data.admin_socket()), ..Settings::default() })?;
    for request in [
        AdminRequest::FolderAdd {
            folder: "docs".into(),
            name_rule: WireNameRule::Portable,
            quota_bytes: None,
            plain: None,
        },
        AdminRequest::FolderGrant {
            folder: "docs".into(),
            to: "alice".into(),
            privilege: WirePrivilege::Write,
        },
    ] {
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || server::admin::execute(&server, request)).await?;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(serve(listener, server, end(stopped.clone())));
    output::line(&format!("A server at {address} with one shared folder, docs, for alice."));

    let mut running = Vec::new();
    let mut devices = Vec::new();
    for name in ["laptop", "desktop"] {
        let device = device(place, name, &address, &Secret(password.clone())).await?;
        running.push(tokio::spawn(client::daemon::run(
            device.home.clone(),
            Arc::new(OsReplicas::default()),
            end(stopped.clone()),
        )));
        output::line(&format!("A device called {name}, with docs in {}", device.directory.display()));
        devices.push(device);
    }
    tell_the_story(&devices[0], &devices[1]).await?;
    if stay {
        output::line("\nTry it: change files in one of the two directories and look into the other.");
        output::line(&format!("  DRIFTLESS_HOME={} driftless status", devices[0].home.directory().display()));
        output::line(&format!("  DRIFTLESS_HOME={} driftless log", devices[1].home.directory().display()));
        output::line("Ctrl-C ends the demonstration.");
        crate::asked_to_stop().await;
    }
    stop.send_replace(true);
    for daemon in running {
        daemon.await??;
    }
    serving.await??;
    Ok(())
}

async fn device(place: &Path, name: &str, address: &str, password: &Secret) -> anyhow::Result<Device> {
    let home = Home::open(&place.join(format!("{name}-state")))?;
    let directory = place.join(name);
    fs::create_dir(&directory)?;
    let directory = directory.canonicalize()?;
    let linked =
        link(&Remote::new(address, None, Trust::Authorities)?, "alice", &password.0, None, name).await?;
    let remote = Remote::new(address, Some(&linked.token), Trust::Authorities)?;
    let folders = remote.folders().await?;
    let folder = folders.first().context("the folder is not shown")?;
    let lock = home.lock()?;
    let mut configuration = home.read()?;
    let request = control::SyncRequest {
        folder: folder.name.clone(),
        directory: directory.clone(),
        direction: None,
        hold_deletes: Some(control::HoldDeletes::Never),
        only: Vec::new(),
        exclude: Vec::new(),
    };
    let chosen = choose(&remote, &configuration, &request).await.map_err(anyhow::Error::msg)?;
    OsReplicas::default().prepare(&chosen.pair.directory, &chosen.pair.marker)?;
    let ids = (linked.user, linked.device);
    configuration.link =
        Some(Link::new(address.to_owned(), "alice".into(), name.to_owned(), ids, linked.token));
    chosen.put_into(&mut configuration);
    home.write(&configuration, &lock)?;
    Ok(Device { home, directory })
}

async fn tell_the_story(laptop: &Device, desktop: &Device) -> anyhow::Result<()> {
    in_step(laptop).await?;
    in_step(desktop).await?;

    let begun = Instant::now();
    for directory in 0..20 {
        let path = laptop.directory.join(format!("photos/{directory:02}"));
        fs::create_dir_all(&path)?;
        for file in 0..50 {
            fs::write(
                path.join(format!("{file:02}.jpg")),
                format!("picture {directory}-{file}").repeat(200),
            )?;
        }
    }
    in_step(laptop).await?;
    in_step(desktop).await?;
    let there = desktop.directory.join("photos/19/49.jpg");
    if !there.exists() {
        bail!("the demonstration failed: {} did not arrive", there.display());
    }
    output::line(&format!(
        "1,000 files written on laptop are on desktop after {} ms.",
        begun.elapsed().as_millis()
    ));

    let begun = Instant::now();
    fs::write(laptop.directory.join("letter.txt"), "Dear Bob,\n")?;
    wait_until(|| desktop.directory.join("letter.txt").exists()).await?;
    output::line(&format!("One small file: {} ms.", begun.elapsed().as_millis()));

    let begun = Instant::now();
    fs::rename(desktop.directory.join("photos"), desktop.directory.join("pictures"))?;
    wait_until(|| laptop.directory.join("pictures/00/00.jpg").exists()).await?;
    output::line(&format!(
        "photos renamed to pictures on desktop, one change: {} ms.",
        begun.elapsed().as_millis()
    ));

    let offline = ControlRequest::Pause { directory: None, seconds: None };
    for device in [laptop, desktop] {
        control::ask(&device.home, &offline, Duration::from_secs(1)).await?;
    }
    fs::write(laptop.directory.join("letter.txt"), "Dear Bob, from the laptop\n")?;
    fs::write(desktop.directory.join("letter.txt"), "Dear Bob, from the desktop\n")?;
    let online = ControlRequest::Resume { directory: None };
    for device in [laptop, desktop] {
        control::ask(&device.home, &online, Duration::from_secs(1)).await?;
        in_step(device).await?;
    }
    in_step(laptop).await?;
    output::line("Both edited letter.txt while apart; both edits are kept:");
    let mut names: Vec<String> = fs::read_dir(&laptop.directory)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("letter"))
        .collect();
    names.sort();
    for name in names {
        let text = fs::read_to_string(laptop.directory.join(&name))?;
        output::line(&format!("  {name}: {}", text.trim()));
    }
    Ok(())
}

async fn in_step(device: &Device) -> anyhow::Result<()> {
    let milliseconds = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
    match control::ask(&device.home, &ControlRequest::Wait { milliseconds }, PATIENCE).await? {
        ControlAnswer::Waited(Waited::InStep) => Ok(()),
        other => bail!("the demonstration failed: {other:?}"),
    }
}

async fn wait_until(done: impl Fn() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > PATIENCE {
            bail!("the demonstration failed: a change did not arrive");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}
