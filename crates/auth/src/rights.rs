//! What decides about access, remembered for one generation of everybody's rights.
//!
//! Invariants:
//! - what is answered at a generation was read in a snapshot of that generation, and the generation grows in the same
//!   transaction as any change of rights ([`metadata::account::ReadAccounts::rights_generation`]): who asks with a generation
//!   that was read after their request had come is never answered with a right that was taken away before;
//! - time is not remembered: tokens that end are looked at with the time of each question;
//! - only what gives access is kept. Unknown tokens and disabled accounts cost a look into the database each;
//! - bounded: what would grow beyond is forgotten as a whole, which costs looks and nothing else.

use crate::access::Refused;
use crate::session::Session;
use crate::token::TokenDigest;
use metadata::Snapshot;
use metadata::account::{DeviceKind, DeviceRow, Scope, session_idle_seconds};
use model::{
    Access, Action, Denied, DeviceId, Facts, FolderId, Origin, Permit, Principal, Privilege, RateChoices,
    Reach, Timestamp, UserId, authorize,
};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most devices that are remembered, about 200 bytes each.
const DEVICES_MAX: usize = 50_000;
/// The most privileges of all remembered accounts, 16 bytes each.
const PRIVILEGES_MAX: usize = 1_000_000;

/// What an active account may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whether it administers the server.
    pub administrator: bool,
    /// How many bytes a second its devices may move together.
    pub rates: RateChoices,
    /// Its privilege on each folder where it is more than none, by folder.
    privileges: Box<[(FolderId, Privilege)]>,
}

impl Account {
    /// What it holds on a folder.
    #[must_use]
    pub fn privilege(&self, folder: FolderId) -> Privilege {
        let found = self.privileges.binary_search_by_key(&folder, |(folder, _)| *folder);
        found.map_or(Privilege::None, |at| self.privileges[at].1)
    }

    /// What it may do with a folder, for who asks from there.
    fn facts(&self, reach: &Reach, folder: FolderId, from: Origin) -> Facts {
        let (administrator, privilege) = (self.administrator, self.privilege(folder));
        reach.limit(Facts { active: true, administrator, privilege }, folder, from)
    }

    /// What is left of it for who asks from there.
    fn reached_from(self: &Arc<Self>, reach: &Reach, from: Origin) -> Arc<Self> {
        if reach.is_unlimited(from) {
            return Arc::clone(self);
        }
        let privileges = self.privileges.iter().filter(|(folder, _)| reach.reaches(*folder, from)).copied();
        Arc::new(Self {
            administrator: self.administrator && reach.administers(from),
            rates: self.rates,
            privileges: privileges.collect(),
        })
    }

    /// What is left of it for who shows an app password; nothing if its scope is not known.
    fn limited(&self, scope: Option<&Scope>) -> Self {
        let limit = |(folder, held): &(FolderId, Privilege)| {
            let left = scope.map_or(Privilege::None, |scope| scope.limit(*folder, *held));
            (left != Privilege::None).then_some((*folder, left))
        };
        let privileges = self.privileges.iter().filter_map(limit).collect();
        Self { administrator: false, rates: self.rates, privileges }
    }

    /// Whether it holds the same privileges as another.
    #[must_use]
    pub fn holds_as(&self, other: &Self) -> bool {
        self.privileges == other.privileges
    }
}

/// A device that is linked.
#[derive(Debug, Clone)]
struct Device {
    user: UserId,
    kind: DeviceKind,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    /// How long it may lie unused.
    idle_ns: Option<i64>,
    /// What is left of its account's rights, if it has a scope.
    limited: Option<Arc<Account>>,
}

