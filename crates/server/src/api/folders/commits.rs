//! `POST /api/v1/folders/{f}/commits`: a bundle of groups of operations and the chunks they need.
//!
//! The head, the operations and the manifests come first. So whoever may not write, exceeds a limit or repeats an
//! earlier commit is answered before the chunks are taken in. Then chunks are stored in batches while the next ones
//! arrive, and once all of it has come whole, the commit is one transaction. Whatever fails before changes nothing
//! but to leave unreferenced bytes in a pack.

mod intake;
mod plan;

pub(crate) use plan::MANIFEST_ENTRIES_MAX;

use crate::body::BundleReader;
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use intake::Intake;
use model::permit::Write;
use model::{Action, FolderId, GroupOutcome, Limits, Permit};
use plan::{Plan, Planned};
use protocol::bundle::{BundleError, CommitResult, Encoder, Record};
use protocol::schema;
use protocol::v1::ViewName;
use protocol::{BUNDLE_MEDIA_TYPE, ProblemKind};
use serde::Deserialize;
use std::sync::Arc;
use versioning::view::changes::Cursor as ViewPlace;
use versioning::{Commit, Committed};

/// What a bundle may have beside its chunks' plain bytes: operations and manifests, packed.
const METADATA_BYTES: u64 = 64 << 20;

/// The view that the caller pulls through, if it does: the answer's cursor is one in it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// A view: the answer's cursor is one in it.
    #[param(value_type = Option<schema::ViewId>, nullable = false)]
    view: Option<ViewName>,
}

/// Groups of operations and the chunks they need
///
/// Groups run in order in one transaction, each whole or not at all. The answer has the result and one outcome a group.
/// The head names the attempt by a key; a bundle without operations that names an upload stores its chunks for it.
#[utoipa::path(
    post,
    path = "/commits",
    operation_id = "create_commit",
    tag = "commits",
    params(Query),
    request_body(content = schema::Bundle, content_type = "application/vnd.driftless.bundle"),
    responses(
        (status = 200, description = "The result, and what became of each group.", body = schema::Bundle, content_type = "application/vnd.driftless.bundle"),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Query,
        problems::Bundle,
        problems::Values,
        problems::Chunks,
        problems::Keyed,
        problems::Bounded,
        problems::Writing,
        problems::Quota
    )
)]
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Values(query): Values<Query>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Write).await?;
    let bytes_max = server.settings.limits.bundle_bytes.saturating_add(METADATA_BYTES);
    let bundle = BundleReader::new(&server, &headers, body, bytes_max)?;
    let _transfer = match server.transfers.begin(caller.device()).await {
        Ok(transfer) => transfer,
        Err(failure) => {
            bundle.drain().await;
            return Err(failure);
        }
    };
    let mut bundle = bundle.paced(server.traffic.up(caller.principal, caller.rates));
    let result = take_in(&server, permit, &mut bundle).await;
    server.metrics.bytes_in(bundle.bytes_taken());
    match result {
        Ok(mut answer) => {
            if let Some(view) = query.view {
                let place = ViewPlace { since: answer.result.head, pull: None };
                answer.result.cursor = server.cursor_key.make_in_view(server.epoch(), folder, view.0, place);
            }
            server.metrics.commit(&answer.outcomes, answer.result.replayed);
            let applied = answer.outcomes.iter().any(|outcome| matches!(outcome, GroupOutcome::Applied(_)));
            if applied && !answer.result.replayed {
                let result = &answer.result;
                server.lags.committed(caller.device(), folder, result.before, result.head);
                server.wakes.folder_changed(folder, result.head);
            }
            Ok(answer.into_response(&server))
        }
        Err(failure) => {
            bundle.drain().await;
            Err(failure)
        }
    }
}

/// What is answered.
struct Answer {
    result: CommitResult,
    outcomes: Vec<GroupOutcome>,
}

impl Answer {
    fn into_response(self, server: &Server) -> Response {
        let mut encoder = Encoder::new();
        encoder.commit_result(&self.result);
        encoder.outcomes(&self.outcomes);
        let bytes = encoder.finish();
        server.metrics.bytes_out(bytes.len() as u64);
        ([(header::CONTENT_TYPE, BUNDLE_MEDIA_TYPE)], bytes).into_response()
    }
}

