//! `driftless doctor`: looks at everything a server or a device needs, and says what is wrong and what to do.

mod device;

use crate::admin::answer;
use crate::cli::DoctorArguments;
use crate::data::Data;
use crate::output;
use protocol::admin::{AdminAnswer, AdminFolderEntry, AdminRequest, PlainEntry, PlainState};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Less than this free, and the server will soon refuse commits.
const FREE_BYTES_LOW: u64 = 1 << 30;

/// inotify takes a watch for each directory; below this, big trees are not watched whole.
const WATCHES_LOW: u64 = 100_000;

/// A moment before this program was made: a clock that says so is wrong.
const CLOCK_EARLIEST: u64 = 1_760_000_000;

/// How well one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Good,
    Warning,
    Bad,
}

/// What was found about one thing.
#[derive(Debug, Serialize)]
struct Finding {
    subject: String,
    health: Health,
    text: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, subject: &str, health: Health, text: impl Into<String>) {
        self.0.push(Finding { subject: subject.to_owned(), health, text: text.into() });
    }
}

pub(crate) fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let data = Data::at(arguments.data.data.as_deref())?;
    let mut findings = Findings::default();
    let linked = crate::device::linked(&arguments.home)?;
    if let Some(home) = &linked {
        device::look(&mut findings, home)?;
    }
    // A machine may be a device and no server.
    if linked.is_none() || data.exists() {
        data.must_exist()?;
        server(&mut findings, &data)?;
    }
    if arguments.json {
        output::json(&findings.0)?;
    } else {
        let rows: Vec<Vec<String>> = findings.0.iter().map(row).collect();
        output::table(&rows);
    }
    let bad = findings.0.iter().any(|finding| finding.health == Health::Bad);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn server(findings: &mut Findings, data: &Data) -> anyhow::Result<()> {
    disk(findings, data.directory());
    clock(findings);
    let serving = std::os::unix::net::UnixStream::connect(data.admin_socket()).is_ok();
    findings.add("server", Health::Good, if serving { "runs" } else { "does not run" });
    tls(findings, data)?;
    folders(findings, data)?;
    contents(findings, data)
}

fn row(finding: &Finding) -> Vec<String> {
    let health = match finding.health {
        Health::Good => "good",
        Health::Warning => "WARNING",
        Health::Bad => "BAD",
    };
    vec![health.to_owned(), finding.subject.clone(), finding.text.clone()]
}

fn disk(findings: &mut Findings, directory: &Path) {
    match rustix::fs::statvfs(directory) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let health = if free < FREE_BYTES_LOW { Health::Bad } else { Health::Good };
            let text = format!("{} free on the disk of {}", output::bytes(free), directory.display());
            findings.add("disk", health, text);
        }
        Err(error) => findings.add("disk", Health::Bad, format!("{}: {error}", directory.display())),
    }
}

fn clock(findings: &mut Findings) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if now < CLOCK_EARLIEST {
        findings.add(
            "clock",
            Health::Bad,
            "it is wrong: versions would carry wrong times. Set it, by NTP best",
        );
    } else {
        findings.add("clock", Health::Good, "it says a time that can be");
    }
}

/// Where the server is reached, and what its clients should see there.
fn tls(findings: &mut Findings, data: &Data) -> anyhow::Result<()> {
    let mut report = match answer(data, AdminRequest::Status)? {
        AdminAnswer::Status(report) => report,
        failed => return crate::admin::failure(failed),
    };
    if let Err(error) = crate::tls::complete(&mut report, data) {
        findings.add("tls", Health::Bad, format!("{error:#}; delete the file to have a new one made"));
        return Ok(());
    }
    let address = report.address.as_deref().unwrap_or("decided when the server starts");
    match &report.certificate {
        Some(certificate) if certificate.self_signed => {
            let text = format!(
                "{address}; the server's own certificate, which clients pin: {}",
                certificate.fingerprint
            );
            findings.add("tls", Health::Good, text);
        }
        Some(certificate) => {
            let text = format!("{address}; {} from {}", certificate.fingerprint, certificate.file);
            findings.add("tls", Health::Good, text);
        }
        None if report.address.is_none() => findings.add("tls", Health::Good, address),
        None => {
            let proxies = match report.trusted_proxies.as_slice() {
                [] => String::new(),
                proxies => format!(" and for the proxies {}", proxies.join(", ")),
            };
            findings.add("tls", Health::Good, format!("off: {address} is for this machine only{proxies}"));
        }
    }
    Ok(())
}