impl Device {
    fn new(snapshot: &dyn Snapshot, row: &DeviceRow) -> metadata::Result<Self> {
        let idle_ns = match row.kind {
            DeviceKind::Session => {
                let administrator = snapshot.user(row.user)?.is_some_and(|user| user.administrator);
                Some(session_idle_seconds(administrator).saturating_mul(1_000_000_000))
            }
            DeviceKind::Device | DeviceKind::App => None,
        };
        let (created_at, last_seen) = (row.created_at, row.last_seen_at);
        let (user, kind, expires_at) = (row.user, row.kind, row.expires_at);
        Ok(Self { user, kind, created_at, expires_at, last_seen, idle_ns, limited: None })
    }

    fn is_linked(&self, now: Timestamp) -> bool {
        let used = self.last_seen.unwrap_or(self.created_at);
        let is_in_use = self.idle_ns.is_none_or(|idle| used.0 > now.0.saturating_sub(idle));
        is_in_use && self.expires_at.is_none_or(|end| end > now)
    }
}

/// A device as it is found in the database.
struct Found {
    id: DeviceId,
    device: Device,
    /// What it may do from everywhere: its account's rights, or what is left of them.
    account: Arc<Account>,
    reach: Arc<Reach>,
}

#[derive(Default)]
struct Known {
    generation: u64,
    /// What is reached from where, once somebody has looked.
    reach: Option<Arc<Reach>>,
    tokens: HashMap<TokenDigest, DeviceId>,
    devices: HashMap<DeviceId, Device>,
    accounts: HashMap<UserId, Arc<Account>>,
    privileges: usize,
}

/// The memory of rights.
#[derive(Default)]
pub struct Rights {
    known: Mutex<Known>,
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known();
        f.debug_struct("Rights")
            .field("generation", &known.generation)
            .field("devices", &known.devices.len())
            .finish_non_exhaustive()
    }
}

impl Rights {
    /// What is reached from where, if it is remembered.
    pub fn reach(&self, generation: u64) -> Option<Arc<Reach>> {
        self.known_at(generation)?.reach.clone()
    }

    /// Finds what is reached from where, and remembers it.
    pub fn look_up_reach(&self, snapshot: &dyn Snapshot) -> metadata::Result<Arc<Reach>> {
        let generation = snapshot.rights_generation()?;
        if let Some(reach) = self.reach(generation) {
            return Ok(reach);
        }
        let reach = Arc::new(snapshot.reach()?);
        if let Some(mut known) = self.renewed(generation) {
            known.reach = Some(Arc::clone(&reach));
        }
        Ok(reach)
    }

    /// Who shows this token from there, if it is remembered.
    pub fn session(
        &self,
        generation: u64,
        digest: TokenDigest,
        from: Origin,
        now: Timestamp,
    ) -> Option<Session> {
        let known = self.known_at(generation)?;
        let reach = known.reach.as_ref().filter(|reach| !reach.is_guest(from))?;
        let id = *known.tokens.get(&digest)?;
        let device = known.devices.get(&id).filter(|device| device.is_linked(now))?;
        let account = known.accounts.get(&device.user)?;
        Some(session(id, device, device.limited.as_ref().unwrap_or(account), reach, from))
    }

    /// Finds who shows this token, and remembers it. `None` as for [`crate::authenticate`], and for guests.
    pub fn look_up_session(
        &self,
        snapshot: &dyn Snapshot,
        digest: TokenDigest,
        from: Origin,
        now: Timestamp,
    ) -> metadata::Result<Option<Session>> {
        let found = self.look_up_device(snapshot, digest, now)?.filter(|found| !found.reach.is_guest(from));
        Ok(found.map(|found| session(found.id, &found.device, &found.account, &found.reach, from)))
    }

