//! `PATCH /api/v1/links/{l}`, `DELETE /api/v1/links/{l}`.

use super::{answer, audit_entry, based_on, hashed};
use crate::body;
use crate::caller::{Caller, Ids, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::LinkToken;
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use model::LinkId;
use protocol::v1::{ChangeLinkRequest, LinkAnswer};
use std::sync::Arc;
use versioning::link::manage::{self, Change};

/// Changes a link
///
/// Its maker's and the folder's managers' to do. Another password or another address ends what strangers have begun with the
/// one before.
#[utoipa::path(
    patch,
    path = "/links/{link}",
    operation_id = "change_link",
    tag = "links",
    request_body(content = ChangeLinkRequest),
    params(("if-match" = Option<String>, Header, description = "Only if the link is still as this tag says.")),
    responses(
        (status = 200, description = "The link, and its address if that is new.", body = LinkAnswer, headers(("etag" = String, description = "Its revision."))),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Bounded,
        problems::Matching,
        problems::Writing
    )
)]
pub(crate) async fn change(
    State(server): State<Arc<Server>>,
    Ids((link,)): Ids<(LinkId,)>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let request: ChangeLinkRequest = body::json(&server, &headers, body).await?;
    // Before a password costs anything.
    let (database, who, now) = (Arc::clone(&server.database), caller.principal, server.now());
    let before = server.reading(move || Ok(manage::one(&*database, who, link, now)?)).await?;
    let what = what_changes(&request);
    let token = match request.new_address {
        true => Some(LinkToken::generate().map_err(Failure::internal)?),
        false => None,
    };
    let password = match request.password {
        Some(Some(password)) => Some(Some(hashed(&server, password.0).await?)),
        other => other.map(|_| None),
    };
    let wanted = Change {
        label: request.label,
        password,
        expires_at: request.expires.map(|end| end.map(|end| end.0)),
        uses_max: request.uses_max,
        token_hash: token.as_ref().map(LinkToken::digest),
        revision: based_on(&headers)?,
    };
    let database = Arc::clone(&server.database);
    let changed = server.blocking(move || Ok(manage::change(&*database, who, link, wanted, now))).await?;
    let details = [("link", link.to_string()), ("what", what)];
    let is_denied = matches!(changed, Err(versioning::Error::Denied(_)));
    if changed.is_ok() || is_denied {
        let by = (&caller, peer);
        server.audit(audit_entry(now, by, "link.change", before.link.folder, !is_denied, &details)).await?;
    }
    let (database, listed) = (Arc::clone(&server.database), changed?);
    let (headers, link) = server.blocking(move || answer(&*database, who, listed, token.as_ref())).await?;
    Ok((headers, Json(link)))
}

/// Which of a link's values change, for the log: never what they are.
fn what_changes(request: &ChangeLinkRequest) -> String {
    let all = [
        ("label", request.label.is_some()),
        ("password", request.password.is_some()),
        ("expires", request.expires.is_some()),
        ("uses_max", request.uses_max.is_some()),
        ("address", request.new_address),
    ];
    let changed: Vec<&str> = all.iter().filter(|(_, changes)| *changes).map(|(name, _)| *name).collect();
    changed.join(" ")
}

/// Revokes a link
///
/// Its maker's, the folder's managers' and the administrators' to do. Its address leads nowhere from now on.
#[utoipa::path(
    delete,
    path = "/links/{link}",
    operation_id = "revoke_link",
    tag = "links",
    params(("if-match" = Option<String>, Header, description = "Only if the link is still as this tag says.")),
    responses(
        (status = 204, description = "It is revoked."),
        problems::Signed,
        problems::InFolder,
        problems::Matching,
        problems::Writing
    )
)]
pub(crate) async fn revoke(
    State(server): State<Arc<Server>>,
    Ids((link,)): Ids<(LinkId,)>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let (database, who, now) = (Arc::clone(&server.database), caller.principal, server.now());
    let revision = based_on(&headers)?;
    let revoked = server.blocking(move || Ok(manage::revoke(&*database, who, link, revision, now)?)).await?;
    let details = [("link", link.to_string())];
    server.audit(audit_entry(now, (&caller, peer), "link.revoke", revoked.folder, true, &details)).await?;
    Ok(StatusCode::NO_CONTENT)
}
