//! `/api/v1/account/passkeys`: registered with the password once more, named, taken away; and signing in with one
//! (`/api/v1/session/passkey`).

use super::confirm;
use crate::api::session::{only_own_page, opened_session, opening};
use crate::body;
use crate::caller::{Caller, Ids, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::passkey::{self, Asking, Challenge, NewPasskey, PasskeyError, Site};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use metadata::passkey::PasskeyRow;
use model::PasskeyId;
use protocol::v1::{
    CeremonyResponse, NewPasskeyRequest, PasskeyEntry, PasskeySessionRequest, PasskeysResponse,
    PasswordOnceMore, RenamePasskeyRequest,
};
use protocol::{ProblemKind, RfcTime};
use std::sync::Arc;

/// Where the page is used, as the browser says it.
fn site(headers: &HeaderMap) -> Result<Site, Failure> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    origin.and_then(Site::of_origin).ok_or_else(|| {
        Failure::invalid(
            "Passkeys are for browsers that use the page under a name and by https, or on the server's own machine.",
        )
    })
}

fn response(challenge: Challenge) -> (StatusCode, Json<CeremonyResponse>) {
    let Challenge { ceremony, options } = challenge;
    (StatusCode::CREATED, Json(CeremonyResponse { ceremony, options }))
}

/// The account's passkeys
///
/// The oldest first. There are 20 at most.
#[utoipa::path(
    get,
    path = "/passkeys",
    operation_id = "list_passkeys",
    tag = "account",
    responses(
        (status = 200, description = "They.", body = PasskeysResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
) -> Result<Json<PasskeysResponse>, Failure> {
    let user = caller.principal.user;
    let rows = server.read(move |snapshot| snapshot.passkeys(user)).await?;
    Ok(Json(PasskeysResponse { passkeys: rows.into_iter().map(entry).collect() }))
}

fn entry(row: PasskeyRow) -> PasskeyEntry {
    PasskeyEntry {
        id: row.id,
        name: row.name,
        host: row.host,
        created: RfcTime(row.created_at),
        last_used: row.last_used_at.map(RfcTime),
    }
}

/// Begins to register a passkey
///
/// Gives what `navigator.credentials.create` is asked. The passkey is for the name that the page is used under.
#[utoipa::path(
    post,
    path = "/passkeys/begin",
    operation_id = "begin_passkey",
    tag = "account",
    request_body(content = PasswordOnceMore),
    responses(
        (status = 201, description = "The challenge.", body = CeremonyResponse),
        problems::Signed,
        problems::Privileged,
        problems::SignIn,
        problems::Making,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn begin(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<CeremonyResponse>), Failure> {
    let request: PasswordOnceMore = body::json(&server, &headers, body).await?;
    let site = site(&headers)?;
    confirm(&server, &caller, peer, request.password).await?;
    let user = caller.principal.user;
    let (account, known) = server
        .read(move |snapshot| Ok::<_, Failure>((snapshot.user(user)?, snapshot.passkeys(user)?)))
        .await?;
    let account = account.ok_or_else(|| Failure::new(ProblemKind::Unauthenticated))?;
    let asking = Asking { site: &site, address: Some(peer.0), now: server.now() };
    Ok(response(server.ceremonies.begin_registration(&account, &known, asking)?))
}

/// Registers a passkey
///
/// With what the browser answered to the challenge.
#[utoipa::path(
    post,
    path = "/passkeys",
    operation_id = "register_passkey",
    tag = "account",
    request_body(content = NewPasskeyRequest),
    responses(
        (status = 201, description = "All passkeys of the account.", body = PasskeysResponse),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Making,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn register(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<PasskeysResponse>), Failure> {
    let request: NewPasskeyRequest = body::json(&server, &headers, body).await?;
    let (shared, by, now) = (Arc::clone(&server), caller.principal, server.now());
    server
        .blocking(move || {
            let (ceremony, name) = (request.ceremony.as_str(), request.name.as_str());
            let (address, credential) = (Some(peer.0), request.credential);
            let new = NewPasskey { by, address, ceremony, name, credential, now };
            shared.ceremonies.register(&*shared.database, new).map_err(|error| match error {
                PasskeyError::Refused => Failure::invalid(format!("{error}.")),
                error => error.into(),
            })
        })
        .await?;
    Ok((StatusCode::CREATED, list(State(server), caller).await?))
}

/// Calls a passkey otherwise
///
/// The name is for people alone.
#[utoipa::path(
    put,
    path = "/passkeys/{passkey}",
    operation_id = "rename_passkey",
    tag = "account",
    request_body(content = RenamePasskeyRequest),
    responses(
        (status = 204, description = "It is called so."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Json,
        problems::Writing
    )
)]
pub(crate) async fn rename(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    Ids((id,)): Ids<(PasskeyId,)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let request: RenamePasskeyRequest = body::json(&server, &headers, body).await?;
    change(&server, peer, &caller, id, Some(request.name)).await
}

/// Takes a passkey away
///
/// The server forgets its public key; the device that holds it does not learn of that.
#[utoipa::path(
    delete,
    path = "/passkeys/{passkey}",
    operation_id = "remove_passkey",
    tag = "account",
    responses(
        (status = 204, description = "Nobody signs in with it any more."),
        problems::Signed,
        problems::Privileged,
        problems::InFolder,
        problems::Writing
    )
)]
pub(crate) async fn remove(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    caller: Caller,
    Ids((id,)): Ids<(PasskeyId,)>,
) -> Result<StatusCode, Failure> {
    change(&server, peer, &caller, id, None).await
}