/// Reads the bundle to its end and does what it says.
async fn take_in(
    server: &Arc<Server>,
    permit: Permit<Write>,
    bundle: &mut BundleReader,
) -> Result<Answer, Failure> {
    let limits = server.settings.limits;
    let Some(Record::CommitHead(head)) = bundle.next().await? else {
        return Err(out_of_place("A commit begins with its head."));
    };
    let mut plan = Plan::new(head, &limits)?;
    let first = loop {
        match bundle.next().await? {
            Some(Record::Operations(run)) => plan.add_operations(run)?,
            Some(Record::Manifest(part)) => plan.add_manifest(server, part)?,
            other => break other,
        }
    };
    let planned = plan.settle(server, permit).await?;
    if let Some(answer) = repeated(server, permit, &planned).await? {
        // The same body has been taken in before. It is read to its end and forgotten, so that the client, which is
        // still sending it, reads its answer and not a closed connection.
        while bundle.next().await?.is_some() {}
        return Ok(answer);
    }
    let intake = take_chunks(server, permit, bundle, first, &planned).await?;
    carry_out(server, permit, planned, intake, limits).await
}

/// Stores every chunk that comes.
async fn take_chunks(
    server: &Arc<Server>,
    permit: Permit<Write>,
    bundle: &mut BundleReader,
    first: Option<Record>,
    planned: &Planned,
) -> Result<Intake, Failure> {
    let mut intake = Intake::new(server, permit, planned);
    let mut next = first;
    while let Some(record) = next {
        match record {
            Record::Chunk(chunk) => intake.add_chunk(chunk).await?,
            Record::Block(block) => intake.add_block(block).await?,
            Record::End(_) => {}
            _ => return Err(out_of_place("After the first chunk come only chunks.")),
        }
        next = bundle.next().await?;
    }
    intake.finish().await?;
    Ok(intake)
}

/// The stored answer, if this commit was carried out before.
async fn repeated(
    server: &Arc<Server>,
    permit: Permit<Write>,
    planned: &Planned,
) -> Result<Option<Answer>, Failure> {
    if planned.groups.is_empty() {
        return Ok(None);
    }
    let (database, now) = (Arc::clone(&server.database), server.now());
    let (key, digest) = (planned.key, planned.digest);
    let committed =
        server.blocking(move || Ok(versioning::repeated(&*database, permit, key, digest, now)?)).await?;
    Ok(committed.map(|committed| answer(server, permit.folder(), planned, committed)))
}

async fn carry_out(
    server: &Arc<Server>,
    permit: Permit<Write>,
    mut planned: Planned,
    intake: Intake,
    limits: Limits,
) -> Result<Answer, Failure> {
    if planned.groups.is_empty() {
        // Nothing but chunks for an upload, or nothing but groups with bad names.
        let folder = permit.folder();
        let head = server.read(move |snapshot| {
            let found = snapshot.folder(folder)?.ok_or_else(Failure::not_found)?;
            Ok::<_, Failure>(found.counters.head)
        });
        let committed = Committed { outcomes: Vec::new(), head: head.await?, repeated: false };
        return Ok(answer(server, folder, &planned, committed));
    }
    let (received, hold) = intake.into_received();
    let commit = Commit {
        permit,
        key: planned.key,
        digest: planned.digest,
        groups: std::mem::take(&mut planned.groups),
        authors: versioning::Authors::Caller,
        manifests: std::mem::take(&mut planned.manifests),
        received,
        uploads: planned.uploads.clone(),
        limits,
        now: server.now(),
    };
    let database = Arc::clone(&server.database);
    let committed = server
        .blocking(move || {
            let committed = versioning::commit(&*database, commit);
            drop(hold);
            Ok(committed?)
        })
        .await?;
    Ok(answer(server, permit.folder(), &planned, committed))
}

fn answer(server: &Server, folder: FolderId, planned: &Planned, committed: Committed) -> Answer {
    let result = CommitResult {
        before: committed.before(),
        head: committed.head,
        cursor: server.cursor_key.at(server.epoch(), folder, committed.head),
        replayed: committed.repeated,
    };
    Answer { result, outcomes: planned.merge(committed.outcomes) }
}

fn out_of_place(detail: &str) -> Failure {
    Failure::new(ProblemKind::MalformedBundle).detail(detail)
}

impl From<chunker::SpliceError> for Failure {
    fn from(error: chunker::SpliceError) -> Self {
        Self::invalid(format!("{error}."))
    }
}

impl From<versioning::BadManifest> for Failure {
    fn from(error: versioning::BadManifest) -> Self {
        Self::invalid(format!("{error}."))
    }
}

/// The bundle promised less than it brings.
fn more_than_announced(what: &'static str) -> Failure {
    Failure::from(BundleError::Malformed { kind: 1, what })
}
