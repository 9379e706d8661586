//! What administrators choose about single sign-on, as it is kept.

use metadata::setting::Setting;
use metadata::{Snapshot, Transaction};
use protocol::v1::SingleSignOnSettings;

/// What is chosen, with the secret as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) settings: SingleSignOnSettings,
    /// Sealed; empty: there is none.
    pub(crate) secret: Vec<u8>,
}

/// What is chosen now; none: no single sign-on.
pub(crate) fn chosen(snapshot: &dyn Snapshot) -> metadata::Result<Option<Chosen>> {
    let stored = snapshot.setting(Setting::SingleSignOn)?.unwrap_or_default();
    // What this version cannot read is not chosen; administrators see that.
    let Ok(settings) = serde_json::from_slice(&stored) else { return Ok(None) };
    let secret = snapshot.setting(Setting::SingleSignOnSecret)?.unwrap_or_default();
    Ok(Some(Chosen { settings, secret }))
}

/// Chooses, as it was checked by [`openid::settings::checked`].
pub(crate) fn choose(transaction: &dyn Transaction, wanted: Option<&Chosen>) -> metadata::Result<()> {
    let text = wanted.map(|chosen| serde_json::to_vec(&chosen.settings).expect("it has string keys only"));
    transaction.put_setting(Setting::SingleSignOn, &text.unwrap_or_default())?;
    transaction
        .put_setting(Setting::SingleSignOnSecret, wanted.map_or(&[][..], |chosen| chosen.secret.as_slice()))
}

/// Names what is chosen, for `ETag`; a secret that is set anew is another.
pub(crate) fn tag(chosen: Option<&Chosen>) -> String {
    let mut hasher = blake3::Hasher::new();
    if let Some(chosen) = chosen {
        hasher.update(&serde_json::to_vec(&chosen.settings).expect("it has string keys only"));
        hasher.update(&[0]);
        hasher.update(&chosen.secret);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
