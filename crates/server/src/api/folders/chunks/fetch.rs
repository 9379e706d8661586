//! `POST …/chunks/fetch`: streams what is asked for, in that order.
//!
//! What lies in the store as a record of its own, or as a block all of which is asked for in a row, is passed on as it is
//! stored; the rest is put into new blocks. A chunk or manifest that the folder does not hold is named in a record of
//! missing chunks, or left out.

use super::{Asked, read_ids};
use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use crate::stream::{Outgoing, StreamEnd};
use crate::traffic::patience;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use model::location::Located;
use model::permit::Read;
use model::{Action, ChunkId, FolderId, Permit};
use protocol::BUNDLE_MEDIA_TYPE;
use protocol::bundle::{ChunkRef, Encoder, NodeContent, Splice};
use protocol::schema;
use std::sync::Arc;
use versioning::fetch::{Chunks, Wanted};

/// Chunks under this length travel together in blocks.
const SMALL: u32 = 32 << 10;
/// How many bytes are gathered before they are sent.
const SEND_BYTES: usize = 128 << 10;

/// Manifests and chunks, in the order asked
///
/// A bundle of what is wanted, each with a node of the folder that has it, answered by a bundle of it. A fault after the
/// first bytes is told in a problem record before the end.
#[utoipa::path(
    post,
    path = "/chunks/fetch",
    operation_id = "fetch_chunks",
    tag = "content",
    request_body(content = schema::Bundle, content_type = "application/vnd.driftless.bundle"),
    responses(
        (status = 200, description = "What is there, and the names of what is not.", body = schema::Bundle, content_type = "application/vnd.driftless.bundle"),
        problems::Signed,
        problems::InFolder,
        problems::Bundle,
        problems::Bounded
    )
)]
pub(crate) async fn fetch(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::Read).await?;
    let transfer = server.transfers.begin(caller.device()).await?;
    let asked = read_ids(&server, &headers, body).await?;
    // Before the plan: what it finds stays where it is until it has been sent.
    let hold = server.chunks.hold();
    let plan = plan(&server, permit, asked).await?;
    let lane = server.traffic.down(caller.principal, caller.rates);
    let patience = patience(&headers, server.settings.body_pause);
    let (mut outgoing, body) = Outgoing::new(&server, transfer, lane, patience);
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || {
        span.in_scope(|| {
            let mut encoder = Encoder::new();
            match send(&server, &plan, &mut encoder, &mut outgoing) {
                Ok(()) => {}
                // What is sent cannot be called back: the reader is told why no more comes.
                Err(StreamEnd::Failed(failure)) => encoder.problem(&failure.into_problem()),
                Err(StreamEnd::Gone) => return,
            }
            // If the reader has gone by now, there is nobody to tell.
            let _ = outgoing.send(encoder.finish().into());
            drop(hold);
        });
    });
    Ok(([(header::CONTENT_TYPE, BUNDLE_MEDIA_TYPE)], body).into_response())
}

struct Plan {
    manifests: Vec<(NodeContent, Option<Chunks>)>,
    chunks: Vec<(ChunkId, Option<Located>)>,
}

async fn plan(server: &Arc<Server>, permit: Permit<Read>, asked: Asked) -> Result<Plan, Failure> {
    let (database, limits, now) = (Arc::clone(&server.database), server.settings.limits, server.now());
    server
        .blocking(move || {
            let contents: Vec<_> =
                asked.manifests.iter().map(|wanted| (wanted.node, wanted.content)).collect();
            let manifests = match contents.is_empty() {
                true => Vec::new(),
                false => versioning::fetch::manifests(&*database, permit, contents, &limits, now)?,
            };
            let wanted: Vec<_> =
                asked.chunks.iter().map(|wanted| Wanted { chunk: wanted.chunk, node: wanted.node }).collect();
            let located = match wanted.is_empty() {
                true => Vec::new(),
                false => versioning::fetch::plan(&*database, permit, wanted, &limits, now)?,
            };
            Ok(Plan {
                manifests: asked.manifests.into_iter().zip(manifests).collect(),
                chunks: asked.chunks.iter().map(|wanted| wanted.chunk).zip(located).collect(),
            })
        })
        .await
}

fn send(
    server: &Server,
    plan: &Plan,
    encoder: &mut Encoder,
    outgoing: &mut Outgoing,
) -> Result<(), StreamEnd> {
    for (wanted, chunks) in &plan.manifests {
        let Some(chunks) = chunks else { continue };
        let size = chunks.iter().map(|(_, length)| u64::from(*length)).sum();
        let refs = chunks.iter().map(|(id, length)| ChunkRef { id: *id, length: *length }).collect();
        encoder.manifest(wanted.content, size, None, &[Splice::New(refs)]);
        flush(encoder, outgoing)?;
    }
    let mut missing = Vec::new();
    let mut rest = &plan.chunks[..];
    while let Some((id, located)) = rest.first() {
        let Some(first) = located else {
            missing.push(*id);
            rest = &rest[1..];
            continue;
        };
        let run: Vec<Located> = rest
            .iter()
            .map_while(|(_, located)| *located)
            .take_while(|next| next.location.shares_record_with(&first.location))
            .collect();
        rest = &rest[run.len()..];
        send_run(server, &run, encoder)?;
        flush(encoder, outgoing)?;
    }
    encoder.missing_chunks(&missing);
    Ok(())
}

/// Chunks of one record, in the order asked.
fn send_run(server: &Server, run: &[Located], encoder: &mut Encoder) -> Result<(), StreamEnd> {
    let first = run[0].location;
    if run.len() == 1 && first.is_whole_record() && first.length >= SMALL {
        let record = server.chunks.read_record(&first).map_err(Failure::from)?;
        encoder.packed_chunk(run[0].chunk, first.length, record.codec, &record.bytes);
        return Ok(());
    }
    if is_whole_block(run) {
        let record = server.chunks.read_record(&first).map_err(Failure::from)?;
        let lengths: Vec<u32> = run.iter().map(|located| located.location.length).collect();
        encoder.packed_block(&lengths, record.codec, &record.bytes);
        return Ok(());
    }
    let mut add = |index: usize, plain: &[u8]| {
        if plain.len() < SMALL as usize {
            encoder.small_chunk(None, plain);
        } else {
            encoder.chunk(run[index].chunk, plain);
        }
    };
    server.chunks.read(run, &mut add).map_err(Failure::from)?;
    Ok(())
}

/// Whether these are all chunks of their record, in its order: then nobody gets what they did not ask for.
fn is_whole_block(run: &[Located]) -> bool {
    let mut end = 0;
    let in_order = run.iter().all(|located| {
        let follows = located.location.start == end;
        end = located.location.start.saturating_add(located.location.length);
        follows
    });
    in_order && run.len() > 1 && end == run[0].location.plain_length
}

fn flush(encoder: &mut Encoder, outgoing: &mut Outgoing) -> Result<(), StreamEnd> {
    if encoder.len() >= SEND_BYTES { outgoing.send(encoder.take().into()) } else { Ok(()) }
}
