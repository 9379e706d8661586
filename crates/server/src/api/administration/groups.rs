//! `/api/v1/admin/groups`: groups and who is in them.

use super::lists::{Page, Query, page};
use super::{Administrator, administer_with};
use crate::admin::{AdminError, groups, the_group};
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
use model::GroupId;
use protocol::v1::{
    GroupChange, GroupResponse, GroupSummary, GroupsResponse, MEMBERS_MAX, NamedUser, NewGroupRequest,
};
use std::sync::Arc;

/// Groups
///
/// Ordered by name; with `search` those whose names contain it.
#[utoipa::path(
    get,
    path = "/groups",
    operation_id = "list_groups",
    tag = "administration",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = GroupsResponse),
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
) -> Result<Json<GroupsResponse>, Failure> {
    let wanted = query.wanted()?;
    let answer = server.read(move |snapshot| {
        let Page { items, next, total } =
            page(snapshot.groups()?, &wanted, |group| (&group.name_key, &group.name));
        let groups = items.into_iter().map(|group| {
            let members = snapshot.members(group.id)?.len() as u64;
            Ok(GroupSummary { id: group.id, name: group.name, members })
        });
        let groups = groups.collect::<metadata::Result<_>>()?;
        Ok::<_, metadata::Error>(GroupsResponse { groups, next, total })
    });
    Ok(Json(answer.await?))
}

/// Makes a group
///
/// It has no members and no privileges.
#[utoipa::path(
    post,
    path = "/groups",
    operation_id = "create_group",
    tag = "administration",
    request_body(content = NewGroupRequest),
    responses(
        (status = 201, description = "The group.", body = GroupResponse, headers(("etag" = String, description = "Names its state, for `if-match`."))),
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
    let request: NewGroupRequest = body::json(&server, &headers, body).await?;
    let id = administer_with(&server, move |server| groups::add(server, &by, request.name)).await?;
    Ok((StatusCode::CREATED, one(&server, id).await?))
}

/// One group
///
/// With all its members.
#[utoipa::path(
    get,
    path = "/groups/{group}",
    operation_id = "get_group",
    tag = "administration",
    responses(
        (status = 200, description = "The group.", body = GroupResponse, headers(("etag" = String, description = "Names its state, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::InFolder
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _: Administrator,
    Ids((group,)): Ids<(GroupId,)>,
) -> Result<impl IntoResponse, Failure> {
    one(&server, group).await
}

/// Adds members to a group and takes others out
///
/// Whoever is both added and removed is not in it.
#[utoipa::path(
    patch,
    path = "/groups/{group}",
    operation_id = "change_group",
    tag = "administration",
    params(("if-match" = Option<String>, Header, description = "The state in which the group must be.")),
    request_body(content = GroupChange),
    responses(
        (status = 200, description = "The group.", body = GroupResponse, headers(("etag" = String, description = "Names its state, for `if-match`."))),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Json,
        problems::Matching,
        problems::Writing
    )
)]
pub(crate) async fn change(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((group,)): Ids<(GroupId,)>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let GroupChange { add, remove } = body::json(&server, &headers, body).await?;
    if add.len().max(remove.len()) > MEMBERS_MAX {
        return Err(Failure::invalid(format!("At most {MEMBERS_MAX} accounts can be named.")));
    }
    let expected = expected(&headers);
    administer_with(&server, move |server| groups::set(server, &by, group, add, remove, expected)).await?;
    one(&server, group).await
}

/// Removes a group
///
/// Its privileges with it; its members stay.
#[utoipa::path(
    delete,
    path = "/groups/{group}",
    operation_id = "remove_group",
    tag = "administration",
    params(("if-match" = Option<String>, Header, description = "The state in which the group must be.")),
    responses(
        (status = 204, description = "It is removed."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Matching,
        problems::Writing
    )
)]
pub(crate) async fn remove(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    Ids((group,)): Ids<(GroupId,)>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let expected = expected(&headers);
    administer_with(&server, move |server| groups::remove(server, &by, group, expected)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(server: &Server, id: GroupId) -> Result<impl IntoResponse + use<>, Failure> {
    let (tag, group) = server
        .read(move |snapshot| {
            let group = the_group(snapshot, id)?;
            let tag = groups::tag(snapshot, &group)?;
            let mut members = Vec::new();
            for member in snapshot.members(id)? {
                members.extend(snapshot.user(member)?);
            }
            members.sort_by(|one, other| one.name_key.cmp(&other.name_key));
            let members = members.into_iter().map(|user| NamedUser { id: user.id, name: user.name });
            let members = members.collect();
            Ok::<_, AdminError>((tag, GroupResponse { id, name: group.name, members }))
        })
        .await?;
    Ok((etag(&tag), Json(group)))
}
