//! The server, over HTTP.
//!
//! One [`Remote`] is one device's view of one server; clones share its connections. HTTP/1.1: bulk costs less than
//! over HTTP/2, and a few connections are enough.

mod changes;
mod commit;
mod events;
mod fetch;
mod past;
mod people;
mod view;

pub use events::{Connection, Signal};
pub use people::{link, wait_for_server};

pub(crate) use changes::pull;
pub(crate) use commit::{Sending, send_commit};
pub(crate) use fetch::{fetch_chunks, fetch_manifests};
pub(crate) use past::encoded;
pub(crate) use view::AskedView;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::Epoch;
use protocol::bundle::{Decoder, Record};
use protocol::problem::{Problem, ProblemKind};
use protocol::{BUNDLE_MEDIA_TYPE, EPOCH_HEADER};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The most bytes of a JSON answer.
const JSON_BYTES_MAX: usize = 64 << 20;
/// How long an answer may be silent, but for long polls.
const SILENCE: Duration = Duration::from_secs(90);
/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);

pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// One server, as one device sees it.
#[derive(Debug, Clone)]
pub struct Remote {
    client: Client<HttpConnector, Body>,
    base: Arc<str>,
    token: Option<Arc<str>>,
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
    match &problem.detail {
        Some(detail) => format!("{}: {detail}", problem.title),
        None => problem.title.clone(),
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
}

impl Remote {
    /// A server at an address such as `http://127.0.0.1:7440`, and a device's token.
    pub fn new(server: &str, token: Option<&str>) -> Result<Self, RemoteError> {
        let base = server.trim_end_matches('/');
        let uri: http::Uri =
            base.parse().map_err(|_| RemoteError::Confused(format!("{server:?} is not an address")))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            let message = format!("{server:?} is not an address such as http://127.0.0.1:7440");
            return Err(RemoteError::Confused(message));
        }
        if !is_loopback(uri.host().unwrap_or_default()) {
            let message = "plain HTTP is only for servers on this machine; TLS is not there yet".to_owned();
            return Err(RemoteError::Confused(message));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECTING));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(4)
            .build(connector);
        Ok(Self { client, base: base.into(), token: token.map(Into::into) })
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.base
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn unreachable(&self, reason: impl std::fmt::Display) -> RemoteError {
        RemoteError::Unreachable { server: self.base.to_string(), reason: reason.to_string() }
    }

    /// Sends a request; an answer that is no success becomes an error.
    async fn call(
        &self,
        method: Method,
        path: &str,
        media_type: Option<&str>,
        body: Body,
        silence: Duration,
    ) -> Result<Response<Incoming>, RemoteError> {
        let mut request = Request::builder().method(method).uri(format!("{}/api/v1{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(media_type) = media_type {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let request = request.body(body).map_err(|error| RemoteError::Confused(error.to_string()))?;
        let answer = tokio::time::timeout(silence, self.client.request(request)).await;
        let answer = answer
            .map_err(|_| self.unreachable("it does not answer"))?
            .map_err(|error| self.unreachable(innermost(&error)))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.problem(answer).await)
    }

    async fn problem(&self, answer: Response<Incoming>) -> RemoteError {
        let status = answer.status();
        match self.whole(answer).await {
            Ok(bytes) => match serde_json::from_slice::<Problem>(&bytes) {
                Ok(problem) => RemoteError::Problem(Box::new(problem)),
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
        let answer = self.call(method, path, media_type, body, SILENCE).await?;
        let bytes = self.whole(answer).await?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"null") } else { bytes };
        serde_json::from_slice(&bytes).map_err(|error| RemoteError::Confused(error.to_string()))
    }

    /// Sends a bundle (or nothing) and reads a bundle.
    pub(crate) async fn bundle(
        &self,
        method: Method,
        path: &str,
        body: Option<Body>,
        silence: Duration,
    ) -> Result<BundleReader, RemoteError> {
        let media_type = body.is_some().then_some(BUNDLE_MEDIA_TYPE);
        let body = body.unwrap_or_else(|| full(Vec::new()));
        let answer = self.call(method, path, media_type, body, silence).await?;
        let epoch = answer.headers().get(EPOCH_HEADER).and_then(|value| value.to_str().ok());
        let epoch = epoch.and_then(|text| text.parse().ok());
        let decoder = Decoder::new(u64::MAX);
        Ok(BundleReader { remote: self.clone(), body: answer.into_body(), decoder, epoch, silence })
    }
}

/// A bundle as it arrives.
pub(crate) struct BundleReader {
    remote: Remote,
    body: Incoming,
    decoder: Decoder,
    epoch: Option<Epoch>,
    silence: Duration,
}

impl BundleReader {
    /// The server's lineage, as the answer says.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch
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
                    }
                }
                Some(Err(error)) => return Err(self.remote.unreachable(innermost(&error))),
                None => return Err(self.remote.unreachable("its answer breaks off")),
            }
        }
    }
}

pub(crate) fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed()
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
        for good in ["http://127.0.0.1:7440", "http://localhost:1/", "http://[::1]:7440"] {
            assert!(Remote::new(good, None).is_ok(), "{good}");
        }
        for bad in ["http://10.0.0.1:7440", "http://example.org", "https://127.0.0.1", "127.0.0.1:7440", ""] {
            assert!(Remote::new(bad, None).is_err(), "{bad}");
        }
    }
}
