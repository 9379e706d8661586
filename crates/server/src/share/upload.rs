//! `POST /s/{token}/files`: files that a stranger sends.
//!
//! Each file is cut, stored and committed as it comes; one that cannot be taken does not keep the others from being. *Always:*
//! no more is stored than there is room for; the stranger is told the names that they have sent and nothing else, because the
//! name that a file got would show what is there already.

use super::download::entry;
use super::names::clean;
use super::refusal::{PageRefusal, Pages, Why};
use super::{Stranger, look, page};
use crate::body::BodyReader;
use crate::cookie;
use crate::failure::Failure;
use crate::server::Server;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use chunker::{Chunker, Manifest};
use content::{Codec, Entry, Record};
use futures_util::{Stream, stream};
use maud::html;
use model::location::Located;
use model::permit::Write;
use model::{Action, Content, IdempotencyKey, LinkPermit};
use multer::{Field, Multipart};
use protocol::schema;
use std::sync::Arc;
use std::time::Duration;
use versioning::link;
use versioning::link::receive::Received;

/// The most files of one form.
const FILES_MAX: usize = 1_000;
/// How many bytes are stored at a time.
const BATCH_BYTES: usize = 8 << 20;
/// What is read of a form that is not taken, so that the answer reaches its sender.
const DRAIN_BYTES: u64 = 64 << 20;
/// For how long.
const DRAIN_TIME: Duration = Duration::from_secs(15);

/// The form.
pub(super) async fn form(server: &Arc<Server>, stranger: &Stranger) -> Result<Response, PageRefusal> {
    permit(server, stranger).await?;
    let texts = stranger.texts;
    let body = html! {
        h1 { (texts.upload_title) }
        p { (texts.upload_help) }
        form method="post" enctype="multipart/form-data" action=(format!("{}/files", stranger.base)) {
            label for="files" { (texts.files) }
            input type="file" id="files" name="files" multiple required;
            button type="submit" { (texts.send) }
        }
        (look::end(stranger))
    };
    Ok(page::html(StatusCode::OK, texts, texts.upload_title, &body))
}

async fn permit(server: &Arc<Server>, stranger: &Stranger) -> Result<LinkPermit<Write>, PageRefusal> {
    let (database, who, now) = (Arc::clone(&server.database), stranger.principal, server.now());
    let node = stranger.link.node;
    let permit = server
        .reading(move || Ok(link::permit::<Write>(&*database, who, node, Action::Write, now)))
        .await
        .map_err(|failure| stranger.refuse(failure))?;
    permit.map_err(|error| stranger.refuse(error))
}

/// Files that a stranger sends
///
/// For people: a form with any number of files. None of them replaces anything.
#[utoipa::path(
    post,
    path = "/s/{token}/files",
    operation_id = "send_shared",
    tag = "links",
    request_body(content = schema::Html, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "Which files have arrived.", body = schema::Html, content_type = "text/html; charset=utf-8"),
        (status = 303, description = "The password is asked for first.", headers(("location" = String, description = "The link's first page."))),
        Pages
    )
)]
pub(crate) async fn upload(
    State(server): State<Arc<Server>>,
    stranger: Stranger,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, PageRefusal> {
    let reader = BodyReader::new(&server, body);
    let begun = begin(&server, &stranger, &headers).await;
    let (permit, boundary, room) = match begun {
        Ok(begun) => begun,
        Err(refusal) => {
            reader.drain().await;
            return Err(refusal);
        }
    };
    let transfer = server.transfers.begin(Some(permit.author_device())).await;
    let _transfer = transfer.map_err(|failure| stranger.refuse(failure))?;
    let lane = server.traffic.up(permit.author(), stranger.rates(&server).await?);
    let mut form = Multipart::new(pieces(reader.paced(lane)), boundary);
    let mut intake = Intake { server: &server, stranger: &stranger, permit, room };
    let mut arrived = Vec::new();
    let outcome = take(&mut intake, &mut form, &mut arrived).await;
    if outcome.is_err() {
        drain(&mut form).await;
    }
    match outcome {
        Err(refusal) if arrived.is_empty() => Err(refusal),
        Ok(()) if arrived.is_empty() => Ok(result(&stranger, &arrived, Some(stranger.texts.nothing_chosen))),
        Ok(()) => Ok(result(&stranger, &arrived, None)),
        Err(refusal) => Ok(result(&stranger, &arrived, Some(refusal.words().1))),
    }
}

async fn begin(
    server: &Arc<Server>,
    stranger: &Stranger,
    headers: &HeaderMap,
) -> Result<(LinkPermit<Write>, String, u64), PageRefusal> {
    if cookie::is_from_elsewhere(headers) {
        return Err(stranger.refuse(Why::FromElsewhere));
    }
    let permit = permit(server, stranger).await?;
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let boundary = multer::parse_boundary(media).map_err(|_| stranger.refuse(Why::Unreadable))?;
    let (database, now) = (Arc::clone(&server.database), server.now());
    let room = server
        .reading(move || Ok(link::receive::room(&*database, permit, now)))
        .await
        .map_err(|failure| stranger.refuse(failure))?
        .map_err(|error| stranger.refuse(error))?;
    Ok((permit, boundary, room.unwrap_or(u64::MAX)))
}

/// A body as a stream of its pieces.
fn pieces(reader: BodyReader) -> impl Stream<Item = Result<Bytes, Unread>> + Send + 'static {
    stream::unfold(Some(reader), async |reader| {
        let mut reader = reader?;
        match reader.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(reader))),
            Ok(None) => None,
            Err(failure) => Some((Err(Unread(Why::from(failure))), None)),
        }
    })
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be read: {0:?}")]
struct Unread(Why);

