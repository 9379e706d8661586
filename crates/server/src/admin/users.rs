//! Accounts.

use super::{AdminError, By, Details, Expected, Outcome, change, change_and_tell, expect, homes, the_user};
use crate::server::Server;
use metadata::account::User;
use metadata::{Snapshot, Transaction};
use model::{DeviceId, GroupId, Timestamp, UserId};
use protocol::admin::{AdminAnswer, Limit, Rate, Secret, UserEntry};

fn hash(server: &Server, password: &Secret) -> Result<String, AdminError> {
    use auth::password::PasswordError;
    server.hasher.hash(&password.0).map_err(|error| match error {
        PasswordError::TooShort | PasswordError::TooLong => AdminError::Invalid(error.to_string()),
        PasswordError::Failed(_) => AdminError::Internal(Box::new(error)),
    })
}

/// An account to be made.
pub(crate) struct New {
    pub(crate) name: String,
    pub(crate) password: Secret,
    pub(crate) administrator: bool,
    /// Whether it gets a home folder.
    pub(crate) home: bool,
    pub(crate) quota_bytes: Option<u64>,
}

pub(crate) fn add(server: &Server, by: &By, new: New) -> Result<UserId, AdminError> {
    let New { name, password, administrator, home, quota_bytes } = new;
    let hash = hash(server, &password)?;
    let details =
        [("user", name.clone()), ("administrator", administrator.to_string()), ("home", home.to_string())];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    change(server, by, "user.add", &details, move |transaction, now| {
        let id = auth::account::create_user(transaction, &name, &hash, administrator, now)?;
        let user = the_user(transaction.as_snapshot(), id)?;
        if quota_bytes.is_some() {
            transaction.set_user(&User { quota_bytes, ..user.clone() })?;
        }
        if home {
            homes::make(transaction, &user, now)?;
        }
        Ok(id)
    })
}

pub(super) fn list(server: &Server) -> Outcome {
    metadata::read(&*server.database, |snapshot| {
        let mut users: Vec<UserEntry> = snapshot
            .users()?
            .into_iter()
            .filter(|user| !auth::account::is_removed(user))
            .map(|user| UserEntry {
                id: user.id,
                name: user.name,
                administrator: user.administrator,
                disabled: user.disabled,
                system_user: user.system_user,
                upload_rate: user.rates.upload.into(),
                download_rate: user.rates.download.into(),
            })
            .collect();
        users.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(AdminAnswer::Users { users })
    })
}

/// What is to be changed of an account; what is not given stays.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) password: Option<Secret>,
    /// Whether all its devices and sessions end.
    pub(crate) unlink_devices: bool,
    pub(crate) administrator: Option<bool>,
    pub(crate) disabled: Option<bool>,
    /// Empty: none from now on.
    pub(crate) system_user: Option<String>,
    pub(crate) upload_rate: Option<Rate>,
    pub(crate) download_rate: Option<Rate>,
    pub(crate) quota_bytes: Option<Limit>,
    /// Exactly these from now on.
    pub(crate) groups: Option<Vec<GroupId>>,
}

