//! What a stranger with a link may do: the one decision, and the proof of it that data is reached with.
//!
//! A link is a principal bound to one node, and everything below it if that is a directory. Its permit is a type of its own:
//! what reads or changes a whole folder asks for a [`Permit`](crate::Permit) and cannot be given a [`LinkPermit`]; what takes
//! one names the node it is for. So no view of a folder opens to strangers because somebody forgot to look where a node is.
//!
//! The facts are read anew for every request, and once more in the snapshot or transaction that uses the permit: a link does
//! nothing any more as soon as it has ended or was revoked, its maker could not make it today, or the node is gone from
//! below it.

use crate::id::{DeviceId, FolderId, LinkId, NodeId, UserId};
use crate::network::Origin;
use crate::permit::{Access, Action, Facts, Principal, Read, Write};
use crate::privilege::Privilege;
use std::marker::PhantomData;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// See and download the node and what is below it.
    Read,
    /// Put files into the directory, and see nothing.
    Drop,
}

impl LinkKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Read, Self::Drop];

    /// What its maker must hold for as long as it is to work: nobody hands out more than they have.
    #[must_use]
    pub fn least_privilege(self) -> Privilege {
        match self {
            Self::Read => Privilege::Read,
            Self::Drop => Privilege::Write,
        }
    }

    /// Whether it gives this. What is not named here no link gives.
    #[must_use]
    fn gives(self, action: Action) -> bool {
        match (self, action) {
            (Self::Read, Action::List | Action::Read) | (Self::Drop, Action::Write) => true,
            (
                Self::Read | Self::Drop,
                Action::List
                | Action::Read
                | Action::Preview
                | Action::Write
                | Action::History
                | Action::Restore
                | Action::CopyFrom
                | Action::CopyTo
                | Action::Share
                | Action::Manage,
            ) => false,
        }
    }
}

/// A stranger who shows a link's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkPrincipal {
    /// The link.
    pub link: LinkId,
    /// Which of its passwords they have shown: passwords of a link are counted, and another one makes the number of those
    /// before worth nothing.
    pub shown: Option<u64>,
    /// From where they ask.
    pub from: Origin,
}

/// Where a node stands, seen from the node that a link is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// It is that node.
    Itself,
    /// It is below it.
    Below,
    /// It is not there, or somewhere else: beside, above, in the trash.
    Elsewhere,
}

/// What the database says of a link and a node at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkFacts {
    /// Whether there is such a link, neither revoked nor ended, and links are allowed at all.
    pub alive: bool,
    /// What it is for.
    pub kind: LinkKind,
    /// Whether as many files went through it as may.
    pub used_up: bool,
    /// Whether it has a password that the stranger has not shown.
    pub locked: bool,
    /// Who made it, and where it lies.
    pub maker: UserId,
    /// In which folder.
    pub folder: FolderId,
    /// What the maker may do there now.
    pub held: Facts,
    /// The least that somebody must hold to make links at all.
    pub least: Privilege,
    /// Where the node is that is asked for.
    pub place: Place,
}

/// Proof that [`authorize_link`] allowed this kind of access to this node.
#[derive(Debug)]
pub struct LinkPermit<A> {
    principal: LinkPrincipal,
    maker: UserId,
    folder: FolderId,
    node: NodeId,
    access: PhantomData<A>,
}

impl<A> Clone for LinkPermit<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for LinkPermit<A> {}

impl<A> LinkPermit<A> {
    /// Who was allowed.
    #[must_use]
    pub fn principal(&self) -> LinkPrincipal {
        self.principal
    }

    /// In which folder.
    #[must_use]
    pub fn folder(&self) -> FolderId {
        self.folder
    }

    /// The node that it is for, and nothing else.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Whom history, transfers and rates take it for: the link, as a device of its maker. Nothing is granted to this
    /// principal: it has no device's row, so that [`authorize`](crate::authorize) is never told that it is active.
    #[must_use]
    pub fn author(&self) -> Principal {
        Principal { user: self.maker, device: Some(self.author_device()), from: self.principal.from }
    }

