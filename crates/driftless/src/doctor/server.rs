//! A server: its data, how it is reached, what it keeps.

use super::{Findings, certificate, folders, machine};
use crate::admin::{answer, failure};
use crate::data::Data;
use crate::progress;
use crate::settings::{self, ServerSettings, Settings as _};
use confique::{Config, Layer as _};
use protocol::admin::{AdminAnswer, AdminRequest, CertificateEntry, StatusReport};
use server::Tls;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const ROOM: &str = "remove what is not needed (`driftless admin space` says what takes it), keep less of the past \
                    (`driftless admin folder set NAME --days N`), or enlarge the disk";
const DAMAGED: &str =
    "stop the server and put back DATA from the last copy of it; devices bring back what is newer";

pub(super) fn look(findings: &mut Findings, data: &Data) {
    let settings = settings_of(findings, data);
    machine::disk(findings, data.directory(), ROOM);
    machine::private(findings, "permissions", data.directory(), 0o077);
    if let Some(settings) = &settings {
        previews(findings, settings);
    }
    let catalog = data.directory().join("catalog.db");
    machine::clock(findings, &[&catalog, &data.directory().join("catalog.db-wal")]);
    if !server(findings, data) {
        return;
    }
    let mut report = match ask(data, AdminRequest::Status) {
        Ok(AdminAnswer::Status(report)) => report,
        Ok(_) => return,
        Err(error) => return findings.bad("database", error, DAMAGED),
    };
    let serving = report.address.is_some();
    match crate::tls::complete(&mut report, data) {
        Ok(()) => tls(findings, &report, settings.as_ref()),
        Err(error) => findings.bad(
            "tls",
            format!("{error:#}"),
            "delete the file, and a new one is made at the next start; then `driftless trust` on each device",
        ),
    }
    if serving {
        proxies(findings, &report);
    }
    accounts(findings, data);
    match ask(data, AdminRequest::FolderList) {
        Ok(AdminAnswer::Folders { folders }) => {
            findings.good("database", format!("it can be read; {} folders", folders.len()));
            folders::look(findings, &folders);
        }
        Ok(_) => {}
        Err(error) => findings.bad("database", error, DAMAGED),
    }
    contents(findings, data);
}

