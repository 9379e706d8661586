//! `GET /api/v1/admin/log/export`: the log as a file, made while it is sent.
//!
//! Memory holds one portion of rows at a time; the next one is read when the reader has taken it. A cell of CSV that a
//! spreadsheet would take for a formula gets an apostrophe before it: what others have said is in there.

use super::{FilterQuery, entries};
use crate::api::administration::Administrator;
use crate::caller::Values;
use crate::failure::Failure;
use crate::log::{Filter, page};
use crate::openapi::problems;
use crate::server::Server;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use metadata::audit::{AuditFrom, hex};
use protocol::v1::LogEntry;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use utoipa::ToSchema;

/// Rows of a portion.
const PORTION: usize = 500;
const CSV_HEAD: &str = "number,at,user,user_name,device,device_name,address,action,folder,folder_name,allowed,details,digest\r\n";

/// How the file is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// Comma-separated values with a line of names (RFC 4180).
    #[default]
    Csv,
    /// A JSON object on each line.
    Jsonl,
}

/// Which.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FormatQuery {
    /// `csv` if not given.
    #[param(nullable = false, inline)]
    format: Option<LogFormat>,
}

/// The log as a file
///
/// Oldest first, up to where the log is now. Each row with its digest, so that it can be held against a proof. The export is
/// in the log itself.
#[utoipa::path(
    get,
    path = "/log/export",
    operation_id = "export_log",
    tag = "administration",
    params(FilterQuery, FormatQuery),
    responses(
        (status = 200, description = "The file.", headers(("content-disposition" = String, description = "An attachment with a name.")), content(
            (String = "text/csv; charset=utf-8"),
            (String = "application/x-ndjson")
        )),
        problems::Signed,
        problems::Privileged,
        problems::Query,
        problems::Values,
        problems::Writing
    )
)]
pub(crate) async fn export(
    State(server): State<Arc<Server>>,
    administrator: Administrator,
    Values(query): Values<FilterQuery>,
    Values(format): Values<FormatQuery>,
) -> Result<Response, Failure> {
    let format = format.format.unwrap_or_default();
    let mut details = query.details();
    details.push(("format".to_owned(), format.ending().to_owned()));
    let now = server.now();
    let entry = administrator.by.entry(now, "log.export", true, details);
    let database = Arc::clone(&server.database);
    let (filter, to) = server
        .blocking(move || {
            let filter = query.read(&*database)?;
            let to = metadata::write(&*database, move |transaction| {
                transaction.append_audit(&entry, auth::digest::audit)
            })?;
            Ok((filter, to))
        })
        .await?;
    let export = Export { server, filter, format, after: 0, to, begun: false };
    let pieces = stream::try_unfold(Some(export), async |export| {
        let Some(export) = export else { return Ok(None) };
        // The reason is logged; the reader sees that the answer breaks off.
        export.next().await.map_err(|failure| io::Error::other(failure.into_problem().title))
    });
    let (year, month, day) = now.date();
    let name =
        format!("attachment; filename=\"driftless-log-{year:04}-{month:02}-{day:02}.{}\"", format.ending());
    let headers =
        [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

struct Export {
    server: Arc<Server>,
    filter: Filter,
    format: LogFormat,
    after: u64,
    to: u64,
    begun: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    entry: &'a LogEntry,
    digest: &'a str,
}

impl Export {
    /// The next piece of the file, and what comes after it.
    async fn next(mut self) -> Result<Option<(Bytes, Option<Self>)>, Failure> {
        let server = Arc::clone(&self.server);
        let work = move || {
            let (filter, after) = (self.filter.clone(), self.after);
            let found = metadata::read(&*self.server.database, move |snapshot| {
                page(snapshot, &filter, AuditFrom::Above(after), PORTION)
            })?;
            let mut text = String::new();
            if !self.begun && self.format == LogFormat::Csv {
                text.push_str(CSV_HEAD);
            }
            self.begun = true;
            self.after = found.looked_to.unwrap_or(self.to);
            let is_last = found.at_end || self.after >= self.to;
            let rows: Vec<_> = found.rows.into_iter().filter(|row| row.number <= self.to).collect();
            let digests: Vec<String> = rows.iter().map(|row| hex(&row.digest)).collect();
            let entries = entries(&*self.server.database, rows)?;
            for (entry, digest) in entries.iter().zip(&digests) {
                self.format.write(&mut text, entry, digest)?;
            }
            Ok(Some((Bytes::from(text), (!is_last).then_some(self))))
        };
        server.reading(work).await
    }
}

impl LogFormat {
    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/x-ndjson",
        }
    }

    fn write(self, text: &mut String, entry: &LogEntry, digest: &str) -> Result<(), Failure> {
        match self {
            Self::Jsonl => {
                let line = serde_json::to_string(&Line { entry, digest }).map_err(Failure::internal)?;
                text.push_str(&line);
                text.push('\n');
            }
            Self::Csv => write_csv(text, entry, digest),
        }
        Ok(())
    }
}

fn write_csv(text: &mut String, entry: &LogEntry, digest: &str) {
    let id = |id: Option<&dyn std::fmt::Display>| id.map(ToString::to_string).unwrap_or_default();
    let mut details = String::new();
    for detail in &entry.details {
        let gap = if details.is_empty() { "" } else { "; " };
        let _ = write!(details, "{gap}{}={}", detail.name, detail.value);
    }
    let cells = [
        entry.number.to_string(),
        entry.at.to_string(),
        id(entry.user.as_ref().map(|id| id as _)),
        entry.user_name.clone().unwrap_or_default(),
        id(entry.device.as_ref().map(|id| id as _)),
        entry.device_name.clone().unwrap_or_default(),
        entry.address.clone(),
        entry.action.clone(),
        id(entry.folder.as_ref().map(|id| id as _)),
        entry.folder_name.clone().unwrap_or_default(),
        entry.allowed.to_string(),
        details,
        digest.to_owned(),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| csv_cell(cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// A cell that holds a text and nothing but a text.
fn csv_cell(text: &str) -> String {
    let is_formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
            || text.starts_with(['\t', '\r', '\n']);
    let apostrophe = if is_formula { "'" } else { "" };
    format!("\"{apostrophe}{}\"", text.replace('"', "\"\"").replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_two_cells() {
        for (text, cell) in [
            ("plain, text", "\"plain, text\""),
            ("=1+1", "\"'=1+1\""),
            ("  @SUM(A1)", "\"'  @SUM(A1)\""),
            ("-2+3|cmd", "\"'-2+3|cmd\""),
            ("\tx", "\"'\tx\""),
            ("＝1", "\"'＝1\""),
            ("say \"no\"\r\n", "\"say \"\"no\"\"\r\n\""),
            ("", "\"\""),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }
}
