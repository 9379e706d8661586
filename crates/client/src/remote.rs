//! The server, over HTTP.
//!
//! One [`Remote`] is one device's view of one server; clones share its connections. HTTP/1.1: bulk costs less than
//! over HTTP/2, and a few connections are enough.
//!
//! Off this machine it is TLS or nothing, and a server that is not believed ([`Trust`]) is never spoken to.

mod changes;
mod codes;
mod commit;
mod connecting;
mod events;
mod fetch;
mod past;
mod people;
mod traffic;
mod trust;
mod view;

pub use codes::{Approval, ask_for_code, wait_for_approval};
pub use events::{Connection, Signal};
pub use people::{link, wait_for_server};
pub use trust::{Distrust, Trust};

pub(crate) use changes::{Pulled, pull};
pub(crate) use commit::{Sending, send_commit};
pub(crate) use fetch::{fetch_chunks, fetch_manifests};
pub(crate) use past::encoded;
pub(crate) use traffic::Place;
use traffic::Traffic;
pub(crate) use view::AskedView;

use crate::home::Link;
use bytes::Bytes;
use connecting::{Connector, Stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::{Epoch, FolderId, Limits, Privilege};
use protocol::bundle::{Decoder, Record};
use protocol::problem::{Problem, ProblemKind};
use protocol::{BUNDLE_MEDIA_TYPE, EPOCH_HEADER, PRIVILEGE_HEADER, RATE_HEADER};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The most bytes of a JSON answer.
const JSON_BYTES_MAX: usize = 64 << 20;
/// How long an answer may be silent, but for long polls.
const SILENCE: Duration = Duration::from_secs(90);

pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// One server, as one device sees it.
#[derive(Debug, Clone)]
pub struct Remote {
    client: Client<Connector, Body>,
    connector: Connector,
    base: Arc<str>,
    token: Option<Arc<str>>,
    traffic: Arc<Traffic>,
}

/// A body on its way, and when bytes of it last moved.
pub(crate) struct Payload {
    pub(crate) body: Body,
    pub(crate) moved: LastMoved,
}

/// When bytes of a body last moved.
#[derive(Debug, Clone)]
pub(crate) struct LastMoved(Arc<Mutex<Instant>>);

impl LastMoved {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(crate) fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn at(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Not reached, or the answer broke off.
    #[error("the server at {server} cannot be reached: {reason}")]
    Unreachable {
        /// Its address.
        server: String,
        /// What failed.
        reason: String,
    },
    /// It is not believed to be the right one: nothing was sent to it.
    #[error("{server}: {reason}")]
    Distrusted {
        /// Its address.
        server: String,
        /// Why not.
        reason: Distrust,
    },
    /// It answered with a problem.
    #[error("{}", describe(.0))]
    Problem(Box<Problem>),
    /// It answered something that this program does not understand.
    #[error("the server's answer is not understood: {0}")]
    Confused(String),
    /// Its lineage is another than expected.
    #[error("the server was restored from a backup")]
    EpochChanged,
}

fn describe(problem: &Problem) -> String {
    if problem.kind() == Some(ProblemKind::Unauthenticated) {
        return "the server does not take this device's token: the device was unlinked, or its account is disabled. Nothing is \
                synced and nothing is lost; to link it again, unsync its directories first"
            .to_owned();
    }
    if problem.kind() == Some(ProblemKind::WipeOrdered) {
        return "the server has ordered this device to remove its copies: `driftless daemon` does so, and keeps what the server \
                does not have"
            .to_owned();
    }
    let what = match &problem.detail {
        Some(detail) => format!("{}: {detail}", problem.title),
        None => problem.title.clone(),
    };
    // What the server's log knows more of.
    match problem.members.get("request_id").and_then(serde_json::Value::as_str) {
        Some(id) if problem.status >= 500 || problem.status == 429 => format!("{what} (request {id})"),
        _ => what,
    }
}

impl RemoteError {
    /// The kind of problem it answered with.
    #[must_use]
    pub fn problem(&self) -> Option<ProblemKind> {
        match self {
            Self::Problem(problem) => problem.kind(),
            _ => None,
        }
    }

    /// Which lineage of the server it is that has ordered this device to remove its copies, if one has.
    pub(crate) fn wipe_ordered(&self) -> Option<Epoch> {
        match self {
            Self::Problem(problem) if problem.kind() == Some(ProblemKind::WipeOrdered) => {
                problem.members.get("epoch")?.as_str()?.parse().ok()
            }
            _ => None,
        }
    }
}

impl Remote {
    /// A server at an address such as `https://files.example.org:7440`, believed for a reason, and a device's token.
    pub fn new(server: &str, token: Option<&str>, trust: Trust) -> Result<Self, RemoteError> {
        let base = server.trim_end_matches('/');
        let bad = |why: &str| RemoteError::Confused(format!("{server:?} {why}"));
        let uri: http::Uri = base.parse().map_err(|_| bad("is not an address"))?;
        let host = uri.host().unwrap_or_default();
        let like = "is not an address such as https://files.example.org:7440";
        let trust = match uri.scheme_str() {
            _ if host.is_empty() => return Err(bad(like)),
            Some("https") => Some(trust),
            Some("http") if matches!(trust, Trust::Pinned(_)) => {
                return Err(bad("has no certificate that could be pinned; use https://"));
            }
            Some("http") if is_loopback(host) => None,
            Some("http") => {
                return Err(bad("is refused: plain HTTP is only for servers on this machine; use https://"));
            }
            _ => return Err(bad(like)),
        };
        let connector = Connector::new(trust).map_err(|error| RemoteError::Confused(error.to_string()))?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(4)
            .build(connector.clone());
        Ok(Self {
            client,
            connector,
            base: base.into(),
            token: token.map(Into::into),
            traffic: Arc::default(),
        })
    }

    /// The server to which a device is linked.
    pub fn of(link: &Link) -> Result<Self, RemoteError> {
        let trust = link.fingerprint.map_or(Trust::Authorities, Trust::Pinned);
        Self::new(&link.server, Some(&link.token), trust)
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.base
    }

    /// What bounds this device's traffic.
    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// What the server takes, as far as it is known.
    pub(crate) fn limits(&self) -> Limits {
        self.traffic.limits()
    }

    /// How many chunks one call may name.
    pub(crate) fn chunks_in_a_call(&self) -> usize {
        usize::try_from(self.limits().chunks).unwrap_or(usize::MAX).max(1)
    }

    /// Asks the server what it takes, if that was long ago. What cannot be learnt stays as it was known.
    pub(crate) async fn learn_limits(&self) {
        if self.traffic.is_outdated() {
            match self.server_information().await {
                Ok(server) => self.traffic.learn(server.limits),
                Err(error) => tracing::debug!(%error, "what the server takes was not learnt"),
            }
        }
    }

    /// Waits for the right to move bytes of a folder.
    pub(crate) async fn place(&self, folder: FolderId) -> Place {
        self.learn_limits().await;
        self.traffic.place(folder).await
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn unreachable(&self, reason: impl std::fmt::Display) -> RemoteError {
        RemoteError::Unreachable { server: self.base.to_string(), reason: reason.to_string() }
    }

    /// No connection came to be, or it broke.
    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> RemoteError {
        match Distrust::among(error) {
            Some(reason) => RemoteError::Distrusted { server: self.base.to_string(), reason: reason.clone() },
            None => self.unreachable(innermost(error)),
        }
    }

    /// A connection of its own.
    async fn connect(&self) -> Result<Stream, RemoteError> {
        let address = self.base.parse().map_err(|_| self.unreachable("it has no address"))?;
        self.connector.clone().connect(address).await.map_err(|error| self.failed(&*error))
    }

    /// Sends a request; an answer that is no success becomes an error.
    async fn call(
        &self,
        method: Method,
        path: &str,
        media_type: Option<&str>,
        (payload, reads): (Payload, Option<u64>),
        silence: Duration,
    ) -> Result<Response<Incoming>, RemoteError> {
        let mut request = Request::builder().method(method).uri(format!("{}/api/v1{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(media_type) = media_type {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        if let Some(rate) = reads {
            request = request.header(RATE_HEADER, rate);
        }
        let Payload { body, moved } = payload;
        let request = request.body(body).map_err(|error| RemoteError::Confused(error.to_string()))?;
        let mut answering = std::pin::pin!(self.client.request(request));
        // Silence begins when no more bytes leave: a body may take as long as it is allowed to.
        let answer = loop {
            let until = moved.at() + silence;
            match tokio::time::timeout_at(until, answering.as_mut()).await {
                Ok(answer) => break answer.map_err(|error| self.failed(&error))?,
                Err(_) if moved.at() + silence > until => {}
                Err(_) => return Err(self.unreachable("it does not answer")),
            }
        };
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.problem(answer).await)
    }

    async fn problem(&self, answer: Response<Incoming>) -> RemoteError {
        let status = answer.status();
        match self.whole(answer).await {
            Ok(bytes) => match serde_json::from_slice::<Problem>(&bytes) {
                Ok(problem) => {
                    if status == StatusCode::TOO_MANY_REQUESTS {
                        let seconds = problem.members.get("retry_after").and_then(serde_json::Value::as_u64);
                        self.traffic.hold_off(Duration::from_secs(seconds.unwrap_or(1)));
                    }
                    RemoteError::Problem(Box::new(problem))
                }
                Err(_) if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::BAD_GATEWAY => {
                    self.unreachable(status)
                }
                Err(_) => RemoteError::Confused(format!("status {status} without a problem document")),
            },
            Err(error) => error,
        }
    }

    async fn whole(&self, answer: Response<Incoming>) -> Result<Bytes, RemoteError> {
        let body = http_body_util::Limited::new(answer.into_body(), JSON_BYTES_MAX);
        let collected = tokio::time::timeout(SILENCE, body.collect()).await;
        let collected = collected.map_err(|_| self.unreachable("its answer breaks off"))?;
        Ok(collected.map_err(|error| self.unreachable(error))?.to_bytes())
    }

    pub(crate) async fn json<A: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        question: Option<&impl serde::Serialize>,
    ) -> Result<A, RemoteError> {
        let (media_type, body) = match question {
            Some(question) => {
                let bytes = serde_json::to_vec(question).map_err(|e| RemoteError::Confused(e.to_string()))?;
                (Some("application/json"), full(bytes))
            }
            None => (None, full(Vec::new())),
        };
        let answer = self.call(method, path, media_type, (body, None), SILENCE).await?;
        let bytes = self.whole(answer).await?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"null") } else { bytes };
        serde_json::from_slice(&bytes).map_err(|error| RemoteError::Confused(error.to_string()))
    }

    /// Sends a bundle (or nothing) and reads a bundle.
    pub(crate) async fn bundle(
        &self,
        method: Method,
        path: &str,
        body: Option<Payload>,
        silence: Duration,
    ) -> Result<BundleReader, RemoteError> {
        let media_type = body.is_some().then_some(BUNDLE_MEDIA_TYPE);
        let body = body.unwrap_or_else(|| full(Vec::new()));
        let answer = self.call(method, path, media_type, (body, None), silence).await?;
        Ok(self.read_bundle(answer, None, silence))
    }

    /// Sends a bundle and reads a bundle, either of which brings contents; in a place that it keeps until the end.
    pub(crate) async fn transfer(
        &self,
        place: Place,
        path: &str,
        payload: Payload,
        silence: Duration,
    ) -> Result<BundleReader, RemoteError> {
        let silence = silence + self.traffic.slack();
        let sent = (payload, place.reads);
        let answer = self.call(Method::POST, path, Some(BUNDLE_MEDIA_TYPE), sent, silence).await?;
        Ok(self.read_bundle(answer, Some(place), silence))
    }

    fn read_bundle(
        &self,
        answer: Response<Incoming>,
        place: Option<Place>,
        silence: Duration,
    ) -> BundleReader {
        let epoch = answer.headers().get(EPOCH_HEADER).and_then(|value| value.to_str().ok());
        let epoch = epoch.and_then(|text| text.parse().ok());
        let privilege = answer.headers().get(PRIVILEGE_HEADER).and_then(|value| value.to_str().ok());
        let privilege = privilege.and_then(|text| text.parse().ok());
        let decoder = Decoder::new(u64::MAX);
        BundleReader {
            remote: self.clone(),
            body: answer.into_body(),
            decoder,
            epoch,
            privilege,
            silence,
            place,
        }
    }
}