fn unreadable(error: &multer::Error) -> Why {
    match error {
        multer::Error::StreamReadFailed(source) => match source.downcast_ref() {
            Some(Unread(Why::Timeout)) => Why::Timeout,
            _ => Why::Unreadable,
        },
        _ => Why::Unreadable,
    }
}

async fn take(
    intake: &mut Intake<'_>,
    form: &mut Multipart<'static>,
    arrived: &mut Vec<String>,
) -> Result<(), PageRefusal> {
    let stranger = intake.stranger;
    while let Some(field) = form.next_field().await.map_err(|error| stranger.refuse(unreadable(&error)))? {
        let sent = field.file_name().map(str::to_owned);
        // A browser sends one nameless file where none was chosen.
        if sent.as_deref().is_none_or(str::is_empty) {
            continue;
        }
        if arrived.len() >= FILES_MAX {
            return Err(stranger.refuse(Why::TooLarge));
        }
        let name = clean(sent.as_deref());
        let shown = name.as_str().to_owned();
        intake.file(name, field).await?;
        arrived.push(shown);
    }
    Ok(())
}

/// Takes files in by one link.
struct Intake<'a> {
    server: &'a Arc<Server>,
    stranger: &'a Stranger,
    permit: LinkPermit<Write>,
    /// How many bytes there is room for.
    room: u64,
}

