//! `/api/v1/links`, `/api/v1/folders/{f}/links`, `/api/v1/link-policy`: links for strangers, to those who make and manage them.
//! What strangers see of them is in [`crate::share`].

pub(crate) mod change;
pub(crate) mod list;
pub(crate) mod make;
pub(crate) mod policy;
pub(crate) mod shared;

use crate::caller::{Caller, PeerAddress};
use crate::failure::Failure;
use crate::server::Server;
use axum::http::{HeaderMap, HeaderValue, header};
use metadata::Database;
use metadata::audit::AuditEntry;
use model::{FolderId, Principal, Timestamp, UserId};
use protocol::v1::{LinkAnswer, LinkEntry, WireLinkState};
use protocol::{ProblemKind, RfcTime};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use versioning::link::manage::{LinkState, Listed};

/// The path of a link's address.
pub(crate) fn address(token: &auth::LinkToken) -> String {
    format!("/s/{}", token.text())
}

/// Links as they are shown: with the names of their folders and makers.
fn entries(
    database: &dyn Database,
    caller: Principal,
    links: Vec<Listed>,
) -> Result<Vec<LinkEntry>, Failure> {
    metadata::read(database, move |snapshot| {
        let mut folders: HashMap<FolderId, String> = HashMap::new();
        let mut makers: HashMap<UserId, String> = HashMap::new();
        let mut entries = Vec::with_capacity(links.len());
        for listed in links {
            let link = &listed.link;
            let folder_name = match folders.entry(link.folder) {
                Entry::Occupied(known) => known.get().clone(),
                // A folder that its maker does not see any more has no name for them.
                Entry::Vacant(place) => {
                    let name = snapshot.folder(link.folder)?.map(|folder| folder.settings.name);
                    place.insert(name.unwrap_or_default()).clone()
                }
            };
            let maker = match makers.entry(link.maker) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(place) => {
                    let name = snapshot.user(link.maker)?.map(|user| user.name);
                    place.insert(name.unwrap_or_default()).clone()
                }
            };
            let hides = listed.state == LinkState::Lost && link.maker == caller.user;
            let folder_name = if hides { String::new() } else { folder_name };
            entries.push(entry(caller, &listed, folder_name, maker));
        }
        Ok(entries)
    })
}

fn entry(caller: Principal, listed: &Listed, folder_name: String, maker: String) -> LinkEntry {
    let link = &listed.link;
    LinkEntry {
        link: link.id,
        folder: link.folder,
        folder_name,
        node: link.node,
        path: listed.path.clone(),
        directory: listed.is_directory,
        kind: link.kind.into(),
        label: link.label.clone(),
        maker,
        own: link.maker == caller.user,
        has_password: link.password.is_some(),
        created: RfcTime(link.created_at),
        expires: listed.ends.map(RfcTime),
        uses: link.uses,
        uses_max: link.uses_max,
        used: link.used_at.map(RfcTime),
        state: state_word(listed.state),
        revision: link.revision,
    }
}

fn state_word(state: LinkState) -> WireLinkState {
    match state {
        LinkState::Works => WireLinkState::Works,
        LinkState::Ended => WireLinkState::Ended,
        LinkState::UsedUp => WireLinkState::UsedUp,
        LinkState::Gone => WireLinkState::Gone,
        LinkState::Resting => WireLinkState::Resting,
        LinkState::Lost => WireLinkState::Lost,
    }
}

/// One link as an answer, with its tag.
fn answer(
    database: &dyn Database,
    caller: Principal,
    listed: Listed,
    token: Option<&auth::LinkToken>,
) -> Result<(HeaderMap, LinkAnswer), Failure> {
    let link = entries(database, caller, vec![listed])?.pop().ok_or_else(Failure::not_found)?;
    let mut headers = HeaderMap::new();
    let tag = format!("\"{}\"", link.revision);
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).map_err(Failure::internal)?);
    Ok((headers, LinkAnswer { link, address: token.map(address) }))
}

/// The revision that a change is based on, if the request says so.
fn based_on(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')?.parse().ok());
    number.map(Some).ok_or_else(|| Failure::new(ProblemKind::PreconditionFailed))
}

/// A link's password as it is stored.
async fn hashed(server: &Server, password: String) -> Result<String, Failure> {
    use auth::password::PasswordError;
    let turn = super::devices::password_turn(server).await?;
    let hasher = server.hasher.clone();
    let hash = server
        .blocking(move || {
            hasher.hash(&password).map_err(|error| match error {
                PasswordError::TooShort | PasswordError::TooLong => Failure::invalid(format!("{error}.")),
                PasswordError::Failed(_) => Failure::internal(error),
            })
        })
        .await;
    drop(turn);
    hash
}

/// A line about a link in the audit log.
fn audit_entry(
    at: Timestamp,
    (caller, peer): (&Caller, PeerAddress),
    action: &'static str,
    folder: FolderId,
    allowed: bool,
    details: &[(&str, String)],
) -> AuditEntry {
    AuditEntry {
        at,
        user: Some(caller.principal.user),
        device: caller.device(),
        address: peer.0.to_string(),
        action,
        folder: Some(folder),
        allowed,
        details: details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }
}

impl Server {
    /// Adds a line to the audit log.
    pub(crate) async fn audit(&self, entry: AuditEntry) -> Result<(), Failure> {
        self.write(move |transaction| {
            transaction.append_audit(&entry, auth::digest::audit)?;
            Ok::<_, Failure>(())
        })
        .await
    }
}
