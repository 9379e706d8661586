//! `/api/v1/admin/…`: what [`crate::admin`] does, over HTTP, for administrators ([`Administrator`]).

pub(crate) mod activity;
pub(crate) mod address;
pub(crate) mod devices;
pub(crate) mod folders;
pub(crate) mod groups;
pub(crate) mod growth;
pub(crate) mod issues;
pub(crate) mod lists;
pub(crate) mod log;
pub(crate) mod networks;
pub(crate) mod overview;
pub(crate) mod second_factor;
pub(crate) mod settings;
pub(crate) mod single_sign_on;
pub(crate) mod status;
pub(crate) mod storage;
pub(crate) mod users;
pub(crate) mod work;

use crate::admin::{By, carry_out, carry_out_with as administer_with};
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
