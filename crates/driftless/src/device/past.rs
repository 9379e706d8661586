//! Commands about the past: listing, comparing and restoring as of a moment, and the trash.

use super::{absolute, ask, open_home, say_as};
use crate::cli::{At, Moment, RestoreArguments, Shown};
use crate::output;
use anyhow::{bail, ensure};
use client::control::{ControlAnswer, ControlRequest, Restored, WhenWord};
use model::Timestamp;
use protocol::RfcTime;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// The moment that is meant, by this device's clock where it is said as so long ago.
fn when(at: Option<At>, seq: Option<u64>) -> Option<WhenWord> {
    let moment = |at| match at {
        At::Moment(moment) => moment,
        At::Ago(seconds) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let then = now.as_secs().saturating_sub(seconds);
            RfcTime(Timestamp::from_parts(i64::try_from(then).unwrap_or(i64::MAX), now.subsec_nanos()))
        }
    };
    at.map(|at| WhenWord::At(moment(at).to_string())).or(seq.map(WhenWord::Seq))
}

fn needed(moment: &Moment) -> anyhow::Result<WhenWord> {
    when(moment.at, moment.seq).ok_or_else(|| anyhow::anyhow!("say as of when: --at TIME or --seq N"))
}

fn not_understood() -> anyhow::Error {
    anyhow::anyhow!("the daemon's answer is not understood")
}

pub(super) async fn list(path: &Path, moment: &Moment, shown: &Shown) -> anyhow::Result<ExitCode> {
    let request = ControlRequest::ListPast { path: absolute(path)?, when: needed(moment)? };
    let answer = ask(&open_home(&shown.home)?, &request).await?;
    let ControlAnswer::Past(list) = answer else { return Err(not_understood()) };
    if shown.json {
        output::json(&list)?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_thinned = list.entries.iter().any(|entry| entry.thinned);
    let mut rows = vec![["KIND", "SIZE", "MODIFIED", "VERSION", "NAME"].map(str::to_owned).to_vec()];
    for entry in list.entries {
        let is_directory = entry.kind == "directory";
        let of_file = |text: String| if is_directory { String::new() } else { text };
        let number = entry.version;
        let number = if entry.thinned { format!("({number})") } else { number.to_string() };
        let (size, version) = (of_file(output::bytes(entry.size)), of_file(number));
        rows.push(vec![entry.kind, size, of_file(entry.modified), version, entry.name]);
    }
    output::table(&rows);
    if is_thinned {
        output::remark("versions in brackets are older: those of that moment were thinned out");
    }
    if list.more {
        output::remark("there is more than is listed; list the directories below");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn compare(
    path: &Path,
    moment: &Moment,
    limit: usize,
    shown: &Shown,
) -> anyhow::Result<ExitCode> {
    let request = ControlRequest::Compare { path: absolute(path)?, when: needed(moment)?, limit };
    let answer = ask(&open_home(&shown.home)?, &request).await?;
    let ControlAnswer::Differences(differences) = answer else { return Err(not_understood()) };
    if shown.json {
        output::json(&differences)?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in &differences.lines {
        let before = line.before.as_ref().map(|before| format!("  (before: {})", before.display()));
        let changes = line.changes.join(", ");
        output::line(&format!("{changes:<14}  {}{}", line.path.display(), before.unwrap_or_default()));
    }
    let more = if differences.more { "; there are more than are listed" } else { "" };
    output::remark(&format!(
        "{} added, {} removed, {} changed, {} moved{more}",
        differences.added, differences.removed, differences.changed, differences.moved
    ));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn trash(directory: Option<&Path>, limit: usize, shown: &Shown) -> anyhow::Result<ExitCode> {
    let path = directory.map(absolute).transpose()?;
    let answer = ask(&open_home(&shown.home)?, &ControlRequest::Trash { path, limit }).await?;
    let ControlAnswer::Trash(lines) = answer else { return Err(not_understood()) };
    if shown.json {
        output::json(&lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["REMOVED", "KIND", "SIZE", "BY", "PATH"].map(str::to_owned).to_vec()];
    for line in lines {
        let by = [line.user, line.device].into_iter().flatten().collect::<Vec<_>>().join(" on ");
        let size = match (line.kind.as_str(), line.nodes) {
            ("directory", None) => String::new(),
            ("directory", Some(nodes)) => format!("{} in {nodes}", output::bytes(line.size)),
            _ => output::bytes(line.size),
        };
        rows.push(vec![line.removed, line.kind, size, by, line.path.display().to_string()]);
    }
    output::table(&rows);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn restore(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let home = open_home(&arguments.shown.home)?;
    let paths = arguments.paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let when = when(arguments.at, arguments.seq);
    let narrowed = arguments.only_by.is_some() || arguments.only_from.is_some() || arguments.dry_run;
    ensure!(when.is_some() || !narrowed, "--only-by, --only-from and --dry-run need --at TIME or --seq N");
    match (when, arguments.number, &paths[..]) {
        (Some(when), None, [path]) => {
            let request = ControlRequest::RestorePast {
                path: path.clone(),
                when,
                only_by: arguments.only_by.clone(),
                only_from: arguments.only_from.clone(),
                dry_run: arguments.dry_run,
            };
            let answer = ask(&home, &request).await?;
            let ControlAnswer::Restored(restored) = answer else { return Err(not_understood()) };
            show_restored(&restored, path, arguments.shown.json)
        }
        (None, Some(number), [path]) => {
            let request = ControlRequest::Restore { path: path.clone(), version: Some(number) };
            say_as(&home, &request, arguments.shown.json).await
        }
        (None, None, _) => say_as(&home, &ControlRequest::Undelete { paths }, arguments.shown.json).await,
        _ => bail!("one path at a time can be restored to a version or a moment"),
    }
}

fn show_restored(restored: &Restored, path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(restored)?;
        return Ok(ExitCode::SUCCESS);
    }
    let of = restored.time.as_ref().map(|time| format!(", as of {time}")).unwrap_or_default();
    let verb = if restored.dry_run { "would be" } else { "were" };
    output::line(&format!(
        "{} {verb} brought back, {} moved, {} changed, {} put into the trash{of}",
        restored.returned, restored.moved, restored.changed, restored.removed
    ));
    if restored.renamed > 0 {
        output::line(&format!("{} got \"(restored)\" in their name, because it is taken", restored.renamed));
    }
    if restored.thinned > 0 {
        output::line(&format!(
            "of {} the version of then was thinned out: the one kept from before it {verb} taken",
            restored.thinned
        ));
    }
    if restored.kept_count > 0 {
        let reasons: Vec<String> = restored
            .kept
            .iter()
            .map(|(reason, count)| match reason.as_str() {
                "changed_by_others" => format!("{count} changed by others after"),
                "in_use" => format!("{count} directories in use"),
                _ => format!("{count} not possible in the tree of now"),
            })
            .collect();
        output::line(&format!("{} left as they are: {}", restored.kept_count, reasons.join(", ")));
    }
    if !restored.dry_run {
        output::remark(&format!(
            "to undo this: driftless restore {} --seq {}",
            path.display(),
            restored.before
        ));
    }
    Ok(ExitCode::SUCCESS)
}
