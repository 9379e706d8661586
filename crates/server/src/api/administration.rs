//! `/api/v1/admin/…`: what [`crate::admin`] does, over HTTP, for administrators ([`Administrator`]).

pub(crate) mod second_factor;
pub(crate) mod status;

use crate::admin::{By, carry_out};
use crate::caller::Administrator;
use crate::failure::Failure;
use crate::server::Server;
use protocol::admin::{AdminAnswer, AdminRequest};
use std::sync::Arc;

/// Has a request carried out on a thread that may wait.
async fn administer(server: &Arc<Server>, by: By, request: AdminRequest) -> Result<AdminAnswer, Failure> {
    let here = Arc::clone(server);
    server.blocking(move || Ok(carry_out(&here, &by, request, Arc::new(|_| {}))?)).await
}

/// An answer that no request of this kind gets.
fn unexpected(answer: &AdminAnswer) -> Failure {
    Failure::internal(format!("an unexpected answer: {answer:?}"))
}
