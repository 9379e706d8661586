//! `GET /api/v1/address`: the server's public address, for people who link a device.

use crate::caller::Caller;
use crate::chosen;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use axum::Json;
use axum::extract::State;
use protocol::v1::{AddressResponse, QrCode};
use qrcodegen::QrCodeEcc;
use std::fmt::Write as _;
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

/// A text as a QR code; none if it is too long for one.
fn qr(text: &str) -> Option<QrCode> {
    let code = qrcodegen::QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let width = (x..code.size()).take_while(|at| code.get_module(*at, y)).count();
            if width > 0 {
                let _ = write!(path, "M{x} {y}h{width}v1h-{width}z");
            }
            x += i32::try_from(width).unwrap_or(i32::MAX - x).max(1);
        }
    }
    Some(QrCode { size: u32::try_from(code.size()).ok()?, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_draws_exactly_the_dark_squares() {
        let text = "https://files.example.org:7440";
        let drawn = qr(text).unwrap();
        let code = qrcodegen::QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let mut dark = std::collections::BTreeSet::new();
        for run in drawn.path.split('M').skip(1) {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let width = rest.split('v').next().unwrap().parse::<i32>().unwrap();
            let (x, y) = (x.parse::<i32>().unwrap(), y.parse::<i32>().unwrap());
            dark.extend((x..x + width).map(|x| (x, y)));
        }
        for (x, y) in (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y))) {
            assert_eq!(dark.contains(&(x, y)), code.get_module(x, y), "{x} {y}");
        }
        assert_eq!(i32::try_from(drawn.size).unwrap(), code.size());
        assert_eq!(qr(&"x".repeat(5_000)), None);
    }
}
