//! `/api/v1/session/single-sign-on`: signing in by a provider ([`crate::single_sign_on`]).

use super::{only_own_page, opened_session, opening, second_step};
use crate::body;
use crate::caller::{Caller, PeerAddress};
use crate::chosen;
use crate::cookie;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use crate::single_sign_on::chosen::Chosen;
use crate::single_sign_on::{CALLBACK, refused};
use auth::single_sign_on::{Person, Rules};
use auth::{Opened, Opening};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use openid::attempts::{Attempt, LIFE_SECONDS, Purpose};
use openid::provider::{self, Refusal};
use protocol::v1::{
    SecondStepResponse, SessionResponse, SingleSignOnBegun, SingleSignOnOffer, SingleSignOnReason as Reason,
    SingleSignOnRequest,
};
use std::sync::Arc;

/// Whether one can sign in by a provider
///
/// And what its button says.
#[utoipa::path(
    get,
    path = "/session/single-sign-on",
    operation_id = "get_single_sign_on",
    tag = "session",
    responses(
        (status = 200, description = "The button.", body = SingleSignOnOffer),
        problems::Fallible
    )
)]
pub(crate) async fn get(State(server): State<Arc<Server>>) -> Result<Json<SingleSignOnOffer>, Failure> {
    let chosen = server.single_sign_on_chosen().await?;
    Ok(Json(SingleSignOnOffer { button: chosen.map(|chosen| chosen.settings.button) }))
}

/// Begins to sign in by the provider
///
/// Gives the address to send the browser to. The provider sends it back to `/sign-in/callback` of the page, with a `code` and
/// the `state` that `sign_in_by_single_sign_on` takes. The attempt is for this browser alone, by a cookie.
#[utoipa::path(
    post,
    path = "/session/single-sign-on/begin",
    operation_id = "begin_single_sign_on",
    tag = "session",
    responses(
        (status = 201, description = "Where to go.", body = SingleSignOnBegun, headers(("set-cookie" = String, description = "This browser's half of the attempt."))),
        problems::SingleSignOn,
        problems::Values,
        problems::Fallible
    )
)]
pub(crate) async fn begin_sign_in(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    only_own_page(&headers)?;
    begin(&server, peer, &headers, Purpose::SignIn).await
}

/// Begins an attempt: the same for all that may come of it.
pub(crate) async fn begin(
    server: &Arc<Server>,
    peer: PeerAddress,
    headers: &HeaderMap,
    purpose: Purpose,
) -> Result<Response, Failure> {
    let chosen = server.single_sign_on_chosen().await?.ok_or_else(|| refused(Reason::NotConfigured))?;
    let redirect = redirect(server, headers).await?;
    let (issuer, client_id) = (chosen.settings.issuer.clone(), chosen.settings.client_id.clone());
    let begin = || {
        let names = (issuer, client_id, redirect.clone());
        server.single_sign_on.attempts.begin(purpose, names, peer.0, server.now())
    };
    let known = chosen.known(server).map_err(|refusal| said(&refusal))?;
    let begun = provider::address(&server.single_sign_on.providers, &known, &redirect, begin).await;
    let (address, begun) = begun.map_err(|refusal| said(&refusal))?.map_err(Failure::internal)?;
    let cookie = cookie::give_attempt(server, peer, &begun.binding, LIFE_SECONDS);
    let answer = Json(SingleSignOnBegun { address });
    Ok((StatusCode::CREATED, AppendHeaders([(SET_COOKIE, cookie)]), answer).into_response())
}

/// Where the provider is to send the browser back to: to the public address, under which the page must be used then; without
/// one, to where the page is used, which must be this server by the browser's own word.
async fn redirect(server: &Server, headers: &HeaderMap) -> Result<String, Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).and_then(|origin| chosen::address_of(origin).ok());
    let wrong = || refused(Reason::WrongAddress);
    let origin = origin.ok_or_else(wrong)?;
    let is_here = match server.read(chosen::chosen).await?.public_address {
        Some(public) => chosen::address_of(&public).is_ok_and(|public| public == origin),
        None => text(HOST).is_some_and(|host| host.eq_ignore_ascii_case(&origin.authority())),
    };
    if is_here { Ok(format!("{origin}{CALLBACK}")) } else { Err(wrong()) }
}