    /// The device of [`LinkPermit::author`].
    #[must_use]
    pub fn author_device(&self) -> DeviceId {
        self.principal.link.author()
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkDenied {
    /// Nothing is told: there never was such a link, it has ended, or the node is not below it.
    #[error("there is nothing at this address")]
    Hidden,
    /// Its password has to be shown first.
    #[error("the link has a password")]
    Locked,
    /// The link is not for this.
    #[error("the link is not for this")]
    Forbidden,
}

/// Decides what a stranger may do to a node.
pub fn authorize_link<A: LinkAccess>(
    principal: LinkPrincipal,
    node: NodeId,
    action: Action,
    facts: &LinkFacts,
) -> Result<LinkPermit<A>, LinkDenied> {
    let needed = facts.least.max(facts.kind.least_privilege());
    let is_handed_out = facts.held.active && facts.held.privilege >= needed && needed > Privilege::None;
    if !facts.alive || !is_handed_out {
        return Err(LinkDenied::Hidden);
    }
    // Before anything else is told, even whether the node is there.
    if facts.locked {
        return Err(LinkDenied::Locked);
    }
    if !facts.kind.gives(action) || A::LEAST < action.least_privilege() {
        return Err(LinkDenied::Forbidden);
    }
    // Who has begun to download goes on; whether that is so is asked where downloads are counted.
    if facts.used_up && action != Action::Read {
        return Err(LinkDenied::Hidden);
    }
    match (facts.kind, facts.place) {
        (_, Place::Itself) | (LinkKind::Read, Place::Below) => {}
        (_, Place::Elsewhere) | (LinkKind::Drop, Place::Below) => return Err(LinkDenied::Hidden),
    }
    Ok(LinkPermit { principal, maker: facts.maker, folder: facts.folder, node, access: PhantomData })
}

/// The kinds of access that a link can give: never to manage.
pub trait LinkAccess: Access {}
impl LinkAccess for Read {}
impl LinkAccess for Write {}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVILEGES: [Privilege; 4] =
        [Privilege::None, Privilege::Read, Privilege::Write, Privilege::Manage];
    const STRANGER: LinkPrincipal = LinkPrincipal { link: LinkId(7), shown: None, from: Origin::Inside };

    fn facts(kind: LinkKind, privilege: Privilege, place: Place) -> LinkFacts {
        LinkFacts {
            alive: true,
            kind,
            used_up: false,
            locked: false,
            maker: UserId(3),
            folder: FolderId(2),
            held: Facts { active: true, administrator: false, privilege },
            least: Privilege::Read,
            place,
        }
    }

    fn decide(action: Action, facts: &LinkFacts) -> Result<(), LinkDenied> {
        match action.least_privilege() {
            Privilege::Write => authorize_link::<Write>(STRANGER, NodeId(5), action, facts).map(drop),
            _ => authorize_link::<Read>(STRANGER, NodeId(5), action, facts).map(drop),
        }
    }

    /// Every action, kind, place, privilege and policy against the sentence that the page of links says.
    #[test]
    fn a_link_gives_what_its_kind_says_below_its_node_while_its_maker_holds_it() {
        let mut allowed = 0;
        for action in Action::ALL {
            for kind in LinkKind::ALL {
                for place in [Place::Itself, Place::Below, Place::Elsewhere] {
                    for (held, least) in
                        PRIVILEGES.iter().flat_map(|held| PRIVILEGES.map(|least| (*held, least)))
                    {
                        let facts = LinkFacts { least, ..facts(kind, held, place) };
                        let is_held = held >= least && held >= kind.least_privilege();
                        let looks = matches!(action, Action::List | Action::Read)
                            && kind == LinkKind::Read
                            && place != Place::Elsewhere;
                        let puts =
                            action == Action::Write && kind == LinkKind::Drop && place == Place::Itself;
                        let is_allowed = is_held && (looks || puts);
                        let decided = decide(action, &facts);
                        assert_eq!(decided.is_ok(), is_allowed, "{action:?} {facts:?}");
                        if !is_held {
                            assert_eq!(decided, Err(LinkDenied::Hidden));
                        }
                        allowed += usize::from(is_allowed);
                    }
                }
            }
        }
        // 9 of 16 pairs of held and least allow reading, 7 of them writing.
        assert_eq!(allowed, 2 * 2 * 9 + 7);
    }

    #[test]
    fn whatever_ends_a_link_hides_all_of_it() {
        for kind in LinkKind::ALL {
            for action in Action::ALL {
                let good = facts(kind, Privilege::Manage, Place::Itself);
                let disabled = Facts { active: false, ..good.held };
                let administers = Facts { privilege: Privilege::None, administrator: true, active: true };
                for facts in [
                    LinkFacts { alive: false, ..good },
                    LinkFacts { alive: false, locked: true, ..good },
                    LinkFacts { held: disabled, ..good },
                    LinkFacts { held: administers, ..good },
                    LinkFacts { held: administers, least: Privilege::None, ..good },
                ] {
                    assert_eq!(decide(action, &facts), Err(LinkDenied::Hidden), "{facts:?}");
                }
            }
        }
    }

    #[test]
    fn who_has_begun_to_download_from_a_link_may_go_on_when_it_is_used_up() {
        let used_up = |kind| LinkFacts { used_up: true, ..facts(kind, Privilege::Manage, Place::Itself) };
        assert_eq!(decide(Action::Read, &used_up(LinkKind::Read)), Ok(()));
        assert_eq!(decide(Action::List, &used_up(LinkKind::Read)), Err(LinkDenied::Hidden));
        assert_eq!(decide(Action::Write, &used_up(LinkKind::Drop)), Err(LinkDenied::Hidden));
    }

    #[test]
    fn nothing_is_told_before_the_password() {
        for kind in LinkKind::ALL {
            for action in Action::ALL {
                for place in [Place::Itself, Place::Below, Place::Elsewhere] {
                    let facts = LinkFacts { locked: true, ..facts(kind, Privilege::Manage, place) };
                    assert_eq!(decide(action, &facts), Err(LinkDenied::Locked));
                }
            }
        }
    }

    #[test]
    fn in_history_a_link_is_told_from_every_device() {
        assert_eq!(LinkId::of_author(LinkId(5).author()), Some(LinkId(5)));
        assert_eq!(LinkId::of_author(DeviceId(5)), None);
        assert_ne!(LinkId(5).author(), DeviceId(5));
    }
}