async fn change(
    server: &Server,
    peer: PeerAddress,
    caller: &Caller,
    id: PasskeyId,
    name: Option<String>,
) -> Result<StatusCode, Failure> {
    let by = (caller.principal, Some(peer.0), server.now());
    let found =
        server.write(move |transaction| passkey::change(transaction, by, id, name.as_deref())).await?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(Failure::not_found()) }
}

/// Begins to sign in with a passkey
///
/// Gives what `navigator.credentials.get` is asked: no name is needed.
#[utoipa::path(
    post,
    path = "/session/passkey/begin",
    operation_id = "begin_passkey_sign_in",
    tag = "session",
    responses(
        (status = 201, description = "The challenge.", body = CeremonyResponse),
        problems::Values,
        problems::Fallible
    )
)]
pub(crate) async fn begin_sign_in(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<CeremonyResponse>), Failure> {
    let site = site(&headers)?;
    let asking = Asking { site: &site, address: Some(peer.0), now: server.now() };
    Ok(response(server.ceremonies.begin_sign_in(asking)?))
}

/// Signs in with a passkey
///
/// With what the browser answered to the challenge. The passkey has made sure of the person, so that no second factor is
/// asked for. The cookie is as `open_session` sets it.
#[utoipa::path(
    post,
    path = "/session/passkey",
    operation_id = "sign_in_by_passkey",
    tag = "session",
    request_body(content = PasskeySessionRequest),
    responses(
        (status = 201, description = "Who it is now.", body = protocol::v1::SessionResponse, headers(("set-cookie" = String, description = "The session's token."))),
        problems::Json,
        problems::SignIn,
        problems::InFolder,
        problems::Fallible,
        problems::Writing
    )
)]
pub(crate) async fn sign_in(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    before: Option<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: PasskeySessionRequest = body::json(&server, &headers, body).await?;
    only_own_page(&headers)?;
    let (shared, opening) = (Arc::clone(&server), opening(&server, peer, request.browser));
    let linked = server
        .blocking(move || {
            let database = &*shared.database;
            Ok(shared.ceremonies.sign_in(database, &request.ceremony, request.credential, opening)?)
        })
        .await?;
    opened_session(&server, peer, before, &linked).await
}
