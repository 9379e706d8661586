//! `/api/v1/admin/settings`: everything that is chosen about the server, and changing what is kept in the database.

use super::Administrator;
use crate::admin::settings;
use crate::api::tags::{etag, expected};
use crate::body;
use crate::chosen;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use protocol::v1::{ChosenSettings, SettingEntry, SettingOrigin, SettingsResponse};
use std::sync::Arc;

/// Every setting
///
/// Those of flags, variables and the file `driftless.toml` hold from the start of the server on and are shown only; those in
/// `chosen` are kept in the database and can be changed here.
#[utoipa::path(
    get,
    path = "/settings",
    operation_id = "get_settings",
    tag = "administration",
    responses(
        (status = 200, description = "The settings.", body = SettingsResponse, headers(("etag" = String, description = "Names what is chosen, for `if-match`."))),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _: Administrator,
) -> Result<impl IntoResponse, Failure> {
    let chosen = server.read(chosen::chosen).await?;
    Ok(answer(&server, chosen))
}

/// Changes what is kept in the database
///
/// What is left out is no longer chosen. With `if-match`, only if nobody has changed it meanwhile.
#[utoipa::path(
    put,
    path = "/settings",
    operation_id = "set_settings",
    tag = "administration",
    params(("if-match" = Option<String>, Header, description = "What must be chosen now.")),
    request_body(content = ChosenSettings),
    responses(
        (status = 200, description = "The settings from now on.", body = SettingsResponse, headers(("etag" = String, description = "Names what is chosen, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::Json,
        problems::Matching,
        problems::Writing
    )
)]
pub(crate) async fn put(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let wanted: ChosenSettings = body::json(&server, &headers, body).await?;
    let (here, expected) = (Arc::clone(&server), expected(&headers));
    let chosen = server.blocking(move || Ok(settings::set(&here, &by, wanted, expected)?)).await?;
    Ok(answer(&server, chosen))
}

fn answer(server: &Server, chosen: ChosenSettings) -> impl IntoResponse + use<> {
    let public_address = SettingEntry {
        key: chosen::PUBLIC_ADDRESS.to_owned(),
        value: chosen.public_address.clone(),
        origin: match chosen.public_address {
            Some(_) => SettingOrigin::Database,
            None => SettingOrigin::Default,
        },
        source: None,
        needs_restart: false,
        description: "The address at which people and devices reach the server.".to_owned(),
    };
    let settings = std::iter::once(public_address).chain(server.settings.shown.iter().cloned()).collect();
    (etag(&chosen::tag(&chosen)), Json(SettingsResponse { chosen, settings }))
}