    fn look_up_device(
        &self,
        snapshot: &dyn Snapshot,
        digest: TokenDigest,
        now: Timestamp,
    ) -> metadata::Result<Option<Found>> {
        let Some(row) = snapshot.device_by_token(&digest.0)? else { return Ok(None) };
        let mut device = Device::new(snapshot, &row)?;
        if row.revoked_at.is_some() || !device.is_linked(now) {
            return Ok(None);
        }
        let (generation, reach) = (snapshot.rights_generation()?, self.look_up_reach(snapshot)?);
        let Some(account) = self.look_up_account(snapshot, generation, device.user)? else { return Ok(None) };
        if row.kind == DeviceKind::App {
            let scope = snapshot.scope(row.id)?;
            device.limited = Some(Arc::new(account.limited(scope.as_ref())));
        }
        if let Some(mut known) = self.renewed(generation) {
            known.make_room();
            known.tokens.insert(digest, row.id);
            known.privileges += device.limited.as_ref().map_or(0, |limited| limited.privileges.len());
            known.devices.insert(row.id, device.clone());
            known.remember(device.user, &account);
        }
        let account = device.limited.clone().unwrap_or(account);
        Ok(Some(Found { id: row.id, device, account, reach }))
    }

    /// Notes that a device's use was noted now.
    pub fn seen(&self, device: DeviceId, now: Timestamp) {
        if let Some(device) = self.known().devices.get_mut(&device) {
            device.last_seen = Some(now);
        }
    }

    /// What the account of a device may do, if it is remembered and the device linked.
    pub fn account(&self, generation: u64, principal: Principal, now: Timestamp) -> Option<Arc<Account>> {
        let (account, reach) = self.remembered(generation, principal, now)?;
        Some(account.reached_from(&reach, principal.from))
    }

    /// What the account of a device may do from everywhere, and what is reached from where; none for guests.
    fn remembered(
        &self,
        generation: u64,
        principal: Principal,
        now: Timestamp,
    ) -> Option<(Arc<Account>, Arc<Reach>)> {
        let known = self.known_at(generation)?;
        let device = known.devices.get(&principal.device?)?;
        let is_theirs = device.user == principal.user && device.is_linked(now);
        let reach = known.reach.as_ref().filter(|reach| is_theirs && !reach.is_guest(principal.from))?;
        let account = device.limited.as_ref().or_else(|| known.accounts.get(&principal.user))?;
        Some((Arc::clone(account), Arc::clone(reach)))
    }

    /// Finds what the account of a device may do, and remembers it; `None` if account or device is not active.
    pub fn look_up(
        &self,
        snapshot: &dyn Snapshot,
        principal: Principal,
        now: Timestamp,
    ) -> metadata::Result<Option<Arc<Account>>> {
        let found = self.look_up_found(snapshot, principal, now)?;
        Ok(found.map(|found| found.account.reached_from(&found.reach, principal.from)))
    }

    fn look_up_found(
        &self,
        snapshot: &dyn Snapshot,
        principal: Principal,
        now: Timestamp,
    ) -> metadata::Result<Option<Found>> {
        let Some(id) = principal.device else { return Ok(None) };
        let Some(row) = snapshot.device(id)? else { return Ok(None) };
        let found = self.look_up_device(snapshot, TokenDigest(row.token_hash), now)?;
        let is_theirs =
            |found: &Found| found.device.user == principal.user && !found.reach.is_guest(principal.from);
        Ok(found.filter(is_theirs))
    }

    /// Decides from what is remembered; none if that takes a look into the database ([`crate::permit`]).
    pub fn permit<A: Access>(
        &self,
        generation: u64,
        principal: Principal,
        folder: FolderId,
        action: Action,
        now: Timestamp,
    ) -> Option<Result<Permit<A>, Denied>> {
        let (account, reach) = self.remembered(generation, principal, now)?;
        let facts = account.facts(&reach, folder, principal.from);
        // Whether there is such a folder is not remembered.
        if facts.administrator && action == Action::Manage {
            return None;
        }
        Some(authorize(principal, folder, action, facts))
    }

