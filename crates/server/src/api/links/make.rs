//! `POST /api/v1/folders/{f}/links`.

use super::{answer, audit_entry, hashed};
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
use model::permit::Read;
use model::{Action, FolderId};
use protocol::v1::{LinkAnswer, MakeLinkRequest};
use std::sync::Arc;
use versioning::link::manage::{self, Create};

/// Makes a link for strangers
///
/// Who may do so is a policy of the server (`get_link_policy`). The answer has the address; nobody is told it again, but it can
/// be given another one (`change_link`).
#[utoipa::path(
    post,
    path = "/links",
    operation_id = "make_link",
    tag = "links",
    request_body(content = MakeLinkRequest),
    responses(
        (status = 201, description = "The link and its address.", body = LinkAnswer, headers(("etag" = String, description = "Its revision."))),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn make(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::Share).await?;
    let request: MakeLinkRequest = body::json(&server, &headers, body).await?;
    let password = match request.password {
        Some(password) => Some(hashed(&server, password.0).await?),
        None => None,
    };
    let token = LinkToken::generate().map_err(Failure::internal)?;
    let details =
        [("node", request.node.to_string()), ("kind", format!("{:?}", request.kind).to_lowercase())];
    let wanted = Create {
        permit,
        token_hash: token.digest(),
        node: request.node,
        kind: request.kind.into(),
        label: request.label,
        password,
        expires_at: request.expires.map(|end| end.0),
        uses_max: request.uses_max,
    };
    let (database, now) = (Arc::clone(&server.database), server.now());
    let made = server.blocking(move || Ok(manage::create(&*database, wanted, now))).await?;
    let mut entry = audit_entry(now, (&caller, peer), "link.make", folder, made.is_ok(), &details);
    match made {
        Ok(listed) => {
            entry.details.push(("link".to_owned(), listed.link.id.to_string()));
            server.audit(entry).await?;
            let (database, who) = (Arc::clone(&server.database), caller.principal);
            let (headers, made) =
                server.blocking(move || answer(&*database, who, listed, Some(&token))).await?;
            Ok((StatusCode::CREATED, headers, Json(made)))
        }
        Err(error) => {
            if matches!(error, versioning::Error::Denied(_)) {
                server.audit(entry).await?;
            }
            Err(error.into())
        }
    }
}
