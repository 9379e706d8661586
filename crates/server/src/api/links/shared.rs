//! `GET /api/v1/shared-with-me`: the folders that others let one see, and why one does.

use crate::api::folders::wire_kind;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::Snapshot;
use metadata::account::Subject;
use model::{GroupId, Privilege, UserId};
use protocol::v1::{SharedFolderEntry, SharedWithMeResponse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Folders that others let the caller see
///
/// Without those that are the caller's own.
#[utoipa::path(
    get,
    path = "/shared-with-me",
    operation_id = "list_shared_with_me",
    tag = "links",
    responses(
        (status = 200, description = "The folders.", body = SharedWithMeResponse),
        problems::Signed
    )
)]
pub(crate) async fn with_me(
    State(server): State<Arc<Server>>,
    caller: Caller,
) -> Result<Json<SharedWithMeResponse>, Failure> {
    let user = caller.principal.user;
    let mut folders = server.read(move |snapshot| find(snapshot, user)).await?;
    folders.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Json(SharedWithMeResponse { folders }))
}

fn find(snapshot: &dyn Snapshot, user: UserId) -> metadata::Result<Vec<SharedFolderEntry>> {
    let own = snapshot.groups_of(user)?;
    let names: BTreeMap<GroupId, String> = (snapshot.groups()?.into_iter())
        .filter(|group| own.contains(&group.id))
        .map(|group| (group.id, group.name))
        .collect();
    let mut found = Vec::new();
    for (id, privilege) in snapshot.privileges(user)? {
        let Some(folder) = snapshot.folder(id)?.filter(|folder| folder.settings.owner != Some(user)) else {
            continue;
        };
        if privilege < Privilege::Read {
            continue;
        }
        let grants = snapshot.grants(id)?;
        let held =
            |subject| grants.iter().any(|(holder, held)| *holder == subject && *held > Privilege::None);
        let owner = match folder.settings.owner {
            Some(owner) => snapshot.user(owner)?.map(|owner| owner.name),
            None => None,
        };
        found.push(SharedFolderEntry {
            folder: id,
            name: folder.settings.name,
            kind: wire_kind(folder.kind),
            privilege: privilege.into(),
            directly: held(Subject::User(user)),
            groups: (names.iter())
                .filter(|(group, _)| held(Subject::Group(**group)))
                .map(|(_, name)| name.clone())
                .collect(),
            owner,
        });
    }
    Ok(found)
}