fn folders(findings: &mut Findings, data: &Data) -> anyhow::Result<()> {
    let folders = match answer(data, AdminRequest::FolderList)? {
        AdminAnswer::Folders { folders } => folders,
        failed => return crate::admin::failure(failed),
    };
    findings.add("database", Health::Good, format!("it can be read; {} folders", folders.len()));
    let plain = folders.iter().filter_map(|folder| Some((folder, folder.plain.as_ref()?)));
    for (folder, plain) in plain {
        plain_directory(findings, folder, plain);
    }
    if folders
        .iter()
        .any(|folder| folder.plain.as_ref().is_some_and(|plain| plain.watch.as_deref() == Some("inotify")))
    {
        watches(findings);
    }
    Ok(())
}

fn plain_directory(findings: &mut Findings, folder: &AdminFolderEntry, plain: &PlainEntry) {
    let subject = format!("folder {}", folder.name);
    let place = format!("plain directory {}", plain.directory);
    match plain.state {
        None => findings.add(&subject, Health::Good, format!("{place}; watched once the server runs")),
        Some(PlainState::Offline) => {
            let text = format!(
                "{place} is offline: not mounted, not readable, or its marker is missing. Nothing is deleted for it"
            );
            findings.add(&subject, Health::Bad, text);
        }
        Some(PlainState::Held) => {
            let text = format!(
                "{place}: many deletions are held; `driftless admin folder hold {} approve|undo`",
                folder.name
            );
            findings.add(&subject, Health::Warning, text);
        }
        Some(PlainState::InStep | PlainState::Working) => {
            let watch = plain.watch.as_deref().unwrap_or("scan");
            let instead = plain.watch_instead.iter().map(|why| format!(" ({why})")).collect::<String>();
            let health = if watch == "fanotify" { Health::Good } else { Health::Warning };
            findings.add(&subject, health, format!("{place} is watched by {watch}{instead}"));
        }
    }
    for issue in &plain.issues {
        findings.add(&subject, Health::Warning, issue.clone());
    }
    let twice = output::bytes(folder.used_bytes);
    findings.add(&subject, Health::Good, format!("its plain directory is a second copy: {twice} more"));
}

fn watches(findings: &mut Findings) {
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches");
    let Some(limit) = limit.ok().and_then(|text| text.trim().parse::<u64>().ok()) else { return };
    if limit < WATCHES_LOW {
        let text = format!(
            "inotify may watch {limit} directories; for bigger trees raise fs.inotify.max_user_watches, or run the server as root"
        );
        findings.add("watches", Health::Warning, text);
    } else {
        findings.add("watches", Health::Good, format!("inotify may watch {limit} directories"));
    }
}

/// Every reference leads to content; `admin verify --all-bytes` reads the bytes, too.
fn contents(findings: &mut Findings, data: &Data) -> anyhow::Result<()> {
    match answer(data, AdminRequest::Verify { all_bytes: false })? {
        AdminAnswer::Verified(report) if report.faults.is_empty() => {
            let text = format!("{} references lead to {} chunks", report.references, report.chunks);
            findings.add("content", Health::Good, text);
        }
        AdminAnswer::Verified(report) => {
            for fault in report.faults {
                findings.add("content", Health::Bad, fault);
            }
        }
        failed => crate::admin::failure(failed)?,
    }
    Ok(())
}
