//! `GET /api/v1/server`: who answers and what it takes. Needs no token, and tells nothing that a client does not
//! need before it has one; whoever shows one is told its account's rates.

use crate::caller::Caller;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use protocol::v1::{ServerResponse, TransferLimits, WireLimits, capability};
use std::sync::Arc;

/// Who answers, and what it takes
///
/// Version, lineage, capabilities and limits. Needs no token.
#[utoipa::path(
    get,
    path = "/server",
    operation_id = "get_server",
    tag = "server",
    responses(
        (status = 200, description = "Who answers.", body = ServerResponse)
    )
)]
pub(crate) async fn get(State(server): State<Arc<Server>>, caller: Option<Caller>) -> Json<ServerResponse> {
    let settings = &server.settings;
    let transfers = TransferLimits {
        of_a_device: settings.device_transfers as u64,
        in_all: settings.transfers as u64,
        wait_seconds: settings.transfer_wait.as_secs(),
        zip_entries: settings.zip_entries,
    };
    let rates = caller.map_or(settings.user_rates, |caller| caller.rates);
    let capabilities = [
        capability::BUNDLE_1,
        capability::EVENTS,
        capability::LONG_POLL,
        capability::DEVICE_CODES,
        capability::VIEWS,
    ];
    Json(ServerResponse {
        version: settings.version.clone(),
        epoch: server.epoch(),
        capabilities: capabilities.map(str::to_owned).to_vec(),
        limits: WireLimits::new(settings.limits, transfers, rates),
    })
}
