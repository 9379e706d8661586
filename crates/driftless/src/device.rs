//! Commands of a client.

mod conflicts;
mod limits;
mod link;
mod past;
mod show;
mod wait;
mod watch;

pub(crate) use link::wiped;
pub(crate) use show::daemon_status;

use crate::cli::{ConflictsCommand, Decision, DeviceCommand, HomeArgument};
use crate::data::{default_directory, full_path};
use crate::progress::Progress;
use crate::replica::OsReplicas;
use crate::settings::{self, ClientSettings};
use crate::{logging, output, service};
use anyhow::{Context as _, bail};
use client::Home;
use client::control::{self, ControlAnswer, ControlRequest, SyncRequest};
use confique::Config;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn run(command: DeviceCommand) -> anyhow::Result<ExitCode> {
    crate::runtime(2)?.block_on(async {
        match command {
            DeviceCommand::Daemon { home, settings } => daemon(open_home(&home)?, settings).await,
            command => carry_out(&command).await,
        }
    })
}

async fn daemon(home: Home, flags: <ClientSettings as Config>::Layer) -> anyhow::Result<ExitCode> {
    let chosen = settings::load::<ClientSettings>(flags, home.directory())?.settings;
    logging::start(&chosen.log, chosen.log_format)?;
    let asked_to_stop = crate::asked_to_stop();
    let opener = Arc::new(OsReplicas { watch: chosen.watch.0 });
    let door = home.clone();
    let answers =
        || async { control::ask(&door, &ControlRequest::Status, Duration::from_secs(10)).await.is_ok() };
    let supervised = async {
        if answers().await {
            service::ready("keeping directories in step");
        }
        service::feed_watchdog(answers).await;
    };
    let stop = async {
        asked_to_stop.await;
        service::stopping();
    };
    tokio::select! {
        ended = client::daemon::run(home.clone(), opener, stop) => ended?,
        () = supervised => unreachable!("the watchdog is fed for ever"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(command: &DeviceCommand) -> anyhow::Result<ExitCode> {
    match command {
        DeviceCommand::Link(arguments) => link::link(&open_home(&arguments.shown.home)?, arguments).await,
        DeviceCommand::Trust { fingerprint, home } => link::trust(&open_home(home)?, *fingerprint).await,
        DeviceCommand::Folders { shown } => link::folders(&open_home(&shown.home)?, shown.json).await,
        DeviceCommand::Sync { folder, directory, direction, only, exclude, hold_deletes, home } => {
            let request = SyncRequest {
                folder: folder.clone(),
                directory: directory.clone(),
                direction: direction.clone(),
                hold_deletes: hold_deletes.as_ref().map(|hold| hold.0),
                only: only.clone(),
                exclude: exclude.clone(),
            };
            link::sync(&open_home(home)?, request).await
        }
        DeviceCommand::Unsync { directory, home } => {
            link::unsync(&open_home(home)?, &absolute(directory)?).await
        }
        DeviceCommand::Daemon { .. } => unreachable!("run by itself"),
        DeviceCommand::Status { watch: true, shown } => {
            watch::watch(&open_home(&shown.home)?, shown.json).await
        }
        DeviceCommand::Status { watch: false, shown } => {
            show::status(&open_home(&shown.home)?, shown.json).await
        }
        DeviceCommand::Pause { directory, time, home } => {
            let directory = directory.as_deref().map(absolute).transpose()?;
            say(&open_home(home)?, &ControlRequest::Pause { directory, seconds: *time }).await
        }
        DeviceCommand::Resume { directory, home } => {
            let directory = directory.as_deref().map(absolute).transpose()?;
            say(&open_home(home)?, &ControlRequest::Resume { directory }).await
        }
        DeviceCommand::Wait { timeout, shown } => {
            wait::wait(&open_home(&shown.home)?, Duration::from_secs(*timeout), shown.json).await
        }
        DeviceCommand::Conflicts { command: None, shown } => {
            conflicts::list(&open_home(&shown.home)?, shown.json)
        }
        DeviceCommand::Conflicts {
            command: Some(ConflictsCommand::Resolve { path, keep, home }), ..
        } => conflicts::resolve(&open_home(home)?, &absolute(path)?, *keep).await,
        DeviceCommand::Issues { shown } => show::issues(&open_home(&shown.home)?, shown.json).await,
        DeviceCommand::Holds { decision, directory, shown } => {
            let home = open_home(&shown.home)?;
            let directory = directory.as_deref().map(absolute).transpose()?;
            match decision {
                Some(decision) => {
                    let approve = *decision == Decision::Approve;
                    say_as(&home, &ControlRequest::Hold { directory, approve }, shown.json).await
                }
                None => show::holds(&home, shown.json).await,
            }
        }
        DeviceCommand::Versions { file, pin, unpin, label, shown } => {
            let (home, path) = (open_home(&shown.home)?, absolute(file)?);
            if let Some((version, pinned, label)) = pin_asked(*pin, *unpin, label)? {
                let request = ControlRequest::Pin { path, version, pinned, label };
                return say_as(&home, &request, shown.json).await;
            }
            show::versions(ask(&home, &ControlRequest::Versions { path }).await?, shown.json)
        }
        DeviceCommand::Restore(arguments) => past::restore(arguments).await,
        DeviceCommand::List { path, moment, shown } => past::list(path, moment, shown).await,
        DeviceCommand::Compare { path, moment, limit, shown } => {
            past::compare(path, moment, *limit, shown).await
        }
        DeviceCommand::Trash { directory, limit, shown } => {
            past::trash(directory.as_deref(), *limit, shown).await
        }
        DeviceCommand::Limits { upload, download, shown } => {
            limits::limits(&open_home(&shown.home)?, *upload, *download, shown.json).await
        }
        DeviceCommand::Log { file, limit, shown } => {
            let path = file.as_deref().map(absolute).transpose()?;
            let request = ControlRequest::Log { path, conflicts: false, limit: *limit };
            show::log(ask(&open_home(&shown.home)?, &request).await?, shown.json)
        }
    }
}

/// What is asked to be said of a version: its number, a pin, a label.
type Pin = (u64, Option<bool>, Option<String>);

fn pin_asked(pin: Option<u64>, unpin: Option<u64>, label: &[String]) -> anyhow::Result<Option<Pin>> {
    Ok(match (pin, unpin, label) {
        (Some(version), _, _) => Some((version, Some(true), None)),
        (_, Some(version), _) => Some((version, Some(false), None)),
        (_, _, [number, text]) => {
            let version =
                number.parse().context("a version's number is shown by `driftless versions FILE`")?;
            Some((version, None, Some(text.clone())))
        }
        _ => None,
    })
}

/// The home asked for, or the default one.
pub(crate) fn home_directory(argument: &HomeArgument) -> anyhow::Result<PathBuf> {
    match &argument.home {
        Some(directory) => Ok(directory.clone()),
        None => Ok(default_directory("XDG_STATE_HOME", ".local/state")?.join("client")),
    }
}

fn open_home(argument: &HomeArgument) -> anyhow::Result<Home> {
    Ok(Home::open(&home_directory(argument)?)?)
}

/// A path of this device without links on the way to its last part, which need not exist.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    let whole = full_path(path)?;
    if let Ok(found) = whole.canonicalize()
        && found.is_dir()
    {
        return Ok(found);
    }
    match (whole.parent(), whole.file_name()) {
        (Some(parent), Some(name)) => {
            Ok(parent.canonicalize().unwrap_or_else(|_| parent.to_owned()).join(name))
        }
        _ => Ok(whole),
    }
}

/// Asks the daemon, which must run.
async fn ask(home: &Home, request: &ControlRequest) -> anyhow::Result<ControlAnswer> {
    let _shown = Progress::begin("at work");
    let answer = control::ask(home, request, Duration::from_secs(1)).await;
    match answer.context("the daemon does not run; start it with `driftless daemon`")? {
        ControlAnswer::Failed(reason) => bail!("{reason}"),
        answer => Ok(answer),
    }
}

/// Asks the daemon for something that is merely done.
async fn say(home: &Home, request: &ControlRequest) -> anyhow::Result<ExitCode> {
    say_as(home, request, false).await
}

/// The same where scripts may ask, too.
async fn say_as(home: &Home, request: &ControlRequest, json: bool) -> anyhow::Result<ExitCode> {
    match ask(home, request).await? {
        done @ ControlAnswer::Done(_) if json => output::json(&done)?,
        ControlAnswer::Done(said) => output::remark(&said),
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}
