//! Whether the directories that this device keeps in step are.

use super::{Findings, Health};
use client::Home;
use client::control::{self, ControlAnswer, ControlRequest, DaemonStatus, PairStatus};
use std::time::Duration;

/// How long a daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the daemon of a device that is linked.
pub(super) fn look(findings: &mut Findings, home: &Home) -> anyhow::Result<()> {
    let asking = control::ask(home, &ControlRequest::Status, PATIENCE);
    match crate::runtime(1)?.block_on(asking) {
        Ok(ControlAnswer::Status(status)) => report(findings, &status),
        Ok(_) => findings.add("device", Health::Bad, "the daemon's answer is not understood; start it again"),
        Err(_) => findings.add(
            "device",
            Health::Bad,
            "the daemon does not run, so nothing is synced: `driftless daemon`, or `driftless service install client`",
        ),
    }
    Ok(())
}

fn report(findings: &mut Findings, status: &DaemonStatus) {
    let (health, reached) = match (&status.distrust, status.online) {
        (Some(reason), _) => (Health::Bad, reason.as_str()),
        (None, true) => (Health::Good, "connected"),
        (None, false) => (Health::Warning, "not connected"),
    };
    findings.add("device", health, format!("{} on {}: {reached}", status.device, status.server));
    for pair in &status.pairs {
        let text = match &pair.detail {
            Some(detail) => format!("{}: {}: {detail}", pair.directory.display(), pair.state),
            None => format!("{}: {}", pair.directory.display(), pair.state),
        };
        findings.add(&format!("sync of {}", pair.folder), health_of(pair), text);
        for issue in &pair.issues {
            let text = format!("{}: {}", issue.path.display(), issue.reason);
            findings.add(&format!("sync of {}", pair.folder), Health::Warning, text);
        }
    }
}

fn health_of(pair: &PairStatus) -> Health {
    match pair.state.as_str() {
        "in_step" | "syncing" | "looking" => Health::Good,
        "no_access" | "unlinked" | "distrusted" | "trouble" => Health::Bad,
        _ => Health::Warning,
    }
}
