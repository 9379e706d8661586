//! `driftless admin gc`.

use super::{answer, show};
use crate::cli::CollectArguments;
use crate::data::Data;
use crate::output;
use anyhow::bail;
use protocol::admin::{AdminAnswer, AdminRequest, CollectReport};
use std::process::ExitCode;

pub(super) fn run(arguments: &CollectArguments) -> anyhow::Result<ExitCode> {
    let data = Data::at(arguments.common.data.data.as_deref())?;
    data.must_exist()?;
    let request = AdminRequest::Collect {
        dry_run: arguments.dry_run,
        grace_hours: arguments.grace,
        any_share: arguments.any_share,
    };
    let report = match answer(&data, request)? {
        AdminAnswer::Collected(report) => report,
        other => return show::answer(other, arguments.common.json),
    };
    if arguments.common.json {
        output::json(&AdminAnswer::Collected(report.clone()))?;
    } else {
        say(&report);
    }
    if report.braked && !report.dry_run {
        bail!(
            "nothing was freed: {} of {} are due, more than may go at once. If so much was meant to go, \
             `driftless admin gc --any-share` frees it; if not, look at `driftless admin verify` first",
            output::bytes(report.due_bytes),
            output::bytes(report.stored_bytes)
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn say(report: &CollectReport) {
    output::line(&format!(
        "{} chunks with {} stored; {} of them with {} are nobody's",
        report.chunks,
        output::bytes(report.stored_bytes),
        report.unnamed_chunks,
        output::bytes(report.unnamed_bytes)
    ));
    if report.dry_run {
        output::line(&format!(
            "{} have waited long enough and would go; {} packs would be rewritten, {} with {} removed",
            output::bytes(report.due_bytes),
            report.rewritten_packs,
            report.removed_packs,
            output::bytes(report.freed_bytes)
        ));
    } else {
        output::line(&format!(
            "{} chunks with {} went; {} packs were rewritten, {} removed: {} of the disk are free again",
            report.deleted_chunks,
            output::bytes(report.deleted_bytes),
            report.rewritten_packs,
            report.removed_packs,
            output::bytes(report.freed_bytes)
        ));
    }
    if report.waiting_bytes > 0 {
        output::line(&format!("{} in empty packs wait", output::bytes(report.waiting_bytes)));
    }
}
