//! `GET …/nodes/{n}/versions`: a file's kept versions, the newest first.

use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::version::VersionOrigin;
use model::permit::Read;
use model::{Action, DeviceId, FolderId, NodeId, UserId};
use protocol::RfcTime;
use protocol::v1::{VersionEntry, VersionOriginWord, VersionsResponse};
use std::collections::BTreeMap;
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
                user: names.users.get(&version.user).cloned(),
                device: version.device.and_then(|device| names.devices.get(&device).cloned()),
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

/// What people call themselves and their devices.
struct Names {
    users: BTreeMap<UserId, String>,
    devices: BTreeMap<DeviceId, String>,
}

impl Names {
    fn load(
        database: &dyn metadata::Database,
        mut users: Vec<UserId>,
        mut devices: Vec<DeviceId>,
    ) -> metadata::Result<Self> {
        users.sort_unstable();
        users.dedup();
        devices.sort_unstable();
        devices.dedup();
        metadata::read(database, move |snapshot| {
            let mut names = Self { users: BTreeMap::new(), devices: BTreeMap::new() };
            for id in users {
                names.users.extend(snapshot.user(id)?.map(|user| (id, user.name)));
            }
            for id in devices {
                names.devices.extend(snapshot.device(id)?.map(|device| (id, device.name)));
            }
            Ok(names)
        })
    }
}
