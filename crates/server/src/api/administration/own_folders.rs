//! `POST /api/v1/admin/own-folders`: a shared folder that the administrator who makes it manages, such as a server's first.

use super::{Administrator, administer, unexpected};
use crate::body;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use protocol::admin::{AdminAnswer, AdminRequest};
use protocol::v1::{OwnFolderRequest, OwnFolderResponse, WireNameRule, WirePrivilege};
use std::sync::Arc;

/// Makes a shared folder for oneself
///
/// Whoever makes it manages it; with `plain` it is a plain directory on the server, too, where the server makes one.
#[utoipa::path(
    post,
    path = "/own-folders",
    operation_id = "create_own_folder",
    tag = "administration",
    request_body(content = OwnFolderRequest),
    responses(
        (status = 201, description = "The folder.", body = OwnFolderResponse),
        problems::Signed,
        problems::Privileged,
        problems::Json,
        problems::Unique,
        problems::Writing
    )
)]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<OwnFolderResponse>), Failure> {
    let OwnFolderRequest { name, quota_bytes, plain } = body::json(&server, &headers, body).await?;
    let user = by.principal.map(|by| by.user).ok_or_else(Failure::not_found)?;
    let account = server.read(move |snapshot| snapshot.user(user)).await?.ok_or_else(Failure::not_found)?;
    let add = AdminRequest::FolderAdd {
        folder: name.clone(),
        name_rule: WireNameRule::Portable,
        quota_bytes,
        plain: plain.then(|| "auto".to_owned()),
    };
    let folder = match administer(&server, by.clone(), add).await? {
        AdminAnswer::FolderAdded { id } => id,
        other => return Err(unexpected(&other)),
    };
    let grant =
        AdminRequest::FolderGrant { folder: name, to: account.name, privilege: WirePrivilege::Manage };
    match administer(&server, by, grant).await? {
        AdminAnswer::Done => Ok((StatusCode::CREATED, Json(OwnFolderResponse { folder }))),
        other => Err(unexpected(&other)),
    }
}
