//! Making, changing, revoking and listing links.
//!
//! Whoever holds enough on the folder makes links ([`metadata::link::LinkPolicy::least`]). A link is changed by its maker and
//! by who manages the folder; and by who merely administers the server it is seen and revoked, but neither changed nor given a
//! new address, which would let them read what they may not.

use super::{end, is_alive, is_used_up, place};
use crate::Error;
use crate::access::recheck;
use metadata::link::{LinkPolicy, LinkRow, LinksOf, NewLink};
use metadata::{Database, Snapshot, read, write};
use model::permit::{Manage, Read};
use model::{
    Action, Content, Denied, FolderId, LinkId, LinkKind, NodeId, Permit, Place, Principal, Privilege,
    Timestamp, authorize,
};

/// The most links that one person has at a time.
pub const LINKS_MAX: u64 = 1_000;
/// The longest that a link may be called, in bytes.
pub const LABEL_BYTES_MAX: usize = 200;

/// A link to be made.
#[derive(Debug, Clone)]
pub struct Create {
    /// Who makes it, and where.
    pub permit: Permit<Read>,
    /// The digest of its token.
    pub token_hash: [u8; 32],
    /// The node.
    pub node: NodeId,
    /// What it is for.
    pub kind: LinkKind,
    /// What its maker calls it.
    pub label: String,
    /// The password, as a PHC string.
    pub password: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How many files may go through it.
    pub uses_max: Option<u64>,
}

/// A link, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its row.
    pub link: LinkRow,
    /// Names from the folder's root to the node, while it is there, to who may read the folder; none for the folder itself.
    pub path: Option<Vec<String>>,
    /// Whether the node is a directory.
    pub is_directory: bool,
    /// When it ends, the policy taken into account.
    pub ends: Option<Timestamp>,
    /// Whether strangers get anything by it.
    pub state: LinkState,
}

/// Whether strangers get anything by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// They do.
    Works,
    /// Its time is over.
    Ended,
    /// As many files went through it as may.
    UsedUp,
    /// Its node was removed.
    Gone,
    /// Links are not allowed, or not like this.
    Resting,
    /// Its maker does not hold any more what it hands out.
    Lost,
}

/// Makes a link.
///
/// # Errors
/// `Denied`, `NotFound` (no such node), `Invalid` (against the policy, or nothing to put files into), `Limit`, `Database`.
pub fn create(database: &dyn Database, wanted: Create, now: Timestamp) -> Result<Listed, Error> {
    write(database, move |transaction| {
        let snapshot = transaction.as_snapshot();
        let folder = recheck(snapshot, &wanted.permit, Action::Share, now)?;
        let who = wanted.permit.principal();
        let policy = snapshot.link_policy()?;
        may_hand_out(snapshot, who, folder.id, wanted.kind, &policy, now)?;
        check_node(snapshot, folder.id, wanted.node, wanted.kind)?;
        if snapshot.count_links(who.user)? >= LINKS_MAX {
            return Err(Error::Limit { what: "links of one person", most: LINKS_MAX });
        }
        let row = NewLink {
            token_hash: wanted.token_hash,
            folder: folder.id,
            node: wanted.node,
            maker: who.user,
            kind: wanted.kind,
            label: wanted.label,
            password: wanted.password,
            expires_at: wanted.expires_at,
            uses_max: wanted.uses_max,
            at: now,
        };
        let id = transaction.create_link(&row)?;
        let link = snapshot.link(id)?.ok_or(Error::NotFound("link"))?;
        check_choice(&link, &policy, now)?;
        listed(snapshot, link, who, &policy, now)
    })
}

/// Whether somebody holds what a link is to hand out.
fn may_hand_out(
    snapshot: &dyn Snapshot,
    who: Principal,
    folder: FolderId,
    kind: LinkKind,
    policy: &LinkPolicy,
    now: Timestamp,
) -> Result<(), Error> {
    if !policy.allowed {
        return Err(Error::Invalid("links are not allowed on this server"));
    }
    let facts = snapshot.facts(who, folder, now)?;
    authorize::<Read>(who, folder, Action::Share, facts)?;
    let needed = policy.least.max(kind.least_privilege());
    if facts.privilege >= needed { Ok(()) } else { Err(Denied::Forbidden.into()) }
}

fn check_node(snapshot: &dyn Snapshot, folder: FolderId, node: NodeId, kind: LinkKind) -> Result<(), Error> {
    let row = snapshot.nodes(folder, &[node])?.pop().filter(|row| !row.deleted);
    match (row.ok_or(Error::NotFound("node"))?.content, kind) {
        (Content::Directory, _) | (Content::File { .. }, LinkKind::Read) => Ok(()),
        (Content::File { .. }, LinkKind::Drop) => Err(Error::Invalid("files are put into directories")),
        (Content::Link { .. }, _) => Err(Error::Invalid("a symbolic link cannot be shared")),
    }
}

