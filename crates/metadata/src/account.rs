//! People, their groups, devices and privileges.

use crate::error::Result;
use model::{
    DeviceId, Facts, FolderId, GroupId, NameKey, Origin, Principal, Privilege, RateChoices, Timestamp, UserId,
};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id, never used again.
    pub id: UserId,
    /// The name to sign in with, unique by [`User::name_key`].
    pub name: String,
    /// The portable key of the name.
    pub name_key: NameKey,
    /// Whether it administers the server.
    pub administrator: bool,
    /// Whether it may do nothing.
    pub disabled: bool,
    /// The most bytes that the folders it owns may have together; none: no limit.
    pub quota_bytes: Option<u64>,
    /// The bytes they have.
    pub used_bytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The login of the server's system that is this person, unique: whose files in plain directories are theirs.
    pub system_user: Option<String>,
    /// How many bytes a second its devices may move together.
    pub rates: RateChoices,
}

/// An account to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The name to sign in with.
    pub name: String,
    /// The portable key of the name.
    pub name_key: NameKey,
    /// Whether it administers the server.
    pub administrator: bool,
    /// The quota.
    pub quota_bytes: Option<u64>,
    /// Now.
    pub at: Timestamp,
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Its id, never used again.
    pub id: GroupId,
    /// Its name, unique by [`GroupRow::name_key`].
    pub name: String,
    /// The portable key of the name.
    pub name_key: NameKey,
}

/// Who holds a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// One person.
    User(UserId),
    /// Everybody in a group.
    Group(GroupId),
}

/// What kind of token a device's row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// A client installation.
    Device,
    /// A browser that is signed in: it ends when it has not been used for a while ([`session_idle_seconds`]).
    Session,
    /// A program that shows a token of narrower scope ([`Scope`]).
    App,
}

/// How long a session may lie unused. Noted uses are a few minutes old at most.
#[must_use]
pub fn session_idle_seconds(administrator: bool) -> i64 {
    if administrator { 12 * 3_600 } else { 14 * 24 * 3_600 }
}

/// What an app password reaches at most, whatever its account holds. It never administers or manages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The most it may do: `Read` or `Write`.
    pub privilege: Privilege,
    /// In these folders; none: in all of the account's.
    pub folders: Option<Vec<FolderId>>,
}

impl Scope {
    /// What is left of a privilege.
    #[must_use]
    pub fn limit(&self, folder: FolderId, held: Privilege) -> Privilege {
        let reaches = self.folders.as_ref().is_none_or(|folders| folders.contains(&folder));
        if reaches { held.min(self.privilege) } else { Privilege::None }
    }
}

/// A linked device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its id, never used again.
    pub id: DeviceId,
    /// Whose it is.
    pub user: UserId,
    /// What the person calls it.
    pub name: String,
    /// SHA-256 (or another one-way digest) of its token.
    pub token_hash: [u8; 32],
    /// When it was linked.
    pub created_at: Timestamp,
    /// When its token ends; none: not by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last seen.
    pub last_seen_at: Option<Timestamp>,
    /// When it was unlinked.
    pub revoked_at: Option<Timestamp>,
    /// What it is.
    pub kind: DeviceKind,
    /// The system it runs, in its own words; empty if it never said.
    pub platform: String,
    /// From which address it was last seen; empty if that is not known.
    pub address: String,
    /// The order to remove its copies, if it was given.
    pub wipe: Option<Wipe>,
}

impl DeviceRow {
    /// Whether its token is worth something, as long as its account's are.
    #[must_use]
    pub fn is_linked(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

/// The order that a device remove its copies. The device is unlinked with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wipe {
    /// When it was given.
    pub ordered_at: Timestamp,
    /// By whom; none: whoever holds the data directory.
    pub ordered_by: Option<UserId>,
    /// What the device said when it had carried it out.
    pub done: Option<Wiped>,
}

/// How an order to remove copies was carried out, in the device's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wiped {
    /// When it said so.
    pub at: Timestamp,
    /// How many files it removed.
    pub removed: u64,
    /// How many it kept, since the server does not have them.
    pub kept: u64,
}

/// A device to be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// Whose it is.
    pub user: UserId,
    /// What the person calls it.
    pub name: String,
    /// Digest of its token.
    pub token_hash: [u8; 32],
    /// Now.
    pub at: Timestamp,
    /// When its token ends.
    pub expires_at: Option<Timestamp>,
    /// The system it runs, in its own words.
    pub platform: String,
    /// From which address it is linked; empty if that is not known.
    pub address: String,
}

/// What kind of secret a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialKind {
    /// A password's PHC string.
    Password,
    /// A shared secret for one-time passwords.
    OneTime,
    /// Codes for when the others are lost, hashed.
    Recovery,
}

/// A secret to sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// Whose.
    pub user: UserId,
    /// What kind.
    pub kind: CredentialKind,
    /// Tells several of a kind apart; empty for a password.
    pub label: String,
    /// The secret, or what proves it, in the kind's own form.
    pub secret: Vec<u8>,
    /// When it was last set.
    pub changed_at: Timestamp,
}

/// Reads of accounts.
pub trait ReadAccounts {
    /// One account.
    fn user(&self, id: UserId) -> Result<Option<User>>;

