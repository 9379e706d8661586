//! `GET /api/v1/admin/activity`: numbers, never names of files: who administers the server does not read people's files.

use super::Administrator;
use crate::api::folders::people::Names;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::folder::Folder;
use model::{Seq, Timestamp};
use protocol::RfcTime;
use protocol::v1::{FolderActivityEntry, FolderActivityResponse};
use std::sync::Arc;
use versioning::activity::{Tally, tally};

/// How long ago it may have been.
const SINCE_NS: i64 = 86_400_000_000_000;
/// How many folders are looked at: those that changed last.
const FOLDERS: usize = 25;
/// How many changes of each are counted.
const CHANGES: usize = 500;
/// How many entries there are at most.
const ENTRIES: usize = 100;

/// Who changed how much in which folder within a day
///
/// Of the 500 newest changes of each of the 25 folders that changed last. What was changed is told in the folder's own
/// activity, to who may read it.
#[utoipa::path(
    get,
    path = "/activity",
    operation_id = "get_activity",
    tag = "administration",
    responses(
        (status = 200, description = "The last first.", body = FolderActivityResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _administrator: Administrator,
) -> Result<Json<FolderActivityResponse>, Failure> {
    let (database, now) = (Arc::clone(&server.database), server.now());
    let answer = move || {
        let since = Timestamp(now.0.saturating_sub(SINCE_NS));
        let mut counted: Vec<(Folder, Tally)> = metadata::read(&*database, move |snapshot| {
            let mut last = Vec::new();
            for folder in snapshot.folders()?.into_iter().filter(|folder| folder.counters.head > Seq(0)) {
                let newest = snapshot.activity(folder.id, None, 1)?.pop();
                last.extend(newest.and_then(|row| row.at).filter(|at| *at >= since).map(|at| (at, folder)));
            }
            last.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
            let mut counted = Vec::new();
            for (_, folder) in last.into_iter().take(FOLDERS) {
                let tallies = tally(snapshot, folder.id, since, CHANGES)?;
                counted.extend(tallies.into_iter().map(|tally| (folder.clone(), tally)));
            }
            Ok::<_, versioning::Error>(counted)
        })?;
        counted.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.at));
        counted.truncate(ENTRIES);
        let users = counted.iter().filter_map(|(_, tally)| tally.user).collect();
        let devices = counted.iter().filter_map(|(_, tally)| tally.device).collect();
        let names = Names::load(&*database, users, devices)?;
        let entry = |(folder, tally): (Folder, Tally)| FolderActivityEntry {
            folder: folder.id,
            folder_name: folder.settings.name,
            user: tally.user.and_then(|user| names.user(user)),
            device: names.device(tally.device),
            nodes: tally.nodes,
            removed: tally.removed,
            at: RfcTime(tally.at),
        };
        Ok(Json(FolderActivityResponse { entries: counted.into_iter().map(entry).collect() }))
    };
    server.reading(answer).await
}
