//! `/api/v1/admin/networks`: from where the server is administered, and from where nothing but links is reached.

use super::{Administrator, administer_with};
use crate::admin::By;
use crate::admin::networks;
use crate::api::tags::{etag, expected};
use crate::body;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use model::Origin;
use protocol::v1::{NetworkLimits, NetworksResponse};
use std::sync::Arc;

/// What is reached from some networks only
///
/// Folders have lists of their own (`get_folder`). Addresses are those that the server sees, or is told by proxies that it
/// trusts.
#[utoipa::path(
    get,
    path = "/networks",
    operation_id = "get_networks",
    tag = "administration",
    responses(
        (status = 200, description = "The limits.", body = NetworksResponse, headers(("etag" = String, description = "Names the limits, for `if-match`."))),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
) -> Result<impl IntoResponse, Failure> {
    let limits = server.read(networks::limits).await?;
    Ok(answer(&by, limits))
}

/// Limits what is reached from where
///
/// At once, for whoever is signed in too. Administration and guests must leave the caller in (422); who holds the data
/// directory can set anything. Of an empty list nothing is limited.
#[utoipa::path(
    put,
    path = "/networks",
    operation_id = "set_networks",
    tag = "administration",
    params(("if-match" = Option<String>, Header, description = "What must be limited now.")),
    request_body(content = NetworkLimits),
    responses(
        (status = 200, description = "The limits from now on.", body = NetworksResponse, headers(("etag" = String, description = "Names the limits, for `if-match`."))),
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
    let NetworkLimits { administration, guests } = body::json(&server, &headers, body).await?;
    let (asking, expected) = (by.clone(), expected(&headers));
    let limits = administer_with(&server, move |server| {
        networks::set(server, &asking, Some(administration), Some(guests), expected)
    });
    Ok(answer(&by, limits.await?))
}

fn answer(by: &By, limits: NetworkLimits) -> impl IntoResponse + use<> {
    let your_address = match by.principal.map(|principal| principal.from) {
        Some(Origin::Address(address)) => Some(address.to_string()),
        Some(Origin::Inside | Origin::Unknown) | None => None,
    };
    (etag(&networks::tag(&limits)), Json(NetworksResponse { limits, your_address }))
}
