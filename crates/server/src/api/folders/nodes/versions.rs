//! `GET …/nodes/{n}/versions`: a file's kept versions, the newest first.

use crate::api::folders::people::Names;
use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::version::VersionOrigin;
use model::permit::Read;
use model::{Action, FolderId, NodeId};
use protocol::RfcTime;
use protocol::v1::{VersionEntry, VersionOriginWord, VersionsResponse};
use std::sync::Arc;

pub(crate) async fn versions(
    State(server): State<Arc<Server>>,
    Ids((folder, node)): Ids<(FolderId, NodeId)>,
    caller: Caller,
) -> Result<Json<VersionsResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::History).await?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    let entries = server
        .blocking(move || {
            let versions = versioning::history::versions(&*database, permit, node, now)?;
            let users = versions.iter().map(|version| version.user).collect();
            let devices = versions.iter().filter_map(|version| version.device).collect();
            let names = Names::load(&*database, users, devices)?;
            let entries = versions.iter().enumerate().map(|(index, version)| VersionEntry {
                number: version.number.0,
                size: version.content.size(),
                mtime: RfcTime(version.mtime),
                executable: version.executable,
                time: RfcTime(version.at),
                origin: origin_word(version.origin),
                user: names.user(version.user),
                device: names.device(version.device),
                current: index == 0,
            });
            Ok(entries.collect())
        })
        .await?;
    Ok(Json(VersionsResponse { versions: entries }))
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