/// A bundle as it arrives.
pub(crate) struct BundleReader {
    remote: Remote,
    body: Incoming,
    decoder: Decoder,
    epoch: Option<Epoch>,
    privilege: Option<Privilege>,
    silence: Duration,
    place: Option<Place>,
}

impl BundleReader {
    /// The server's lineage, as the answer says.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// What the account may do in the folder, if the answer says.
    pub(crate) fn privilege(&self) -> Option<Privilege> {
        self.privilege
    }

    /// The next record; none after the end, which proves that the bundle came whole.
    pub(crate) async fn next(&mut self) -> Result<Option<Record>, RemoteError> {
        loop {
            match self.decoder.next_record() {
                Ok(Some(Record::End(_))) => return Ok(None),
                Ok(Some(Record::Problem(problem))) => return Err(RemoteError::Problem(problem)),
                Ok(Some(record)) => return Ok(Some(record)),
                Ok(None) => {}
                Err(error) => return Err(RemoteError::Confused(error.to_string())),
            }
            if self.decoder.is_ended() {
                return Ok(None);
            }
            let frame = tokio::time::timeout(self.silence, self.body.frame()).await;
            let frame = frame.map_err(|_| self.remote.unreachable("its answer breaks off"))?;
            match frame {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        let pushed = self.decoder.push(&bytes);
                        pushed.map_err(|error| RemoteError::Confused(error.to_string()))?;
                        if let Some(place) = &self.place {
                            place.down.take(bytes.len()).await;
                        }
                    }
                }
                Some(Err(error)) => return Err(self.remote.unreachable(innermost(&error))),
                None => return Err(self.remote.unreachable("its answer breaks off")),
            }
        }
    }
}

pub(crate) fn full(bytes: Vec<u8>) -> Payload {
    let body = Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed();
    Payload { body, moved: LastMoved::new() }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_refused_off_this_machine() {
        let refused = |address: &str| Remote::new(address, None, Trust::Authorities).is_err();
        for good in ["http://127.0.0.1:7440", "http://localhost:1/", "http://[::1]:7440"] {
            assert!(!refused(good), "{good}");
        }
        for bad in ["http://10.0.0.1:7440", "http://example.org", "ftp://127.0.0.1", "127.0.0.1:7440", ""] {
            assert!(refused(bad), "{bad}");
        }
    }

    #[test]
    fn only_a_server_with_a_certificate_can_be_pinned() {
        let pin = Trust::Pinned(protocol::Fingerprint::of(b"x"));
        assert!(Remote::new("http://127.0.0.1:7440", None, pin).is_err());
        for good in ["https://127.0.0.1:7440", "https://[::1]", "https://files.example.org"] {
            assert!(Remote::new(good, None, pin).is_ok(), "{good}");
        }
    }
}
