//! Answers of the administration, as people and scripts read them.

mod devices;

use crate::output;
use anyhow::bail;
use protocol::admin::{
    AdminAnswer, AdminFolderEntry, PlainEntry, PlainState, Rate, RetentionReport, SpaceEntry, SpaceReport,
    StatusReport, VerifyReport,
};
use protocol::v1::{NetworkLimits, WireNetwork};
use std::process::ExitCode;

/// Prints an answer; a failure becomes an error.
pub(super) fn answer(answer: AdminAnswer, json: bool) -> anyhow::Result<ExitCode> {
    if json && !matches!(answer, AdminAnswer::Failed { .. }) {
        let clean = !matches!(&answer, AdminAnswer::Verified(report) if !report.faults.is_empty());
        output::json(&answer)?;
        return Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    match answer {
        // Said before an answer, and shown where that was read.
        AdminAnswer::Done | AdminAnswer::Progress(_) => {}
        AdminAnswer::FolderAdded { id } => output::line(&id.to_string()),
        AdminAnswer::Users { users } => {
            let mut rows =
                vec![head(&["NAME", "ADMINISTRATOR", "DISABLED", "SYSTEM USER", "UPLOAD", "DOWNLOAD"])];
            rows.extend(users.into_iter().map(|user| {
                let system_user = user.system_user.unwrap_or_else(|| "none".to_owned());
                let (up, down) = (rate(user.upload_rate), rate(user.download_rate));
                vec![user.name, yes_no(user.administrator), yes_no(user.disabled), system_user, up, down]
            }));
            output::table(&rows);
        }
        AdminAnswer::Groups { groups } => {
            let mut rows = vec![head(&["GROUP", "MEMBERS"])];
            rows.extend(groups.into_iter().map(|group| vec![group.name, group.members.join(", ")]));
            output::table(&rows);
        }
        AdminAnswer::Folders { folders } => {
            let titles = ["FOLDER", "SIZE", "QUOTA", "KEEPS", "PRIVILEGES", "PLAIN DIRECTORY"];
            let mut rows = vec![head(&titles)];
            rows.extend(folders.into_iter().map(folder_row));
            output::table(&rows);
        }
        AdminAnswer::Networks(limits) => networks(&limits),
        AdminAnswer::Devices { devices, waiting } => devices::list(devices, waiting),
        AdminAnswer::DeviceDecided(waiting) => devices::decided(&waiting),
        AdminAnswer::Retention(report) => retention(&report),
        AdminAnswer::Space(report) => space(report),
        AdminAnswer::Status(report) => status(&report),
        AdminAnswer::Verified(report) => return Ok(verified(&report)),
        // Their commands show them.
        AdminAnswer::Collected(_) | AdminAnswer::BackedUp(_) => {}
        failed @ AdminAnswer::Failed { .. } => failure(failed)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn networks(limits: &NetworkLimits) {
    let list = |networks: &[WireNetwork], none: &str| match networks {
        [] => none.to_owned(),
        networks => networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    output::table(&[
        head(&["REACHED", "FROM"]),
        vec!["administration".to_owned(), list(&limits.administration, "everywhere")],
        vec!["links only".to_owned(), list(&limits.guests, "nowhere")],
    ]);
}

fn rate(rate: Rate) -> String {
    match rate {
        Rate::Standard => "default".to_owned(),
        Rate::Unlimited => "none".to_owned(),
        Rate::To(rate) => format!("{}/s", output::bytes(rate)),
    }
}

/// An answer that is a failure, as an error.
pub(crate) fn failure(answer: AdminAnswer) -> anyhow::Result<()> {
    match answer {
        AdminAnswer::Failed { message, .. } => bail!("{message}"),
        _ => Ok(()),
    }
}

fn head(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn folder_row(folder: AdminFolderEntry) -> Vec<String> {
    let quota = folder.quota_bytes.map_or_else(|| "none".to_owned(), output::bytes);
    let grants = folder.grants.iter().map(|grant| {
        let privilege: model::Privilege = grant.privilege.into();
        format!("{} {privilege}", grant.to)
    });
    let grants: Vec<String> = grants.collect();
    let days = folder.days.map_or_else(|| "no limit of days".to_owned(), |days| format!("{days} days"));
    let keeps = format!("{} versions, {days}, all of {} days", folder.versions, folder.safe_days);
    let plain = folder.plain.map(|plain| plain_text(&plain)).unwrap_or_default();
    vec![folder.name, output::bytes(folder.used_bytes), quota, keeps, grants.join(", "), plain]
}

fn retention(report: &RetentionReport) {
    let went = if report.dry_run { "would go" } else { "went" };
    output::line(&format!(
        "{} versions with {} {went}; {} removed nodes and {} tombstones too",
        report.versions,
        output::bytes(report.bytes),
        report.purged,
        report.tombstones
    ));
    for held in &report.held {
        let user = held.user.as_deref().unwrap_or("somebody");
        output::line(&format!(
            "held: {user} changed {} nodes, {} of them removed, from {} to {}; nothing next to that goes before it is acknowledged \
             or its time is over",
            held.nodes, held.removed, held.from.0, held.to.0
        ));
    }
}

fn space(report: SpaceReport) {
    let titles = |what| head(&[what, "NOW", "QUOTA", "HISTORY", "TRASH", "STORED", "SAVED", "ELSEWHERE"]);
    let row = |entry: SpaceEntry| {
        let space = entry.space;
        let quota = entry.quota_bytes.map_or_else(|| "none".to_owned(), output::bytes);
        let figures = [space.history_bytes, space.trash_bytes, space.stored_bytes, space.shared_bytes];
        let mut row = vec![entry.name, output::bytes(space.current_bytes), quota];
        row.extend(figures.into_iter().chain([entry.elsewhere_bytes]).map(output::bytes));
        row
    };
    for (what, entries) in [("FOLDER", report.folders), ("USER", report.users)] {
        if !entries.is_empty() {
            output::table(&[vec![titles(what)], entries.into_iter().map(row).collect()].concat());
        }
    }
    output::line(&format!("{} stored in all, before compression", output::bytes(report.stored_bytes)));
}

fn status(report: &StatusReport) {
    output::line(&format!("driftless {}", report.version));
    match &report.address {
        Some(address) => output::line(&format!("listening on {address}")),
        None => output::line("the server does not run"),
    }
    if let Some(certificate) = &report.certificate {
        let kind = if certificate.self_signed { "its own, in" } else { "from" };
        output::line(&format!("certificate: {kind} {}", certificate.file));
        output::line(&format!("certificate fingerprint (SHA-256): {}", certificate.fingerprint));
        if let Some(until) = certificate.until {
            output::line(&format!("certificate holds until {}", until.0));
        }
    }
    if !report.trusted_proxies.is_empty() {
        output::line(&format!("trusted proxies: {}", report.trusted_proxies.join(", ")));
    }
}

fn plain_text(plain: &PlainEntry) -> String {
    let state = match plain.state {
        None => "no server runs",
        Some(PlainState::InStep) => "in step",
        Some(PlainState::Working) => "working",
        Some(PlainState::Held) => "deletions are held: `admin folder hold`",
        Some(PlainState::Offline) => "offline",
    };
    let watch = plain.watch.iter().map(|watch| format!(", {watch}")).collect::<String>();
    let issues = match plain.issues.as_slice() {
        [] => String::new(),
        [only] => format!(", {only}"),
        [first, rest @ ..] => format!(", {first}, and {} more", rest.len()),
    };
    format!("{} ({state}{watch}{issues})", plain.directory)
}

fn verified(report: &VerifyReport) -> ExitCode {
    for fault in &report.faults {
        output::line(fault);
    }
    output::remark(&format!(
        "{} references, {} chunks, {} read: {}",
        report.references,
        report.chunks,
        output::bytes(report.bytes_read),
        if report.faults.is_empty() { "clean".to_owned() } else { format!("{} faults", report.faults.len()) }
    ));
    if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
