//! A device: its link, the server as it is seen from here, its directories.

use super::{Findings, machine};
use crate::device::{daemon_status, wiped};
use crate::output;
use crate::settings::{self, ClientSettings, Settings as _};
use client::Home;
use client::control::{self, DaemonStatus, PairStatus};
use client::home::{Configuration, Link};
use client::remote::{Remote, RemoteError};
use confique::{Config, Layer as _};
use std::path::Path;
use std::time::SystemTime;

const ROOM: &str = "remove what is not needed, or enlarge the disk; what does not fit waits";

pub(super) async fn look(findings: &mut Findings, directory: &Path) {
    settings_of(findings, directory);
    if !directory.join("client.json").exists() {
        let text = format!("{} is linked to no server", directory.display());
        return findings.bad("link", text, "driftless link URL");
    }
    let opened =
        Home::open(directory).and_then(|home| home.read().map(|configuration| (home, configuration)));
    let (home, configuration) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let remedy = "run this as the login that linked the device; if the file is damaged, remove it and link again \
                          (files stay, and are compared, not copied)";
            return findings.bad("link", error.to_string(), remedy);
        }
    };
    machine::private(findings, "permissions", &directory.join("client.json"), 0o077);
    match &configuration.link {
        Some(link) => server(findings, link).await,
        None => {
            let text = match &configuration.wipe {
                Some(order) => wiped(order),
                None => "this device is linked to no server".to_owned(),
            };
            findings.bad("link", text, "driftless link URL");
        }
    }
    let running = daemon(findings, &home).await;
    directories(findings, &configuration, running.as_ref());
    if !configuration.pairs.is_empty() {
        machine::watches(findings);
    }
}

fn settings_of(findings: &mut Findings, directory: &Path) {
    match settings::load::<ClientSettings>(<ClientSettings as Config>::Layer::empty(), directory) {
        Ok(_) => findings.good("settings", "they can be read"),
        Err(error) => {
            let remedy = format!(
                "mend it in {} or in the environment; `driftless config sample client` describes every setting",
                directory.join(ClientSettings::FILE).display()
            );
            findings.bad("settings", format!("{error:#}"), remedy);
        }
    }
}

/// Whether the server answers, is believed, knows this device, and has the same time.
async fn server(findings: &mut Findings, link: &Link) {
    let asked = match Remote::of(link) {
        Ok(remote) => match remote.server_time().await {
            Ok(time) => remote.folders().await.map(|folders| (time, folders.len())),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match asked {
        Ok((time, folders)) => {
            let text = format!("{} as {}; {folders} folders may be synced", link.server, link.user);
            findings.good("link", text);
            clock(findings, time, SystemTime::now());
        }
        Err(error) => {
            let remedy = match &error {
                RemoteError::Distrusted { .. } => {
                    "compare with `driftless admin status` on the server; if the certificate was made anew there: \
                     `driftless trust`"
                }
                RemoteError::Problem(_) => {
                    "an administrator sees devices with `driftless admin device list`; if this one is gone: \
                     unsync its directories, and `driftless link` again"
                }
                _ => {
                    "see that the server runs and can be reached: `driftless doctor` there, and firewalls on the way"
                }
            };
            findings.bad("link", error.to_string(), remedy);
        }
    }
}

fn clock(findings: &mut Findings, theirs: Option<SystemTime>, ours: SystemTime) {
    let Some(theirs) = theirs else { return machine::clock(findings, &[]) };
    let (apart, how) = match theirs.duration_since(ours) {
        Ok(behind) => (behind.as_secs(), "behind"),
        Err(ahead) => (ahead.duration().as_secs(), "ahead of"),
    };
    if apart > machine::CLOCK_SECONDS_MAX {
        let text = format!(
            "this machine's is {} {how} the server's: moments in `restore --at` and `log` are not those of its own clock",
            output::duration(apart)
        );
        findings.warning("clock", text, format!("{}, here and there", machine::SET_CLOCK));
    } else {
        findings.good("clock", "it says the same time as the server's");
    }
}

async fn daemon(findings: &mut Findings, home: &Home) -> Option<DaemonStatus> {
    if !control::is_running(home).await {
        let start = "driftless daemon, or `driftless service install client` to have it always";
        findings.warning("daemon", "does not run: nothing is synced", start);
        return None;
    }
    match daemon_status(home).await {
        Ok(status) => {
            findings.good("daemon", "runs");
            Some(status)
        }
        Err(error) => {
            findings.bad("daemon", format!("{error:#}"), "stop it and start it again: `driftless daemon`");
            None
        }
    }
}

fn directories(findings: &mut Findings, configuration: &Configuration, status: Option<&DaemonStatus>) {
    if configuration.link.is_some() && configuration.pairs.is_empty() {
        let remedy = "driftless sync FOLDER DIR (`driftless folders` lists folders)";
        findings.warning("directories", "none is kept in step", remedy);
    }
    for pair in &configuration.pairs {
        let subject = format!("directory {}", pair.directory.display());
        if !pair.directory.is_dir() {
            let remedy = format!(
                "mount or bring it back; if it is gone for good: `driftless unsync {}`",
                pair.directory.display()
            );
            findings.bad(&subject, "it is not there; nothing is deleted for it", remedy);
            continue;
        }
        machine::disk(findings, &pair.directory, ROOM);
        let now = status.and_then(|status| status.pairs.iter().find(|now| now.directory == pair.directory));
        if let Some(now) = now {
            pair_state(findings, &subject, now);
        }
    }
}

fn pair_state(findings: &mut Findings, subject: &str, now: &PairStatus) {
    let detail = now.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let text = format!("{}{detail}", now.state);
    match now.state.as_str() {
        "in_step" | "syncing" | "looking" | "offline" | "issues" => findings.good(subject, text),
        "paused" => findings.warning(subject, text, "driftless resume"),
        "held" => findings.warning(subject, text, "driftless holds approve|undo"),
        "no_access" => {
            let remedy =
                "an administrator gives the privilege: `driftless admin folder grant FOLDER USER write`";
            findings.bad(subject, text, remedy);
        }
        "unlinked" => {
            findings.bad(subject, text, "driftless link, once its directories are not synced any more");
        }
        "wiping" => findings.warning(subject, text, "it ends by itself; what is in use is tried again"),
        "gone" => {
            let remedy = format!(
                "`driftless unsync {}`; the files stay, and may be synced with another directory",
                now.directory.display()
            );
            findings.bad(subject, text, remedy);
        }
        // Told about the link already; what else there may be is told by its detail.
        _ => findings.warning(subject, text, "`driftless status` and the daemon's log say more"),
    }
    for issue in &now.issues {
        let text = format!("{}: {}", issue.path.display(), issue.reason);
        findings.warning(subject, text, "rename, move or mend what is named; it is tried again by itself");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Health, Part};
    use super::*;
    use std::time::Duration;

    #[test]
    fn clocks_that_differ_by_more_than_a_minute_are_told() {
        let now = SystemTime::now();
        let look = |theirs: SystemTime| {
            let mut findings = Findings::of(Part::Device);
            clock(&mut findings, Some(theirs), now);
            findings.found.remove(0)
        };
        assert_eq!(look(now + Duration::from_secs(30)).health, Health::Good);
        let behind = look(now + Duration::from_secs(3_600));
        assert!(behind.health == Health::Warning && behind.text.contains("1h 00m behind"), "{behind:?}");
        assert!(look(now - Duration::from_secs(3_600)).text.contains("ahead of"));
    }
}
