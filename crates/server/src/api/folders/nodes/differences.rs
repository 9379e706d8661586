//! `GET …/nodes/{n}/differences?at=&seq=&to=&to_seq=&path=&after=&limit=`: what has changed below a directory since a moment.

use crate::api::folders::past::{PAGE_ENTRIES, entry, names, when};
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use model::permit::Read;
use model::{Action, FolderId, NodeId, RelativePath, Seq};
use protocol::v1::{DifferenceCounts, DifferenceEntry, DifferenceSide, DifferencesResponse};
use serde::Deserialize;
use std::sync::Arc;
use versioning::compare::{Compare, Difference, Side};
use versioning::past::When;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    at: Option<String>,
    seq: Option<u64>,
    to: Option<String>,
    to_seq: Option<u64>,
    path: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

pub(crate) async fn differences(
    State(server): State<Arc<Server>>,
    Ids((folder, node)): Ids<(FolderId, NodeId)>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<DifferencesResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::History).await?;
    let from = when(query.at.as_deref(), query.seq)?;
    let compare = Compare {
        permit,
        from: from
            .ok_or_else(|| Failure::invalid("Give a moment ('at') or a number of the journal ('seq')."))?,
        to: when(query.to.as_deref(), query.to_seq)?.unwrap_or(When::Now),
        node,
        path: names(query.path.as_deref())?,
        after: Seq(query.after.unwrap_or(0)),
        limit: query.limit.unwrap_or(PAGE_ENTRIES).clamp(1, PAGE_ENTRIES),
        now: server.now(),
    };
    let database = Arc::clone(&server.database);
    let compared = server.blocking(move || Ok(versioning::compare::compare(&*database, compare)?)).await?;
    Ok(Json(DifferencesResponse {
        from: compared.from.seq.0,
        to: compared.to.seq.0,
        counts: compared.counts.map(|counts| DifferenceCounts {
            added: counts.added,
            removed: counts.removed,
            changed: counts.changed,
            moved: counts.moved,
        }),
        differences: compared.differences.iter().map(shown).collect(),
        next: compared.next.map(|seq| seq.0),
    }))
}

fn shown(difference: &Difference) -> DifferenceEntry {
    let words = [
        ("added", difference.then.is_none()),
        ("removed", difference.now.is_none()),
        ("changed", difference.is_change()),
        ("moved", difference.is_move()),
    ];
    DifferenceEntry {
        node: difference.id,
        changes: words.into_iter().filter(|(_, holds)| *holds).map(|(word, _)| word.to_owned()).collect(),
        then: difference.then.as_ref().map(side),
        now: difference.now.as_ref().map(side),
    }
}

fn side(side: &Side) -> DifferenceSide {
    let path: RelativePath = side.path.iter().cloned().collect();
    DifferenceSide { path: path.to_string(), entry: entry(&side.node) }
}
