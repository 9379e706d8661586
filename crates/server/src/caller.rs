//! Who is asking: from the request's head to a session, before anything else is looked at.

use crate::admin::By;
use crate::cookie;
use crate::failure::Failure;
use crate::server::Server;
use auth::{Session, TokenDigest};
use axum::extract::{FromRequestParts, MatchedPath, Path, Query};
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use metadata::account::DeviceKind;
use model::{DeviceId, Origin, Principal, Rates, Timestamp};
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

impl PeerAddress {
    /// From where it asks. A trusted proxy's own address tells nothing of who is behind it.
    pub(crate) fn origin(self, server: &Server) -> Origin {
        match server.settings.trusted_proxies.contains(self.0) {
            true => Origin::Unknown,
            false => Origin::Address(self.0),
        }
    }
}

/// The generation of everybody's rights, looked at after the request had come ([`crate::guests`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generation(pub(crate) u64);

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
fn shown_token(parts: &Parts, server: &Server) -> Result<(TokenDigest, bool), Failure> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        let token = cookie::shown(parts, server);
        return token
            .map(|token| (token.digest(), true))
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
    auth::token::bearer(token.trim_start()).map(|digest| (digest, false)).ok_or_else(unauthenticated)
}

/// The answer to a token that reaches nothing: a device that is to remove its copies hears so.
async fn refuse(server: &Arc<Server>, digest: TokenDigest) -> Result<Failure, Failure> {
    let ordered = server.read(move |snapshot| auth::wipe::ordered(snapshot, digest)).await?;
    Ok(match ordered {
        Some(_) => Failure::new(ProblemKind::WipeOrdered).member("epoch", server.epoch().to_string()),
        None => unauthenticated(),
    })
}

/// A device that is to remove its copies. Nobody else may say that it did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToBeWiped(pub(crate) Principal);

impl FromRequestParts<Arc<Server>> for ToBeWiped {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Failure> {
        let (digest, _) = shown_token(parts, server)?;
        if let Some(row) = server.read(move |snapshot| auth::wipe::ordered(snapshot, digest)).await? {
            let peer = parts.extensions.get::<PeerAddress>();
            let from = peer.map_or(Origin::Unknown, |peer| peer.origin(server));
            return Ok(Self(Principal { user: row.user, device: Some(row.id), from }));
        }
        // Whoever is linked has no such order.
        <Caller as FromRequestParts<_>>::from_request_parts(parts, server).await?;
        Err(Failure::not_found())
    }
}

impl FromRequestParts<Arc<Server>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, Failure> {
        let (digest, by_cookie) = shown_token(parts, server)?;
        let now = server.now();
        let peer = parts.extensions.get::<PeerAddress>().copied();
        let from = peer.map_or(Origin::Unknown, |peer| peer.origin(server));
        let generation = parts.extensions.get::<Generation>().copied();
        let Some(session) = server.session(digest, from, generation).await? else {
            return Err(refuse(server, digest).await?);
        };
        let rates = session.rates.or(server.settings.user_rates);
        let address = peer.map(|peer| peer.0);
        note_last_use(server, &session, address, now);
        tracing::Span::current().record("user", tracing::field::display(session.principal.user));
        if let Some(device) = session.principal.device {
            tracing::Span::current().record("device", tracing::field::display(device));
        }
        if session.kind == DeviceKind::App && !is_for_apps(parts) {
            return Err(deny(parts, server, session.principal, "app_password.use").await?);
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
        if caller.administrator {
            return Ok(Self { by: By { principal: Some(caller.principal), address } });
        }
        Err(deny(parts, server, caller.principal, "administration").await?)
    }
}

/// A refusal, once it is in the audit log.
async fn deny(
    parts: &Parts,
    server: &Arc<Server>,
    principal: Principal,
    action: &'static str,
) -> Result<Failure, Failure> {
    let address = parts.extensions.get::<PeerAddress>().map(|peer| peer.0);
    let details = vec![
        ("method".to_owned(), parts.method.to_string()),
        ("path".to_owned(), parts.uri.path().to_owned()),
    ];
    let by = By { principal: Some(principal), address };
    let entry = by.entry(server.now(), action, false, details);
    server
        .write(move |transaction| {
            transaction.append_audit(&entry, auth::digest::audit)?;
            Ok::<_, Failure>(())
        })
        .await?;
    Ok(Failure::new(ProblemKind::Forbidden))
}

/// What app passwords reach, beside what is below a folder: people's files, and nothing that guards an account. What is not
/// named here is refused, however it came to be.
const FOR_APPS: [(Method, &str); 4] = [
    (Method::GET, "/api/v1/session"),
    (Method::GET, "/api/v1/folders"),
    (Method::GET, "/api/v1/events"),
    (Method::DELETE, "/api/v1/devices/self"),
];

/// What they reach below a folder, as far as their scope lets them.
const IN_FOLDERS_FOR_APPS: [&str; 9] =
    ["changes", "views", "trash", "restore", "space", "uploads", "chunks", "commits", "nodes"];

fn is_for_apps(parts: &Parts) -> bool {
    let Some(path) = parts.extensions.get::<MatchedPath>() else { return false };
    if FOR_APPS.iter().any(|(method, of)| parts.method == *method && path.as_str() == *of) {
        return true;
    }
    let below = path.as_str().strip_prefix("/api/v1/folders/{folder}/");
    let first = below.and_then(|below| below.split('/').next());
    first.is_some_and(|first| IN_FOLDERS_FOR_APPS.contains(&first))
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
