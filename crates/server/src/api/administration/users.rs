//! `/api/v1/admin/users`: accounts.

use super::lists::{Page, Query, page};
use super::{Administrator, administer_with};
use crate::admin::users::{self, Changes, New};
use crate::admin::{AdminError, homes, the_user};
use crate::api::devices::password_turn;
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
use metadata::account::User;
use metadata::folder::FolderKind;
use model::{FolderId, Timestamp, UserId};
use protocol::RfcTime;
use protocol::v1::{
    AccountChange, AccountEntry, HomeResponse, MEMBERS_MAX, NamedGroup, NewAccountRequest, StandardRates,
    UsersResponse,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Accounts
///
/// Ordered by name; with `search` those whose names contain it.
#[utoipa::path(
    get,
    path = "/users",
    operation_id = "list_users",
    tag = "administration",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = UsersResponse),
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
) -> Result<Json<UsersResponse>, Failure> {
    let (wanted, now) = (query.wanted()?, server.now());
    let rates = server.settings.user_rates;
    let answer = server.read(move |snapshot| {
        let mut all = snapshot.users()?;
        all.retain(|user| !auth::account::is_removed(user));
        let Page { items, next, total } = page(all, &wanted, |user| (&user.name_key, &user.name));
        let homes = homes_by_owner(snapshot)?;
        let users = items.into_iter().map(|user| entry(snapshot, user, &homes, now));
        let users = users.collect::<Result<_, AdminError>>()?;
        let standard_rates = StandardRates { upload: rates.upload, download: rates.download };
        Ok::<_, AdminError>(UsersResponse { users, next, total, standard_rates })
    });
    Ok(Json(answer.await?))
}

/// Makes an account
///
/// With a password that its person can change.
#[utoipa::path(
    post,
    path = "/users",
    operation_id = "create_user",
    tag = "administration",
    request_body(content = NewAccountRequest),
    responses(
        (status = 201, description = "The account.", body = AccountEntry, headers(("etag" = String, description = "Names its state, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::Json,
        problems::Unique,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let request: NewAccountRequest = body::json(&server, &headers, body).await?;
    let NewAccountRequest { name, password, administrator, home, quota_bytes } = request;
    let new = New { name, password, administrator, home, quota_bytes };
    let turn = password_turn(&server).await?;
    let id = administer_with(&server, move |server| users::add(server, &by, new)).await?;
    drop(turn);
    Ok((StatusCode::CREATED, one(&server, id).await?))
}

/// One account
///
/// As administrators see it.
#[utoipa::path(
    get,
    path = "/users/{user}",
    operation_id = "get_user",
    tag = "administration",
    responses(
        (status = 200, description = "The account.", body = AccountEntry, headers(("etag" = String, description = "Names its state, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::InFolder
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _: Administrator,
    Ids((user,)): Ids<(UserId,)>,
) -> Result<impl IntoResponse, Failure> {
    one(&server, user).await
}

/// Changes an account
///
/// What is not given stays. The last active administrator can be neither disabled nor demoted: 422.
#[utoipa::path(
    patch,
    path = "/users/{user}",
    operation_id = "change_user",
    tag = "administration",
    params(("if-match" = Option<String>, Header, description = "The state in which the account must be.")),
    request_body(content = AccountChange),
    responses(
        (status = 200, description = "The account.", body = AccountEntry, headers(("etag" = String, description = "Names its state, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Json,
        problems::Unique,
        problems::Matching,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn change(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((user,)): Ids<(UserId,)>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let request: AccountChange = body::json(&server, &headers, body).await?;
    if request.groups.as_ref().is_some_and(|groups| groups.len() > MEMBERS_MAX) {
        return Err(Failure::invalid(format!("At most {MEMBERS_MAX} groups can be named.")));
    }
    let turn = match &request.password {
        Some(_) => Some(password_turn(&server).await?),
        None => None,
    };
    let expected = expected(&headers);
    let changes = Changes {
        password: request.password,
        unlink_devices: request.unlink_devices,
        administrator: request.administrator,
        disabled: request.disabled,
        system_user: request.system_user,
        upload_rate: request.upload_rate,
        download_rate: request.download_rate,
        quota_bytes: request.quota_bytes,
        groups: request.groups,
    };
    administer_with(&server, move |server| users::set(server, &by, user, changes, expected)).await?;
    drop(turn);
    one(&server, user).await
}

/// Removes an account
///
/// Its devices and privileges with it; what it changed stays, and its home folder is nobody's until it is granted. The
/// last active administrator cannot be removed: 422.
#[utoipa::path(
    delete,
    path = "/users/{user}",
    operation_id = "remove_user",
    tag = "administration",
    params(("if-match" = Option<String>, Header, description = "The state in which the account must be.")),
    responses(
        (status = 204, description = "It is removed."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Values,
        problems::Matching,
        problems::Writing
    )
)]
pub(crate) async fn remove(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((user,)): Ids<(UserId,)>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let expected = expected(&headers);
    administer_with(&server, move |server| users::remove(server, &by, user, expected)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an account a home folder
///
/// A folder of its own, which only it may read.
#[utoipa::path(
    post,
    path = "/users/{user}/home",
    operation_id = "create_home",
    tag = "administration",
    responses(
        (status = 201, description = "The folder.", body = HomeResponse),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Values,
        problems::Unique,
        problems::Writing
    )
)]
pub(crate) async fn home(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((user,)): Ids<(UserId,)>,
) -> Result<(StatusCode, Json<HomeResponse>), Failure> {
    let folder = administer_with(&server, move |server| homes::add(server, &by, user)).await?;
    Ok((StatusCode::CREATED, Json(HomeResponse { folder })))
}

async fn one(server: &Server, id: UserId) -> Result<impl IntoResponse + use<>, Failure> {
    let now = server.now();
    let (tag, entry) = server
        .read(move |snapshot| {
            let user = the_user(snapshot, id)?;
            let tag = users::tag(snapshot, &user)?;
            Ok::<_, AdminError>((tag, entry(snapshot, user, &homes_by_owner(snapshot)?, now)?))
        })
        .await?;
    Ok((etag(&tag), Json(entry)))
}

fn homes_by_owner(snapshot: &dyn Snapshot) -> metadata::Result<BTreeMap<UserId, FolderId>> {
    let folders = snapshot.folders()?.into_iter().filter(|folder| folder.kind == FolderKind::Home);
    Ok(folders.filter_map(|folder| Some((folder.settings.owner?, folder.id))).collect())
}

fn entry(
    snapshot: &dyn Snapshot,
    user: User,
    homes: &BTreeMap<UserId, FolderId>,
    now: Timestamp,
) -> Result<AccountEntry, AdminError> {
    let of = snapshot.groups_of(user.id)?;
    let mut groups = match of.is_empty() {
        true => Vec::new(),
        false => snapshot.groups()?,
    };
    groups.retain(|group| of.contains(&group.id));
    groups.sort_by(|one, other| one.name_key.cmp(&other.name_key));
    let devices = snapshot.devices(user.id)?;
    Ok(AccountEntry {
        id: user.id,
        administrator: user.administrator,
        disabled: user.disabled,
        created: RfcTime(user.created_at),
        quota_bytes: user.quota_bytes,
        used_bytes: user.used_bytes,
        upload_rate: user.rates.upload.into(),
        download_rate: user.rates.download.into(),
        home: homes.get(&user.id).copied(),
        groups: groups.into_iter().map(|group| NamedGroup { id: group.id, name: group.name }).collect(),
        devices: devices.iter().filter(|device| device.is_linked(now)).count() as u64,
        system_user: user.system_user,
        name: user.name,
    })
}