impl Intake<'_> {
    /// Stores one file while it comes, and puts it in.
    async fn file(&mut self, name: model::Name, mut field: Field<'static>) -> Result<(), PageRefusal> {
        let (stranger, limits) = (self.stranger, self.server.settings.limits);
        // What is stored stays until its rows are written.
        let hold = self.server.chunks.hold();
        let mut cut = Cut::default();
        let mut size = 0u64;
        while let Some(piece) = field.chunk().await.map_err(|error| stranger.refuse(unreadable(&error)))? {
            size += piece.len() as u64;
            self.server.metrics.bytes_in(piece.len() as u64);
            if size > limits.file_bytes {
                return Err(stranger.refuse(Why::TooLarge));
            }
            if size > self.room {
                return Err(stranger.refuse(Why::NoRoom));
            }
            cut.push(&piece);
            if cut.bytes >= BATCH_BYTES {
                self.store(&mut cut).await?;
            }
        }
        cut.finish();
        self.store(&mut cut).await?;
        self.put(name, cut, size).await?;
        drop(hold);
        self.room = self.room.saturating_sub(size);
        Ok(())
    }

    async fn store(&self, cut: &mut Cut) -> Result<(), PageRefusal> {
        let batch = std::mem::take(&mut cut.batch);
        cut.bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let chunks = Arc::clone(&self.server.chunks);
        let stored = self.server.blocking(move || {
            let entries: Vec<[Entry; 1]> = batch.iter().map(|(entry, _)| [*entry]).collect();
            let records: Vec<Record<'_>> = entries
                .iter()
                .zip(&batch)
                .map(|(entries, (_, bytes))| Record { entries, codec: Codec::Raw, bytes })
                .collect();
            Ok(chunks.append(&records)?)
        });
        cut.stored.extend(stored.await.map_err(|failure| self.stranger.refuse(failure))?);
        Ok(())
    }

    async fn put(&self, name: model::Name, cut: Cut, size: u64) -> Result<(), PageRefusal> {
        let (server, stranger) = (self.server, self.stranger);
        let refuse = |failure: Failure| stranger.refuse(failure);
        let (id, entries) = (cut.manifest.content_id(), cut.manifest.entries());
        let chunks = entries.iter().map(|entry| (entry.chunk, entry.length)).collect();
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|error| refuse(Failure::internal(error)))?;
        let file = Received {
            permit: self.permit,
            name,
            content: Content::File { id, size },
            // A content of one chunk has no manifest.
            manifest: versioning::Manifest::verified(id, chunks, |_| id).ok(),
            received: cut.stored,
            key: IdempotencyKey(key),
            limits: server.settings.limits,
            now: server.now(),
        };
        let database = Arc::clone(&server.database);
        let kept = server.blocking(move || Ok(link::receive::receive(&*database, file))).await;
        let kept = kept.map_err(refuse)?.map_err(|error| stranger.refuse(error))?;
        let (before, head) = kept.numbers;
        let folder = self.permit.folder();
        server.lags.committed(Some(self.permit.author_device()), folder, before, head);
        server.wakes.folder_changed(folder, head);
        let details = vec![
            ("node".to_owned(), kept.node.to_string()),
            ("name".to_owned(), kept.name.as_str().to_owned()),
        ];
        server.audit(entry(server, stranger, "link.put", details)).await.map_err(refuse)
    }
}

/// A file being cut into chunks.
#[derive(Default)]
struct Cut {
    chunker: Option<Chunker>,
    manifest: Manifest,
    batch: Vec<(Entry, Vec<u8>)>,
    bytes: usize,
    stored: Vec<Located>,
}

impl Cut {
    fn push(&mut self, piece: &[u8]) {
        let Self { chunker, manifest, batch, bytes, .. } = self;
        chunker.get_or_insert_with(Chunker::new).push(piece, &mut |chunk| {
            note(chunk, manifest, batch, bytes);
        });
    }

    fn finish(&mut self) {
        let Self { chunker, manifest, batch, bytes, .. } = self;
        if let Some(chunker) = chunker.take() {
            chunker.finish(&mut |chunk| note(chunk, manifest, batch, bytes));
        }
    }
}

fn note(
    chunk: chunker::Chunk<'_>,
    manifest: &mut Manifest,
    batch: &mut Vec<(Entry, Vec<u8>)>,
    bytes: &mut usize,
) {
    let entry = chunker::Entry::of(chunk.id, chunk.bytes);
    manifest.push(entry);
    *bytes += chunk.bytes.len();
    batch.push((Entry { chunk: entry.chunk, length: entry.length }, chunk.bytes.to_vec()));
}

/// Reads some of what is still coming and forgets it.
async fn drain(form: &mut Multipart<'static>) {
    let read = async {
        let mut left = DRAIN_BYTES;
        while let Ok(Some(mut field)) = form.next_field().await {
            while let Ok(Some(piece)) = field.chunk().await {
                left = left.saturating_sub(piece.len() as u64);
                if left == 0 {
                    return;
                }
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME, read).await;
}

fn result(stranger: &Stranger, arrived: &[String], wrong: Option<&str>) -> Response {
    let texts = stranger.texts;
    let title = if arrived.is_empty() { texts.not_done } else { texts.sent_title };
    let body = html! {
        h1 { (title) }
        @if !arrived.is_empty() {
            p role="status" { (texts.sent) }
            ul { @for name in arrived { li { bdi { (name) } } } }
        }
        @if let Some(wrong) = wrong {
            @if !arrived.is_empty() { p.bad { (texts.not_sent) } }
            p.bad role="alert" { (wrong) }
        }
        p { a href=(stranger.base) { (texts.send_more) } }
    };
    page::html(StatusCode::OK, texts, title, &body)
}
