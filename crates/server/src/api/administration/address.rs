//! `POST /api/v1/admin/address/test`: whether the server is reached at an address.

use super::Administrator;
use crate::body;
use crate::chosen::address_of;
use crate::failure::Failure;
use crate::openapi::problems;
use crate::outgoing::reach_self;
use crate::server::Server;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use protocol::v1::{AddressTestRequest, AddressTestResponse};
use std::sync::Arc;

/// Whether the server reaches itself at an address
///
/// It asks once, from where it stands, and says whether it was itself that answered, and with what certificate; of anybody else
/// it says nothing. One attempt at a time, ten a minute.
#[utoipa::path(
    post,
    path = "/address/test",
    operation_id = "test_address",
    tag = "administration",
    request_body(content = AddressTestRequest),
    responses(
        (status = 200, description = "What came of it.", body = AddressTestResponse),
        problems::Signed,
        problems::Privileged,
        problems::Json,
        problems::Bounded,
        problems::Writing
    )
)]
pub(crate) async fn test(
    State(server): State<Arc<Server>>,
    Administrator { by }: Administrator,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<AddressTestResponse>, Failure> {
    let request: AddressTestRequest = body::json(&server, &headers, body).await?;
    let address = address_of(&request.address).map_err(Failure::invalid)?;
    let entry =
        by.entry(server.now(), "address.test", true, vec![("address".to_owned(), address.to_string())]);
    server
        .write(move |transaction| {
            transaction.append_audit(&entry, auth::digest::audit)?;
            Ok::<_, Failure>(())
        })
        .await?;
    Ok(Json(reach_self(&server, &address).await?))
}