/// What the provider's words come to: they go to the log, and a reason to the page.
fn said(refusal: &Refusal) -> Failure {
    tracing::warn!(reason = refusal.reason.word(), cause = ?refusal.cause, "single sign-on came to nothing");
    refused(refusal.reason)
}

/// What the browser came back with.
pub(crate) struct Shown {
    pub(crate) state: String,
    pub(crate) code: String,
    pub(crate) issuer: Option<String>,
}

/// The person whom the provider vouches for, and the settings of now.
pub(crate) async fn proven(
    server: &Arc<Server>,
    cookie: Option<&str>,
    is_purpose: impl FnOnce(&Purpose) -> bool,
    shown: Shown,
) -> Result<Result<(Person, Chosen), Refusal>, Failure> {
    let unknown = || refused(Reason::UnknownAttempt);
    let binding = cookie.ok_or_else(unknown)?;
    let attempt: Attempt =
        server.single_sign_on.attempts.take(&shown.state, binding, server.now()).ok_or_else(unknown)?;
    let chosen = server.single_sign_on_chosen().await?.ok_or_else(|| refused(Reason::NotConfigured))?;
    let is_same = chosen.settings.issuer == attempt.issuer && chosen.settings.client_id == attempt.client_id;
    // Who says to have sent it must be who was asked (RFC 9207).
    let is_theirs = shown.issuer.is_none_or(|issuer| issuer == attempt.issuer);
    if !is_purpose(&attempt.purpose) || !is_same || !is_theirs {
        return Err(unknown());
    }
    let providers = &server.single_sign_on.providers;
    let person = match chosen.known(server) {
        Ok(known) => provider::exchange(providers, &known, &attempt, shown.code, server.now()).await,
        Err(refusal) => Err(refusal),
    };
    Ok(person.map(|person| (person, chosen)))
}

/// Signs in by the provider
///
/// With what it has sent the browser back with. Where the account has a second factor and administrators want it asked for,
/// `finish_session` takes its code. The cookie is as `open_session` sets it.
#[utoipa::path(
    post,
    path = "/session/single-sign-on",
    operation_id = "sign_in_by_single_sign_on",
    tag = "session",
    request_body(content = SingleSignOnRequest),
    responses(
        (status = 201, description = "Who it is now.", body = SessionResponse, headers(("set-cookie" = String, description = "The session's token."))),
        (status = 202, description = "The provider vouches; the second factor is wanted, too.", body = SecondStepResponse),
        problems::Json,
        problems::SingleSignOn,
        problems::SignIn,
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
    let SingleSignOnRequest { state, code, issuer, browser } = body::json(&server, &headers, body).await?;
    only_own_page(&headers)?;
    let opening = opening(&server, peer, browser);
    let cookie = cookie::attempt(&headers, &server, peer);
    let shown = Shown { state, code, issuer };
    let proven = proven(&server, cookie, |purpose| *purpose == Purpose::SignIn, shown).await?;
    let (person, chosen) = match proven {
        Ok(proven) => proven,
        Err(refusal) => return Err(note(&server, opening, refusal).await?),
    };
    let shared = Arc::clone(&server);
    let opened = server
        .blocking(move || {
            let (database, factors) = (&*shared.database, &shared.factors);
            Ok(auth::single_sign_on::sign_in(database, factors, person, rules(chosen), opening)?)
        })
        .await;
    // Its groups may be others now.
    server.rights_were_changed();
    let mut response = match opened? {
        Opened::Linked(linked) => opened_session(&server, peer, before, &linked).await?,
        Opened::SecondStep(step) => second_step(&step),
    };
    response.headers_mut().append(SET_COOKIE, cookie::take_attempt(&server, peer));
    Ok(response)
}

fn rules(chosen: Chosen) -> Rules {
    let settings = chosen.settings;
    Rules {
        create: settings.create,
        groups: settings.groups.into_iter().map(|mapping| (mapping.there, mapping.group)).collect(),
        administrators: settings.administrators,
        second_factor: settings.second_factor,
    }
}

/// Notes in the audit log that nobody was signed in.
async fn note(server: &Server, opening: Opening, refusal: Refusal) -> Result<Failure, Failure> {
    let failure = said(&refusal);
    server
        .write(move |transaction| {
            auth::single_sign_on::refuse(transaction, None, &opening, refusal.reason.word())?;
            Ok::<_, Failure>(())
        })
        .await?;
    Ok(failure)
}
