//! Who is asking: from the request's head to a session, before anything else is looked at.

use crate::admin::By;
use crate::cookie;
use crate::failure::Failure;
use crate::server::Server;
use auth::{Session, Token};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use model::{DeviceId, Principal, Rates, Timestamp};
use protocol::ProblemKind;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// How old the note of a device's last use may get.
const LAST_SEEN_SECONDS: i64 = 300;

/// Somebody with a valid token. Asking for it is what makes an endpoint need one.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) administrator: bool,
    /// How many bytes a second the account's devices may move together.
    pub(crate) rates: Rates,
    /// Whether the token came in a browser's cookie.
    pub(crate) by_cookie: bool,
}

/// The client's address, noted by [`crate::serve()`]: the other end's, or what a trusted proxy says it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

impl Caller {
    pub(crate) fn device(&self) -> Option<DeviceId> {
        self.principal.device
    }
}

fn unauthenticated() -> Failure {
    Failure::new(ProblemKind::Unauthenticated)
}

/// The token that a request shows, and whether it is a browser's cookie that holds it. Who shows one under `Authorization`
/// means that one.
fn shown_token(parts: &Parts, server: &Server) -> Result<(Token, bool), Failure> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        let token = cookie::shown(parts, server);
        return token
            .map(|token| (token, true))
            .ok_or_else(|| unauthenticated().detail("No token was shown."));
    };
    if values.next().is_some() {
        return Err(unauthenticated().detail("Several tokens were shown."));
    }
    let text = value.to_str().map_err(|_| unauthenticated())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(unauthenticated)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unauthenticated().detail("The token goes under the scheme Bearer."));
    }
    Token::parse(token.trim_start()).map(|token| (token, false)).ok_or_else(unauthenticated)
}

impl FromRequestParts<Arc<Server>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Failure> {
        let (token, by_cookie) = shown_token(parts, server)?;
        let digest = token.digest();
        let now = server.now();
        let session = server.session(digest).await?.ok_or_else(unauthenticated)?;
        let rates = session.rates.or(server.settings.user_rates);
        let address = parts.extensions.get::<PeerAddress>().map(|peer| peer.0);
        note_last_use(server, &session, address, now);
        tracing::Span::current().record("user", tracing::field::display(session.principal.user));
        if let Some(device) = session.principal.device {
            tracing::Span::current().record("device", tracing::field::display(device));
        }
        Ok(Self { principal: session.principal, administrator: session.administrator, rates, by_cookie })
    }
}

/// Somebody who administers the server. Asking for it is what makes an endpoint theirs alone; whoever else asks is refused,
/// and in the audit log.
#[derive(Debug, Clone)]
pub(crate) struct Administrator {
    /// Who, for the log.
    pub(crate) by: By,
}

impl FromRequestParts<Arc<Server>> for Administrator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Failure> {
        let caller = <Caller as FromRequestParts<_>>::from_request_parts(parts, server).await?;
        let address = parts.extensions.get::<PeerAddress>().map(|peer| peer.0);
        let by = By { principal: Some(caller.principal), address };
        if caller.administrator {
            return Ok(Self { by });
        }
        let details = vec![
            ("method".to_owned(), parts.method.to_string()),
            ("path".to_owned(), parts.uri.path().to_owned()),
        ];
        let entry = by.entry(server.now(), "administration", false, details);
        server
            .write(move |transaction| {
                transaction.append_audit(&entry, auth::digest::audit)?;
                Ok::<_, Failure>(())
            })
            .await?;
        Err(Failure::new(ProblemKind::Forbidden))
    }
}

/// Somebody with a valid token, or anybody: for what is told to all, and a little more to those who are known.
impl axum::extract::OptionalFromRequestParts<Arc<Server>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Option<Self>, Infallible> {
        Ok(<Self as FromRequestParts<_>>::from_request_parts(parts, server).await.ok())
    }
}

/// Notes the use now and then, without making anybody wait for it.
fn note_last_use(server: &Server, session: &Session, address: Option<IpAddr>, now: Timestamp) {
    let fresh = session.last_seen.is_some_and(|seen| {
        let age = now.parts().0 - seen.parts().0;
        (0..LAST_SEEN_SECONDS).contains(&age)
    });
    let Some(device) = session.principal.device.filter(|_| !fresh) else { return };
    server.looks.rights.seen(device, now);
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    let unit = Box::new(move |transaction: &dyn metadata::Transaction| {
        match transaction.touch_device(device, now, &address) {
            Ok(()) => metadata::Keep::Commit,
            Err(_) => metadata::Keep::RollBack,
        }
    });
    let answer = Box::new(|result: metadata::Result<()>| {
        if let Err(error) = result {
            tracing::warn!(%error, "a device's last use was not noted");
        }
    });
    server.database.queue_write(unit, answer);
}

/// Ids in the address; what is none of their kind names nothing.
#[derive(Debug)]
pub(crate) struct Ids<T>(pub(crate) T);

fn id<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

impl<S: Send + Sync, A: FromStr> FromRequestParts<S> for Ids<(A,)> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Failure::not_found())?;
        Ok(Self((id(&text)?,)))
    }
}

impl<S: Send + Sync, A: FromStr, B: FromStr> FromRequestParts<S> for Ids<(A, B)> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path((first, second)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| Failure::not_found())?;
        Ok(Self((id(&first)?, id(&second)?)))
    }
}

impl<S: Send + Sync, A: FromStr, B: FromStr, C: FromStr> FromRequestParts<S> for Ids<(A, B, C)> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path((first, second, third)) = Path::<(String, String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| Failure::not_found())?;
        Ok(Self((id(&first)?, id(&second)?, id(&third)?)))
    }
}

/// Values after the `?`; unknown ones are an error if `T` says so.
#[derive(Debug)]
pub(crate) struct Values<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Values<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Query(values) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Failure::new(ProblemKind::BadRequest).detail(rejection.body_text()))?;
        Ok(Self(values))
    }
}
