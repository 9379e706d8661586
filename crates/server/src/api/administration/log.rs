//! `GET /api/v1/admin/log`.

pub(crate) mod export;
pub(crate) mod proof;
pub(crate) mod retention;

use super::Administrator;
use crate::api::folders::people::Names;
use crate::caller::Values;
use crate::failure::Failure;
use crate::log::{Filter, page};
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::audit::{AuditFrom, AuditRow};
use metadata::{Database, Snapshot};
use model::{FolderId, UserId};
use protocol::RfcTime;
use protocol::schema;
use protocol::v1::{LogDetail, LogEntry, LogResponse};
use serde::Deserialize;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

/// The most entries of a page.
const ENTRIES_MAX: usize = 500;
/// How many there are if nobody says.
const ENTRIES: usize = 100;
/// The longest text of a filter in bytes.
const TEXT_MAX: usize = 200;

/// Which entries.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilterQuery {
    /// From this moment on.
    #[param(value_type = Option<schema::Timestamp>, nullable = false)]
    from: Option<String>,
    /// Before this moment.
    #[param(value_type = Option<schema::Timestamp>, nullable = false)]
    until: Option<String>,
    /// Of this account: its name, or its id where the account is gone.
    #[param(nullable = false)]
    user: Option<String>,
    /// Of this device.
    #[param(value_type = Option<schema::DeviceId>, nullable = false)]
    device: Option<String>,
    /// This action, or all of this area: `folder.grant`, `folder`.
    #[param(nullable = false)]
    action: Option<String>,
    /// About this folder.
    #[param(value_type = Option<schema::FolderId>, nullable = false)]
    folder: Option<String>,
    /// What was allowed, or what was not.
    #[param(nullable = false)]
    allowed: Option<bool>,
    /// From addresses that begin so.
    #[param(nullable = false)]
    address: Option<String>,
    /// With a detail that contains this, in capitals or not.
    #[param(nullable = false)]
    text: Option<String>,
}

/// Which part of them.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PartQuery {
    /// Only entries with smaller numbers: `older` of a page before.
    #[param(nullable = false)]
    before: Option<u64>,
    /// Only entries with greater numbers, those next to it: `newer` of a page before. Not together with `before`.
    #[param(nullable = false)]
    after: Option<u64>,
    /// The most entries; 100 if not given, and never more than 500.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// The audit log
///
/// Newest first. A call looks through 10,000 rows at most, so that there may be fewer entries than fit, and still older ones.
#[utoipa::path(
    get,
    path = "/log",
    operation_id = "list_log",
    tag = "administration",
    params(FilterQuery, PartQuery),
    responses(
        (status = 200, description = "A part of it.", body = LogResponse),
        problems::Signed,
        problems::Privileged,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    _administrator: Administrator,
    Values(filter): Values<FilterQuery>,
    Values(part): Values<PartQuery>,
) -> Result<Json<LogResponse>, Failure> {
    if part.before.is_some() && part.after.is_some() {
        return Err(Failure::invalid("Give either 'before' or 'after'."));
    }
    let limit = part.limit.unwrap_or(ENTRIES).clamp(1, ENTRIES_MAX);
    let database = Arc::clone(&server.database);
    let answer = move || {
        let filter = filter.read(&*database)?;
        let (mut rows, older, newer) = metadata::read(&*database, move |snapshot| {
            let newest = snapshot.audit_newest(None, 1)?.first().map_or(0, |row| row.number);
            let from = match part.after {
                Some(after) => AuditFrom::Above(after),
                None => AuditFrom::Below(part.before.unwrap_or(u64::MAX)),
            };
            let found = page(snapshot, &filter, from, limit)?;
            let (older, newer) = match from {
                AuditFrom::Above(after) => {
                    (after.checked_add(1).filter(|number| *number > 1), found.looked_to.unwrap_or(after))
                }
                AuditFrom::Below(before) => {
                    (found.looked_to.filter(|_| !found.at_end), newest.min(before.saturating_sub(1)))
                }
            };
            Ok::<_, metadata::Error>((found.rows, older, newer))
        })?;
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.number));
        Ok(Json(LogResponse { entries: entries(&*database, rows)?, older, newer }))
    };
    server.reading(answer).await
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(
    text: Option<&String>,
    name: &str,
) -> Result<Option<T>, Failure> {
    let value = text.map(|text| text.parse()).transpose();
    value.map_err(|error| Failure::invalid(format!("'{name}' is {error}.")))
}

