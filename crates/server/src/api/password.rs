//! `PUT /api/v1/password`: one's own password.

use super::devices::password_turn;
use crate::admin::{AdminError, By, users};
use crate::body;
use crate::caller::{Caller, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::LinkError;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use protocol::v1::PasswordRequest;
use std::sync::Arc;

/// Changes one's own password
///
/// The old one is asked for, with the limits of signing in. Other devices and sessions can be unlinked with it.
#[utoipa::path(
    put,
    path = "/password",
    operation_id = "change_password",
    tag = "session",
    request_body(content = PasswordRequest),
    responses(
        (status = 204, description = "It is changed."),
        problems::Signed,
        problems::SignIn,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn change(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let PasswordRequest { old, new, unlink_others } = body::json(&server, &headers, body).await?;
    let turn = password_turn(&server).await?;
    let (here, by) = (Arc::clone(&server), By { principal: Some(caller.principal), address: Some(peer.0) });
    let work = move || {
        let (principal, when) = (caller.principal, (Some(peer.0), here.now()));
        let confirmed =
            auth::sign_in::confirm_password(&*here.database, &here.hasher, principal, &old.0, when);
        if let Err(LinkError::Wrong | LinkError::NotFresh) = confirmed {
            let entry = by.entry(here.now(), "password.change", false, Vec::new());
            metadata::write(&*here.database, move |transaction| {
                transaction.append_audit(&entry, auth::digest::audit)?;
                Ok::<_, AdminError>(())
            })?;
        }
        confirmed?;
        Ok(users::change_own_password(&here, &by, &new, unlink_others)?)
    };
    server.blocking(work).await?;
    drop(turn);
    Ok(StatusCode::NO_CONTENT)
}
