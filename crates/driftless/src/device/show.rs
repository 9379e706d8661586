//! What the daemon says, as people and scripts read it.

use super::{ask, link};
use crate::output;
use anyhow::bail;
use client::Home;
use client::control::{self, ControlAnswer, ControlRequest, DaemonStatus};
use protocol::v1::VersionOriginWord;
use std::process::ExitCode;

pub(crate) async fn daemon_status(home: &Home) -> anyhow::Result<DaemonStatus> {
    Ok(status_and_running(home).await?.0)
}

/// The same, and whether the daemon runs.
pub(super) async fn status_and_running(home: &Home) -> anyhow::Result<(DaemonStatus, bool)> {
    let running = control::is_running(home).await;
    let answer = match running {
        true => ask(home, &ControlRequest::Status).await?,
        false => link::pairs_without_daemon(home)?,
    };
    match answer {
        ControlAnswer::Status(status) => Ok((status, running)),
        _ => bail!("the daemon's answer is not understood"),
    }
}

pub(super) async fn status(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    let status = daemon_status(home).await?;
    if json {
        output::json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    let reached = if status.online { "connected" } else { "not connected" };
    output::line(&format!("{} on {} as {}, {reached}", status.device, status.server, status.user));
    if let Some(reason) = &status.distrust {
        output::line(&format!("THE SERVER IS NOT BELIEVED: {reason}"));
    }
    if let Some(wipe) = &status.wipe {
        output::line(&format!(
            "BEING WIPED by order of the server since {}: {} files removed; {} kept, since the server does not have them",
            wipe.heard, wipe.removed, wipe.kept
        ));
    }
    if let Some(limits) = super::limits::in_short(&status.limits) {
        output::line(&limits);
    }
    let mut rows = vec![["FOLDER", "DIRECTORY", "STATE", ""].map(str::to_owned).to_vec()];
    for pair in &status.pairs {
        let detail = match &pair.detail {
            Some(detail) => detail.clone(),
            None if pair.pending > 0 => format!("{} changes to go", pair.pending),
            None => String::new(),
        };
        let way = match (pair.read_only, pair.direction.as_str()) {
            (true, _) => "may only be read",
            (false, "down") => "only receives",
            (false, "up") => "only sends",
            _ => "",
        };
        let detail =
            [way, &detail].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
        rows.push(vec![
            pair.folder.clone(),
            pair.directory.display().to_string(),
            pair.state.clone(),
            detail,
        ]);
    }
    output::table(&rows);
    for transfer in status.pairs.iter().flat_map(|pair| &pair.transfers) {
        let way = match transfer.direction {
            control::Direction::Up => "sending",
            control::Direction::Down => "receiving",
        };
        let others =
            if transfer.files > 1 { format!(" and {} more", transfer.files - 1) } else { String::new() };
        let done = output::bytes(transfer.done_bytes);
        output::line(&format!(
            "{way} {}{others}: {done} of {}",
            transfer.path,
            output::bytes(transfer.total_bytes)
        ));
    }
    for pair in &status.pairs {
        let chosen = |what: &str, texts: &[String]| match texts {
            [] => String::new(),
            texts => format!(", {what} {}", texts.join(" ")),
        };
        let choice = format!("{}{}", chosen("only", &pair.only), chosen("without", &pair.exclude));
        if !choice.is_empty() || pair.excluded > 0 {
            let count = pair.excluded;
            output::line(&format!("{}{choice}: {count} not synced here", pair.directory.display()));
        }
    }
    for issue in status.pairs.iter().flat_map(|pair| &pair.issues) {
        output::line(&format!("{}: {}", issue.path.display(), issue.reason));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn issues(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    let status = daemon_status(home).await?;
    let issues: Vec<_> = status.pairs.into_iter().flat_map(|pair| pair.issues).collect();
    if json {
        output::json(&issues)?;
    } else {
        issues.iter().for_each(|issue| output::line(&format!("{}: {}", issue.path.display(), issue.reason)));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn holds(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    let status = daemon_status(home).await?;
    let held: Vec<_> = status.pairs.into_iter().filter(|pair| pair.state == "held").collect();
    if json {
        output::json(&held)?;
    } else {
        for pair in held {
            output::line(&format!("{}: {}", pair.directory.display(), pair.detail.unwrap_or_default()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn log(answer: ControlAnswer, json: bool) -> anyhow::Result<ExitCode> {
    let ControlAnswer::Log(lines) = answer else { bail!("the daemon's answer is not understood") };
    if json {
        output::json(&lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in lines {
        let other = line.other.map(|other| format!("  (before: {})", other.display())).unwrap_or_default();
        let why = line.why.map(|why| format!("  ({why})")).unwrap_or_default();
        let by = [line.user, line.device].into_iter().flatten().collect::<Vec<_>>().join(" on ");
        let by = if by.is_empty() { by } else { format!("  by {by}") };
        output::line(&format!("{}  {:<13}  {}{other}{why}{by}", line.time, line.action, line.path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn versions(answer: ControlAnswer, json: bool) -> anyhow::Result<ExitCode> {
    let ControlAnswer::Versions(versions) = answer else { bail!("the daemon's answer is not understood") };
    if json {
        output::json(&versions)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["VERSION", "TIME", "SIZE", "BY", ""].map(str::to_owned).to_vec()];
    for version in versions {
        let outside = (version.origin == VersionOriginWord::Outside).then(|| "the server".to_owned());
        let place = version.device.or(outside);
        let by = [version.user, place].into_iter().flatten().collect::<Vec<_>>().join(" on ");
        let current = version.current.then(|| "current".to_owned());
        let pinned = version.pinned.then(|| "pinned".to_owned());
        let label = version.label.map(|label| format!("\"{label}\""));
        let mark = [current, pinned, label].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let size = output::bytes(version.size);
        rows.push(vec![version.number.to_string(), version.time, size, by, mark]);
    }
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}
