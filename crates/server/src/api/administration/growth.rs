//! `GET /api/v1/admin/growth`.

use super::Administrator;
use crate::caller::Values;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use model::{FolderId, Timestamp};
use protocol::schema;
use protocol::v1::{GrowthEntry, GrowthResponse, Share};
use serde::Deserialize;
use std::sync::Arc;
use versioning::growth::{DAYS_KEPT, day};

/// How many days if nobody says.
const DAYS: u32 = 90;

#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// How many days, at most 800; 90 if not given.
    #[param(nullable = false)]
    days: Option<u32>,
    /// Of this folder; of all together if not given.
    #[param(value_type = Option<schema::FolderId>, nullable = false)]
    folder: Option<String>,
}

/// What was taken, day by day
///
/// Folders are counted once a day, and within a day again where something has changed.
#[utoipa::path(
    get,
    path = "/growth",
    operation_id = "get_growth",
    tag = "administration",
    params(Query),
    responses(
        (status = 200, description = "The days.", body = GrowthResponse),
        problems::Signed,
        problems::Privileged,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _administrator: Administrator,
    Values(query): Values<Query>,
) -> Result<Json<GrowthResponse>, Failure> {
    let folder = query.folder.as_deref().map(str::parse::<FolderId>).transpose();
    let folder = folder.map_err(|error| Failure::invalid(format!("'folder' is {error}.")))?;
    let days = query.days.unwrap_or(DAYS).clamp(1, DAYS_KEPT);
    let since = day(server.now()).saturating_sub(days - 1);
    let rows = server.read(move |snapshot| snapshot.growth(folder, since)).await?;
    let entry = |row: metadata::growth::GrowthDay| {
        let (year, month, day) = Timestamp::from_parts(i64::from(row.day) * 86_400, 0).date();
        let share = Share {
            current_bytes: row.current_bytes,
            history_bytes: row.history_bytes,
            trash_bytes: row.trash_bytes,
        };
        GrowthEntry { day: format!("{year:04}-{month:02}-{day:02}"), share }
    };
    Ok(Json(GrowthResponse { days: rows.into_iter().map(entry).collect() }))
}
