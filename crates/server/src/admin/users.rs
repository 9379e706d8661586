//! Accounts.

use super::{AdminError, By, Outcome, change, find_user, homes};
use crate::server::Server;
use protocol::admin::{AdminAnswer, Rate, Secret, UserEntry};

fn hash(server: &Server, password: &Secret) -> Result<String, AdminError> {
    use auth::password::PasswordError;
    server.hasher.hash(&password.0).map_err(|error| match error {
        PasswordError::TooShort | PasswordError::TooLong => AdminError::Invalid(error.to_string()),
        PasswordError::Failed(_) => AdminError::Internal(Box::new(error)),
    })
}

pub(super) fn add(
    server: &Server,
    by: &By,
    user: String,
    password: &Secret,
    administrator: bool,
    home: bool,
) -> Outcome {
    let hash = hash(server, password)?;
    let details =
        [("user", user.clone()), ("administrator", administrator.to_string()), ("home", home.to_string())];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    change(server, by, "user.add", &details, move |transaction, now| {
        let id = auth::account::create_user(transaction, &user, &hash, administrator, now)?;
        if home && let Some(made) = transaction.user(id)? {
            homes::make(transaction, &made, now)?;
        }
        Ok(AdminAnswer::Done)
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

/// What is to be changed of an account besides its password; what is not given stays.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) administrator: Option<bool>,
    pub(super) disabled: Option<bool>,
    /// Empty: none from now on.
    pub(super) system_user: Option<String>,
    pub(super) upload_rate: Option<Rate>,
    pub(super) download_rate: Option<Rate>,
}

pub(super) fn set(
    server: &Server,
    by: &By,
    name: String,
    password: Option<&Secret>,
    changes: Changes,
) -> Outcome {
    let Changes { administrator, disabled, system_user, upload_rate, download_rate } = changes;
    for rate in [upload_rate, download_rate] {
        refuse_too_slow(rate)?;
    }
    let hash = password.map(|password| hash(server, password)).transpose()?;
    let said = |value: Option<bool>| value.map_or("", |value| if value { "true" } else { "false" });
    let details = [
        ("user", name.clone()),
        ("password", if hash.is_some() { "changed" } else { "" }.to_owned()),
        ("administrator", said(administrator).to_owned()),
        ("disabled", said(disabled).to_owned()),
        ("system_user", system_user.clone().unwrap_or_default()),
        ("upload_rate", rate_said(upload_rate)),
        ("download_rate", rate_said(download_rate)),
    ];
    let details = details.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (user, rates) = change(server, by, "user.set", &details, move |transaction, now| {
        let mut user = find_user(transaction.as_snapshot(), &name)?;
        if let Some(hash) = hash {
            auth::account::set_password(transaction, user.id, &hash, now)?;
        }
        user.administrator = administrator.unwrap_or(user.administrator);
        user.disabled = disabled.unwrap_or(user.disabled);
        if let Some(login) = &system_user {
            auth::account::set_system_user(&mut user, login).map_err(auth::AccountError::from)?;
        }
        user.rates.upload = upload_rate.map_or(user.rates.upload, Into::into);
        user.rates.download = download_rate.map_or(user.rates.download, Into::into);
        transaction.set_user(&user).map_err(|error| match (error.kind(), &system_user) {
            (metadata::ErrorKind::Conflict, Some(login)) => {
                AdminError::Exists(format!("the system's user '{login}' is another account's already"))
            }
            _ => error.into(),
        })?;
        Ok((user.id, user.rates))
    })?;
    // Transfers that run go on at the new rates.
    server.traffic.set(user, rates.or(server.settings.user_rates));
    Ok(AdminAnswer::Done)
}

fn refuse_too_slow(rate: Option<Rate>) -> Result<(), AdminError> {
    match rate {
        Some(Rate::To(rate)) if rate < pace::RATE_MIN => {
            Err(AdminError::Invalid(format!("a rate is at least {} bytes a second", pace::RATE_MIN)))
        }
        _ => Ok(()),
    }
}

fn rate_said(rate: Option<Rate>) -> String {
    match rate {
        None => String::new(),
        Some(Rate::Standard) => "standard".to_owned(),
        Some(Rate::Unlimited) => "unlimited".to_owned(),
        Some(Rate::To(rate)) => rate.to_string(),
    }
}

pub(super) fn remove(server: &Server, by: &By, name: String) -> Outcome {
    change(server, by, "user.remove", &[("user", &name.clone())], move |transaction, now| {
        let user = find_user(transaction.as_snapshot(), &name)?;
        homes::leave_behind(transaction, &user)?;
        auth::account::remove_user(transaction, &user, now)?;
        Ok(AdminAnswer::Done)
    })
}

pub(super) fn remove_second_factor(server: &Server, by: &By, name: String) -> Outcome {
    change(server, by, "second_factor.remove", &[("user", &name.clone())], move |transaction, _| {
        let user = find_user(transaction.as_snapshot(), &name)?;
        if auth::second_factor::remove(transaction, user.id)? {
            Ok(AdminAnswer::Done)
        } else {
            Err(AdminError::NotFound(format!("the user '{name}' has no second factor")))
        }
    })
}

pub(super) fn need_second_factor(server: &Server, by: &By, administrators: bool) -> Outcome {
    let said = if administrators { "true" } else { "false" };
    change(server, by, "second_factor.need", &[("administrators", said)], move |transaction, _| {
        let setting = metadata::setting::Setting::SecondFactorForAdministrators;
        transaction.put_setting(setting, &[u8::from(administrators)])?;
        Ok(AdminAnswer::Done)
    })
}