/// Asks, and makes any kind of no into a text.
fn ask(data: &Data, request: AdminRequest) -> Result<AdminAnswer, String> {
    match answer(data, request) {
        Ok(failed @ AdminAnswer::Failed { .. }) => {
            Err(failure(failed).err().map(|error| error.to_string()).unwrap_or_default())
        }
        Ok(answer) => Ok(answer),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn settings_of(findings: &mut Findings, data: &Data) -> Option<ServerSettings> {
    let empty = <ServerSettings as Config>::Layer::empty();
    match settings::load::<ServerSettings>(empty, data.directory()) {
        Ok(loaded) => {
            findings.good("settings", "they can be read");
            Some(loaded.settings)
        }
        Err(error) => {
            let remedy = format!(
                "mend it in {} or in the environment; `driftless config sample server` describes every setting",
                data.directory().join(ServerSettings::FILE).display()
            );
            findings.bad("settings", format!("{error:#}"), remedy);
            None
        }
    }
}

/// Whether it runs, and whether anything can be asked.
fn server(findings: &mut Findings, data: &Data) -> bool {
    if std::os::unix::net::UnixStream::connect(data.admin_socket()).is_ok() {
        findings.good("server", "runs");
        return true;
    }
    match data.try_lock() {
        Ok(Some(_)) => {
            let directory = data.directory().display();
            let start = format!(
                "start it: `driftless serve --data {directory}`, or `driftless service install server --data {directory}`"
            );
            findings.warning("server", "does not run", start);
            true
        }
        Ok(None) => {
            let text = "somebody holds the data directory, and does not answer";
            let lock = data.directory().join("lock");
            findings.bad(
                "server",
                text,
                format!("end or restart who holds it: `fuser -v {}`", lock.display()),
            );
            false
        }
        Err(error) => {
            let remedy = "run this as the login that the server runs as";
            findings.bad("server", format!("{error:#}"), remedy);
            false
        }
    }
}

/// Where the server is reached, and what its clients should see there.
fn tls(findings: &mut Findings, report: &StatusReport, settings: Option<&ServerSettings>) {
    let address = report.address.as_deref().unwrap_or("decided when the server starts");
    match &report.certificate {
        Some(certificate) if certificate.self_signed => {
            let own = format!("{address}; the server's own certificate, which clients pin: ");
            findings.good("tls", own + &certificate.fingerprint);
            machine::private(findings, "tls", Path::new(&certificate.file), 0o077);
        }
        Some(certificate) => {
            let text = format!("{address}; {} from {}", certificate.fingerprint, certificate.file);
            findings.good("tls", text);
            let seconds = |moment: Option<protocol::RfcTime>| moment.map(|moment| moment.0.parts().0);
            let times = seconds(certificate.from).zip(seconds(certificate.until));
            files(findings, certificate, times);
        }
        None if report.address.is_none() => not_running(findings, settings),
        None => {
            let proxies = match report.trusted_proxies.as_slice() {
                [] => String::new(),
                proxies => format!(" and for the proxies {}", proxies.join(", ")),
            };
            findings.good("tls", format!("off: {address} is for this machine only{proxies}"));
        }
    }
}

/// The certificate's files that a server would take when it starts.
fn not_running(findings: &mut Findings, settings: Option<&ServerSettings>) {
    let files_of =
        |settings: &ServerSettings| Some((settings.tls.certificate.clone()?, settings.tls.key.clone()?));
    let Some((certificate, key)) = settings.and_then(files_of) else {
        return findings.good("tls", "decided when the server starts");
    };
    match Tls::files(&certificate, &key) {
        Ok(tls) => {
            let entry = CertificateEntry {
                file: certificate.display().to_string(),
                fingerprint: tls.fingerprint().to_string(),
                self_signed: false,
                key: Some(key.display().to_string()),
                from: None,
                until: None,
            };
            let times = tls.validity().map(|validity| (validity.from_seconds, validity.until_seconds));
            files(findings, &entry, times);
        }
        Err(error) => findings.bad(
            "tls",
            error.to_string(),
            "give certificate and key that belong together, in PEM form, as tls.certificate and tls.key",
        ),
    }
}

fn files(findings: &mut Findings, entry: &CertificateEntry, times: Option<(i64, i64)>) {
    if let Some((from, until)) = times {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        certificate::holds(findings, &entry.file, i64::try_from(now).unwrap_or(i64::MAX), from, until);
    }
    if let Some(key) = &entry.key {
        machine::private(findings, "tls", Path::new(key), 0o007);
    }
}

/// Whether proxies say for whom they ask, and whether one does that nobody trusts.
fn proxies(findings: &mut Findings, report: &StatusReport) {
    let seen = &report.forwarding;
    if let Some(from) = &seen.disbelieved_from {
        let text = format!(
            "{} requests said for whom they ask, the last from {from}, which is no trusted proxy: not believed",
            seen.disbelieved
        );
        let remedy =
            format!("if {from} is your proxy: `driftless serve --trusted-proxy {from}`; else nothing");
        findings.warning("proxies", text, remedy);
    }
    if seen.silent > 0 {
        let text = format!(
            "{} requests of trusted proxies did not say for whom they ask: all of them count as one client",
            seen.silent
        );
        let remedy = "have the proxy set X-Forwarded-For (nginx: `proxy_set_header X-Forwarded-For \
                      $proxy_add_x_forwarded_for;`) or Forwarded";
        findings.warning("proxies", text, remedy);
    }
    if seen.silent == 0 && seen.disbelieved == 0 && !report.trusted_proxies.is_empty() {
        findings.good("proxies", format!("trusted: {}", report.trusted_proxies.join(", ")));
    }
}

/// Whether files can be decoded as safely as is wanted.
fn previews(findings: &mut Findings, settings: &ServerSettings) {
    let Some(decoders) = crate::previews::decoders(settings.previews) else {
        return findings.good("previews", "switched off");
    };
    let tried = crate::runtime(1).map(|runtime| runtime.block_on(decoders.probe()));
    match tried {
        Ok(Ok(())) => findings.good("previews", "the decoding process is locked in"),
        Ok(Err(failed)) => findings.warning(
            "previews",
            format!("none are made: {failed}"),
            "let the container have seccomp and Landlock, or a kernel from 5.13 on; `driftless serve --previews without-landlock` \
             does with seccomp alone, `--previews off` does without previews",
        ),
        Err(error) => findings.warning("previews", format!("cannot be looked at: {error:#}"), "try again"),
    }
}

fn accounts(findings: &mut Findings, data: &Data) {
    let users = match ask(data, AdminRequest::UserList) {
        Ok(AdminAnswer::Users { users }) => users,
        Ok(_) => return,
        Err(error) => return findings.bad("accounts", error, DAMAGED),
    };
    if users.iter().any(|user| user.administrator && !user.disabled) {
        findings.good("accounts", format!("{}, with an administrator", users.len()));
    } else {
        let remedy = "driftless admin user set NAME --administrator yes";
        findings.warning("accounts", "no account may administer the server from elsewhere", remedy);
    }
}

/// Every reference leads to content; `admin verify --all-bytes` reads the bytes, too.
fn contents(findings: &mut Findings, data: &Data) {
    match ask(data, AdminRequest::Verify { all_bytes: false, progress: progress::is_seen() }) {
        Ok(AdminAnswer::Verified(report)) if report.faults.is_empty() => {
            let text = format!("{} references lead to {} chunks", report.references, report.chunks);
            findings.good("content", text);
        }
        Ok(AdminAnswer::Verified(report)) => {
            for fault in report.faults {
                let remedy = "put back DATA/store/packs from the last copy of it, then `driftless admin verify --all-bytes`; \
                              files that a device still has are sent again once they are changed there";
                findings.bad("content", fault, remedy);
            }
        }
        Ok(_) => {}
        Err(error) => findings.bad("content", error, DAMAGED),
    }
}
