//! `GET /api/v1/admin/log/proof`.

use crate::api::administration::Administrator;
use crate::caller::Values;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::audit::hex;
use protocol::RfcTime;
use protocol::v1::{KeptProof, LogProof};
use serde::Deserialize;
use std::sync::Arc;
use versioning::verify::log::{Chain, proof};

/// What somebody has kept of an earlier proof.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Its `last`.
    #[param(nullable = false)]
    number: Option<u64>,
    /// Its `head`.
    #[param(nullable = false, pattern = "^[0-9a-f]{64}$")]
    digest: Option<String>,
}

/// Proof that the log is whole
///
/// Every entry is read: each is sealed over the one before it. With `number` and `digest` of an earlier proof it also says
/// whether anything up to there has changed since.
#[utoipa::path(
    get,
    path = "/log/proof",
    operation_id = "prove_log",
    tag = "administration",
    params(Query),
    responses(
        (status = 200, description = "What was found; also if the log is not whole.", body = LogProof),
        problems::Signed,
        problems::Privileged,
        problems::Query,
        problems::Values
    )
)]
pub(crate) async fn prove(
    State(server): State<Arc<Server>>,
    _administrator: Administrator,
    Values(query): Values<Query>,
) -> Result<Json<LogProof>, Failure> {
    let kept = match (query.number, query.digest) {
        (Some(number), Some(digest)) => Some((number, digest.trim().to_lowercase())),
        (None, None) => None,
        _ => return Err(Failure::invalid("Give 'number' and 'digest' together, or neither.")),
    };
    if kept.as_ref().is_some_and(|(_, digest)| digest.len() != 64) {
        return Err(Failure::invalid("A digest has 64 hexadecimal digits."));
    }
    // One at a time: each reads the whole log.
    let _turn = server.proving.lock().await;
    let (database, number) = (Arc::clone(&server.database), kept.as_ref().map(|(number, _)| *number));
    let found = server.reading(move || Ok(proof(&*database, auth::digest::audit, number)?)).await?;
    let kept = kept.map(|kept| compare(&found, &kept));
    Ok(Json(LogProof {
        at: RfcTime(server.now()),
        first: found.first,
        last: found.last,
        entries: found.rows,
        head: hex(&found.head),
        beginning: hex(&found.beginning),
        whole: found.fault_count == 0,
        faults: found.faults,
        fault_count: found.fault_count,
        kept,
    }))
}

fn compare(found: &Chain, (number, digest): &(u64, String)) -> KeptProof {
    match &found.kept {
        Some(now) if hex(now) == *digest => KeptProof::Same,
        Some(_) => KeptProof::Changed,
        // The last entry that was taken away is what the first one left is sealed over.
        None if number.checked_add(1) == Some(found.first) && hex(&found.beginning) == *digest => {
            KeptProof::Same
        }
        None if *number < found.first => KeptProof::TakenAway,
        None if *number > found.last => KeptProof::Missing,
        None => KeptProof::Changed,
    }
}
