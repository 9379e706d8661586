//! Passkeys (WebAuthn): registering one, and signing in with one and nothing else.
//!
//! Invariants:
//! - a passkey makes sure of the person itself (user verification is required), so that it is a whole sign-in;
//! - it is for the name that the page is used under ([`Site`]): kept with it, and not taken under another;
//! - challenges live in memory, five minutes, good once; so many in all and so many of one network;
//! - accounts are known to passkeys by a random handle, and no attestation is asked for;
//! - registering one needs the account's password: the caller has made sure of it.
//!
//! Start with [`Ceremonies::begin_registration`] and [`Ceremonies::begin_sign_in`]. Signatures are verified by `webauthn-rs`.

use crate::digest;
use crate::sign_in::{LinkError, Linked, Opening, Proof, finish, is_device_name, refuse};
use crate::throttle;
use crate::token::{NoRandomness, random};
use metadata::account::User;
use metadata::audit::AuditEntry;
use metadata::passkey::PasskeyRow;
use metadata::{Database, Transaction};
use model::{PasskeyId, Principal, Timestamp, UserId};
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

/// The most passkeys of an account.
pub const OF_AN_ACCOUNT_MAX: usize = 20;
/// How long a challenge is good.
pub const LIFE_SECONDS: i64 = 300;
/// The most challenges in all; the oldest makes room.
const IN_ALL_MAX: usize = 10_000;
/// The most of one network.
const OF_A_NETWORK_MAX: usize = 100;

/// Where the page is used: what passkeys are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    host: String,
    origin: Url,
}

impl Site {
    /// From the origin that a browser says. None where browsers have no passkeys: under an address without a name, and
    /// without TLS but on this machine.
    #[must_use]
    pub fn of_origin(origin: &str) -> Option<Self> {
        let origin = Url::parse(origin).ok()?;
        let host = origin.domain()?.to_owned();
        let is_here = host == "localhost" || host.ends_with(".localhost");
        let fits = origin.scheme() == "https" || (origin.scheme() == "http" && is_here);
        fits.then_some(Self { host, origin })
    }

    fn verifier(&self) -> Result<Webauthn, WebauthnError> {
        WebauthnBuilder::new(&self.host, &self.origin)?.rp_name("Driftless").build()
    }
}

/// Challenges that wait for an answer.
#[derive(Debug, Default)]
pub struct Ceremonies {
    waiting: Mutex<HashMap<[u8; 16], Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    asked: Asked,
    site: Site,
    network: Option<String>,
    began_at: Timestamp,
}

#[derive(Debug)]
enum Asked {
    Registration { user: UserId, handle: [u8; 16], state: Box<PasskeyRegistration> },
    SignIn(Box<DiscoverableAuthentication>),
}

/// A challenge for the browser.
#[derive(Debug)]
pub struct Challenge {
    /// Names it.
    pub ceremony: String,
    /// What the browser is asked, as JSON.
    pub options: Value,
}

/// Who asks for one.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Where the page is used.
    pub site: &'a Site,
    /// From which address.
    pub address: Option<IpAddr>,
    /// Now.
    pub now: Timestamp,
}

/// A new passkey, whose browser has answered.
#[derive(Debug, Clone)]
pub struct NewPasskey<'a> {
    /// Who registers it, at which device.
    pub by: Principal,
    /// From where.
    pub address: Option<IpAddr>,
    /// The challenge.
    pub ceremony: &'a str,
    /// What the person calls it.
    pub name: &'a str,
    /// What the browser answered.
    pub credential: Value,
    /// Now.
    pub now: Timestamp,
}

/// Why nothing came of a passkey.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The challenge was never given, or is no more.
    #[error("this attempt is not known any more: begin again")]
    Unknown,
    /// What the browser says does not prove anything, or the passkey is not known here.
    #[error("this passkey was not accepted")]
    Refused,
    /// The name is none.
    #[error("a passkey's name has 1 to 64 bytes and no control characters")]
    BadName,
    /// There are enough.
    #[error("there are {OF_AN_ACCOUNT_MAX} passkeys already; take one away first")]
    TooMany,
    /// No challenge could be made.
    #[error("no challenge could be made: {0}")]
    Failed(#[from] WebauthnError),
    /// As where one signs in.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl From<metadata::Error> for PasskeyError {
    fn from(error: metadata::Error) -> Self {
        Self::Link(error.into())
    }
}

