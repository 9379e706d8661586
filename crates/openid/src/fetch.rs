//! Asks the provider of single sign-on, whose address an administrator has chosen.
//!
//! *Always:* `https`, with a certificate that this machine's authorities vouch for; `http` only to this machine itself, and
//! only where the provider itself was chosen so. No redirects are followed, answers are bounded in bytes and time, and no
//! connection is kept. Addresses in private networks are allowed: that is where providers are.

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The most bytes of an answer.
const ANSWER_BYTES: usize = 512 << 10;
/// The most bytes of its head.
const HEAD_BYTES: usize = 32 << 10;

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is not one that may be asked.
    #[error(
        "'{0}' is not an address that may be asked: https is wanted, or http on this machine for a provider on it"
    )]
    Address(String),
    /// It took too long.
    #[error("no whole answer within {0} s")]
    TooSlow(u64),
    /// Anything else.
    #[error("{0}")]
    Failed(Error),
}

/// Asks one provider.
pub struct Fetcher {
    tls: TlsConnector,
    /// Whether this machine may be asked by plain HTTP.
    plain: bool,
    time: Duration,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("plain", &self.plain).finish_non_exhaustive()
    }
}

impl Fetcher {
    /// Trusts what this machine trusts now. Blocks.
    ///
    /// # Errors
    /// If TLS cannot be spoken.
    pub fn new(plain: bool, time: Duration) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), plain, time })
    }

    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let target = Target::of(request.uri(), self.plain)
            .ok_or_else(|| FetchError::Address(request.uri().to_string()))?;
        let asked = async {
            let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
            if target.is_plain {
                return converse(stream, request).await;
            }
            let name = ServerName::try_from(target.host.clone())?;
            converse(self.tls.connect(name, stream).await?, request).await
        };
        let answer = timeout(self.time, asked).await;
        answer.map_err(|_| FetchError::TooSlow(self.time.as_secs()))?.map_err(FetchError::Failed)
    }
}

impl<'c> AsyncHttpClient<'c> for Fetcher {
    type Error = FetchError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, FetchError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.fetch(request))
    }
}

struct Target {
    is_plain: bool,
    host: String,
    port: u16,
}

impl Target {
    fn of(uri: &Uri, plain: bool) -> Option<Self> {
        let named = uri.host()?;
        let host = named.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_plain = match uri.scheme_str()? {
            "https" => false,
            "http" if plain && is_this_machine(&host) => true,
            _ => return None,
        };
        Some(Self { is_plain, host, port: uri.port_u16().unwrap_or(if is_plain { 80 } else { 443 }) })
    }
}

/// Whether a host is this machine, by what it is called alone.
pub fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether a browser or this server may be sent to an address of a provider.
pub fn may_be_asked(address: &str, plain: bool) -> bool {
    address.parse::<Uri>().is_ok_and(|uri| Target::of(&uri, plain).is_some())
}

async fn converse<S>(stream: S, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(TokioIo::new(stream)).await?;
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().ok_or("an address without a host")?.as_str();
    let host = authority.rsplit('@').next().unwrap_or_default().parse()?;
    head.headers.insert(header::HOST, host);
    head.headers.insert(header::USER_AGENT, header::HeaderValue::from_static("driftless"));
    head.uri = head.uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    let answered = async {
        let answer = sender.send_request(Request::from_parts(head, Full::new(Bytes::from(body)))).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body.to_vec()))
    };
    // The connection works for the answer, and ends with it. Where it ends by itself, what it brought may still wait.
    let mut answered = std::pin::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer,
        ended = connection => match ended {
            Ok(()) => answered.await,
            Err(error) => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone_and_only_if_chosen() {
        let asked = |address: &str, plain| may_be_asked(address, plain);
        for here in ["http://127.0.0.1:9/x", "http://localhost", "http://[::1]:80/"] {
            assert!(asked(here, true) && !asked(here, false), "{here}");
        }
        for secure in ["https://id.example/realms/x", "https://192.168.1.5:8443", "https://127.0.0.1"] {
            assert!(asked(secure, true) && asked(secure, false), "{secure}");
        }
        for bad in [
            "http://id.example",
            "http://192.168.1.5",
            "http://127.0.0.1.example.org",
            "http://localhost.example",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ftp://id.example",
            "/path",
            "",
        ] {
            assert!(!asked(bad, true), "{bad}");
        }
    }
}
