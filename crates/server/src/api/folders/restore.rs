//! `POST …/restore`: a folder, or what is below a directory, becomes as it was at a moment.

use crate::api::folders::past::names;
use crate::body;
use crate::caller::{Caller, Ids};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use metadata::Snapshot;
use model::permit::Write;
use model::{Action, DeviceId, FolderId, IdempotencyKey, NodeId, Seq};
use protocol::RfcTime;
use protocol::v1::{FolderRestoreRequest, FolderRestoreResponse, KeptEntry};
use std::sync::Arc;
use versioning::past::When;
use versioning::rewind::{Only, Reason, Rewind, Rewound, preview, rewind};

/// A folder, or what is below a directory, becomes as it was
///
/// As new placements and versions, in one transaction. No content is copied or sent. Restoring to the `before` of the
/// answer undoes it.
#[utoipa::path(
    post,
    path = "/restore",
    operation_id = "restore_folder",
    tag = "history",
    request_body(content = FolderRestoreRequest),
    responses(
        (status = 200, description = "What was done, or would be.", body = FolderRestoreResponse),
        problems::Signed,
        problems::InFolder,
        problems::Privileged,
        problems::Json,
        problems::Keyed,
        problems::Writing,
        problems::Quota
    )
)]
pub(crate) async fn restore(
    State(server): State<Arc<Server>>,
    Ids((folder,)): Ids<(FolderId,)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FolderRestoreResponse>, Failure> {
    let permit = server.permit::<Write>(caller.principal, folder, Action::Restore).await?;
    let request: FolderRestoreRequest = body::json(&server, &headers, body).await?;
    let to = match (request.at, request.seq) {
        (Some(at), None) => When::At(at.0),
        (None, Some(seq)) => When::Seq(Seq(seq)),
        _ => return Err(Failure::invalid("Give either a moment ('at') or a number of the journal ('seq').")),
    };
    let (user, device) = (request.only_by_user.clone(), request.only_by_device.clone());
    let only = server.read(move |snapshot| only(snapshot, user.as_deref(), device.as_deref())).await?;
    let job = Rewind {
        permit,
        key: key(request.key)?,
        digest: digest(folder, &request)?,
        to,
        node: request.node.unwrap_or(NodeId::ROOT),
        path: names(request.path.as_deref())?,
        only,
        limits: server.settings.limits,
        now: server.now(),
    };
    let (database, dry_run) = (Arc::clone(&server.database), request.dry_run);
    let run = move || match dry_run {
        true => Ok(preview(&*database, job)?),
        false => Ok(rewind(&*database, job)?),
    };
    let rewound = server.blocking(run).await?;
    if rewound.head != rewound.before && !rewound.repeated {
        server.wakes.folder_changed(folder, rewound.head);
    }
    Ok(Json(answer(&rewound)))
}

/// The key that names the attempt, or a random one.
pub(crate) fn key(given: Option<IdempotencyKey>) -> Result<IdempotencyKey, Failure> {
    if let Some(key) = given {
        return Ok(key);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Failure::internal)?;
    Ok(IdempotencyKey(bytes))
}

/// Whose changes are meant. Accounts and devices are found by their names of today.
fn only(snapshot: &dyn Snapshot, user: Option<&str>, device: Option<&str>) -> Result<Only, Failure> {
    if user.is_none() && device.is_none() {
        return Ok(Only::Everybody);
    }
    let unknown = |what, name| Failure::invalid(format!("There is no {what} '{name}'."));
    let user = match user {
        Some(name) => {
            let key = auth::account::name_key(name).map_err(|_| unknown("user", name))?;
            Some(snapshot.user_named(&key)?.ok_or_else(|| unknown("user", name))?.id)
        }
        None => None,
    };
    let Some(name) = device else { return Ok(Only::By { user, devices: None }) };
    let people = match user {
        Some(user) => vec![user],
        None => snapshot.users()?.into_iter().map(|user| user.id).collect(),
    };
    let id = name.parse::<DeviceId>().ok();
    let mut devices = Vec::new();
    for person in people {
        let theirs = snapshot.devices(person)?.into_iter();
        devices.extend(theirs.filter(|row| row.name == name || id == Some(row.id)).map(|row| row.id));
    }
    if devices.is_empty() {
        return Err(unknown("device", name));
    }
    Ok(Only::By { user, devices: Some(devices) })
}

/// Tells a repeated request from another one under the same key.
fn digest(folder: FolderId, request: &FolderRestoreRequest) -> Result<[u8; 32], Failure> {
    let text = serde_json::to_vec(request).map_err(Failure::internal)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"folder restore 1");
    hasher.update(&folder.0.to_le_bytes());
    hasher.update(&text);
    Ok(*hasher.finalize().as_bytes())
}

fn answer(rewound: &Rewound) -> FolderRestoreResponse {
    let kept = rewound.kept.iter().map(|kept| KeptEntry {
        node: kept.node,
        reason: match kept.reason {
            Reason::ChangedByOthers => "changed_by_others",
            Reason::InUse => "in_use",
            Reason::Impossible => "impossible",
        }
        .to_owned(),
    });
    FolderRestoreResponse {
        seq: rewound.to.seq.0,
        at: rewound.to.at.map(RfcTime),
        before: rewound.before.0,
        head: rewound.head.0,
        removed: rewound.removed,
        returned: rewound.returned,
        moved: rewound.moved,
        changed: rewound.changed,
        renamed: rewound.renamed,
        thinned: rewound.thinned,
        kept: kept.collect(),
        kept_count: rewound.kept_count,
    }
}
