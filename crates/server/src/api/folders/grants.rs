//! `GET/PUT …/grants`: who holds what on a folder; `GET …/candidates`: whom one could give a privilege. For who manages the
//! folder and for administrators, who both have a [`Permit<Manage>`].

use crate::admin::grants::{self, Grants};
use crate::admin::{AdminError, By, carry_out_with};
use crate::api::administration::lists::Search;
use crate::api::tags::{etag, expected};
use crate::body;
use crate::caller::{Caller, Ids, PeerAddress, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use metadata::Snapshot;
use metadata::account::{GroupRow, Subject, User};
use model::permit::Manage;
use model::{Action, FolderId, GroupId, Permit, Privilege, UserId};
use protocol::v1::{
    CandidatesResponse, EFFECTIVE_MAX, EffectivePrivilege, GRANTS_MAX, GrantsRequest, GrantsResponse,
    NamedGrant, NamedGroup, NamedUser, SubjectId,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most names of a kind that are offered at once.
const CANDIDATES: usize = 20;

/// Who holds which privilege
///
/// The entries of users and groups, and what comes of them for people.
#[utoipa::path(
    get,
    path = "/grants",
    operation_id = "get_grants",
    tag = "folders",
    responses(
        (status = 200, description = "The privileges.", body = GrantsResponse, headers(("etag" = String, description = "Names the state of the entries, for `if-match`."))),
        problems::Signed,
        problems::InFolder,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
) -> Result<impl IntoResponse, Failure> {
    let permit = server.permit::<Manage>(caller.principal, folder, Action::Manage).await?;
    answer(&server, permit).await
}

/// Sets who holds which privilege
///
/// The entries are exactly these from then on. The owner of a home folder keeps managing it.
#[utoipa::path(
    put,
    path = "/grants",
    operation_id = "set_grants",
    tag = "folders",
    params(("if-match" = Option<String>, Header, description = "The state in which the entries must be.")),
    request_body(content = GrantsRequest),
    responses(
        (status = 200, description = "The privileges.", body = GrantsResponse, headers(("etag" = String, description = "Names the state of the entries, for `if-match`."))),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Matching,
        problems::Writing
    )
)]
pub(crate) async fn set(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let permit = server.permit::<Manage>(caller.principal, folder, Action::Manage).await?;
    let request: GrantsRequest = body::json(&server, &headers, body).await?;
    if request.grants.len() > GRANTS_MAX {
        return Err(Failure::invalid(format!("A folder has at most {GRANTS_MAX} entries.")));
    }
    let mut wanted = Grants::new();
    for grant in request.grants {
        let subject = match grant.to {
            SubjectId::User(id) => Subject::User(id),
            SubjectId::Group(id) => Subject::Group(id),
        };
        if wanted.insert(subject, grant.privilege.into()).is_some() {
            return Err(Failure::invalid(format!("'{}' is named twice.", grant.to)));
        }
    }
    let by = By { principal: Some(caller.principal), address: Some(peer.0) };
    let expected = expected(&headers);
    carry_out_with(&server, move |server| grants::set(server, &by, permit, wanted, expected)).await?;
    answer(&server, permit).await
}

async fn answer(server: &Server, permit: Permit<Manage>) -> Result<impl IntoResponse + use<>, Failure> {
    let folder = permit.folder();
    let (tag, answer) = server
        .read(move |snapshot| {
            let entries = snapshot.grants(folder)?;
            let users = present(snapshot)?.map(|user| (user.id, user)).collect();
            let groups = snapshot.groups()?.into_iter().map(|group| (group.id, group)).collect();
            let effective = effective(snapshot, &entries, &users, &groups)?;
            let answer = GrantsResponse {
                grants: named(&entries, &users, &groups),
                effective_total: effective.len() as u64,
                effective: effective.into_iter().take(EFFECTIVE_MAX).collect(),
            };
            Ok::<_, AdminError>((grants::tag(snapshot, folder)?, answer))
        })
        .await?;
    Ok((etag(&tag), Json(answer)))
}

type Users = BTreeMap<UserId, User>;
type Groups = BTreeMap<GroupId, GroupRow>;

