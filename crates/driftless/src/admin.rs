//! `driftless admin …`: through the socket of a running server, else with the data directory's lock.

mod backups;
mod gc;
mod show;

pub(crate) use show::failure;

use crate::cli::{
    AdminArguments, AdminCommand, AdminDeviceCommand, Common, Decision, FolderCommand, GroupCommand, Names,
    NetworkList, PrivilegeWord, UserCommand, YesNo,
};
use crate::data::{Data, PATIENCE};
use crate::progress::{self, Progress};
use crate::settings::{self, ServerSettings};
use crate::{output, password, serve};
use anyhow::{Context as _, bail};
use protocol::admin::{AdminAnswer, AdminRequest, Limit, Secret};
use protocol::v1::{WireNameRule, WirePrivilege};
use server::Settings;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) fn run(arguments: &AdminArguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        AdminCommand::Init { data, user, password_stdin } => {
            let data = Data::at(data.data.as_deref())?;
            init(&data, user, password::read(*password_stdin, true)?)?;
            output::remark(&format!("made {}; {user} administers it", data.directory().display()));
            Ok(ExitCode::SUCCESS)
        }
        AdminCommand::User(command) => user(command),
        AdminCommand::Group(command) => group(command),
        AdminCommand::Folder(command) => folder(command),
        AdminCommand::Device(command) => device(command),
        AdminCommand::Status { common } => {
            let data = Data::at(common.data.data.as_deref())?;
            data.must_exist()?;
            let mut answer = answer(&data, AdminRequest::Status)?;
            if let AdminAnswer::Status(report) = &mut answer {
                crate::tls::complete(report, &data)?;
            }
            show::answer(answer, common.json)
        }
        AdminCommand::Networks { administration, guests, common } => {
            let list = |networks: &Option<NetworkList>| networks.clone().map(|networks| networks.0);
            let (administration, guests) = (list(administration), list(guests));
            ask(common, AdminRequest::Networks { administration, guests })
        }
        AdminCommand::Space { common } => ask(common, AdminRequest::Space),
        AdminCommand::Verify { common, all_bytes } => {
            ask(common, AdminRequest::Verify { all_bytes: *all_bytes, progress: progress::is_seen() })
        }
        AdminCommand::Gc(arguments) => gc::run(arguments),
        AdminCommand::Backup(command) => backups::run(command),
    }
}

/// Makes a data directory and its first administrator, also while a server runs there that nobody administers yet.
pub(crate) fn init(data: &Data, user: &str, password: String) -> anyhow::Result<()> {
    data.make()?;
    settings::write_sample::<ServerSettings>(data.directory())?;
    match answer(data, AdminRequest::UserList)? {
        AdminAnswer::Users { users } if users.is_empty() => {}
        AdminAnswer::Users { .. } => {
            bail!("{} has accounts already; nothing was changed", data.directory().display())
        }
        other => failure(other)?,
    }
    let request = AdminRequest::UserAdd {
        user: user.to_owned(),
        password: Secret(password),
        administrator: true,
        home: false,
    };
    failure(answer(data, request)?)
}

fn user(command: &UserCommand) -> anyhow::Result<ExitCode> {
    match command {
        UserCommand::Add { name, administrator, no_home, password_stdin, common } => {
            let password = Secret(password::read(*password_stdin, true)?);
            let (user, administrator, home) = (name.clone(), *administrator, !no_home);
            ask(common, AdminRequest::UserAdd { user, password, administrator, home })
        }
        UserCommand::List { common } => ask(common, AdminRequest::UserList),
        UserCommand::Set { name, home: Some(_), common, .. } => {
            ask(common, AdminRequest::UserHome { user: name.clone() })
        }
        UserCommand::Set {
            name,
            password,
            password_stdin,
            administrator,
            disabled,
            system_user,
            upload_rate,
            download_rate,
            common,
            ..
        } => {
            let password = match *password || *password_stdin {
                true => Some(Secret(password::read(*password_stdin, true)?)),
                false => None,
            };
            ask(
                common,
                AdminRequest::UserSet {
                    user: name.clone(),
                    password,
                    administrator: administrator.map(YesNo::is_yes),
                    disabled: disabled.map(YesNo::is_yes),
                    system_user: system_user.clone().map(|login| match login.as_str() {
                        "none" => String::new(),
                        _ => login,
                    }),
                    upload_rate: *upload_rate,
                    download_rate: *download_rate,
                },
            )
        }
        UserCommand::DropSecondFactor { name, common } => {
            ask(common, AdminRequest::SecondFactorRemove { user: name.clone() })
        }
        UserCommand::NeedSecondFactor { administrators, common } => {
            ask(common, AdminRequest::SecondFactorNeed { administrators: administrators.is_yes() })
        }
        UserCommand::Remove { name, common } => ask(common, AdminRequest::UserRemove { user: name.clone() }),
    }
}

fn group(command: &GroupCommand) -> anyhow::Result<ExitCode> {
    match command {
        GroupCommand::Add { name, common } => ask(common, AdminRequest::GroupAdd { group: name.clone() }),
        GroupCommand::List { common } => ask(common, AdminRequest::GroupList),
        GroupCommand::Set { name, add, remove, common } => ask(
            common,
            AdminRequest::GroupSet { group: name.clone(), add: add.clone(), remove: remove.clone() },
        ),
        GroupCommand::Remove { name, common } => {
            ask(common, AdminRequest::GroupRemove { group: name.clone() })
        }
    }
}

