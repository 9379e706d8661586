//! `GET …/days?zone_minutes=&before=&limit=`: the days on which a folder changed.

use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use model::permit::Read;
use model::{Action, FolderId};
use protocol::RfcTime;
use protocol::schema;
use protocol::v1::{DayEntry, DaysResponse};
use serde::Deserialize;
use std::sync::Arc;

/// The most days of a page.
const PAGE_DAYS: usize = 400;
/// No zone is further from UTC.
const ZONE_MINUTES_MAX: i64 = 24 * 60;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// By how many minutes the zone whose midnights count is ahead of UTC; 0 if not given.
    #[param(nullable = false, minimum = -1440, maximum = 1440)]
    zone_minutes: Option<i64>,
    /// For the next page: `next` of the page before.
    #[param(value_type = Option<schema::Timestamp>, nullable = false)]
    before: Option<String>,
    /// The most days of the page; 400 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// The days on which a folder changed
///
/// Of each the last change, the newest day first: what to choose from where a folder is looked at as of a moment.
#[utoipa::path(
    get,
    path = "/days",
    operation_id = "list_days",
    tag = "history",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = DaysResponse),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<DaysResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::History).await?;
    let limit = query.limit.unwrap_or(PAGE_DAYS).clamp(1, PAGE_DAYS);
    let minutes = query.zone_minutes.unwrap_or(0);
    if minutes.abs() > ZONE_MINUTES_MAX {
        return Err(Failure::invalid("'zone_minutes' is no more than a day."));
    }
    let before: Option<Result<RfcTime, _>> = query.before.as_deref().map(str::parse);
    let before = before.transpose().map_err(|error| Failure::invalid(format!("'before' is {error}.")))?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    let before = before.map(|at| at.0);
    let days = server
        .reading(move || Ok(versioning::past::days(&*database, permit, minutes * 60, before, limit, now)?))
        .await?;
    let next = days.last().filter(|_| days.len() == limit).map(|day| RfcTime(day.at));
    let days = days.iter().map(|day| DayEntry { at: RfcTime(day.at), seq: day.seq.0 });
    Ok(Json(DaysResponse { days: days.collect(), next }))
}
