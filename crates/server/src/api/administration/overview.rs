//! `GET /api/v1/admin/overview`: made of what is in memory and a few small reads, so that a page may ask once a second.

mod health;

use super::Administrator;
use crate::admin::folders::plain_state;
use crate::api::folders::people::Names;
use crate::api::folders::wire_kind;
use crate::failure::Failure;
use crate::meters::Reading;
use crate::openapi::problems;
use crate::presence::Present;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use metadata::folder::Folder;
use metadata::growth::GrowthRow;
use model::{DeviceId, FolderId, Seq, Timestamp, UserId};
use pairs::{Monitor, MonitorStatus};
use protocol::RfcTime;
use protocol::v1::{
    ConnectedEntry, FolderShare, OverviewResponse, Share, Throughput, TransferEntry, WorkResult,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const CONNECTED: usize = 500;
const TRANSFERS: usize = 200;
const FOLDERS: usize = 100;
const SECONDS: u64 = 60;

/// How the server is doing
///
/// Cheap enough to be asked for once a second.
#[utoipa::path(
    get,
    path = "/overview",
    operation_id = "get_overview",
    tag = "administration",
    responses(
        (status = 200, description = "Now.", body = OverviewResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _administrator: Administrator,
) -> Result<Json<OverviewResponse>, Failure> {
    let here = Arc::clone(&server);
    let overview = server.reading(move || overview(&here, &Known::read(&here)?)).await?;
    Ok(Json(overview))
}

/// What is known for an overview.
struct Known {
    folders: Vec<Folder>,
    counted: HashMap<FolderId, GrowthRow>,
    plain: BTreeMap<FolderId, MonitorStatus>,
    last: Vec<WorkResult>,
    now: Timestamp,
}

impl Known {
    fn read(server: &Server) -> metadata::Result<Self> {
        let plain = server.monitor.as_ref().map(Monitor::statuses).unwrap_or_default();
        let now = server.now();
        metadata::read(&*server.database, move |snapshot| {
            let counted = snapshot.newest_growth()?.into_iter().map(|row| (row.folder, row)).collect();
            Ok(Self { folders: snapshot.folders()?, counted, plain, last: crate::work::last(snapshot)?, now })
        })
    }

    fn share(&self, folder: &Folder) -> Share {
        let counted = self.counted.get(&folder.id);
        Share {
            current_bytes: folder.counters.used_bytes,
            history_bytes: counted.map_or(0, |row| row.history_bytes),
            trash_bytes: counted.map_or(0, |row| row.trash_bytes),
        }
    }

    fn total(&self) -> Share {
        self.folders.iter().map(|folder| self.share(folder)).fold(Share::default(), |sum, share| Share {
            current_bytes: sum.current_bytes + share.current_bytes,
            history_bytes: sum.history_bytes + share.history_bytes,
            trash_bytes: sum.trash_bytes + share.trash_bytes,
        })
    }

    fn folders(&self) -> Vec<FolderShare> {
        let mut shares: Vec<FolderShare> = self.folders.iter().map(|folder| self.folder(folder)).collect();
        let bytes = |share: &Share| share.current_bytes + share.history_bytes + share.trash_bytes;
        shares.sort_by_key(|folder| (std::cmp::Reverse(bytes(&folder.share)), folder.folder));
        shares.truncate(FOLDERS);
        shares
    }

    fn folder(&self, folder: &Folder) -> FolderShare {
        FolderShare {
            folder: folder.id,
            name: folder.settings.name.clone(),
            kind: wire_kind(folder.kind),
            head: folder.counters.head.0,
            share: self.share(folder),
            counted: self.counted.get(&folder.id).map(|row| RfcTime(row.at)),
            quota_bytes: folder.settings.quota_bytes,
            plain: self.plain.get(&folder.id).map(plain_state),
        }
    }
}

fn overview(server: &Server, known: &Known) -> Result<OverviewResponse, Failure> {
    let (connected_count, there) = server.presence.there(CONNECTED);
    let moving = moving(server);
    let users = there.iter().map(|present| present.principal.user);
    let devices = there.iter().filter_map(|present| present.principal.device);
    let names = Names::load(
        &*server.database,
        users.chain(moving.iter().filter_map(|moving| moving.user)).collect(),
        devices.chain(moving.iter().filter_map(|moving| moving.device)).collect(),
    )?;
    let heads: HashMap<FolderId, Seq> =
        known.folders.iter().map(|folder| (folder.id, folder.counters.head)).collect();
    let behind: HashMap<DeviceId, u64> =
        server.lags.lags(&heads).into_iter().map(|lag| (lag.device, lag.changes)).collect();
    let health = health::of(server, known);
    Ok(OverviewResponse {
        at: RfcTime(known.now),
        started: RfcTime(Timestamp::from_parts(server.started_seconds, 0)),
        version: server.settings.version.clone(),
        connected: there.into_iter().map(|present| connected(present, &names, &behind)).collect(),
        connected_count: connected_count as u64,
        transfers: moving.iter().map(|moving| moving.entry(&names)).collect(),
        throughput: throughput(server),
        folders: known.folders(),
        folder_count: known.folders.len() as u64,
        total: known.total(),
        findings: health::findings(server, known, &health),
        health,
        changes: heads.values().map(|head| head.0).sum(),
    })
}

fn connected(present: Present, names: &Names, behind: &HashMap<DeviceId, u64>) -> ConnectedEntry {
    let device = present.principal.device;
    ConnectedEntry {
        user: present.principal.user,
        user_name: names.user(present.principal.user),
        device,
        device_name: names.device(device),
        agent: present.agent,
        address: present.address.map(|address| address.to_string()),
        since: RfcTime(present.since),
        behind: device.and_then(|device| behind.get(&device).copied()),
    }
}

fn throughput(server: &Server) -> Throughput {
    let (up, down) =
        server.traffic.meters.all().history(SECONDS).into_iter().map(|[up, down]| (up, down)).unzip();
    Throughput { up, down }
}

/// A device whose contents move, or that has a place to.
struct Moving {
    user: Option<UserId>,
    device: Option<DeviceId>,
    running: usize,
    waiting: usize,
    reading: Reading,
}

/// Devices with transfers, and those whose bytes have moved within the last seconds.
fn moving(server: &Server) -> Vec<Moving> {
    let mut places = server.transfers.by_device();
    let mut all: Vec<Moving> = Vec::new();
    for ((user, device), reading) in server.traffic.meters.readings() {
        let (running, waiting) = places.remove(&device).unwrap_or_default();
        all.push(Moving { user: Some(user), device, running, waiting, reading });
    }
    for (device, (running, waiting)) in places {
        let known = server.traffic.meters.of_device(device);
        let reading = known.map_or(Reading { rate: [0; 2], total: [0; 2] }, |(_, reading)| reading);
        all.push(Moving { user: known.map(|((user, _), _)| user), device, running, waiting, reading });
    }
    all.sort_by_key(|moving| (std::cmp::Reverse(moving.reading.rate.iter().sum::<u64>()), moving.device));
    all.truncate(TRANSFERS);
    all
}

impl Moving {
    fn entry(&self, names: &Names) -> TransferEntry {
        TransferEntry {
            user_name: self.user.and_then(|user| names.user(user)),
            device: self.device,
            device_name: names.device(self.device),
            running: self.running as u64,
            waiting: self.waiting as u64,
            up_rate: self.reading.rate[0],
            down_rate: self.reading.rate[1],
            up_bytes: self.reading.total[0],
            down_bytes: self.reading.total[1],
        }
    }
}
