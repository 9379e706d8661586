//! Who may do what: the one decision, and the proof of it that data is reached with.
//!
//! [`authorize`] is the only way to a [`Permit`], and whatever reads or changes a folder asks for a `Permit`, so
//! that a forgotten check does not compile. The facts come from the database, anew for every request (`auth`),
//! and once more inside the transaction that commits (`versioning`).

use crate::id::{DeviceId, FolderId, UserId};
use crate::network::Origin;
use crate::privilege::Privilege;
use std::marker::PhantomData;

/// Who asks: a person, through a device of theirs or without one (the administration socket); or the server itself,
/// for the plain directories of folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    /// The account.
    pub user: UserId,
    /// The device whose token was shown.
    pub device: Option<DeviceId>,
    /// From where.
    pub from: Origin,
}

impl Principal {
    /// The server's own pairs: [`UserId::SERVER`] without a device. No token or password leads to it. It may write
    /// exactly where a folder has a plain directory.
    pub const SERVER: Self = Self { user: UserId::SERVER, device: None, from: Origin::Inside };
}

/// What the database says of a principal and a folder at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether account and device exist, and neither is disabled or unlinked.
    pub active: bool,
    /// Whether the account administers the server from where it asks. It gives no access to people's files.
    pub administrator: bool,
    /// The account's combined privilege on the folder; none where it is not reached from.
    pub privilege: Privilege,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// See that the folder exists, its names and changes.
    List,
    /// Download contents.
    Read,
    /// See what is made of contents: small pictures, beginnings of texts.
    Preview,
    /// See and download old versions.
    History,
    /// Change nodes, send contents.
    Write,
    /// Bring back an old version or a deleted node.
    Restore,
    /// Take content as the source of a copy.
    CopyFrom,
    /// Put a copy here.
    CopyTo,
    /// Make a link that strangers reach something by. How much more than to read that takes is a policy of the server
    /// (`versioning::link`).
    Share,
    /// Change the folder's settings and privileges.
    Manage,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 10] = [
        Self::List,
        Self::Read,
        Self::Preview,
        Self::History,
        Self::Write,
        Self::Restore,
        Self::CopyFrom,
        Self::CopyTo,
        Self::Share,
        Self::Manage,
    ];

    /// The least privilege that allows it.
    #[must_use]
    pub fn least_privilege(self) -> Privilege {
        match self {
            Self::List | Self::Read | Self::Preview | Self::History | Self::CopyFrom | Self::Share => {
                Privilege::Read
            }
            Self::Write | Self::Restore | Self::CopyTo => Privilege::Write,
            Self::Manage => Privilege::Manage,
        }
    }
}

/// A kind of access that a [`Permit`] proves.
pub trait Access {
    /// The privilege it needs.
    const LEAST: Privilege;
}

/// See and download.
#[derive(Debug, Clone, Copy)]
pub struct Read;
/// Change.
#[derive(Debug, Clone, Copy)]
pub struct Write;
/// Settings and privileges.
#[derive(Debug, Clone, Copy)]
pub struct Manage;

impl Access for Read {
    const LEAST: Privilege = Privilege::Read;
}
impl Access for Write {
    const LEAST: Privilege = Privilege::Write;
}
impl Access for Manage {
    const LEAST: Privilege = Privilege::Manage;
}

/// Proof that [`authorize`] allowed this kind of access to this folder.
#[derive(Debug)]
pub struct Permit<A> {
    principal: Principal,
    folder: FolderId,
    privilege: Privilege,
    access: PhantomData<A>,
}

impl<A> Clone for Permit<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Permit<A> {}

impl<A> Permit<A> {
    /// Who was allowed.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.principal
    }

    /// Where.
    #[must_use]
    pub fn folder(&self) -> FolderId {
        self.folder
    }

    /// What the account held there when it was decided; none for who merely administers the server.
    #[must_use]
    pub fn privilege(&self) -> Privilege {
        self.privilege
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The principal may not even know that the folder exists: answered like a folder that is not there.
    #[error("there is no such folder, or you may not see it")]
    Hidden,
    /// The folder is known to the principal, but not this.
    #[error("your privilege on this folder does not allow this")]
    Forbidden,
}

/// Decides. Whoever administers the server manages folders, but does not read them for that.
pub fn authorize<A: Access>(
    principal: Principal,
    folder: FolderId,
    action: Action,
    facts: Facts,
) -> Result<Permit<A>, Denied> {
    let permit = Permit { principal, folder, privilege: facts.privilege, access: PhantomData };
    let needed = A::LEAST.max(action.least_privilege());
    let manages = facts.administrator && action == Action::Manage;
    match facts {
        Facts { active: false, .. } => Err(Denied::Hidden),
        _ if manages || facts.privilege >= needed => Ok(permit),
        Facts { privilege: Privilege::None, .. } => Err(Denied::Hidden),
        _ => Err(Denied::Forbidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVILEGES: [Privilege; 4] =
        [Privilege::None, Privilege::Read, Privilege::Write, Privilege::Manage];

    fn decide(action: Action, privilege: Privilege, administrator: bool, active: bool) -> Option<Denied> {
        let principal = Principal { user: UserId(1), device: None, from: Origin::Inside };
        let facts = Facts { active, administrator, privilege };
        authorize::<Read>(principal, FolderId(1), action, facts).err()
    }

    #[test]
    fn every_action_needs_its_least_privilege_and_an_active_account() {
        for action in Action::ALL {
            for privilege in PRIVILEGES {
                let expected = match privilege {
                    _ if privilege >= action.least_privilege() => None,
                    Privilege::None => Some(Denied::Hidden),
                    _ => Some(Denied::Forbidden),
                };
                assert_eq!(decide(action, privilege, false, true), expected, "{action:?} {privilege:?}");
                assert_eq!(decide(action, privilege, true, false), Some(Denied::Hidden));
            }
        }
    }

    #[test]
    fn an_administrator_manages_folders_but_does_not_read_them() {
        assert_eq!(decide(Action::Manage, Privilege::None, true, true), None);
        assert_eq!(decide(Action::Read, Privilege::None, true, true), Some(Denied::Hidden));
    }
}
