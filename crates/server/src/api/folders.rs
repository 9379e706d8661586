//! `GET /api/v1/folders`, and what lies below each folder.

pub(crate) mod activity;
pub(crate) mod changes;
pub(crate) mod chunks;
pub(crate) mod commits;
pub(crate) mod conflicts;
pub(crate) mod days;
pub(crate) mod grants;
pub(crate) mod nodes;
pub(crate) mod past;
pub(crate) mod people;
pub(crate) mod restore;
pub(crate) mod space;
pub(crate) mod trash;
pub(crate) mod uploads;
pub(crate) mod views;
pub(crate) mod zip;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::folder::{Folder, FolderKind};
use model::{FolderId, Privilege};
use protocol::v1::{self, FolderEntry, FoldersResponse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What its owner sees a home folder called.
const HOME: &str = "home";

/// The folders that one may read
///
/// Ordered by name.
#[utoipa::path(
    get,
    path = "/folders",
    operation_id = "list_folders",
    tag = "folders",
    responses(
        (status = 200, description = "The folders.", body = FoldersResponse),
        problems::Signed
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
) -> Result<Json<FoldersResponse>, Failure> {
    let user = caller.principal.user;
    let (privileges, folders) = server
        .read(move |snapshot| {
            let privileges: BTreeMap<_, _> = snapshot.privileges(user)?.into_iter().collect();
            Ok::<_, Failure>((privileges, snapshot.folders()?))
        })
        .await?;
    let mut entries: Vec<FolderEntry> = folders
        .iter()
        .filter_map(|folder| {
            let privilege = privileges.get(&folder.id).copied().unwrap_or(Privilege::None);
            (privilege >= Privilege::Read).then(|| entry(&server, folder, privilege))
        })
        .collect();
    let own = folders.iter().find(|folder| {
        folder.kind == FolderKind::Home && folder.settings.owner == Some(caller.principal.user)
    });
    call_home(&mut entries, own.map(|folder| folder.id));
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Json(FoldersResponse { folders: entries }))
}

/// The caller's own home folder is called `home`, unless another folder that they see is.
fn call_home(entries: &mut [FolderEntry], own: Option<FolderId>) {
    if entries.iter().any(|entry| entry.name == HOME) {
        return;
    }
    if let Some(entry) = entries.iter_mut().find(|entry| Some(entry.id) == own) {
        HOME.clone_into(&mut entry.name);
    }
}

fn entry(server: &Server, folder: &Folder, privilege: Privilege) -> FolderEntry {
    FolderEntry {
        id: folder.id,
        name: folder.settings.name.clone(),
        kind: wire_kind(folder.kind),
        name_rule: folder.names.into(),
        privilege: privilege.into(),
        head: folder.counters.head.0,
        head_cursor: server.cursor_key.at(server.epoch(), folder.id, folder.counters.head),
        quota_bytes: folder.settings.quota_bytes,
        used_bytes: folder.counters.used_bytes,
    }
}

pub(crate) fn wire_kind(kind: FolderKind) -> v1::FolderKind {
    match kind {
        FolderKind::Shared => v1::FolderKind::Shared,
        FolderKind::Home => v1::FolderKind::Home,
    }
}
