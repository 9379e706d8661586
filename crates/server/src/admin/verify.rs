//! Proof that nothing is missing or damaged.

use super::{AdminError, Outcome};
use crate::server::Server;

pub(super) fn verify(_server: &Server, _all_bytes: bool) -> Outcome {
    Err(AdminError::Internal("verification is not built into this version".into()))
}
