//! Request bodies, read in bounds of size and time.

use crate::failure::Failure;
use crate::server::Server;
use crate::traffic::Lane;
use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use http_body_util::BodyExt as _;
use protocol::bundle::{BundleError, Decoder, Record};
use protocol::{BUNDLE_MEDIA_TYPE, ProblemKind};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Below this a body is not arriving but holding a place.
const BYTES_PER_SECOND_MIN: u64 = 1024;
/// Every body may take so long, however little of it there is.
const GRACE: Duration = Duration::from_secs(60);
/// The longest form.
const FORM_BYTES: u64 = 60_000;
/// What is read of a refused body, so that the answer reaches a client that is still sending: closing a connection on
/// unread bytes resets it, and the client would see that instead of the reason.
const DRAIN_BYTES: u64 = 64 << 20;
/// For how long.
const DRAIN_TIME: Duration = Duration::from_secs(15);

/// A body that is read piece by piece.
pub(crate) struct BodyReader {
    body: Body,
    pause: Duration,
    since: Instant,
    taken: u64,
    /// Where its bytes count; none: they are not slowed down.
    lane: Option<Lane>,
}

impl BodyReader {
    pub(crate) fn new(server: &Server, body: Body) -> Self {
        Self { body, pause: server.settings.body_pause, since: Instant::now(), taken: 0, lane: None }
    }

    /// The same body, its bytes counted in a lane.
    pub(crate) fn paced(mut self, lane: Lane) -> Self {
        self.lane = Some(lane);
        self
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let paid = GRACE + Duration::from_secs(self.taken / BYTES_PER_SECOND_MIN);
            let left = paid.saturating_sub(self.since.elapsed());
            let frame = timeout(self.pause.min(left), self.body.frame()).await.map_err(|_| {
                Failure::new(ProblemKind::Timeout).detail("The body stopped coming or came too slowly.")
            })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(Failure::new(ProblemKind::BadRequest)
                        .detail(format!("The body could not be read to its end: {error}.")));
                }
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.taken += bytes.len() as u64;
                        self.slow_down(bytes.len()).await;
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// Waits until so many bytes may have come. The time counts for nobody: who is slowed down is not slow.
    async fn slow_down(&mut self, bytes: usize) {
        if let Some(lane) = &self.lane {
            let begun = Instant::now();
            lane.take(bytes).await;
            self.since += begun.elapsed();
        }
    }

    /// Reads some of what is still coming and forgets it.
    pub(crate) async fn drain(mut self) {
        self.lane = None;
        let end = self.taken + DRAIN_BYTES;
        let read = async { while self.taken < end && matches!(self.next().await, Ok(Some(_))) {} };
        let _ = timeout(DRAIN_TIME, read).await;
    }
}

/// A bundle that is read record by record.
pub(crate) struct BundleReader {
    reader: BodyReader,
    decoder: Decoder,
}

impl BundleReader {
    /// A reader of at most so many bytes. The body must say that it is a bundle.
    pub(crate) fn new(
        server: &Server,
        headers: &HeaderMap,
        body: Body,
        bytes_max: u64,
    ) -> Result<Self, Failure> {
        if !has_media_type(headers, BUNDLE_MEDIA_TYPE) {
            return Err(Failure::new(ProblemKind::UnsupportedMediaType)
                .detail(format!("This address takes {BUNDLE_MEDIA_TYPE}.")));
        }
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > bytes_max) {
            return Err(BundleError::TooLong { maximum: bytes_max }.into());
        }
        Ok(Self { reader: BodyReader::new(server, body), decoder: Decoder::new(bytes_max) })
    }

    /// The same bundle, its bytes counted in a lane.
    pub(crate) fn paced(mut self, lane: Lane) -> Self {
        self.reader.lane = Some(lane);
        self
    }

    /// The next record; none when the bundle has ended and nothing follows.
    pub(crate) async fn next(&mut self) -> Result<Option<Record>, Failure> {
        loop {
            if let Some(record) = self.decoder.next_record()? {
                return Ok(Some(record));
            }
            match self.reader.next().await? {
                Some(bytes) => self.decoder.push(&bytes)?,
                None if self.decoder.is_ended() => return Ok(None),
                None => return Err(BundleError::Truncated.into()),
            }
        }
    }

    /// How many bytes have come.
    pub(crate) fn bytes_taken(&self) -> u64 {
        self.decoder.bytes_taken()
    }

    /// Reads some of what is still coming and forgets it, before a refusal is sent.
    pub(crate) async fn drain(self) {
        self.reader.drain().await;
    }
}

/// A whole body of JSON, within the announced limit.
pub(crate) async fn json<T: DeserializeOwned>(
    server: &Server,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Failure> {
    if !has_media_type(headers, "application/json") {
        return Err(
            Failure::new(ProblemKind::UnsupportedMediaType).detail("This address takes application/json.")
        );
    }
    let text = whole(server, body, "json_bytes", server.settings.limits.json_bytes).await?;
    // serde would take a list for an object, member by member.
    if text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Failure::invalid("The JSON is a list, and no object."));
    }
    serde_json::from_slice(&text).map_err(|error| {
        let kind = if error.is_data() { ProblemKind::Invalid } else { ProblemKind::BadRequest };
        Failure::new(kind).detail(format!("The JSON cannot be read: {error}."))
    })
}

/// What a form of a page says.
pub(crate) async fn form<T: DeserializeOwned>(
    server: &Server,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Failure> {
    let wanted = "application/x-www-form-urlencoded";
    if !has_media_type(headers, wanted) {
        return Err(
            Failure::new(ProblemKind::UnsupportedMediaType).detail(format!("This address takes {wanted}."))
        );
    }
    let text = whole(server, body, "form_bytes", FORM_BYTES).await?;
    // A form is spelled as what stands after the `?` of an address.
    let address = [b"/?", &text[..]].concat();
    let address = Uri::try_from(address)
        .map_err(|_| Failure::new(ProblemKind::BadRequest).detail("The form is not spelled as one."))?;
    let form = Query::<T>::try_from_uri(&address);
    Ok(form.map_err(|rejection| Failure::invalid(rejection.body_text()))?.0)
}

/// A whole body, no longer than a limit.
async fn whole(server: &Server, body: Body, limit: &'static str, maximum: u64) -> Result<Vec<u8>, Failure> {
    let mut reader = BodyReader::new(server, body);
    let mut text = Vec::new();
    while let Some(bytes) = reader.next().await? {
        if (text.len() + bytes.len()) as u64 > maximum {
            reader.drain().await;
            return Err(Failure::over_limit(limit, maximum));
        }
        text.extend_from_slice(&bytes);
    }
    Ok(text)
}

/// Whether the body is said to be of this type, parameters aside.
pub(crate) fn has_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
}
