//! Wiping a device: it is unlinked at once, and told to remove its copies when it next asks for anything.
//!
//! A token whose device is to be wiped reaches no more than that of any other unlinked device. It hears the order, and may say
//! once that it is carried out.

use crate::token::TokenDigest;
use metadata::account::{DeviceKind, DeviceRow, Wipe, Wiped};
use metadata::{Snapshot, Transaction};
use model::{DeviceId, Timestamp, UserId};

/// Why a device is not told to remove its copies.
#[derive(Debug, thiserror::Error)]
pub enum WipeError {
    /// Nothing of this id is linked.
    #[error("there is no such device")]
    Absent,
    /// It is a browser's session or an app password.
    #[error("only a device that keeps directories in step can be wiped")]
    KeepsNothing,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] metadata::Error),
}

/// Whether a device is shown to who may see it: it is linked, or has an order that nobody has put away yet.
#[must_use]
pub fn is_shown(row: &DeviceRow, now: Timestamp) -> bool {
    row.is_linked(now) || row.wipe.is_some()
}

/// Orders that a device remove its copies; it is unlinked with it. An order that was given before stays, but what its owner
/// has ordered becomes the order of whoever else gives it, who alone can take it back then ([`may_take_back`]).
///
/// # Errors
/// There is no such device, or it keeps no copies.
pub fn order(
    transaction: &dyn Transaction,
    device: DeviceId,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<DeviceRow, WipeError> {
    let row = transaction.device(device)?.filter(|row| is_shown(row, now)).ok_or(WipeError::Absent)?;
    if row.kind != DeviceKind::Device {
        return Err(WipeError::KeepsNothing);
    }
    let wipe = match row.wipe {
        Some(wipe) if wipe.done.is_some() || wipe.ordered_by != Some(row.user) => wipe,
        Some(wipe) => Wipe { ordered_by: by, ..wipe },
        None => Wipe { ordered_at: now, ordered_by: by, done: None },
    };
    transaction.revoke_device(device, now)?;
    transaction.set_wipe(device, Some(&wipe))?;
    Ok(row)
}

/// Whether the owner of a device may take back, or put away, what was ordered. Who administers always may.
#[must_use]
pub fn may_take_back(row: &DeviceRow) -> bool {
    row.wipe.is_none_or(|wipe| wipe.done.is_some() || wipe.ordered_by == Some(row.user))
}

/// Unlinks a device. An order to remove its copies is taken back, if the device has not heard it yet, and put away.
pub fn unlink(transaction: &dyn Transaction, device: DeviceId, now: Timestamp) -> metadata::Result<()> {
    transaction.revoke_device(device, now)?;
    transaction.set_wipe(device, None)
}

/// The device that shows this token, if it is to remove its copies and has not said that it did.
pub fn ordered(snapshot: &dyn Snapshot, token: TokenDigest) -> metadata::Result<Option<DeviceRow>> {
    let row = snapshot.device_by_token(&token.0)?;
    Ok(row.filter(|row| row.wipe.is_some_and(|wipe| wipe.done.is_none())))
}

/// Notes that a device has removed its copies. Says whether it was to.
pub fn note_done(transaction: &dyn Transaction, device: DeviceId, done: Wiped) -> metadata::Result<bool> {
    let wipe = transaction.device(device)?.and_then(|row| row.wipe);
    let Some(wipe) = wipe.filter(|wipe| wipe.done.is_none()) else { return Ok(false) };
    transaction.set_wipe(device, Some(&Wipe { done: Some(done), ..wipe }))?;
    Ok(true)
}