/// What is chosen of a link, against the policy.
fn check_choice(link: &LinkRow, policy: &LinkPolicy, now: Timestamp) -> Result<(), Error> {
    if link.label.len() > LABEL_BYTES_MAX || link.label.chars().any(char::is_control) {
        return Err(Error::Invalid("what a link is called has at most 200 bytes and no control characters"));
    }
    if policy.password_required && link.password.is_none() {
        return Err(Error::Invalid("links need a password on this server"));
    }
    if link.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::Invalid("the end of a link lies in the future"));
    }
    if policy.days_max.is_some() && link.expires_at.is_none_or(|own| Some(own) > end(link, policy)) {
        return Err(Error::Invalid("the link would last longer than links may on this server"));
    }
    if link.uses_max == Some(0) {
        return Err(Error::Invalid("at least one file goes through a link"));
    }
    Ok(())
}

/// What is to be changed of a link; what is not given stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What it is called.
    pub label: Option<String>,
    /// Another password, as a PHC string, or none any more.
    pub password: Option<Option<String>>,
    /// Another end, or none.
    pub expires_at: Option<Option<Timestamp>>,
    /// Another number of files, or any.
    pub uses_max: Option<Option<u64>>,
    /// The digest of another token: the address before leads nowhere.
    pub token_hash: Option<[u8; 32]>,
    /// The revision that this is based on; none: whatever there is.
    pub revision: Option<u64>,
}

/// Changes a link.
///
/// # Errors
/// `Denied`, `NotFound`, `Outdated`, `Invalid`, `Database`.
pub fn change(
    database: &dyn Database,
    who: Principal,
    id: LinkId,
    change: Change,
    now: Timestamp,
) -> Result<Listed, Error> {
    write(database, move |transaction| {
        let snapshot = transaction.as_snapshot();
        let (mut link, standing) = visible(snapshot, who, id, now)?;
        let policy = snapshot.link_policy()?;
        match standing {
            Standing::Maker => may_hand_out(snapshot, who, link.folder, link.kind, &policy, now)?,
            Standing::Manager => {}
            Standing::Administrator => return Err(Denied::Forbidden.into()),
        }
        is_current(&link, change.revision)?;
        link.label = change.label.unwrap_or(link.label);
        if let Some(password) = change.password {
            link.password = password;
            link.passwords += 1;
        }
        if let Some(token_hash) = change.token_hash {
            link.token_hash = token_hash;
            // Who has shown the password at the address before has shown nothing at this one.
            link.passwords += 1;
        }
        link.expires_at = change.expires_at.unwrap_or(link.expires_at);
        link.uses_max = change.uses_max.unwrap_or(link.uses_max);
        check_choice(&link, &policy, now)?;
        transaction.set_link(&link)?;
        let link = snapshot.link(id)?.ok_or(Error::NotFound("link"))?;
        listed(snapshot, link, who, &policy, now)
    })
}

/// Revokes a link; gives what it was.
///
/// # Errors
/// `NotFound`, `Outdated`, `Database`.
pub fn revoke(
    database: &dyn Database,
    who: Principal,
    id: LinkId,
    revision: Option<u64>,
    now: Timestamp,
) -> Result<LinkRow, Error> {
    write(database, move |transaction| {
        let (link, _) = visible(transaction.as_snapshot(), who, id, now)?;
        is_current(&link, revision)?;
        transaction.revoke_link(id, now)?;
        Ok(link)
    })
}

fn is_current(link: &LinkRow, revision: Option<u64>) -> Result<(), Error> {
    match revision {
        Some(revision) if revision != link.revision => Err(Error::Outdated),
        _ => Ok(()),
    }
}

/// Why somebody has to do with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Maker,
    Manager,
    Administrator,
}

/// A link that is not revoked, to who has to do with it.
fn visible(
    snapshot: &dyn Snapshot,
    who: Principal,
    id: LinkId,
    now: Timestamp,
) -> Result<(LinkRow, Standing), Error> {
    let absent = Error::NotFound("link");
    let Some(link) = snapshot.link(id)?.filter(|link| link.revoked_at.is_none()) else { return Err(absent) };
    let facts = snapshot.facts(who, link.folder, now)?;
    let standing = match facts {
        _ if !facts.active => return Err(absent),
        _ if facts.privilege >= Privilege::Manage => Standing::Manager,
        _ if link.maker == who.user => Standing::Maker,
        _ if facts.administrator => Standing::Administrator,
        _ => return Err(absent),
    };
    Ok((link, standing))
}

