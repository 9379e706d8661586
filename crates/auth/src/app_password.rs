//! App passwords: tokens for programs, of narrower scope than their account.
//!
//! Invariants:
//! - a scope takes away and never gives: it is a limit inside the facts that [`model::authorize`] decides by
//!   ([`metadata::account::Scope`]), and what the account loses the app password loses at once;
//! - an app password never administers or manages, makes no other token, and ends by itself;
//! - making one needs the account's password: the caller has made sure of it.

use crate::account::NAME_BYTES_MAX;
use crate::digest;
use crate::sign_in::is_device_name;
use crate::token::{AppPassword, NoRandomness};
use metadata::account::{DeviceKind, DeviceRow, NewDevice, Scope};
use metadata::audit::AuditEntry;
use metadata::{Snapshot, Transaction};
use model::{DeviceId, Principal, Privilege, Timestamp};
use std::net::IpAddr;

/// How long one may live.
pub const DAYS_MAX: u32 = 365;
/// The most folders that one may name.
pub const FOLDERS_MAX: usize = 100;
/// The most that an account may have at a time.
pub const OF_AN_ACCOUNT_MAX: usize = 50;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewAppPassword {
    /// Who asks, at which device.
    pub by: Principal,
    /// From where.
    pub address: Option<IpAddr>,
    /// What the person calls it.
    pub name: String,
    /// What it may reach.
    pub scope: Scope,
    /// For how many days.
    pub days: u32,
    /// Now.
    pub now: Timestamp,
}

/// Why none was made.
#[derive(Debug, thiserror::Error)]
pub enum AppPasswordError {
    /// The name is none.
    #[error("an app password's name has 1 to {NAME_BYTES_MAX} bytes and no control characters")]
    BadName,
    /// Neither to read nor to write.
    #[error("an app password may read, or read and write")]
    BadPrivilege,
    /// A folder that the account does not see, none at all, or too many.
    #[error("an app password is for every folder, or for 1 to {FOLDERS_MAX} folders that you see")]
    BadFolders,
    /// It would live for too long, or not at all.
    #[error("an app password lives for 1 to {DAYS_MAX} days")]
    BadDays,
    /// There are enough.
    #[error("there are {OF_AN_ACCOUNT_MAX} app passwords already; take one away first")]
    TooMany,
    /// The system gives no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] metadata::Error),
}

/// Makes one. Its text is said now or never.
pub fn create(
    transaction: &dyn Transaction,
    new: &NewAppPassword,
) -> Result<(DeviceId, AppPassword), AppPasswordError> {
    check(transaction.as_snapshot(), new)?;
    let token = AppPassword::generate()?;
    let device = NewDevice {
        user: new.by.user,
        name: new.name.clone(),
        token_hash: token.digest().0,
        at: new.now,
        expires_at: Some(ends(new)),
        platform: String::new(),
        address: String::new(),
    };
    let id = transaction.create_app_password(&device, &new.scope)?;
    let folders = new.scope.folders.as_ref().map_or("all".to_owned(), |folders| {
        folders.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    });
    let details = [
        ("app_password", id.to_string()),
        ("name", new.name.clone()),
        ("privilege", new.scope.privilege.to_string()),
        ("folders", folders),
        ("days", new.days.to_string()),
    ];
    note(transaction, new.by, new.address, "app_password.add", details.to_vec(), new.now)?;
    Ok((id, token))
}

fn check(snapshot: &dyn Snapshot, new: &NewAppPassword) -> Result<(), AppPasswordError> {
    if !is_device_name(&new.name) {
        return Err(AppPasswordError::BadName);
    }
    if !matches!(new.scope.privilege, Privilege::Read | Privilege::Write) {
        return Err(AppPasswordError::BadPrivilege);
    }
    if !(1..=DAYS_MAX).contains(&new.days) {
        return Err(AppPasswordError::BadDays);
    }
    if let Some(folders) = &new.scope.folders {
        let seen = snapshot.privileges(new.by.user, new.by.from)?;
        let is_seen = |folder| seen.iter().any(|(id, held)| id == folder && *held >= Privilege::Read);
        if !(1..=FOLDERS_MAX).contains(&folders.len()) || !folders.iter().all(is_seen) {
            return Err(AppPasswordError::BadFolders);
        }
    }
    if list(snapshot, new.by, new.now)?.len() >= OF_AN_ACCOUNT_MAX {
        return Err(AppPasswordError::TooMany);
    }
    Ok(())
}

fn ends(new: &NewAppPassword) -> Timestamp {
    let (seconds, nanoseconds) = new.now.parts();
    Timestamp::from_parts(seconds.saturating_add(i64::from(new.days) * 86_400), nanoseconds)
}

/// Those of an account that are good now, the oldest first.
pub fn list(
    snapshot: &dyn Snapshot,
    of: Principal,
    now: Timestamp,
) -> metadata::Result<Vec<(DeviceRow, Scope)>> {
    let mut found = Vec::new();
    for row in snapshot.devices(of.user)? {
        if row.kind == DeviceKind::App
            && row.is_linked(now)
            && let Some(scope) = snapshot.scope(row.id)?
        {
            found.push((row, scope));
        }
    }
    Ok(found)
}

/// Takes one away. Says whether the account had it.
pub fn revoke(
    transaction: &dyn Transaction,
    by: Principal,
    address: Option<IpAddr>,
    id: DeviceId,
    now: Timestamp,
) -> metadata::Result<bool> {
    let found = transaction.device(id)?;
    let is_theirs =
        |row: &DeviceRow| row.user == by.user && row.kind == DeviceKind::App && row.revoked_at.is_none();
    if !found.as_ref().is_some_and(is_theirs) {
        return Ok(false);
    }
    transaction.revoke_device(id, now)?;
    let details = vec![("app_password", id.to_string())];
    note(transaction, by, address, "app_password.remove", details, now)?;
    Ok(true)
}

fn note(
    transaction: &dyn Transaction,
    by: Principal,
    address: Option<IpAddr>,
    action: &'static str,
    details: Vec<(&'static str, String)>,
    at: Timestamp,
) -> metadata::Result<()> {
    let entry = AuditEntry {
        at,
        user: Some(by.user),
        device: by.device,
        address: address.map(|address| address.to_string()).unwrap_or_default(),
        action,
        folder: None,
        allowed: true,
        details: details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    };
    transaction.append_audit(&entry, digest::audit).map(drop)
}
