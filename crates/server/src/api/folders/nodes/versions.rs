//! `GET …/nodes/{n}/versions`: a file's kept versions, the newest first. `PUT …/nodes/{n}/versions/{v}`: pins and labels,
//! for whoever may write: a pinned or labelled version is never thinned out.

use crate::api::folders::people::Names;
use crate::body;
use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use metadata::version::VersionOrigin;
use model::permit::{Read, Write};
use model::{Action, FolderId, NodeId, VersionNumber};
use protocol::RfcTime;
use protocol::v1::{PinRequest, PlaceEntry, VersionEntry, VersionOriginWord, VersionsResponse};
use std::sync::Arc;

/// A file's kept versions, the newest first
///
/// Numbers are missing where versions were thinned out. Beside them, where the node was put and when it was removed, and by
/// whom.
#[utoipa::path(
    get,
    path = "/nodes/{node}/versions",
    operation_id = "list_versions",
    tag = "history",
    responses(
        (status = 200, description = "The versions.", body = VersionsResponse),
        problems::Signed,
        problems::InFolder
    )
)]
pub(crate) async fn versions(
    State(server): State<Arc<Server>>,
    Ids((folder, node)): Ids<(FolderId, NodeId)>,
    caller: Caller,
) -> Result<Json<VersionsResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::History).await?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    let answer = server
        .blocking(move || {
            let versions = versioning::history::versions(&*database, permit, node, now)?;
            let placed = versioning::history::placements(&*database, permit, node, now)?;
            let users = versions.iter().map(|version| version.user);
            let users = users.chain(placed.iter().map(|place| place.user)).collect();
            let devices = versions.iter().filter_map(|version| version.device);
            let devices = devices.chain(placed.iter().filter_map(|place| place.device)).collect();
            let names = Names::load(&*database, users, devices)?;
            let entries = versions.iter().enumerate().map(|(index, version)| VersionEntry {
                number: version.number.0,
                seq: version.seq.0,
                size: version.content.size(),
                mtime: RfcTime(version.mtime),
                executable: version.executable,
                time: RfcTime(version.at),
                origin: origin_word(version.origin),
                user: names.user(version.user),
                device: names.device(version.device),
                current: index == 0,
                pinned: version.pinned,
                label: version.label.clone(),
            });
            let places = placed.iter().rev().map(|place| PlaceEntry {
                seq: place.seq.0,
                name: place.name.as_str().to_owned(),
                removed: place.deleted,
                time: RfcTime(place.at),
                user: names.user(place.user),
                device: names.device(place.device),
            });
            Ok(VersionsResponse { versions: entries.collect(), places: places.collect() })
        })
        .await?;
    Ok(Json(answer))
}

/// Pins or labels a version
///
/// A pinned or labelled version is kept for ever. What is not given stays.
#[utoipa::path(
    put,
    path = "/nodes/{node}/versions/{version}",
    operation_id = "pin_version",
    tag = "history",
    request_body(content = PinRequest),
    responses(
        (status = 204, description = "It is done."),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn pin(
    State(server): State<Arc<Server>>,
    Ids((folder, node, number)): Ids<(FolderId, NodeId, u64)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Write).await?;
    let PinRequest { pinned, label } = body::json(&server, &headers, body).await?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    let version = (node, VersionNumber(number));
    server
        .blocking(move || Ok(versioning::retention::pin(&*database, permit, version, pinned, label, now)?))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn origin_word(origin: VersionOrigin) -> VersionOriginWord {
    match origin {
        // The attributes' rows are part of the version before.
        VersionOrigin::Commit | VersionOrigin::Attributes => VersionOriginWord::Commit,
        VersionOrigin::Copy => VersionOriginWord::Copy,
        VersionOrigin::Restore => VersionOriginWord::Restore,
        VersionOrigin::Outside => VersionOriginWord::Outside,
    }
}
