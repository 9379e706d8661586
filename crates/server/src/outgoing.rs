//! The one way on which the server asks somebody else but the provider of single sign-on ([`openid::fetch`]): itself, at the
//! address that people are to use.
//!
//! An administrator names that address, and must not be able to look around in the server's network with it. So: `http` and
//! `https` only, one fixed request without anything secret in it, no redirects, bounds of bytes and time, one attempt at a time
//! and few a minute; and all that is told is whether *this very server* answered, after the same time whatever else was
//! there. It proves itself by a pair of random numbers of which only the first is sent.

mod certificate;

use crate::chosen::Address;
use crate::failure::Failure;
use crate::server::Server;
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use certificate::Witness;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use protocol::ProblemKind;
use protocol::v1::{AddressTestResponse, CertificateState, EchoResponse};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The most bytes of an answer.
const ANSWER_BYTES: usize = 1 << 10;
/// The most attempts in [`PERIOD`].
const ATTEMPTS: usize = 10;
const PERIOD: Duration = Duration::from_secs(60);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Attempts of the server to reach itself.
#[derive(Debug)]
pub(crate) struct Probes {
    /// The one under way: what is sent, and what is to come back.
    pending: Mutex<Option<(String, String)>>,
    /// When the last ones began.
    recent: Mutex<VecDeque<Instant>>,
    turn: Semaphore,
}

impl Default for Probes {
    fn default() -> Self {
        Self { pending: Mutex::default(), recent: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl Probes {
    /// What belongs to a nonce, if this server has just sent it.
    pub(crate) fn answer_to(&self, nonce: &str) -> Option<String> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.as_ref().filter(|(sent, _)| sent == nonce).map(|(_, answer)| answer.clone())
    }

    fn expect(&self, pair: Option<(String, String)>) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = pair;
    }

    /// Counts an attempt; if it is one too many, how many seconds to wait.
    fn count(&self, now: Instant) -> Result<(), u64> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.front().is_some_and(|first| now.duration_since(*first) >= PERIOD) {
            recent.pop_front();
        }
        if let Some(first) = recent.front().filter(|_| recent.len() >= ATTEMPTS) {
            return Err((PERIOD.saturating_sub(now.duration_since(*first))).as_secs() + 1);
        }
        recent.push_back(now);
        Ok(())
    }
}

/// Whether this server is reached at an address.
pub(crate) async fn reach_self(server: &Server, address: &Address) -> Result<AddressTestResponse, Failure> {
    let probes = &server.probes;
    let busy = |seconds| {
        let failure = Failure::new(ProblemKind::TooManyRequests)
            .detail("Addresses are tried one at a time, and few a minute.");
        failure.retry_after(seconds)
    };
    let turn =
        probes.turn.try_acquire().map_err(|_| busy(server.settings.self_test_time.as_secs().max(1)))?;
    let begun = Instant::now();
    probes.count(begun).map_err(busy)?;
    let (nonce, answer) = (random_text()?, random_text()?);
    probes.expect(Some((nonce.clone(), answer.clone())));
    // Also where whoever asked goes away meanwhile.
    let forget = Forget(probes);
    let deadline = begun + server.settings.self_test_time;
    let said = timeout_at(deadline, ask(server, address, &nonce)).await;
    drop(forget);
    let reached = match said {
        Ok(Ok((said, certificate))) if said == answer => Some(certificate),
        Ok(Ok(_)) => None,
        Ok(Err(error)) => {
            // For whoever has the machine, not for who asked.
            tracing::info!(%address, %error, "the server does not reach itself there");
            None
        }
        Err(_) => None,
    };
    if reached.is_none() {
        // What refuses at once must look like what says nothing.
        sleep_until(deadline).await;
    }
    drop(turn);
    Ok(AddressTestResponse { reached: reached.is_some(), certificate: reached })
}

struct Forget<'a>(&'a Probes);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.expect(None);
    }
}

fn random_text() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Failure::internal)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Asks for what belongs to the nonce.
async fn ask(server: &Server, address: &Address, nonce: &str) -> Result<(String, CertificateState), Error> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    if !address.is_encrypted {
        return Ok((converse(stream, address, nonce).await?, CertificateState::None));
    }
    let own = server.settings.tls.as_ref().map(|tls| tls.fingerprint());
    let witness =
        server.blocking(move || Ok(Witness::new(own))).await.map_err(|_| "no authorities could be read")?;
    let (connector, witness) = witness.connector()?;
    let name = rustls::pki_types::ServerName::try_from(address.host.clone())?;
    let stream = connector.connect(name, stream).await?;
    let said = converse(stream, address, nonce).await?;
    Ok((said, witness.verdict()))
}

async fn converse<S>(stream: S, address: &Address, nonce: &str) -> Result<String, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(16 << 10).handshake(TokioIo::new(stream)).await?;
    let request = Request::get(format!("/api/v1/setup/echo/{nonce}"))
        .header(header::HOST, address.authority())
        .header(header::USER_AGENT, "driftless-self-test")
        .body(Empty::<Bytes>::new())?;
    let answered = async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(Error::from(format!("it answers {}", response.status())));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await?.to_bytes();
        Ok(serde_json::from_slice::<EchoResponse>(&body)?.answer)
    };
    // The connection works for the answer, and ends with it.
    tokio::select! {
        answer = answered => answer,
        ended = connection => Err(ended.err().map_or_else(|| "the connection ended".into(), Error::from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_few_a_minute() {
        let probes = Probes::default();
        let begin = Instant::now();
        for _ in 0..ATTEMPTS {
            assert_eq!(probes.count(begin), Ok(()));
        }
        assert_eq!(probes.count(begin + Duration::from_secs(20)), Err(41));
        assert_eq!(probes.count(begin + PERIOD), Ok(()));
    }

    #[test]
    fn only_the_nonce_of_the_attempt_under_way_is_answered() {
        let probes = Probes::default();
        assert_eq!(probes.answer_to("a"), None);
        probes.expect(Some(("a".into(), "b".into())));
        assert_eq!(probes.answer_to("a"), Some("b".into()));
        assert_eq!(probes.answer_to("b"), None);
        drop(Forget(&probes));
        assert_eq!(probes.answer_to("a"), None);
    }
}
