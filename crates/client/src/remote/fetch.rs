//! Downloading: manifests of long contents, and chunks, streamed in the order asked.

use super::{BundleReader, Remote, RemoteError, full};
use chunker::{Entry, Manifest};
use model::{ChunkId, ContentId, FolderId};
use protocol::bundle::{Encoder, NodeContent, Record, Splice, Unpacker, WantedChunk};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many ids one record of a question holds.
const IDS_A_RECORD: usize = 4_096;
const SILENCE: Duration = Duration::from_secs(60);

/// The manifests of contents; those the server does not show are absent.
pub(crate) async fn fetch_manifests(
    remote: &Remote,
    folder: FolderId,
    contents: &[NodeContent],
) -> Result<BTreeMap<ContentId, Manifest>, RemoteError> {
    let mut manifests = BTreeMap::new();
    for some in contents.chunks(remote.chunks_in_a_call()) {
        let mut question = Encoder::new();
        some.chunks(IDS_A_RECORD).for_each(|ids| question.wanted_manifests(ids));
        let answer = fetch(remote, folder, question).await?;
        take_manifests(answer, &mut manifests).await?;
    }
    Ok(manifests)
}

/// Asks for contents when it is this device's turn.
async fn fetch(remote: &Remote, folder: FolderId, question: Encoder) -> Result<BundleReader, RemoteError> {
    let place = remote.place(folder).await;
    let path = format!("/folders/{folder}/chunks/fetch");
    remote.transfer(place, &path, full(question.finish()), SILENCE).await
}

async fn take_manifests(
    mut answer: BundleReader,
    manifests: &mut BTreeMap<ContentId, Manifest>,
) -> Result<(), RemoteError> {
    let mut open: BTreeMap<ContentId, Vec<Entry>> = BTreeMap::new();
    while let Some(record) = answer.next().await? {
        let Record::Manifest(part) = record else { continue };
        let entries = open.entry(part.content).or_default();
        for splice in part.splices {
            let Splice::New(chunks) = splice else {
                return Err(RemoteError::Confused("a manifest that needs another".to_owned()));
            };
            entries.extend(chunks.into_iter().map(|chunk| Entry { chunk: chunk.id, length: chunk.length }));
        }
        if part.last
            && let Some(entries) = open.remove(&part.content)
        {
            let manifest = Manifest::new(entries);
            let sound = manifest.verify(part.content, part.size);
            sound.map_err(|error| RemoteError::Confused(error.to_string()))?;
            manifests.insert(part.content, manifest);
        }
    }
    Ok(())
}

/// Fetches chunks; those the server does not have, or not for us, are left out.
pub(crate) async fn fetch_chunks(
    remote: &Remote,
    folder: FolderId,
    chunks: &[WantedChunk],
    sink: &mut (dyn FnMut(ChunkId, &[u8]) + Send),
) -> Result<(), RemoteError> {
    for some in chunks.chunks(remote.chunks_in_a_call()) {
        let mut question = Encoder::new();
        some.chunks(IDS_A_RECORD).for_each(|ids| question.wanted_chunks(ids));
        let answer = fetch(remote, folder, question).await?;
        take_chunks(answer, sink).await?;
    }
    Ok(())
}

async fn take_chunks(
    mut answer: BundleReader,
    sink: &mut (dyn FnMut(ChunkId, &[u8]) + Send),
) -> Result<(), RemoteError> {
    let mut unpacker = Unpacker::default();
    let damaged = |error: protocol::bundle::BundleError| RemoteError::Confused(error.to_string());
    while let Some(record) = answer.next().await? {
        match record {
            Record::Chunk(chunk) => {
                let plain = unpacker.chunk(&chunk).map_err(damaged)?;
                sink(chunker::chunk_id(&plain), &plain);
            }
            Record::Block(block) => {
                for plain in unpacker.block(&block).map_err(damaged)? {
                    sink(chunker::chunk_id(&plain), &plain);
                }
            }
            _ => {}
        }
    }
    Ok(())
}
