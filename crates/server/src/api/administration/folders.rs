//! `/api/v1/admin/folders`: shared folders. Who may do what there is at [`crate::api::folders::grants`], for managers, too.

use super::lists::{Page, Query, page};
use super::{Administrator, administer_with};
use crate::admin::folders::{self, Change, networks_of, plain_entry, plain_path};
use crate::admin::{AdminError, the_folder};
use crate::api::folders::wire_kind;
use crate::api::tags::{etag, expected};
use crate::body;
use crate::caller::{Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use metadata::Snapshot;
use metadata::folder::Folder;
use model::{FolderId, Reach};
use pairs::{Monitor, MonitorStatus};
use protocol::RfcTime;
use protocol::v1::{
    FolderChange, HoldRequest, ManagedFolder, ManagedFoldersResponse, NamedUser, NewFolderRequest,
    PlainDirectory, WireNameRule,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a plain directory is chosen by over HTTP: which directories of the machine there are is for who has the machine.
const AUTOMATIC: &str = "auto";

/// The most issues of a plain directory that are told.
const ISSUES_MAX: usize = 100;

type Statuses = BTreeMap<FolderId, MonitorStatus>;

/// All folders
///
/// Homes, too; ordered by name; with `search` those whose names contain it.
#[utoipa::path(
    get,
    path = "/folders",
    operation_id = "list_all_folders",
    tag = "administration",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = ManagedFoldersResponse),
        problems::Signed,
        problems::Privileged,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    _: Administrator,
    Values(query): Values<Query>,
) -> Result<Json<ManagedFoldersResponse>, Failure> {
    let wanted = query.wanted()?;
    let mut statuses = statuses(&server);
    let answer = server.read(move |snapshot| {
        let all = snapshot.folders()?;
        let Page { items, next, total } =
            page(all, &wanted, |folder| (&folder.settings.name_key, &folder.settings.name));
        let reach = snapshot.reach()?;
        let folders = items.into_iter().map(|folder| entry(snapshot, &reach, folder, &mut statuses));
        let folders = folders.collect::<metadata::Result<_>>()?;
        Ok::<_, metadata::Error>(ManagedFoldersResponse { folders, next, total })
    });
    Ok(Json(answer.await?))
}

/// Makes a shared folder
///
/// Nobody holds a privilege on it yet.
#[utoipa::path(
    post,
    path = "/folders",
    operation_id = "create_folder",
    tag = "administration",
    request_body(content = NewFolderRequest),
    responses(
        (status = 201, description = "The folder.", body = ManagedFolder, headers(("etag" = String, description = "Names its state, for `if-match`."))),
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
) -> Result<impl IntoResponse, Failure> {
    let request: NewFolderRequest = body::json(&server, &headers, body).await?;
    let NewFolderRequest { name, name_rule, quota_bytes, plain } = request;
    let rule = name_rule.unwrap_or(WireNameRule::Portable);
    let plain = plain.then(|| AUTOMATIC.to_owned());
    let id =
        administer_with(&server, move |server| folders::add(server, &by, name, rule, quota_bytes, plain))
            .await?;
    Ok((StatusCode::CREATED, one(&server, id).await?))
}

/// One folder
///
/// Its settings; not what is in it.
#[utoipa::path(
    get,
    path = "/folders/{folder}",
    operation_id = "get_folder",
    tag = "administration",
    responses(
        (status = 200, description = "The folder.", body = ManagedFolder, headers(("etag" = String, description = "Names its state, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::InFolder
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _: Administrator,
    Ids((folder,)): Ids<(FolderId,)>,
) -> Result<impl IntoResponse, Failure> {
    one(&server, folder).await
}

/// Changes a folder's settings
///
/// What is not given stays. A plain directory is one that the server chooses; a directory of one's own choice is for who
/// has the machine (`driftless admin folder plain`).
#[utoipa::path(
    patch,
    path = "/folders/{folder}",
    operation_id = "change_folder",
    tag = "administration",
    params(("if-match" = Option<String>, Header, description = "The state in which the folder must be.")),
    request_body(content = FolderChange),
    responses(
        (status = 200, description = "The folder.", body = ManagedFolder, headers(("etag" = String, description = "Names its state, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Json,
        problems::Unique,
        problems::Matching,
        problems::Writing
    )
)]
pub(crate) async fn change(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((folder,)): Ids<(FolderId,)>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let request: FolderChange = body::json(&server, &headers, body).await?;
    let FolderChange { quota_bytes, versions, days, safe_days, networks, plain } = request;
    let wanted = Change { quota_bytes, versions, days, safe_days, networks };
    let expected = expected(&headers);
    administer_with(&server, move |server| {
        let Some(plain) = plain.map(|plain| plain.then(|| AUTOMATIC.to_owned())) else {
            return folders::set(server, &by, folder, wanted, expected);
        };
        if wanted.is_nothing() {
            return folders::plain(server, &by, folder, plain, expected).map(drop);
        }
        folders::set(server, &by, folder, wanted, expected)?;
        folders::plain(server, &by, folder, plain, None).map(drop)
    })
    .await?;
    one(&server, folder).await
}

/// Decides about held deletions in a folder's plain directory
///
/// They are carried out, or what was deleted comes back. 404 if the folder has no plain directory at work.
#[utoipa::path(
    post,
    path = "/folders/{folder}/hold",
    operation_id = "decide_hold",
    tag = "administration",
    request_body(content = HoldRequest),
    responses(
        (status = 204, description = "It was decided."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn hold(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((folder,)): Ids<(FolderId,)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let HoldRequest { approve } = body::json(&server, &headers, body).await?;
    administer_with(&server, move |server| folders::hold(server, &by, folder, approve)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn statuses(server: &Server) -> Statuses {
    server.monitor.as_ref().map(Monitor::statuses).unwrap_or_default()
}

async fn one(server: &Server, id: FolderId) -> Result<impl IntoResponse + use<>, Failure> {
    let mut statuses = statuses(server);
    let (tag, entry) = server
        .read(move |snapshot| {
            let folder = the_folder(snapshot, id)?;
            let tag = folders::tag(snapshot, &folder)?;
            Ok::<_, AdminError>((tag, entry(snapshot, &snapshot.reach()?, folder, &mut statuses)?))
        })
        .await?;
    Ok((etag(&tag), Json(entry)))
}

fn entry(
    snapshot: &dyn Snapshot,
    reach: &Reach,
    folder: Folder,
    statuses: &mut Statuses,
) -> metadata::Result<ManagedFolder> {
    let owner = match folder.settings.owner {
        Some(owner) => snapshot.user(owner)?.map(|user| NamedUser { id: user.id, name: user.name }),
        None => None,
    };
    let plain = folder.settings.plain_directory.map(|stored| {
        let found = plain_entry(&plain_path(stored), statuses.remove(&folder.id));
        let mut issues = found.issues;
        issues.truncate(ISSUES_MAX);
        PlainDirectory { directory: found.directory, state: found.state, issues }
    });
    Ok(ManagedFolder {
        id: folder.id,
        kind: wire_kind(folder.kind),
        owner,
        name_rule: folder.names.into(),
        quota_bytes: folder.settings.quota_bytes,
        used_bytes: folder.counters.used_bytes,
        versions: folder.settings.keep_versions,
        days: folder.settings.keep_days,
        safe_days: snapshot.retention(folder.id)?.safe_days,
        networks: networks_of(reach, folder.id),
        grants: snapshot.grants(folder.id)?.len() as u64,
        plain,
        created: RfcTime(folder.created_at),
        name: folder.settings.name,
    })
}
