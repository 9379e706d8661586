//! `GET /api/v1/admin/issues`.

use super::Administrator;
use crate::admin::folders::{plain_path, plain_state};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::folder::Folder;
use model::permit::Read;
use model::{Action, FolderId, Principal};
use pairs::{Monitor, MonitorStatus};
use protocol::v1::{HeldDeletions, IssuesResponse, PlainIssue, PlainIssues};
use std::sync::Arc;

/// How many issues of a directory are told one by one.
const ISSUES: usize = 100;

/// How plain directories stand
///
/// Those that wait for a decision, those that are not there, and what in them cannot be kept in step. Where in a folder that
/// is, is told to who may read the folder.
#[utoipa::path(
    get,
    path = "/issues",
    operation_id = "list_issues",
    tag = "administration",
    responses(
        (status = 200, description = "All plain directories.", body = IssuesResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn list(
    State(server): State<Arc<Server>>,
    administrator: Administrator,
) -> Result<Json<IssuesResponse>, Failure> {
    let mut folders = server.read(|snapshot| snapshot.folders()).await?;
    folders.retain(|folder| folder.settings.plain_directory.is_some());
    folders.sort_by(|one, other| one.settings.name.cmp(&other.settings.name));
    let here = Arc::clone(&server);
    let statuses = move || Ok(here.monitor.as_ref().map(Monitor::statuses).unwrap_or_default());
    let mut statuses = server.blocking(statuses).await?;
    let mut plain = Vec::new();
    for folder in folders {
        let may_read = may_read(&server, administrator.by.principal, folder.id).await;
        plain.push(entry(&folder, statuses.remove(&folder.id), may_read));
    }
    Ok(Json(IssuesResponse { plain }))
}

async fn may_read(server: &Arc<Server>, principal: Option<Principal>, folder: FolderId) -> bool {
    match principal {
        Some(principal) => server.permit::<Read>(principal, folder, Action::List).await.is_ok(),
        None => false,
    }
}

fn entry(folder: &Folder, status: Option<MonitorStatus>, may_read: bool) -> PlainIssues {
    let directory = folder.settings.plain_directory.clone().map(plain_path).unwrap_or_default();
    let held = status.as_ref().and_then(|status| status.status.held);
    let listed = status.as_ref().map_or(&[][..], |status| &status.status.issues);
    let issue = |(path, reason): &(model::RelativePath, String)| PlainIssue {
        path: may_read.then(|| path.to_string()),
        reason: reason.clone(),
    };
    PlainIssues {
        folder: folder.id,
        name: folder.settings.name.clone(),
        directory: directory.display().to_string(),
        state: status.as_ref().map(plain_state),
        held: held.map(|(here, there)| HeldDeletions { in_directory: here as u64, in_folder: there as u64 }),
        issues: listed.iter().take(ISSUES).map(issue).collect(),
        issue_count: listed.len() as u64,
        trouble: status.and_then(|status| status.trouble),
    }
}
