//! `/api/v1/admin/single-sign-on`: whether and how people sign in by a provider.

use super::Administrator;
use crate::admin::single_sign_on;
use crate::api::tags::{etag, expected};
use crate::body;
use crate::chosen as addresses;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use crate::single_sign_on::CALLBACK;
use crate::single_sign_on::chosen::{self, Chosen};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use protocol::v1::{ChooseSingleSignOn, SingleSignOnResponse};
use std::sync::Arc;

/// How single sign-on goes
///
/// Everything but the secret, which is never said.
#[utoipa::path(
    get,
    path = "/single-sign-on",
    operation_id = "get_single_sign_on_settings",
    tag = "administration",
    responses(
        (status = 200, description = "How it goes.", body = SingleSignOnResponse, headers(("etag" = String, description = "Names what is chosen, for `if-match`."))),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _: Administrator,
) -> Result<impl IntoResponse, Failure> {
    let chosen = server.single_sign_on_chosen().await?;
    answer(&server, chosen).await
}

/// Chooses how single sign-on goes
///
/// With `if-match`, only if nobody has changed it meanwhile. Accounts that are connected stay so; they are worth nothing
/// while another provider is chosen.
#[utoipa::path(
    put,
    path = "/single-sign-on",
    operation_id = "set_single_sign_on_settings",
    tag = "administration",
    params(("if-match" = Option<String>, Header, description = "What must be chosen now.")),
    request_body(content = ChooseSingleSignOn),
    responses(
        (status = 200, description = "How it goes from now on.", body = SingleSignOnResponse, headers(("etag" = String, description = "Names what is chosen, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::Json,
        problems::InFolder,
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
    let wanted: ChooseSingleSignOn = body::json(&server, &headers, body).await?;
    let (here, expected) = (Arc::clone(&server), expected(&headers));
    let chosen = server.blocking(move || Ok(single_sign_on::set(&here, &by, wanted, expected)?)).await?;
    answer(&server, chosen).await
}

async fn answer(server: &Server, chosen: Option<Chosen>) -> Result<impl IntoResponse + use<>, Failure> {
    let tag = chosen::tag(chosen.as_ref());
    let public = server.read(addresses::chosen).await?.public_address;
    let response = SingleSignOnResponse {
        has_secret: chosen.as_ref().is_some_and(|chosen| !chosen.secret.is_empty()),
        chosen: chosen.map(|chosen| chosen.settings),
        redirect: public.map(|public| format!("{public}{CALLBACK}")),
    };
    Ok((etag(&tag), Json(response)))
}
