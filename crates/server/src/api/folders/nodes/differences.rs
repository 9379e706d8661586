//! `GET …/nodes/{n}/differences?at=&seq=&to=&to_seq=&path=&after=&limit=`: what has changed below a directory since a moment.

use crate::api::folders::past::{PAGE_ENTRIES, entry, names, when};
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use model::permit::Read;
use model::{Action, FolderId, NodeId, RelativePath, Seq};
use protocol::schema;
use protocol::v1::{DifferenceCounts, DifferenceEntry, DifferenceSide, DifferencesResponse};
use serde::Deserialize;
use std::sync::Arc;
use versioning::compare::{Compare, Difference, Side};
use versioning::past::When;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// From this moment; either it or `seq` must be given.
    #[param(value_type = Option<schema::Timestamp>, nullable = false)]
    at: Option<String>,
    /// From this number of the journal.
    #[param(nullable = false)]
    seq: Option<u64>,
    /// To this moment; not together with `to_seq`. Now if neither is given.
    #[param(value_type = Option<schema::Timestamp>, nullable = false)]
    to: Option<String>,
    /// To this number of the journal.
    #[param(nullable = false)]
    to_seq: Option<u64>,
    /// Names from the node down, with `/` between.
    #[param(nullable = false)]
    path: Option<String>,
    /// For the next page: `next` of the page before.
    #[param(nullable = false)]
    after: Option<u64>,
    /// The most entries of the page; 1,000 if not given, and never more.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// What differs below a directory between two moments
///
/// Between `at` or `seq` and `to` or `to_seq`, which is now if not given.
#[utoipa::path(
    get,
    path = "/nodes/{node}/differences",
    operation_id = "list_differences",
    tag = "history",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = DifferencesResponse),
        problems::Signed,
        problems::InFolder,
        problems::Query,
        problems::Values
    )
)]
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
