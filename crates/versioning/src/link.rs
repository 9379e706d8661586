//! Links: addresses by which strangers reach one node.
//!
//! Whoever may make links into a folder makes them for one of its nodes ([`manage`]); a stranger who shows the address looks
//! at it and at what is below ([`look`]), or puts files into it ([`receive`]).
//!
//! *Always:* what a stranger may do is decided by [`model::authorize_link`] from facts of that moment ([`permit`]), and once
//! more in the snapshot or transaction that uses the permit; a link does what its maker could have it do today. *Never:* a
//! stranger gets a [`model::Permit`], which is for a whole folder; or learns of a link that does not work any more more than of
//! one that never was.

pub mod look;
pub mod manage;
pub mod receive;

use crate::Error;
use metadata::folder::Folder;
use metadata::link::{LinkPolicy, LinkRow};
use metadata::{Database, Snapshot, read};
use model::{
    Action, Denied, FolderId, LinkAccess, LinkDenied, LinkFacts, LinkPermit, LinkPrincipal, NodeId, Place,
    Principal, Timestamp, authorize_link,
};

const DAY_MS: u64 = 86_400_000;

/// The moment at which a link ends: its own, or the policy's if that is sooner; none: never by itself.
#[must_use]
pub fn end(link: &LinkRow, policy: &LinkPolicy) -> Option<Timestamp> {
    let longest = policy.days_max.map(|days| link.created_at.plus_ms(u64::from(days) * DAY_MS));
    match (link.expires_at, longest) {
        (Some(own), Some(longest)) => Some(own.min(longest)),
        (own, longest) => own.or(longest),
    }
}

/// Whether a link would do anything, whatever its maker holds.
fn is_alive(link: &LinkRow, policy: &LinkPolicy, now: Timestamp) -> bool {
    link.revoked_at.is_none()
        && policy.allowed
        && end(link, policy).is_none_or(|end| end > now)
        && (link.password.is_some() || !policy.password_required)
}

/// Whether as many files went through a link as may.
fn is_used_up(link: &LinkRow) -> bool {
    link.uses_max.is_some_and(|most| link.uses >= most)
}

/// Where a node stands, seen from another.
fn place(snapshot: &dyn Snapshot, folder: FolderId, root: NodeId, node: NodeId) -> Result<Place, Error> {
    let line = snapshot.nodes_and_ancestors(folder, &[node])?;
    let lives = |id: NodeId| line.iter().any(|row| row.id == id && !row.deleted);
    // A living node's directory lives, up to the root: so nothing on the line from a living node is gone.
    Ok(match lives(node) && lives(root) {
        true if node == root => Place::Itself,
        true => Place::Below,
        false => Place::Elsewhere,
    })
}

fn facts(
    snapshot: &dyn Snapshot,
    principal: LinkPrincipal,
    node: NodeId,
    now: Timestamp,
) -> Result<Option<(LinkRow, LinkFacts)>, Error> {
    let Some(link) = snapshot.link(principal.link)? else { return Ok(None) };
    let policy = snapshot.link_policy()?;
    let maker = Principal { user: link.maker, device: None };
    let facts = LinkFacts {
        alive: is_alive(&link, &policy, now),
        kind: link.kind,
        used_up: is_used_up(&link),
        locked: link.password.is_some() && principal.shown != Some(link.passwords),
        maker: link.maker,
        folder: link.folder,
        held: snapshot.facts(maker, link.folder, now)?,
        least: policy.least,
        place: place(snapshot, link.folder, link.node, node)?,
    };
    Ok(Some((link, facts)))
}

fn decide<A: LinkAccess>(
    snapshot: &dyn Snapshot,
    principal: LinkPrincipal,
    node: NodeId,
    action: Action,
    now: Timestamp,
) -> Result<(LinkRow, LinkPermit<A>), Error> {
    let (link, facts) = facts(snapshot, principal, node, now)?.ok_or(LinkDenied::Hidden)?;
    let permit = authorize_link(principal, node, action, &facts)?;
    Ok((link, permit))
}

/// Asks whether a stranger may do something to a node now.
///
/// # Errors
/// `Link`, `Database`.
pub fn permit<A: LinkAccess + Send + 'static>(
    database: &dyn Database,
    principal: LinkPrincipal,
    node: NodeId,
    action: Action,
    now: Timestamp,
) -> Result<LinkPermit<A>, Error> {
    read(database, move |snapshot| Ok(decide::<A>(snapshot, principal, node, action, now)?.1))
}

/// The second look at a permit, inside the unit of work that uses it: the link and its folder.
fn recheck<A: LinkAccess>(
    snapshot: &dyn Snapshot,
    permit: &LinkPermit<A>,
    action: Action,
    now: Timestamp,
) -> Result<(LinkRow, Folder), Error> {
    let (link, _) = decide::<A>(snapshot, permit.principal(), permit.node(), action, now)?;
    let folder = snapshot.folder(permit.folder())?.ok_or(Denied::Hidden)?;
    Ok((link, folder))
}

/// The link that an address leads to, if there is anything for a stranger: working, or waiting for its password. The answer
/// is the same for all others, those that never were too.
///
/// # Errors
/// `Database`.
pub fn find(database: &dyn Database, token_hash: [u8; 32], now: Timestamp) -> Result<Option<LinkRow>, Error> {
    read(database, move |snapshot| {
        let Some(found) = snapshot.link_by_token(&token_hash)? else { return Ok(None) };
        // Whoever has shown the password of now.
        let shown = LinkPrincipal { link: found.id, shown: Some(found.passwords) };
        let Some((link, facts)) = facts(snapshot, shown, found.node, now)? else { return Ok(None) };
        // A permit to read is given for a link that is used up, too: for who goes on with a download.
        let works = match link.kind {
            model::LinkKind::Read => {
                authorize_link::<model::permit::Read>(shown, link.node, Action::Read, &facts).is_ok()
            }
            model::LinkKind::Drop => {
                authorize_link::<model::permit::Write>(shown, link.node, Action::Write, &facts).is_ok()
            }
        };
        Ok(works.then_some(link))
    })
}

/// What administrators say of all links.
///
/// # Errors
/// `Database`.
pub fn policy(database: &dyn Database) -> Result<LinkPolicy, Error> {
    read(database, |snapshot| Ok(snapshot.link_policy()?))
}
