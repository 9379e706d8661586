//! `driftless admin backup …`.

use super::{answer, show};
use crate::cli::{BackupCommand, Common};
use crate::data::{Data, full_path};
use crate::output;
use anyhow::{Context as _, bail};
use backup::{Adapters, Restored, Verified};
use content_store::PackStore;
use metadata_sqlite::Sqlite;
use model::Epoch;
use protocol::admin::{AdminAnswer, AdminRequest, BackupReport};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

pub(super) fn run(command: &BackupCommand) -> anyhow::Result<ExitCode> {
    match command {
        BackupCommand::Create { directory, copy, keep, common } => create(directory, *copy, *keep, common),
        BackupCommand::Verify { directory, backup, json } => verify(directory, backup.as_deref(), *json),
        BackupCommand::Restore { directory, backup, data, json } => {
            let data = data.data.as_deref().context("name a new data directory: --data DIR")?;
            restore(directory, backup.as_deref(), data, *json)
        }
    }
}

fn create(directory: &Path, copy: bool, keep: Option<u32>, common: &Common) -> anyhow::Result<ExitCode> {
    let data = Data::at(common.data.data.as_deref())?;
    data.must_exist()?;
    // The server does not know where its administrator stands.
    let directory = full_path(directory)?;
    let text = directory.to_str().with_context(|| format!("{} is no text", directory.display()))?;
    let request = AdminRequest::BackupCreate { directory: text.to_owned(), copy, keep };
    let report = match answer(&data, request)? {
        AdminAnswer::BackedUp(report) => report,
        other => return show::answer(other, common.json),
    };
    if common.json {
        output::json(&AdminAnswer::BackedUp(report))?;
    } else {
        said(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn said(report: &BackupReport) {
    output::line(&report.backup);
    output::remark(&format!(
        "{} in {} packs, {} of them known from the backup before; {} were written, the rest is linked",
        output::bytes(report.bytes),
        report.packs,
        report.known_packs,
        output::bytes(report.written_bytes)
    ));
    for removed in &report.removed {
        output::remark(&format!("removed {removed}"));
    }
}

/// How this program opens what is in a backup.
fn adapters() -> Adapters<'static> {
    Adapters {
        database: &|path| Ok(Arc::new(Sqlite::open(path)?)),
        store: &|path| Ok(Arc::new(PackStore::open(path)?)),
        audit_digest: auth::digest::audit,
    }
}

fn verify(directory: &Path, name: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    let scratch = tempfile::tempdir().context("there is no room for a copy of the catalog")?;
    let found = backup::verify(directory, name, scratch.path(), &adapters())?;
    if json {
        output::json(&as_json(&found))?;
    } else {
        found.problems.iter().for_each(|problem| output::line(problem));
        let versions = found.report.as_ref().map_or(0, |report| report.versions);
        output::remark(&format!(
            "{}: {} files with {} read, {versions} versions proven: {}",
            found.backup.display(),
            found.files,
            output::bytes(found.bytes),
            if found.problems.is_empty() { "whole".to_owned() } else { "damaged".to_owned() }
        ));
    }
    Ok(if found.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_json(found: &Verified) -> serde_json::Value {
    json!({
        "answer": "backup_verified",
        "backup": found.backup.display().to_string(),
        "files": found.files,
        "bytes": found.bytes,
        "versions": found.report.as_ref().map(|report| report.versions),
        "chunks": found.report.as_ref().map(|report| report.chunks),
        "problems": found.problems,
    })
}

fn restore(directory: &Path, name: Option<&str>, data: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let data = full_path(data)?;
    let mut epoch = [0; 16];
    if let Err(error) = getrandom::fill(&mut epoch) {
        bail!("the system gives no random bytes: {error}");
    }
    let restored = backup::restore(directory, name, &data, Epoch(epoch), &adapters())?;
    if json {
        output::json(&json!({
            "answer": "backup_restored",
            "data": data.display().to_string(),
            "backup": restored.backup.display().to_string(),
            "made": restored.made,
            "bytes": restored.bytes,
            "detached": restored.detached,
        }))?;
    } else {
        advise(&data, &restored);
    }
    Ok(ExitCode::SUCCESS)
}

fn advise(data: &Path, restored: &Restored) {
    output::line(&data.display().to_string());
    output::remark(&format!("{} as of {}", output::bytes(restored.bytes), restored.made));
    output::remark(
        "Clients merge what they have with it when it is served at the old address; nobody's files are deleted. Devices linked \
         since then link once more; look at `driftless admin device list` for those that were unlinked since.",
    );
    for folder in &restored.detached {
        let plain = folder.plain.as_deref().unwrap_or_default();
        output::remark(&format!(
            "Folder '{}' had the plain directory {plain}. If no other server keeps it: `driftless admin folder plain {0} DIR`",
            folder.name
        ));
    }
}
