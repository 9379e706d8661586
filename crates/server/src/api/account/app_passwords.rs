//! `/api/v1/account/app-passwords`: tokens for programs, of narrower scope than their account.

use super::confirm;
use crate::body;
use crate::caller::{Caller, Ids, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::app_password::{self, NewAppPassword};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use metadata::account::{DeviceRow, Scope};
use model::DeviceId;
use protocol::RfcTime;
use protocol::v1::{AppPasswordEntry, AppPasswordRequest, AppPasswordsResponse, NewAppPasswordResponse};
use std::sync::Arc;

/// The account's app passwords
///
/// Those that are good, the oldest first. There are 50 at most.
#[utoipa::path(
    get,
    path = "/app-passwords",
    operation_id = "list_app_passwords",
    tag = "account",
    responses(
        (status = 200, description = "Those that are good.", body = AppPasswordsResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
) -> Result<Json<AppPasswordsResponse>, Failure> {
    let (principal, now) = (caller.principal, server.now());
    let found = server.read(move |snapshot| app_password::list(snapshot, principal, now)).await?;
    Ok(Json(AppPasswordsResponse { app_passwords: found.into_iter().map(entry).collect() }))
}

fn entry((row, scope): (DeviceRow, Scope)) -> AppPasswordEntry {
    AppPasswordEntry {
        id: row.id,
        name: row.name,
        privilege: scope.privilege.into(),
        folders: scope.folders,
        created: RfcTime(row.created_at),
        ends: row.expires_at.map(RfcTime),
        last_used: row.last_seen_at.map(RfcTime),
    }
}

/// Makes an app password
///
/// A token for a program (`Authorization: Bearer`), said once. It reads, or reads and writes, in all folders of the account or
/// in some, as far as the account may at that moment; it never administers, manages folders, changes what guards the
/// account, or links devices. It ends by itself.
#[utoipa::path(
    post,
    path = "/app-passwords",
    operation_id = "create_app_password",
    tag = "account",
    request_body(content = AppPasswordRequest),
    responses(
        (status = 201, description = "The app password.", body = NewAppPasswordResponse),
        problems::Signed,
        problems::Privileged,
        problems::SignIn,
        problems::Making,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<NewAppPasswordResponse>), Failure> {
    let request: AppPasswordRequest = body::json(&server, &headers, body).await?;
    confirm(&server, &caller, peer, request.password).await?;
    let new = NewAppPassword {
        by: caller.principal,
        address: Some(peer.0),
        name: request.name,
        scope: Scope { privilege: request.privilege.into(), folders: request.folders },
        days: request.days,
        now: server.now(),
    };
    let (id, token) = server.write(move |transaction| app_password::create(transaction, &new)).await?;
    Ok((StatusCode::CREATED, Json(NewAppPasswordResponse { id, token: token.text() })))
}

/// Takes an app password away
///
/// From then on it is worth nothing. 404 for what is no app password of the account.
#[utoipa::path(
    delete,
    path = "/app-passwords/{app_password}",
    operation_id = "revoke_app_password",
    tag = "account",
    responses(
        (status = 204, description = "It is worth nothing any more."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Writing
    )
)]
pub(crate) async fn revoke(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    Ids((id,)): Ids<(DeviceId,)>,
) -> Result<StatusCode, Failure> {
    let (principal, now) = (caller.principal, server.now());
    let found = server
        .write(move |transaction| {
            Ok::<_, Failure>(app_password::revoke(transaction, principal, Some(peer.0), id, now)?)
        })
        .await?;
    server.rights_changed().await;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(Failure::not_found()) }
}
