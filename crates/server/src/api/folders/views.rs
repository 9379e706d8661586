//! `POST /api/v1/folders/{f}/views`: asks for a view of the folder, to pull changes through it.

use crate::body;
use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use model::permit::Read;
use model::{Action, FolderId, NodeId, RelativePath, View, ViewError, ViewId};
use protocol::v1::{ViewRequest, ViewResponse};
use std::sync::Arc;
use versioning::view::Register;

/// Asks for a view
///
/// A view is what of a folder is wanted: a directory, paths below it, and patterns of what is left out. The same view has
/// the same name, however often and by whomever it is asked for; one that is not used for 180 days is forgotten.
#[utoipa::path(
    post,
    path = "/views",
    operation_id = "ask_view",
    tag = "changes",
    request_body(content = ViewRequest),
    responses(
        (status = 200, description = "The view's name, and its root.", body = ViewResponse),
        problems::Signed,
        problems::InFolder,
        problems::Json,
        problems::Root
    )
)]
pub(crate) async fn register(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ViewResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::List).await?;
    let request: ViewRequest = body::json(&server, &headers, body).await?;
    let directory = RelativePath::parse(&request.directory)
        .map_err(|error| Failure::invalid(format!("'{}': {error}.", request.directory)))?;
    let view = View::new(request.root.unwrap_or(NodeId::ROOT), &request.only, &request.exclude)
        .map_err(|error| not_a_view(&error))?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    let register = Register { permit, view, directory, name, now };
    let (view, root) = server.blocking(move || Ok(versioning::view::register(&*database, register)?)).await?;
    Ok(Json(ViewResponse { view, root }))
}

fn not_a_view(error: &ViewError) -> Failure {
    match error {
        ViewError::TooLarge => Failure::over_limit("view_bytes", model::view::VIEW_BYTES_MAX as u64),
        error => Failure::invalid(format!("{error}.")),
    }
}

/// The name of a view: the same on every server, so that who restores one need not ask again.
fn name(spelling: &[u8]) -> ViewId {
    let hash = blake3::derive_key("driftless view 1", spelling);
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    ViewId(id)
}
