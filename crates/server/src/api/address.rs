//! `GET /api/v1/address`: the server's public address, for people who link a device.

use crate::caller::Caller;
use crate::chosen;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::qr::qr;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use protocol::v1::AddressResponse;
use std::sync::Arc;

/// The server's public address
///
/// For linking a device: as text, and as a QR code to be drawn. Nothing if no administrator chose one.
#[utoipa::path(
    get,
    path = "/address",
    operation_id = "get_address",
    tag = "server",
    responses(
        (status = 200, description = "The address.", body = AddressResponse),
        problems::Signed
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    _: Caller,
) -> Result<Json<AddressResponse>, Failure> {
    let address = server.read(chosen::chosen).await?.public_address;
    let qr = address.as_deref().and_then(qr);
    Ok(Json(AddressResponse { address, qr }))
}