impl From<NoRandomness> for PasskeyError {
    fn from(error: NoRandomness) -> Self {
        Self::Link(error.into())
    }
}

impl Ceremonies {
    /// Asks a browser to make a passkey for an account that has these already.
    ///
    /// # Errors
    /// If there are enough, or no challenge can be made.
    pub fn begin_registration(
        &self,
        user: &User,
        known: &[PasskeyRow],
        asking: Asking<'_>,
    ) -> Result<Challenge, PasskeyError> {
        if known.len() >= OF_AN_ACCOUNT_MAX {
            return Err(PasskeyError::TooMany);
        }
        let handle = match known.first() {
            Some(row) => row.handle,
            None => random()?,
        };
        let exclude = known.iter().map(|row| row.credential_id.clone()).collect();
        let (challenge, state) = asking.site.verifier()?.start_passkey_registration(
            Uuid::from_bytes(handle),
            &user.name,
            &user.name,
            Some(exclude),
        )?;
        let mut options = json(&challenge)?["publicKey"].take();
        // One is to sign in without saying a name: the device has to remember whose it is.
        options["authenticatorSelection"]["residentKey"] = "required".into();
        options["authenticatorSelection"]["requireResidentKey"] = true.into();
        let asked = Asked::Registration { user: user.id, handle, state: Box::new(state) };
        Ok(Challenge { ceremony: self.wait(asked, asking)?, options })
    }

    /// Keeps a passkey that was made. Blocks.
    ///
    /// # Errors
    /// If the challenge is not known or another account's, the answer is wrong, or the database fails.
    pub fn register(&self, database: &dyn Database, new: NewPasskey<'_>) -> Result<PasskeyId, PasskeyError> {
        if !is_device_name(new.name) {
            return Err(PasskeyError::BadName);
        }
        let waiting = self.take(new.ceremony, new.now)?;
        let Asked::Registration { user, handle, state } = waiting.asked else {
            return Err(PasskeyError::Unknown);
        };
        if user != new.by.user {
            return Err(PasskeyError::Unknown);
        }
        let answer: RegisterPublicKeyCredential =
            serde_json::from_value(new.credential).map_err(|_| PasskeyError::Refused)?;
        let made = waiting.site.verifier()?.finish_passkey_registration(&answer, &state);
        let made = made.map_err(|_| PasskeyError::Refused)?;
        let row = PasskeyRow {
            id: PasskeyId(0),
            user,
            credential_id: made.cred_id().to_vec(),
            handle,
            host: waiting.site.host,
            name: new.name.to_owned(),
            public_key: written(&made)?,
            created_at: new.now,
            last_used_at: None,
        };
        let (by, address, now) = (new.by, new.address, new.now);
        metadata::write(database, move |transaction| {
            if transaction.passkeys(user)?.len() >= OF_AN_ACCOUNT_MAX {
                return Err(PasskeyError::TooMany);
            }
            let id = transaction.create_passkey(&row).map_err(|error| match error.kind() {
                metadata::ErrorKind::Conflict => PasskeyError::Refused,
                _ => error.into(),
            })?;
            note(transaction, (by, address, now), "passkey.add", id, &row.name)?;
            Ok(id)
        })
    }

    /// Asks a browser for any passkey of this site.
    ///
    /// # Errors
    /// If no challenge can be made.
    pub fn begin_sign_in(&self, asking: Asking<'_>) -> Result<Challenge, PasskeyError> {
        let (challenge, state) = asking.site.verifier()?.start_discoverable_authentication()?;
        let options = json(&challenge)?["publicKey"].take();
        Ok(Challenge { ceremony: self.wait(Asked::SignIn(Box::new(state)), asking)?, options })
    }