    /// Looks the rights up, decides, and remembers them.
    pub fn look_up_permit<A: Access>(
        &self,
        snapshot: &dyn Snapshot,
        principal: Principal,
        folder: FolderId,
        action: Action,
        now: Timestamp,
    ) -> Result<Permit<A>, Refused> {
        let found = self.look_up_found(snapshot, principal, now)?;
        let facts = found.map(|found| found.account.facts(&found.reach, folder, principal.from));
        match facts {
            Some(facts) if !facts.administrator => Ok(authorize(principal, folder, action, facts)?),
            _ => crate::permit(snapshot, principal, folder, action, now),
        }
    }

    /// The account as of this snapshot; `None` if it is not there or disabled.
    fn look_up_account(
        &self,
        snapshot: &dyn Snapshot,
        generation: u64,
        user: UserId,
    ) -> metadata::Result<Option<Arc<Account>>> {
        if let Some(account) = self.known_at(generation).and_then(|known| known.accounts.get(&user).cloned())
        {
            return Ok(Some(account));
        }
        let Some(row) = snapshot.user(user)?.filter(|row| !row.disabled) else { return Ok(None) };
        let mut privileges = snapshot.privileges(user, Origin::Inside)?;
        privileges.sort_unstable_by_key(|(folder, _)| *folder);
        let account = Account {
            administrator: snapshot.administers(user)?,
            rates: row.rates,
            privileges: privileges.into(),
        };
        Ok(Some(Arc::new(account)))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What a panic left half done would be one generation's; every field is changed in one step.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, if it is of this generation.
    fn known_at(&self, generation: u64) -> Option<MutexGuard<'_, Known>> {
        Some(self.known()).filter(|known| known.generation == generation)
    }

    /// What is known, of this generation from now on; none if a newer one is known already.
    fn renewed(&self, generation: u64) -> Option<MutexGuard<'_, Known>> {
        let mut known = self.known();
        if known.generation < generation {
            *known = Known { generation, ..Known::default() };
        }
        Some(known).filter(|known| known.generation == generation)
    }
}

impl Known {
    fn make_room(&mut self) {
        if self.devices.len() >= DEVICES_MAX || self.privileges >= PRIVILEGES_MAX {
            let (generation, reach) = (self.generation, self.reach.take());
            *self = Self { generation, reach, ..Self::default() };
        }
    }

    fn remember(&mut self, user: UserId, account: &Arc<Account>) {
        if self.accounts.insert(user, Arc::clone(account)).is_none() {
            self.privileges += account.privileges.len();
        }
    }
}

fn session(id: DeviceId, device: &Device, account: &Account, reach: &Reach, from: Origin) -> Session {
    Session {
        kind: device.kind,
        principal: Principal { user: device.user, device: Some(id), from },
        administrator: account.administrator && reach.administers(from),
        rates: account.rates,
        last_seen: device.last_seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(user: u64) -> Device {
        let (kind, created_at) = (DeviceKind::Device, Timestamp(0));
        let (expires_at, last_seen, idle_ns, limited) = (None, None, None, None);
        Device { user: UserId(user), kind, created_at, expires_at, last_seen, idle_ns, limited }
    }

    #[test]
    fn what_would_grow_beyond_its_bounds_is_forgotten_as_a_whole() {
        let mut known = Known { generation: 7, ..Known::default() };
        for id in 0..DEVICES_MAX as u64 {
            known.make_room();
            known.devices.insert(DeviceId(id), device(1));
        }
        assert_eq!(known.devices.len(), DEVICES_MAX);
        known.make_room();
        assert!(known.devices.is_empty());
        assert_eq!(known.generation, 7);
        let privileges = vec![(FolderId(1), Privilege::Read); PRIVILEGES_MAX / 2].into();
        let rates = RateChoices::default();
        let account = Arc::new(Account { administrator: false, rates, privileges });
        for user in [1, 1, 2] {
            known.make_room();
            known.remember(UserId(user), &account);
        }
        assert_eq!((known.accounts.len(), known.privileges), (2, PRIVILEGES_MAX));
        known.make_room();
        assert!(known.accounts.is_empty() && known.privileges == 0);
    }
}
