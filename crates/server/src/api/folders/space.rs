//! `GET …/space`: what a folder takes, exactly. Counting reads every version of the folder, so one count runs at a time
//! and is good for a while.

use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use model::permit::Read;
use model::{Action, FolderId, Timestamp};
use protocol::v1::SpaceResponse;
use std::collections::HashMap;
use std::sync::Arc;
use versioning::space::Space;

/// For how long a count is good.
const GOOD_NS: i64 = 60_000_000_000;
/// Folders whose counts are kept.
const COUNTS: usize = 1000;

/// Counts of a moment ago; its lock lets one count run at a time.
pub(crate) type Counts = tokio::sync::Mutex<HashMap<FolderId, (Timestamp, Space)>>;

/// What a folder takes
///
/// Each version counts in full. Counted anew at most once a minute.
#[utoipa::path(
    get,
    path = "/space",
    operation_id = "get_space",
    tag = "folders",
    responses(
        (status = 200, description = "What it takes.", body = SpaceResponse),
        problems::Signed,
        problems::InFolder
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
) -> Result<Json<SpaceResponse>, Failure> {
    let permit = server.permit::<Read>(caller.principal, folder, Action::List).await?;
    let mut counts = server.space.lock().await;
    let now = server.now();
    if let Some((at, space)) = counts.get(&folder)
        && (0..GOOD_NS).contains(&(now.0 - at.0))
    {
        return Ok(Json(wire(space)));
    }
    let database = Arc::clone(&server.database);
    let space = server.blocking(move || Ok(versioning::space::of_folder(&*database, permit, now)?)).await?;
    if counts.len() >= COUNTS {
        counts.clear();
    }
    counts.insert(folder, (now, space));
    Ok(Json(wire(&space)))
}

pub(crate) fn wire(space: &Space) -> SpaceResponse {
    SpaceResponse {
        current_bytes: space.current_bytes,
        history_bytes: space.history_bytes,
        trash_bytes: space.trash_bytes,
        trash_nodes: space.trash_nodes,
        versions: space.versions,
        stored_bytes: space.stored_bytes,
        shared_bytes: space.shared_bytes(),
    }
}