/// One link, to who has to do with it.
///
/// # Errors
/// `NotFound`, `Database`.
pub fn one(database: &dyn Database, who: Principal, id: LinkId, now: Timestamp) -> Result<Listed, Error> {
    read(database, move |snapshot| {
        let (link, _) = visible(snapshot, who, id, now)?;
        listed(snapshot, link, who, &snapshot.link_policy()?, now)
    })
}

/// Links that somebody has made, by id after one of them. What has become of their folders is theirs to see no longer, but
/// that there is a link of theirs is.
///
/// # Errors
/// `Database`.
pub fn made_by(
    database: &dyn Database,
    who: Principal,
    after: LinkId,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Listed>, Error> {
    read(database, move |snapshot| all(snapshot, who, LinksOf::Maker(who.user), after, limit, now))
}

/// Links into a folder, by id after one of them: all of them to who manages it, else one's own.
///
/// # Errors
/// `Denied`, `Database`.
pub fn of_folder(
    database: &dyn Database,
    who: Principal,
    folder: FolderId,
    after: LinkId,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Listed>, Error> {
    read(database, move |snapshot| {
        let facts = snapshot.facts(who, folder, now)?;
        if snapshot.folder(folder)?.is_some()
            && authorize::<Manage>(who, folder, Action::Manage, facts).is_ok()
        {
            return all(snapshot, who, LinksOf::Folder(folder), after, limit, now);
        }
        authorize::<Read>(who, folder, Action::List, facts)?;
        let mut found = Vec::new();
        let mut after = after;
        while found.len() < limit {
            let page = snapshot.links(LinksOf::Maker(who.user), after, LINKS_MAX as usize)?;
            let Some(last) = page.last() else { break };
            after = last.id;
            found.extend(page.into_iter().filter(|link| link.folder == folder));
        }
        found.truncate(limit);
        let policy = snapshot.link_policy()?;
        found.into_iter().map(|link| listed(snapshot, link, who, &policy, now)).collect()
    })
}

fn all(
    snapshot: &dyn Snapshot,
    who: Principal,
    of: LinksOf,
    after: LinkId,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Listed>, Error> {
    let policy = snapshot.link_policy()?;
    let links = snapshot.links(of, after, limit)?;
    links.into_iter().map(|link| listed(snapshot, link, who, &policy, now)).collect()
}

fn listed(
    snapshot: &dyn Snapshot,
    link: LinkRow,
    who: Principal,
    policy: &LinkPolicy,
    now: Timestamp,
) -> Result<Listed, Error> {
    let maker = Principal { user: link.maker, device: None };
    let held = snapshot.facts(maker, link.folder, now)?;
    let needed = policy.least.max(link.kind.least_privilege());
    let is_lost = !held.active || held.privilege < needed;
    let is_there = place(snapshot, link.folder, link.node, link.node)? == Place::Itself;
    let ends = end(&link, policy);
    let state = match () {
        () if is_lost => LinkState::Lost,
        () if ends.is_some_and(|end| end <= now) => LinkState::Ended,
        () if !is_alive(&link, policy, now) => LinkState::Resting,
        () if !is_there => LinkState::Gone,
        () if is_used_up(&link) => LinkState::UsedUp,
        () => LinkState::Works,
    };
    // Who does not see the folder, or not any more, is told nothing of what is in it; administrators neither.
    let seen = snapshot.facts(who, link.folder, now)?;
    let shows = is_there && seen.active && seen.privilege >= Privilege::Read;
    let line = match shows {
        true => snapshot.nodes_and_ancestors(link.folder, &[link.node])?,
        false => Vec::new(),
    };
    let is_directory =
        line.iter().any(|row| row.id == link.node && matches!(row.content, Content::Directory));
    let mut path = Vec::new();
    let mut at = link.node;
    while let Some(row) = line.iter().find(|row| row.id == at && at != NodeId::ROOT) {
        path.push(row.name.as_str().to_owned());
        at = row.parent;
    }
    path.reverse();
    Ok(Listed { link, path: shows.then_some(path), is_directory, ends, state })
}

/// Sets what administrators say of all links; whether they may is the caller's to know.
///
/// # Errors
/// `Invalid`, `Database`.
pub fn set_policy(database: &dyn Database, policy: LinkPolicy) -> Result<(), Error> {
    if policy.least < Privilege::Read || policy.days_max == Some(0) {
        return Err(Error::Invalid("links are made by who may read, at least, and last for a day, at least"));
    }
    write(database, move |transaction| Ok(transaction.set_link_policy(&policy)?))
}
