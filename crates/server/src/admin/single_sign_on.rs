//! Whether and how people sign in by a provider.

use super::{AdminError, By, Expected, change_and_tell, expect, the_group};
use crate::server::Server;
use crate::single_sign_on::chosen::{self, Chosen};
use metadata::Snapshot;
use protocol::admin::Secret;
use protocol::v1::{ChooseSingleSignOn, SSO_SECRET_BYTES_MAX, SingleSignOnSettings};
use std::sync::Arc;

/// Chooses, if what is chosen now has one of the expected tags; none: whatever it is.
pub(crate) fn set(
    server: &Server,
    by: &By,
    wanted: ChooseSingleSignOn,
    expected: Expected,
) -> Result<Option<Chosen>, AdminError> {
    let ChooseSingleSignOn { chosen: settings, secret } = wanted;
    let settings = settings.map(openid::settings::checked).transpose();
    let settings = settings.map_err(|fault| AdminError::Invalid(fault.to_owned()))?;
    if secret.as_ref().is_some_and(|secret| !is_secret(secret)) {
        return Err(AdminError::Invalid("A secret has no spaces, and at most 1024 bytes.".to_owned()));
    }
    let key = Arc::clone(&server.factors.key);
    change_and_tell(server, by, "single_sign_on.change", move |transaction, _| {
        let snapshot = transaction.as_snapshot();
        let before = chosen::chosen(snapshot)?;
        expect(expected, || Ok(chosen::tag(before.as_ref())))?;
        let Some(settings) = settings else {
            chosen::choose(transaction, None)?;
            return Ok((None, vec![("issuer", "none".to_owned())]));
        };
        for mapping in &settings.groups {
            the_group(snapshot, mapping.group)?;
        }
        let details = details(snapshot, &settings, secret.as_ref())?;
        let sealed = match secret {
            Some(Secret(secret)) if secret.is_empty() => Vec::new(),
            Some(Secret(secret)) => {
                auth::single_sign_on::seal_secret(&key, &settings.issuer, &settings.client_id, &secret)
                    .map_err(|error| AdminError::Internal(Box::new(error)))?
            }
            // It is sealed for issuer and client: another provider is never shown it.
            None => before
                .filter(|before| {
                    before.settings.issuer == settings.issuer
                        && before.settings.client_id == settings.client_id
                })
                .map_or_else(Vec::new, |before| before.secret),
        };
        let chosen = Chosen { settings, secret: sealed };
        chosen::choose(transaction, Some(&chosen))?;
        Ok((Some(chosen), details))
    })
}

fn is_secret(Secret(text): &Secret) -> bool {
    text.len() <= SSO_SECRET_BYTES_MAX && text.chars().all(|sign| !sign.is_control() && !sign.is_whitespace())
}

fn details(
    snapshot: &dyn Snapshot,
    settings: &SingleSignOnSettings,
    secret: Option<&Secret>,
) -> Result<super::Details, AdminError> {
    let mut groups = Vec::new();
    for mapping in &settings.groups {
        groups.push(format!("{}={}", mapping.there, the_group(snapshot, mapping.group)?.name));
    }
    Ok(vec![
        ("issuer", settings.issuer.clone()),
        ("client", settings.client_id.clone()),
        ("secret", if secret.is_some() { "changed" } else { "kept" }.to_owned()),
        ("groups", groups.join("/")),
        ("administrators", settings.administrators.clone().unwrap_or_default()),
        ("create", settings.create.to_string()),
        ("second_factor", settings.second_factor.to_string()),
    ])
}