    /// Signs in whoever holds the passkey that answered. Blocks.
    ///
    /// # Errors
    /// If the challenge is not known, the answer proves nothing, the account is not active, or the database fails.
    pub fn sign_in(
        &self,
        database: &dyn Database,
        ceremony: &str,
        credential: Value,
        opening: Opening,
    ) -> Result<Linked, PasskeyError> {
        let waiting = self.take(ceremony, opening.now)?;
        let Asked::SignIn(state) = waiting.asked else { return Err(PasskeyError::Unknown) };
        let answer: PublicKeyCredential =
            serde_json::from_value(credential).map_err(|_| PasskeyError::Refused)?;
        let (site, now) = (waiting.site, opening.now);
        let signed = metadata::write(database, move |transaction| {
            let Some(row) = proven(transaction, &site, &answer, *state, now)? else {
                refuse(transaction, None, &opening)?;
                return Ok(None);
            };
            transaction.set_passkey(&row)?;
            Ok::<_, PasskeyError>(Some(finish(transaction, row.user, Proof::Passkey, &opening)?))
        });
        match signed {
            Ok(signed) => signed.ok_or(PasskeyError::Refused),
            Err(PasskeyError::Link(LinkError::Wrong)) => Err(PasskeyError::Refused),
            Err(error) => Err(error),
        }
    }

