//! `/api/v1/account/…`: what guards the caller's own account. App passwords do not come here ([`crate::caller`]).
//!
//! Whatever makes it easier to get in asks for the password once more: a stolen token makes no second way in.

pub(crate) mod app_passwords;
pub(crate) mod passkeys;
pub(crate) mod second_factor;
pub(crate) mod single_sign_on;

use super::devices::password_turn;
use crate::caller::{Caller, PeerAddress};
use crate::failure::Failure;
use crate::openapi::problems;
use crate::server::Server;
use auth::sign_in::confirm_password;
use axum::Json;
use axum::extract::State;
use metadata::account::DeviceKind;
use metadata::{Snapshot, Transaction};
use model::{Principal, Timestamp};
use protocol::RfcTime;
use protocol::v1::{SecondFactorEntry, SecurityResponse};
use std::sync::Arc;

/// What guards the account
///
/// Beside its password. Not for app passwords, as all of `/account`.
#[utoipa::path(
    get,
    path = "/security",
    operation_id = "get_security",
    tag = "account",
    responses(
        (status = 200, description = "How it stands.", body = SecurityResponse),
        problems::Signed,
        problems::Privileged
    )
)]
pub(crate) async fn get(
    State(server): State<Arc<Server>>,
    caller: Caller,
) -> Result<Json<SecurityResponse>, Failure> {
    let user = caller.principal.user;
    let (second_factor, is_administrator, administers) = server
        .read(move |snapshot| {
            let is_administrator = snapshot.user(user)?.is_some_and(|user| user.administrator);
            let state = auth::second_factor::state(snapshot, user)?;
            Ok::<_, Failure>((state, is_administrator, snapshot.administers(user)?))
        })
        .await?;
    Ok(Json(SecurityResponse {
        second_factor: second_factor.map(|state| SecondFactorEntry {
            since: RfcTime(state.since),
            recovery_codes_left: state.recovery_codes,
        }),
        second_factor_wanted: is_administrator && !administers,
    }))
}

/// Makes sure of the caller's password.
async fn confirm(
    server: &Arc<Server>,
    caller: &Caller,
    peer: PeerAddress,
    password: String,
) -> Result<(), Failure> {
    let turn = password_turn(server).await?;
    let (shared, principal, now) = (Arc::clone(server), caller.principal, server.now());
    server
        .blocking(move || {
            let at = (Some(peer.0), now);
            Ok(confirm_password(&*shared.database, &shared.hasher, principal, &password, at)?)
        })
        .await?;
    drop(turn);
    Ok(())
}

/// Ends the account's sessions but the caller's own: what guards it has changed.
fn end_other_sessions(
    transaction: &dyn Transaction,
    caller: Principal,
    now: Timestamp,
) -> metadata::Result<()> {
    let snapshot: &dyn Snapshot = transaction.as_snapshot();
    for row in snapshot.devices(caller.user)? {
        let is_other = row.kind == DeviceKind::Session && Some(row.id) != caller.device;
        if is_other && row.revoked_at.is_none() {
            transaction.revoke_device(row.id, now)?;
        }
    }
    Ok(())
}
