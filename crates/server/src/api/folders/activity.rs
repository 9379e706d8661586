//! `GET …/activity`.

use super::past::kind_word;
use super::people::Names;
use crate::caller::{Caller, Ids, Values};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::activity::ActivityRow;
use metadata::version::VersionOrigin;
use model::permit::Read;
use model::{Action, FolderId, RelativePath, Seq};
use protocol::RfcTime;
use protocol::v1::{ActivityEntry, ActivityResponse, ActivityWord};
use serde::Deserialize;
use std::sync::Arc;
use versioning::activity::{Activity, activity};

/// The most entries of a page.
const ENTRIES_MAX: usize = 500;
/// How many there are if nobody says.
const ENTRIES: usize = 100;

#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Only changes below this number of the journal: `next` of the page before.
    #[param(nullable = false)]
    before: Option<u64>,
    /// The most entries of the page; 100 if not given, and never more than 500.
    #[param(nullable = false)]
    limit: Option<usize>,
}

/// What was done last
///
/// Of each node its last change, with who made it, newest first. What was done to a node before is in its versions.
#[utoipa::path(
    get,
    path = "/activity",
    operation_id = "list_activity",
    tag = "history",
    params(Query),
    responses(
        (status = 200, description = "One page.", body = ActivityResponse),
        problems::Signed,
        problems::InFolder,
        problems::Query
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    Values(query): Values<Query>,
    caller: Caller,
) -> Result<Json<ActivityResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::History).await?;
    let limit = query.limit.unwrap_or(ENTRIES).clamp(1, ENTRIES_MAX);
    let (database, now) = (Arc::clone(&server.database), server.now());
    let answer = move || {
        let found = activity(&*database, permit, query.before.map(Seq), limit, now)?;
        let users = found.iter().filter_map(|activity| activity.row.user).collect();
        let devices = found.iter().filter_map(|activity| activity.row.device).collect();
        let names = Names::load(&*database, users, devices)?;
        let next = found.last().filter(|_| found.len() == limit).map(|last| last.row.node.seq.0);
        let entries = found.iter().map(|activity| entry(activity, &names)).collect();
        Ok(Json(ActivityResponse { entries, next }))
    };
    server.reading(answer).await
}

fn entry(Activity { row, path }: &Activity, names: &Names) -> ActivityEntry {
    let what = word(row);
    let had_name = row.before.as_ref().filter(|(_, name)| *name != row.node.name);
    ActivityEntry {
        node: row.node.id,
        seq: row.node.seq.0,
        path: path.iter().cloned().collect::<RelativePath>().to_string(),
        kind: kind_word(&row.node.content),
        size: row.node.content.size(),
        what,
        before: had_name.filter(|_| what != ActivityWord::Removed).map(|(_, name)| name.as_str().to_owned()),
        at: row.at.map(RfcTime),
        user: row.user.and_then(|user| names.user(user)),
        device: names.device(row.device),
    }
}

/// What a change did, by what it wrote.
fn word(row: &ActivityRow) -> ActivityWord {
    if row.node.deleted {
        return ActivityWord::Removed;
    }
    let is_moved = |(parent, _): &(model::NodeId, model::Name)| *parent != row.node.parent;
    match (row.placed, row.before.as_ref(), row.origin) {
        (_, _, Some(VersionOrigin::Restore)) => ActivityWord::Restored,
        (true, None, Some(VersionOrigin::Copy)) => ActivityWord::Copied,
        (true, None, _) => ActivityWord::Created,
        (true, Some((parent, name)), _) if *parent == row.node.parent && *name == row.node.name => {
            // Placed anew where it was: it had been removed in between.
            ActivityWord::Restored
        }
        (true, Some(before), _) if is_moved(before) => ActivityWord::Moved,
        (true, Some(_), _) => ActivityWord::Renamed,
        (false, _, Some(VersionOrigin::Attributes)) => ActivityWord::Touched,
        (false, ..) => ActivityWord::Changed,
    }
}