    fn wait(&self, asked: Asked, asking: Asking<'_>) -> Result<String, NoRandomness> {
        let id: [u8; 16] = random()?;
        let network = asking.address.map(throttle::network);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        drop_old(&mut waiting, asking.now);
        while let Some(surplus) = surplus(&waiting, network.as_deref()) {
            waiting.remove(&surplus);
        }
        let (site, began_at) = (asking.site.clone(), asking.now);
        waiting.insert(id, Waiting { asked, site, network, began_at });
        Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Each is good once.
    fn take(&self, ceremony: &str, now: Timestamp) -> Result<Waiting, PasskeyError> {
        let is_id = ceremony.len() == 32 && ceremony.bytes().all(|digit| digit.is_ascii_hexdigit());
        let id = is_id.then(|| u128::from_str_radix(ceremony, 16).ok()).flatten();
        let id = id.ok_or(PasskeyError::Unknown)?.to_be_bytes();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        drop_old(&mut waiting, now);
        waiting.remove(&id).ok_or(PasskeyError::Unknown)
    }
}

fn drop_old(waiting: &mut HashMap<[u8; 16], Waiting>, now: Timestamp) {
    let since = now.0.saturating_sub(LIFE_SECONDS.saturating_mul(1_000_000_000));
    waiting.retain(|_, waiting| waiting.began_at.0 > since && waiting.began_at <= now);
}

fn surplus(waiting: &HashMap<[u8; 16], Waiting>, network: Option<&str>) -> Option<[u8; 16]> {
    let neighbours =
        || waiting.iter().filter(|(_, other)| network.is_some() && other.network.as_deref() == network);
    let oldest = |id: &[u8; 16]| waiting[id].began_at;
    if neighbours().count() >= OF_A_NETWORK_MAX {
        neighbours().map(|(id, _)| *id).min_by_key(oldest)
    } else if waiting.len() >= IN_ALL_MAX {
        waiting.keys().copied().min_by_key(oldest)
    } else {
        None
    }
}

/// The passkey that has proved itself, as it is to be kept from now on.
fn proven(
    transaction: &dyn Transaction,
    site: &Site,
    answer: &PublicKeyCredential,
    state: DiscoverableAuthentication,
    now: Timestamp,
) -> Result<Option<PasskeyRow>, PasskeyError> {
    let verifier = site.verifier()?;
    let Ok((handle, credential_id)) = verifier.identify_discoverable_authentication(answer) else {
        return Ok(None);
    };
    let found = transaction.passkey_of_credential(credential_id)?;
    let is_of_here = |row: &PasskeyRow| row.handle == *handle.as_bytes() && row.host == site.host;
    let Some(row) = found.filter(is_of_here) else { return Ok(None) };
    let Ok(mut key) = serde_json::from_slice::<Passkey>(&row.public_key) else { return Ok(None) };
    let result = match verifier.finish_discoverable_authentication_v2(answer, state, &key) {
        Ok(result) if result.user_verified() => result,
        _ => return Ok(None),
    };
    key.update_credential(&result);
    Ok(Some(PasskeyRow { public_key: written(&key)?, last_used_at: Some(now), ..row }))
}

fn written(key: &Passkey) -> Result<Vec<u8>, PasskeyError> {
    serde_json::to_vec(key).map_err(|error| WebauthnError::ParseJSONFailure(error).into())
}

fn json(challenge: &impl serde::Serialize) -> Result<Value, PasskeyError> {
    serde_json::to_value(challenge).map_err(|error| WebauthnError::ParseJSONFailure(error).into())
}

/// Calls a passkey of the caller's otherwise, or takes it away. Says whether there is such a one.
pub fn change(
    transaction: &dyn Transaction,
    (by, address, now): (Principal, Option<IpAddr>, Timestamp),
    id: PasskeyId,
    name: Option<&str>,
) -> Result<bool, PasskeyError> {
    let Some(row) = transaction.passkeys(by.user)?.into_iter().find(|row| row.id == id) else {
        return Ok(false);
    };
    match name {
        Some(name) if !is_device_name(name) => return Err(PasskeyError::BadName),
        Some(name) => {
            transaction.set_passkey(&PasskeyRow { name: name.to_owned(), ..row })?;
            note(transaction, (by, address, now), "passkey.rename", id, name)?;
        }
        None => {
            transaction.delete_passkey(id)?;
            note(transaction, (by, address, now), "passkey.remove", id, &row.name)?;
        }
    }
    Ok(true)
}

fn note(
    transaction: &dyn Transaction,
    (by, address, at): (Principal, Option<IpAddr>, Timestamp),
    action: &'static str,
    id: PasskeyId,
    name: &str,
) -> metadata::Result<()> {
    let entry = AuditEntry {
        at,
        user: Some(by.user),
        device: by.device,
        address: address.map(|address| address.to_string()).unwrap_or_default(),
        action,
        folder: None,
        allowed: true,
        details: vec![("passkey".to_owned(), id.to_string()), ("name".to_owned(), name.to_owned())],
    };
    transaction.append_audit(&entry, digest::audit).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_for_names_and_for_encrypted_ways() {
        for good in ["https://cloud.example", "https://cloud.example:8443", "http://localhost:7440"] {
            assert!(Site::of_origin(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "null",
            "http://cloud.example",
            "https://192.0.2.1",
            "https://[::1]",
            "file:///x",
            "https://",
        ] {
            assert!(Site::of_origin(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn challenges_are_good_once_and_not_for_long_and_a_network_has_so_many() {
        let site = Site::of_origin("https://cloud.example").unwrap();
        let ceremonies = Ceremonies::default();
        let begin = |second: i64| {
            let asking = Asking {
                site: &site,
                address: Some("192.0.2.1".parse().unwrap()),
                now: Timestamp::from_parts(second, 0),
            };
            ceremonies.begin_sign_in(asking).unwrap().ceremony
        };
        let known = |id: &str, second| ceremonies.take(id, Timestamp::from_parts(second, 0)).is_ok();
        let (first, second) = (begin(0), begin(1));
        assert!(known(&first, 2) && !known(&first, 2));
        assert!(!known(&second, 301));
        for bad in ["", "x", "+000000000000000000000000000000a", &"0".repeat(32), &"\u{e9}".repeat(16)] {
            assert!(!known(bad, 301));
        }
        let ids: Vec<_> = (0..=100).map(|second| begin(1_000 + second)).collect();
        assert!(!known(&ids[0], 1_101), "the oldest made room");
        assert!(known(&ids[1], 1_101));
    }

    #[test]
    fn a_browser_is_asked_for_verification_and_a_discoverable_key() {
        let site = Site::of_origin("http://localhost:7440").unwrap();
        let asking = Asking { site: &site, address: None, now: Timestamp(0) };
        let user = User {
            id: UserId(1),
            name: "alice".into(),
            name_key: model::NameKey("alice".into()),
            administrator: false,
            disabled: false,
            quota_bytes: None,
            used_bytes: 0,
            created_at: Timestamp(0),
            system_user: None,
            rates: model::RateChoices::default(),
        };
        let ceremonies = Ceremonies::default();
        let options = ceremonies.begin_registration(&user, &[], asking).unwrap().options;
        let wanted = &options["authenticatorSelection"];
        assert_eq!(
            (&wanted["residentKey"], &wanted["userVerification"]),
            (&"required".into(), &"required".into())
        );
        assert_eq!((&options["rp"]["id"], &options["attestation"]), (&"localhost".into(), &"none".into()));
        let handle = options["user"]["id"].as_str().unwrap();
        assert_eq!(handle.len(), 22, "128 random bits: {handle}");
        let again = ceremonies.begin_registration(&user, &[], asking).unwrap().options;
        assert_ne!(again["user"]["id"], options["user"]["id"]);
        let options = ceremonies.begin_sign_in(asking).unwrap().options;
        assert_eq!(options["userVerification"], "required");
    }
}