impl FilterQuery {
    /// The filter that is meant. Blocks.
    pub(super) fn read(&self, database: &dyn Database) -> Result<Filter, Failure> {
        let texts = [&self.user, &self.action, &self.address, &self.text];
        if texts.into_iter().flatten().any(|text| text.len() > TEXT_MAX) {
            return Err(Failure::invalid(format!("A text of a filter has {TEXT_MAX} bytes at most.")));
        }
        let user = match self.user.clone() {
            Some(name) => Some(metadata::read(database, move |snapshot| find_user(snapshot, &name))?),
            None => None,
        };
        Ok(Filter {
            from: parsed::<RfcTime>(self.from.as_ref(), "from")?.map(|time| time.0),
            until: parsed::<RfcTime>(self.until.as_ref(), "until")?.map(|time| time.0),
            user,
            device: parsed(self.device.as_ref(), "device")?,
            action: self.action.clone(),
            folder: parsed(self.folder.as_ref(), "folder")?,
            allowed: self.allowed,
            address: self.address.clone(),
            text: self.text.as_ref().map(|text| text.to_lowercase()),
        })
    }

    /// What is asked for, for the log.
    fn details(&self) -> Vec<(String, String)> {
        let allowed = self.allowed.map(|allowed| allowed.to_string());
        let given = [
            ("from", &self.from),
            ("until", &self.until),
            ("user", &self.user),
            ("device", &self.device),
            ("action", &self.action),
            ("folder", &self.folder),
            ("allowed", &allowed),
            ("address", &self.address),
            ("text", &self.text),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        given.collect()
    }
}

fn find_user(snapshot: &dyn Snapshot, name: &str) -> Result<UserId, Failure> {
    let named = match auth::account::name_key(name) {
        Ok(key) => snapshot.user_named(&key)?,
        Err(_) => None,
    };
    let id = named.map(|user| user.id).or_else(|| name.parse().ok());
    id.ok_or_else(|| Failure::invalid("'user' is neither the name nor the id of an account."))
}

/// Rows with the names of who and what is in them.
pub(super) fn entries(database: &dyn Database, rows: Vec<AuditRow>) -> Result<Vec<LogEntry>, Failure> {
    let users = rows.iter().filter_map(|row| row.user).collect();
    let devices = rows.iter().filter_map(|row| row.device).collect();
    let names = Names::load(database, users, devices)?;
    let mut folders: Vec<FolderId> = rows.iter().filter_map(|row| row.folder).collect();
    folders.sort_unstable();
    folders.dedup();
    let folders: HashMap<FolderId, String> = metadata::read(database, move |snapshot| {
        let mut named = HashMap::new();
        for id in folders {
            named.extend(snapshot.folder(id)?.map(|folder| (id, folder.settings.name)));
        }
        Ok::<_, metadata::Error>(named)
    })?;
    let entry = |row: AuditRow| LogEntry {
        number: row.number,
        at: RfcTime(row.at),
        user: row.user,
        user_name: row.user.and_then(|id| names.user(id)),
        device: row.device,
        device_name: names.device(row.device),
        address: row.address,
        action: row.action,
        folder: row.folder,
        folder_name: row.folder.and_then(|id| folders.get(&id).cloned()),
        allowed: row.allowed,
        details: row.details.into_iter().map(|(name, value)| LogDetail { name, value }).collect(),
    };
    Ok(rows.into_iter().map(entry).collect())
}