fn present(snapshot: &dyn Snapshot) -> metadata::Result<impl Iterator<Item = User> + use<>> {
    Ok(snapshot.users()?.into_iter().filter(|user| !auth::account::is_removed(user)))
}

fn named(entries: &[(Subject, Privilege)], users: &Users, groups: &Groups) -> Vec<NamedGrant> {
    let mut named: Vec<_> = entries
        .iter()
        .filter_map(|(subject, privilege)| {
            let (to, name, key) = match subject {
                Subject::User(id) => {
                    users.get(id).map(|user| (SubjectId::User(*id), &user.name, &user.name_key))?
                }
                Subject::Group(id) => {
                    groups.get(id).map(|group| (SubjectId::Group(*id), &group.name, &group.name_key))?
                }
            };
            let is_user = matches!(to, SubjectId::User(_));
            Some(((is_user, key), NamedGrant { to, name: name.clone(), privilege: (*privilege).into() }))
        })
        .collect();
    named.sort_by(|one, other| one.0.cmp(&other.0));
    named.into_iter().map(|(_, grant)| grant).collect()
}

/// What the entries give each person that they concern.
fn effective(
    snapshot: &dyn Snapshot,
    entries: &[(Subject, Privilege)],
    users: &Users,
    groups: &Groups,
) -> Result<Vec<EffectivePrivilege>, AdminError> {
    let mut held: BTreeMap<UserId, (Vec<Privilege>, Vec<NamedGroup>)> = BTreeMap::new();
    for (subject, privilege) in entries {
        match subject {
            Subject::User(id) => held.entry(*id).or_default().0.push(*privilege),
            Subject::Group(id) => {
                let name = groups.get(id).map(|group| group.name.clone()).unwrap_or_default();
                for member in snapshot.members(*id)? {
                    let (privileges, through) = held.entry(member).or_default();
                    privileges.push(*privilege);
                    through.push(NamedGroup { id: *id, name: name.clone() });
                }
            }
        }
    }
    let mut people: Vec<(&User, EffectivePrivilege)> = held
        .into_iter()
        .filter_map(|(id, (privileges, mut groups))| {
            let user = users.get(&id)?;
            groups.sort_by(|one, other| one.name.cmp(&other.name));
            let privilege = Privilege::combine(privileges).into();
            let named = NamedUser { id, name: user.name.clone() };
            Some((user, EffectivePrivilege { user: named, privilege, groups, disabled: user.disabled }))
        })
        .collect();
    people.sort_by(|one, other| one.0.name_key.cmp(&other.0.name_key));
    Ok(people.into_iter().map(|(_, person)| person).collect())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// What their names begin with: at least one letter.
    begin: String,
}

/// Whom one could give a privilege
///
/// Users and groups whose names begin so, at most 20 of each: for choosing, not for reading everybody's names.
#[utoipa::path(
    get,
    path = "/candidates",
    operation_id = "find_candidates",
    tag = "folders",
    params(Query),
    responses(
        (status = 200, description = "Some users and groups.", body = CandidatesResponse),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn candidates(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<CandidatesResponse>, Failure> {
    let _managed = server.permit::<Manage>(caller.principal, folder, Action::Manage).await?;
    let search = Search::new(&query.begin)?;
    if matches!(search, Search::All) {
        return Err(Failure::invalid("'begin' has at least one letter."));
    }
    let answer = server.read(move |snapshot| {
        let mut users: Vec<_> = present(snapshot)?.filter(|user| search.begins(&user.name_key)).collect();
        users.sort_by(|one, other| one.name_key.cmp(&other.name_key));
        let users = users.into_iter().take(CANDIDATES).map(|user| NamedUser { id: user.id, name: user.name });
        let mut groups = snapshot.groups()?;
        groups.retain(|group| search.begins(&group.name_key));
        groups.sort_by(|one, other| one.name_key.cmp(&other.name_key));
        let groups = groups.into_iter().take(CANDIDATES);
        let groups = groups.map(|group| NamedGroup { id: group.id, name: group.name });
        Ok::<_, AdminError>(CandidatesResponse { users: users.collect(), groups: groups.collect() })
    });
    Ok(Json(answer.await?))
}