impl Changes {
    /// What the audit log says: what is given, and nothing secret.
    fn details(&self, user: &User) -> Details {
        let yes = |value: &bool| if *value { "true" } else { "false" }.to_owned();
        let quota = |quota: &Limit| match quota {
            Limit::Unlimited => "none".to_owned(),
            Limit::To(bytes) => bytes.to_string(),
        };
        let groups =
            |groups: &Vec<GroupId>| groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let named = [
            ("user", Some(user.name.clone())),
            ("password", self.password.as_ref().map(|_| "changed".to_owned())),
            ("unlink_devices", self.unlink_devices.then(|| "true".to_owned())),
            ("administrator", self.administrator.as_ref().map(yes)),
            ("disabled", self.disabled.as_ref().map(yes)),
            ("system_user", self.system_user.clone()),
            ("upload_rate", self.upload_rate.map(rate_said)),
            ("download_rate", self.download_rate.map(rate_said)),
            ("quota_bytes", self.quota_bytes.as_ref().map(quota)),
            ("groups", self.groups.as_ref().map(groups)),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

pub(crate) fn set(
    server: &Server,
    by: &By,
    id: UserId,
    changes: Changes,
    expected: Expected,
) -> Result<(), AdminError> {
    for rate in [changes.upload_rate, changes.download_rate] {
        refuse_too_slow(rate)?;
    }
    let hash = changes.password.as_ref().map(|password| hash(server, password)).transpose()?;
    let rates = change_and_tell(server, by, "user.set", move |transaction, now| {
        let snapshot = transaction.as_snapshot();
        let before = the_user(snapshot, id)?;
        expect(expected, || tag(snapshot, &before))?;
        let user = changed(&before, &changes)?;
        if is_active_administrator(&before) && !is_active_administrator(&user) {
            refuse_the_last_administrator(snapshot, id)?;
        }
        if user.administrator {
            auth::setup::end(transaction)?;
        }
        transaction.set_user(&user).map_err(|error| match (error.kind(), &changes.system_user) {
            (metadata::ErrorKind::Conflict, Some(login)) => {
                AdminError::Exists(format!("the system's user '{login}' is another account's already"))
            }
            _ => error.into(),
        })?;
        if let Some(hash) = hash {
            auth::account::set_password(transaction, id, &hash, now)?;
        }
        if let Some(groups) = &changes.groups {
            set_groups(transaction, id, groups)?;
        }
        if changes.unlink_devices {
            unlink_all_but(transaction, id, None, now)?;
        }
        Ok((user.rates, changes.details(&before)))
    })?;
    // Transfers that run go on at the new rates.
    server.traffic.set(id, rates.or(server.settings.user_rates));
    Ok(())
}

/// Somebody's own new password, after the old one was shown; with `unlink_others` only the device that asks stays linked.
pub(crate) fn change_own_password(
    server: &Server,
    by: &By,
    password: &Secret,
    unlink_others: bool,
) -> Result<(), AdminError> {
    let Some(asking) = by.principal else {
        return Err(AdminError::Invalid("nobody asks".to_owned()));
    };
    let hash = hash(server, password)?;
    let details = [("unlink_others", if unlink_others { "true" } else { "false" })];
    change(server, by, "password.change", &details, move |transaction, now| {
        auth::account::set_password(transaction, asking.user, &hash, now)?;
        if unlink_others {
            unlink_all_but(transaction, asking.user, asking.device, now)?;
        }
        Ok(())
    })
}

fn changed(before: &User, changes: &Changes) -> Result<User, AdminError> {
    let mut user = before.clone();
    user.administrator = changes.administrator.unwrap_or(user.administrator);
    user.disabled = changes.disabled.unwrap_or(user.disabled);
    if let Some(login) = &changes.system_user {
        auth::account::set_system_user(&mut user, login).map_err(auth::AccountError::from)?;
    }
    user.rates.upload = changes.upload_rate.map_or(user.rates.upload, Into::into);
    user.rates.download = changes.download_rate.map_or(user.rates.download, Into::into);
    user.quota_bytes = match changes.quota_bytes {
        None => user.quota_bytes,
        Some(Limit::Unlimited) => None,
        Some(Limit::To(bytes)) => Some(bytes),
    };
    Ok(user)
}

fn is_active_administrator(user: &User) -> bool {
    user.administrator && !user.disabled
}

/// Somebody must be left who can sign in and administer the server.
fn refuse_the_last_administrator(snapshot: &dyn Snapshot, leaving: UserId) -> Result<(), AdminError> {
    if snapshot.users()?.iter().any(|user| user.id != leaving && is_active_administrator(user)) {
        return Ok(());
    }
    let text = "this is the last active administrator, who can be neither removed, disabled nor demoted: make \
        somebody else one first";
    Err(AdminError::Invalid(text.to_owned()))
}

fn set_groups(transaction: &dyn Transaction, user: UserId, wanted: &[GroupId]) -> Result<(), AdminError> {
    let known = transaction.groups()?;
    if wanted.iter().any(|id| known.iter().all(|group| group.id != *id)) {
        return Err(AdminError::Invalid("One of the groups is not there.".to_owned()));
    }
    let before = transaction.groups_of(user)?;
    for group in before.iter().filter(|group| !wanted.contains(group)) {
        transaction.remove_member(*group, user)?;
    }
    for group in wanted.iter().filter(|group| !before.contains(group)) {
        transaction.add_member(*group, user)?;
    }
    Ok(())
}

/// Ends what is linked to an account, but one device.
fn unlink_all_but(
    transaction: &dyn Transaction,
    user: UserId,
    stays: Option<DeviceId>,
    now: Timestamp,
) -> metadata::Result<()> {
    for device in transaction.devices(user)? {
        if device.revoked_at.is_none() && Some(device.id) != stays {
            transaction.revoke_device(device.id, now)?;
        }
    }
    Ok(())
}

/// Names the state of what of an account can be changed: the same state has the same tag.
pub(crate) fn tag(snapshot: &dyn Snapshot, user: &User) -> Result<String, AdminError> {
    let groups = snapshot.groups_of(user.id)?;
    let state = (&user.name, user.administrator, user.disabled, user.quota_bytes, &user.system_user);
    Ok(super::digest(&format!("{state:?} {:?} {groups:?}", user.rates)))
}

fn refuse_too_slow(rate: Option<Rate>) -> Result<(), AdminError> {
    match rate {
        Some(Rate::To(rate)) if rate < pace::RATE_MIN => {
            Err(AdminError::Invalid(format!("a rate is at least {} bytes a second", pace::RATE_MIN)))
        }
        _ => Ok(()),
    }
}

fn rate_said(rate: Rate) -> String {
    match rate {
        Rate::Standard => "standard".to_owned(),
        Rate::Unlimited => "unlimited".to_owned(),
        Rate::To(rate) => rate.to_string(),
    }
}

pub(crate) fn remove(server: &Server, by: &By, id: UserId, expected: Expected) -> Outcome {
    change_and_tell(server, by, "user.remove", move |transaction, now| {
        let snapshot = transaction.as_snapshot();
        let user = the_user(snapshot, id)?;
        expect(expected, || tag(snapshot, &user))?;
        if is_active_administrator(&user) {
            refuse_the_last_administrator(snapshot, id)?;
        }
        homes::leave_behind(transaction, &user)?;
        auth::account::remove_user(transaction, &user, now)?;
        Ok((AdminAnswer::Done, vec![("user", user.name)]))
    })
}