fn folder(command: &FolderCommand) -> anyhow::Result<ExitCode> {
    match command {
        FolderCommand::Add { name, names, quota, plain, common } => {
            let name_rule = match names {
                Names::Portable => WireNameRule::Portable,
                Names::Exact => WireNameRule::Exact,
            };
            let plain = plain.as_deref().map(full_path).transpose()?;
            let (folder, quota_bytes) = (name.clone(), *quota);
            ask(common, AdminRequest::FolderAdd { folder, name_rule, quota_bytes, plain })
        }
        FolderCommand::Plain { name, directory, common } => {
            let plain = match directory.as_str() {
                "none" => None,
                directory => Some(full_path(directory)?),
            };
            ask(common, AdminRequest::FolderPlain { folder: name.clone(), plain })
        }
        FolderCommand::Hold { name, decision, common } => {
            let approve = matches!(decision, Decision::Approve);
            ask(common, AdminRequest::FolderHold { folder: name.clone(), approve })
        }
        FolderCommand::List { common } => ask(common, AdminRequest::FolderList),
        FolderCommand::Set { name, quota, versions, days, safe_days, networks, common } => {
            let limit = |number: Option<u64>| number.map_or(Limit::Unlimited, Limit::To);
            let request = AdminRequest::FolderSet {
                folder: name.clone(),
                quota_bytes: quota.map(|quota| limit(quota.0)),
                versions: *versions,
                days: days.map(|days| limit(days.0.map(u64::from))),
                safe_days: *safe_days,
                networks: networks.clone().map(|networks| networks.0),
            };
            ask(common, request)
        }
        FolderCommand::Retention { name, dry_run, acknowledge, common } => {
            let (folder, dry_run, acknowledge) = (name.clone(), *dry_run, *acknowledge);
            ask(common, AdminRequest::FolderRetention { folder, dry_run, acknowledge })
        }
        FolderCommand::Grant { name, to, privilege, common } => {
            let privilege = match privilege {
                PrivilegeWord::None => WirePrivilege::None,
                PrivilegeWord::Read => WirePrivilege::Read,
                PrivilegeWord::Write => WirePrivilege::Write,
                PrivilegeWord::Manage => WirePrivilege::Manage,
            };
            ask(common, AdminRequest::FolderGrant { folder: name.clone(), to: to.clone(), privilege })
        }
    }
}

/// The server does not know where its administrator stands.
fn full_path(directory: &str) -> anyhow::Result<String> {
    if directory == "auto" {
        return Ok(directory.to_owned());
    }
    let full = std::path::absolute(directory).context("the directory's full path is not known")?;
    full.into_os_string().into_string().map_err(|_| anyhow::anyhow!("{directory} is no text"))
}

fn device(command: &AdminDeviceCommand) -> anyhow::Result<ExitCode> {
    match command {
        AdminDeviceCommand::List { user, common } => {
            ask(common, AdminRequest::DeviceList { user: user.clone() })
        }
        AdminDeviceCommand::Approve { code, user, common } => {
            ask(common, AdminRequest::DeviceApprove { code: code.clone(), user: user.clone() })
        }
        AdminDeviceCommand::Deny { code, common } => {
            ask(common, AdminRequest::DeviceDeny { code: code.clone() })
        }
        AdminDeviceCommand::Unlink { device, common } => {
            ask(common, AdminRequest::DeviceUnlink { device: device_id(device)? })
        }
        AdminDeviceCommand::Wipe { device, common } => {
            ask(common, AdminRequest::DeviceWipe { device: device_id(device)? })
        }
    }
}

fn device_id(text: &str) -> anyhow::Result<model::DeviceId> {
    text.parse().context("a device's id is shown by `driftless admin device list`")
}

fn ask(common: &Common, request: AdminRequest) -> anyhow::Result<ExitCode> {
    let data = Data::at(common.data.data.as_deref())?;
    data.must_exist()?;
    show::answer(answer(&data, request)?, common.json)
}

/// Asks the server if it runs; else does it here; else waits for the one or the other.
pub(crate) fn answer(data: &Data, request: AdminRequest) -> anyhow::Result<AdminAnswer> {
    let progress = Arc::new(Progress::begin("at work"));
    let begun = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(data.admin_socket()) {
            return converse(stream, &request, &progress);
        }
        if let Some(lock) = data.try_lock()? {
            let settings = match &request {
                AdminRequest::Collect { .. }
                | AdminRequest::FolderAdd { .. }
                | AdminRequest::FolderPlain { .. } => serve::settings_of(data)?,
                _ => Settings::default(),
            };
            let server = data.open(&lock, settings)?;
            let shown = Arc::clone(&progress);
            let tell = Arc::new(move |report| shown.tell(report));
            return Ok(server::admin::execute_and_tell(&server, request, tell));
        }
        if begun.elapsed() > PATIENCE {
            bail!("{} is in use, but nobody answers on its socket", data.directory().display());
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn converse(
    mut stream: UnixStream,
    request: &AdminRequest,
    progress: &Progress,
) -> anyhow::Result<AdminAnswer> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).context("the server went away")?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).context("the server went away")?;
        match serde_json::from_str(&line).context("the server's answer is not understood")? {
            AdminAnswer::Progress(report) => progress.tell(report),
            answer => return Ok(answer),
        }
    }
}
