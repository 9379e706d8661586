//! `POST …/chunks/missing` and `POST …/chunks/fetch`.

pub(crate) mod fetch;
pub(crate) mod missing;

use crate::body::BundleReader;
use crate::failure::Failure;
use crate::server::Server;
use axum::body::Body;
use axum::http::HeaderMap;
use protocol::ProblemKind;
use protocol::bundle::{NodeContent, Record, WantedChunk};

/// What a bundle asks for, within the announced number of chunks.
struct Asked {
    chunks: Vec<WantedChunk>,
    manifests: Vec<NodeContent>,
}

async fn read_ids(server: &Server, headers: &HeaderMap, body: Body) -> Result<Asked, Failure> {
    let maximum = server.settings.limits.chunks;
    // An id has 32 bytes, a node at most 10; frames and the head take little beside.
    let mut bundle =
        BundleReader::new(server, headers, body, maximum.saturating_mul(44).saturating_add(4096))?;
    let mut asked = Asked { chunks: Vec::new(), manifests: Vec::new() };
    let result = async {
        while let Some(record) = bundle.next().await? {
            match record {
                Record::WantedChunks(ids) => asked.chunks.extend(ids),
                Record::WantedManifests(ids) => asked.manifests.extend(ids),
                Record::End(_) => {}
                _ => {
                    return Err(Failure::new(ProblemKind::MalformedBundle)
                        .detail("Here a bundle holds what is asked for and nothing else."));
                }
            }
            if (asked.chunks.len() + asked.manifests.len()) as u64 > maximum {
                return Err(Failure::over_limit("chunks", maximum));
            }
        }
        Ok(())
    };
    match result.await {
        Ok(()) => Ok(asked),
        Err(failure) => {
            bundle.drain().await;
            Err(failure)
        }
    }
}