    /// The account whose name has this key.
    fn user_named(&self, key: &NameKey) -> Result<Option<User>>;

    /// All accounts by id.
    fn users(&self) -> Result<Vec<User>>;

    /// The logins of the server's system that are people, by login.
    fn system_users(&self) -> Result<Vec<(String, UserId)>>;

    /// The group whose name has this key.
    fn group_named(&self, key: &NameKey) -> Result<Option<GroupRow>>;

    /// All groups by id.
    fn groups(&self) -> Result<Vec<GroupRow>>;

    /// A group's members by id.
    fn members(&self, group: GroupId) -> Result<Vec<UserId>>;

    /// A person's groups by id.
    fn groups_of(&self, user: UserId) -> Result<Vec<GroupId>>;

    /// Who holds what on a folder, users first.
    fn grants(&self, folder: FolderId) -> Result<Vec<(Subject, Privilege)>>;

    /// A person's combined privilege on every folder where it is more than none and that is reached from there, by folder.
    fn privileges(&self, user: UserId, from: Origin) -> Result<Vec<(FolderId, Privilege)>>;

    /// What [`model::authorize`] wants to know, in one query: whether account and device are active at `now`
    /// (the device being that account's own), and the combined privilege. A folder that is not there: none.
    /// An app password's privilege is limited by its scope, and a session ends when it was not used for long. What is
    /// not reached from where the principal asks ([`crate::network::ReadNetworks::reach`]) is as if it were not held.
    /// [`Principal::SERVER`] is active, and holds Write exactly where the folder has a plain directory.
    fn facts(&self, principal: Principal, folder: FolderId, now: Timestamp) -> Result<Facts>;

    /// Which state of everybody's rights this is: it grows in the same transaction as any change of what [`facts`],
    /// [`privileges`], [`user`] and [`device`] say of who may do what, and never else. What is merely new (an account, a
    /// device) changes nothing that could have been read before.
    ///
    /// [`facts`]: ReadAccounts::facts
    /// [`privileges`]: ReadAccounts::privileges
    /// [`user`]: ReadAccounts::user
    /// [`device`]: ReadAccounts::device
    fn rights_generation(&self) -> Result<u64>;

    /// One device.
    fn device(&self, id: DeviceId) -> Result<Option<DeviceRow>>;

    /// The device whose token has this digest, unlinked ones too.
    fn device_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<DeviceRow>>;

    /// A person's devices by id, unlinked ones too.
    fn devices(&self, user: UserId) -> Result<Vec<DeviceRow>>;

    /// What an app password is limited to; none for other devices.
    fn scope(&self, device: DeviceId) -> Result<Option<Scope>>;

    /// Whether an active account administers the server now: it is an administrator's, and has a second factor where
    /// [`Setting::SecondFactorForAdministrators`](crate::setting::Setting) says that it must.
    fn administers(&self, user: UserId) -> Result<bool>;

    /// A person's credentials.
    fn credentials(&self, user: UserId) -> Result<Vec<CredentialRow>>;
}

/// Changes of accounts.
pub trait WriteAccounts {
    /// Makes an account; `Conflict` if the name is taken.
    fn create_user(&self, user: &NewUser) -> Result<UserId>;

    /// Sets name, administrator, disabled, quota and system user (never the used bytes); `Conflict` if the name or the
    /// system user is taken.
    fn set_user(&self, user: &User) -> Result<()>;

    /// Makes a group; `Conflict` if the name is taken.
    fn create_group(&self, name: &str, name_key: &NameKey) -> Result<GroupId>;

    /// Removes a group, its memberships and its privileges.
    fn delete_group(&self, id: GroupId) -> Result<()>;

    /// Puts a person into a group.
    fn add_member(&self, group: GroupId, user: UserId) -> Result<()>;

    /// Takes a person out of a group.
    fn remove_member(&self, group: GroupId, user: UserId) -> Result<()>;

    /// Sets what a subject holds on a folder; none takes the entry away (which is not [`Privilege::None`]).
    fn set_grant(&self, folder: FolderId, subject: Subject, privilege: Option<Privilege>) -> Result<()>;

    /// Links a device; `Conflict` if the token is taken.
    fn create_device(&self, device: &NewDevice) -> Result<DeviceId>;

    /// The same for a browser that signs in.
    fn create_session(&self, device: &NewDevice) -> Result<DeviceId>;

    /// The same for an app password.
    fn create_app_password(&self, device: &NewDevice, scope: &Scope) -> Result<DeviceId>;

    /// Notes when a device was last seen, and from where; an empty address leaves the one that is known.
    fn touch_device(&self, id: DeviceId, at: Timestamp, address: &str) -> Result<()>;

    /// Unlinks a device. The first moment stays.
    fn revoke_device(&self, id: DeviceId, at: Timestamp) -> Result<()>;

    /// Sets the order that a device remove its copies, or takes it back; it unlinks nothing.
    fn set_wipe(&self, id: DeviceId, wipe: Option<&Wipe>) -> Result<()>;

    /// Sets a credential of a kind and label.
    fn put_credential(&self, credential: &CredentialRow) -> Result<()>;

    /// Removes a credential.
    fn delete_credential(&self, user: UserId, kind: CredentialKind, label: &str) -> Result<()>;
}
