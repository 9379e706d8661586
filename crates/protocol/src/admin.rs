//! The administration socket (`DATA/admin.sock`): one request and one answer, each one line of JSON. Who asks for it is told
//! before the answer how far something long is, in lines of their own.
//!
//! Whoever may open the socket administers the server: it is readable by its owner only.

use crate::schema;
use crate::text::{RfcTime, by_text, option_by_text};
use crate::v1::{
    DeviceWipe, FolderKind, NetworkLimits, SpaceResponse, WaitingDevice, WireNameRule, WireNetwork,
    WirePrivilege,
};
use model::{DeviceId, FolderId, RateChoice, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The longest line of a request in bytes.
pub const ADMIN_LINE_BYTES_MAX: usize = 64 << 10;

/// What is to be done. Users, groups and folders are named by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminRequest {
    /// Makes an account.
    UserAdd {
        /// Its name.
        user: String,
        /// Its password.
        password: Secret,
        /// Whether it administers the server.
        #[serde(default)]
        administrator: bool,
        /// Whether it gets a home folder.
        #[serde(default)]
        home: bool,
    },
    /// Lists accounts.
    UserList,
    /// Makes the home folder of an account that has none.
    UserHome {
        /// Its name.
        user: String,
    },
    /// Changes an account; what is not given stays.
    UserSet {
        /// Its name.
        user: String,
        /// A new password; it unlinks no device.
        #[serde(default)]
        password: Option<Secret>,
        /// Whether it administers the server.
        #[serde(default)]
        administrator: Option<bool>,
        /// Whether it may do nothing at all for now.
        #[serde(default)]
        disabled: Option<bool>,
        /// The login of the server's system whose files in plain directories are this person's; an empty text takes it
        /// away.
        #[serde(default)]
        system_user: Option<String>,
        /// How many bytes a second its devices may send together.
        #[serde(default)]
        upload_rate: Option<Rate>,
        /// How many bytes a second its devices may receive together.
        #[serde(default)]
        download_rate: Option<Rate>,
    },
    /// Removes an account, its devices and its privileges; files stay.
    UserRemove {
        /// Its name.
        user: String,
    },
    /// Takes an account's second factor away: its password is enough then.
    SecondFactorRemove {
        /// The account's name.
        user: String,
    },
    /// Chooses whether administrators must have a second factor to be any.
    SecondFactorNeed {
        /// Whether they must.
        administrators: bool,
    },
    /// Makes a group.
    GroupAdd {
        /// Its name.
        group: String,
    },
    /// Lists groups with their members.
    GroupList,
    /// Adds and removes members.
    GroupSet {
        /// Its name.
        group: String,
        /// Users to add.
        #[serde(default)]
        add: Vec<String>,
        /// Users to remove.
        #[serde(default)]
        remove: Vec<String>,
    },
    /// Removes a group and its privileges.
    GroupRemove {
        /// Its name.
        group: String,
    },
    /// Makes a shared folder.
    FolderAdd {
        /// Its name.
        folder: String,
        /// When two of its names are the same.
        name_rule: WireNameRule,
        /// How many bytes it may hold.
        #[serde(default)]
        quota_bytes: Option<u64>,
        /// A plain directory for it: a full path, or `auto`.
        #[serde(default)]
        plain: Option<String>,
    },
    /// Lists all folders.
    FolderList,
    /// Gives a folder a plain directory, or takes it away; its files stay.
    FolderPlain {
        /// Its name.
        folder: String,
        /// A full path, `auto`, or none.
        plain: Option<String>,
    },
    /// Decides about deletions in a folder's plain directory that are held.
    FolderHold {
        /// Its name.
        folder: String,
        /// Whether they are carried out; else what was deleted comes back.
        approve: bool,
    },
    /// Changes a folder; what is not given stays.
    FolderSet {
        /// Its name.
        folder: String,
        /// A new quota in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quota_bytes: Option<Limit>,
        /// How many versions of a file are kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        versions: Option<u32>,
        /// For how many days old versions and removed nodes are kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        days: Option<Limit>,
        /// For how many days nothing but dense versions goes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        safe_days: Option<u32>,
        /// The networks that it is reached from; empty: from everywhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        networks: Option<Vec<WireNetwork>>,
    },
    /// Tells and sets what is reached from some networks only; what is not given stays.
    Networks {
        /// From where the server is administered; empty: from everywhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        administration: Option<Vec<WireNetwork>>,
        /// From where nothing but links is reached.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guests: Option<Vec<WireNetwork>>,
    },
    /// Has everything of a folder's past that is due go now.
    FolderRetention {
        /// Its name.
        folder: String,
        /// Whether it is only told what would go.
        #[serde(default)]
        dry_run: bool,
        /// Whether all is well with the mass changes until now: they hold nothing any more.
        #[serde(default)]
        acknowledge: bool,
    },
    /// What folders and people take.
    Space,
    /// How the server can be reached.
    Status,
    /// Gives a privilege to a user or group, or takes it back.
    FolderGrant {
        /// The folder's name.
        folder: String,
        /// Who: a user's name, or `@` and a group's.
        to: String,
        /// Which; `None` as a privilege outweighs what groups give.
        privilege: WirePrivilege,
    },
    /// Lists devices, of one user or of all.
    DeviceList {
        /// The user's name.
        #[serde(default)]
        user: Option<String>,
    },
    /// Takes a device's token away.
    DeviceUnlink {
        /// The device.
        #[serde(with = "by_text")]
        device: DeviceId,
    },
    /// Unlinks a device and orders it to remove its copies.
    DeviceWipe {
        /// The device.
        #[serde(with = "by_text")]
        device: DeviceId,
    },
    /// Links a device that waits under a code to an account.
    DeviceApprove {
        /// What the device shows.
        code: String,
        /// The account's name.
        user: String,
    },
    /// Refuses a device that waits under a code.
    DeviceDeny {
        /// What the device shows.
        code: String,
    },
    /// Takes away what nothing names any more and has waited long enough.
    Collect {
        /// Whether it is only told what would go.
        #[serde(default)]
        dry_run: bool,
        /// How long it must have waited; as the server is set if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grace_hours: Option<u32>,
        /// Whether it may be any part of the store.
        #[serde(default)]
        any_share: bool,
    },
    /// Makes a backup of everything in a directory of the server's machine.
    BackupCreate {
        /// Its full path.
        directory: String,
        /// Whether every pack is copied, instead of linked.
        #[serde(default)]
        copy: bool,
        /// How many backups are kept there; all if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<u32>,
    },
    /// Proves that every reference leads to content, and with `all_bytes` that every byte is right.
    Verify {
        /// Whether every byte is read.
        #[serde(default)]
        all_bytes: bool,
        /// Whether lines with `progress` come before the answer.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        progress: bool,
    },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum AdminAnswer {
    /// Done.
    Done,
    /// Accounts.
    Users {
        /// Ordered by name.
        users: Vec<UserEntry>,
    },
    /// Groups.
    Groups {
        /// Ordered by name.
        groups: Vec<GroupEntry>,
    },
    /// A folder that was made.
    FolderAdded {
        /// Its id.
        #[serde(with = "by_text")]
        id: FolderId,
    },
    /// Folders.
    Folders {
        /// Ordered by name.
        folders: Vec<AdminFolderEntry>,
    },
    /// What is reached from some networks only.
    Networks(NetworkLimits),
    /// Devices.
    Devices {
        /// Ordered by user and name.
        devices: Vec<DeviceEntry>,
        /// Those that wait to be linked, the oldest first; where all users were asked for.
        #[serde(default)]
        waiting: Vec<WaitingDevice>,
    },
    /// A device that waited and was decided about.
    DeviceDecided(WaitingDevice),
    /// What of a folder's past went, or would go.
    Retention(RetentionReport),
    /// What is taken.
    Space(SpaceReport),
    /// How the server can be reached.
    Status(StatusReport),
    /// How far it is: as many as it likes, before the answer, where they were asked for.
    Progress(ProgressReport),
    /// What a verification found.
    Verified(VerifyReport),
    /// What a collection found and did.
    Collected(CollectReport),
    /// A backup that was made.
    BackedUp(BackupReport),
    /// It was not done.
    Failed {
        /// Why.
        reason: AdminFailure,
        /// What happened and what to do, for people.
        message: String,
    },
}

/// Why an administrative request was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminFailure {
    /// What it names is not there.
    NotFound,
    /// What it is to make is there already.
    Exists,
    /// A name, password or number is not one that is taken, or the request cannot be read.
    Invalid,
    /// The server failed; its log says more.
    Internal,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEntry {
    /// Its id.
    #[serde(with = "by_text")]
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// Whether it administers the server.
    pub administrator: bool,
    /// Whether it may do nothing for now.
    pub disabled: bool,
    /// The login of the server's system whose files in plain directories are theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_user: Option<String>,
    /// How many bytes a second its devices may send together.
    #[serde(default)]
    pub upload_rate: Rate,
    /// How many bytes a second its devices may receive together.
    #[serde(default)]
    pub download_rate: Rate,
}

/// How many bytes a second an account's devices may move together, one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// What holds for everybody.
    #[default]
    Standard,
    /// As many as they can.
    Unlimited,
    /// So many.
    To(u64),
}

impl From<RateChoice> for Rate {
    fn from(choice: RateChoice) -> Self {
        match choice {
            RateChoice::Standard => Self::Standard,
            RateChoice::Unlimited => Self::Unlimited,
            RateChoice::To(rate) => Self::To(rate),
        }
    }
}

impl From<Rate> for RateChoice {
    fn from(rate: Rate) -> Self {
        match rate {
            Rate::Standard => Self::Standard,
            Rate::Unlimited => Self::Unlimited,
            Rate::To(rate) => Self::To(rate),
        }
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEntry {
    /// Its name.
    pub name: String,
    /// Its members' names.
    pub members: Vec<String>,
}

/// A folder as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminFolderEntry {
    /// Its id.
    #[serde(with = "by_text")]
    pub id: FolderId,
    /// Its name.
    pub name: String,
    /// Shared, or one person's own.
    pub kind: FolderKind,
    /// Whose it is, and whose quota it counts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When two of its names are the same.
    pub name_rule: WireNameRule,
    /// The number of its newest change.
    pub head: u64,
    /// How many bytes it may hold.
    pub quota_bytes: Option<u64>,
    /// How many it holds.
    pub used_bytes: u64,
    /// How many versions of a file are kept.
    pub versions: u32,
    /// For how many days old versions and removed nodes are kept; no limit if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// For how many days nothing but dense versions goes.
    pub safe_days: u32,
    /// The networks that it is reached from; empty: from everywhere.
    #[serde(default)]
    pub networks: Vec<WireNetwork>,
    /// Who holds which privilege; groups with `@` before their name.
    pub grants: Vec<GrantEntry>,
    /// Its plain directory.
    #[serde(default)]
    pub plain: Option<PlainEntry>,
}

/// A folder's plain directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainEntry {
    /// Where it is.
    pub directory: String,
    /// How it stands; none while no server runs.
    pub state: Option<PlainState>,
    /// How it is watched: `fanotify`, `inotify` or `scan`; none while it is not.
    pub watch: Option<String>,
    /// Why it is not watched in a better way.
    #[serde(default)]
    pub watch_instead: Option<String>,
    /// What cannot be kept in step, and why.
    pub issues: Vec<String>,
}

/// How a plain directory stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlainState {
    /// Directory and folder hold the same.
    InStep,
    /// Changes are on their way.
    Working,
    /// Deletions wait for a decision.
    Held,
    /// The directory is not there: not mounted, emptied with its marker, or unreadable.
    Offline,
}

/// A privilege held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantEntry {
    /// A user's name, or `@` and a group's.
    pub to: String,
    /// Which.
    pub privilege: WirePrivilege,
}

/// A linked device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// Its id.
    #[serde(with = "by_text")]
    pub id: DeviceId,
    /// Its account's name.
    pub user: String,
    /// What the person calls it.
    pub name: String,
    /// When it was linked.
    pub linked: RfcTime,
    /// When its token was last shown, to the minute or so.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    pub last_use: Option<RfcTime>,
    /// The order to remove its copies, if it was given: the device is unlinked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wipe: Option<DeviceWipe>,
}

/// How far something long is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProgressReport {
    /// What is being done.
    pub step: ProgressStep,
    /// How much of it is done.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

/// A step of something long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgressStep {
    /// Folders are followed to their contents; they are counted.
    Folders,
    /// Packs are looked through; their bytes are counted.
    PackBytes,
}

/// A backup that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// Where it is.
    pub backup: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// How many packs.
    pub packs: u64,
    /// Packs that the backup before it had.
    pub known_packs: u64,
    /// Bytes that were written for it, not linked.
    pub written_bytes: u64,
    /// Older backups that went.
    pub removed: Vec<String>,
}

/// What a collection found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectReport {
    /// Whether it was only looked.
    pub dry_run: bool,
    /// Chunks looked at.
    pub chunks: u64,
    /// Bytes that they take.
    pub stored_bytes: u64,
    /// Chunks that nothing names.
    pub unnamed_chunks: u64,
    /// Bytes that they take.
    pub unnamed_bytes: u64,
    /// Of these, bytes that have waited long enough.
    pub due_bytes: u64,
    /// Chunks that went.
    pub deleted_chunks: u64,
    /// Bytes that they took.
    pub deleted_bytes: u64,
    /// Packs rewritten.
    pub rewritten_packs: u64,
    /// Packs that went.
    pub removed_packs: u64,
    /// Bytes of the disk that were freed.
    pub freed_bytes: u64,
    /// Bytes of packs that hold nothing any more and wait.
    pub waiting_bytes: u64,
    /// Whether nothing was done because more is due than may go at once.
    pub braked: bool,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Nodes looked at, tombstones too.
    pub nodes: u64,
    /// How many versions and other references were followed.
    pub references: u64,
    /// How many chunks the database knows.
    pub chunks: u64,
    /// Those of them that no version names: of uploads, or left over. No fault.
    pub unreferenced_chunks: u64,
    /// How many bytes of packs were read and hashed.
    pub bytes_read: u64,
    /// Bytes at the ends of packs that are no record: what a crash leaves. No fault.
    pub tail_bytes: u64,
    /// What is wrong, at most a thousand lines; clean if there are none.
    pub faults: Vec<String>,
    /// How much is wrong.
    pub fault_count: u64,
}

/// A limit, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// No limit.
    Unlimited,
    /// So much.
    To(u64),
}

/// What of a folder's past went, or would go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionReport {
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// Nodes looked at.
    pub nodes: u64,
    /// Rows of versions.
    pub versions: u64,
    /// Bytes that they named, each in full.
    pub bytes: u64,
    /// Nodes in the trash that cannot be brought back any more.
    pub purged: u64,
    /// Tombstones: devices that have been away for longer list the folder anew.
    pub tombstones: u64,
    /// From which number on the folder's past can be shown.
    pub covered_since: u64,
    /// Mass changes that hold what is next to them.
    pub held: Vec<MassChangeEntry>,
}

/// A mass change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MassChangeEntry {
    /// When it began.
    pub from: RfcTime,
    /// When it ended.
    pub to: RfcTime,
    /// Who did it, if the account still exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How many nodes it changed or removed.
    pub nodes: u64,
    /// How many of them it removed.
    pub removed: u64,
}

/// What is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceReport {
    /// Folders, ordered by name.
    pub folders: Vec<SpaceEntry>,
    /// People who own folders, ordered by name.
    pub users: Vec<SpaceEntry>,
    /// Bytes of all chunks that any version names, each once.
    pub stored_bytes: u64,
}

/// What a folder, or all folders of one person, take.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceEntry {
    /// The folder's or the person's name.
    pub name: String,
    /// How many bytes `current_bytes` may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<u64>,
    /// The figures.
    #[serde(flatten)]
    pub space: SpaceResponse,
    /// Bytes among `stored_bytes` that other folders, or other people's, name too.
    pub elsewhere_bytes: u64,
}

/// How the server can be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusReport {
    /// The program's version.
    pub version: String,
    /// Where it listens, such as `https://0.0.0.0:7440`; none while it does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// Its certificate; none without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub certificate: Option<CertificateEntry>,
    /// Networks of trusted proxies.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// What was seen of proxies.
    #[serde(default)]
    pub forwarding: ForwardingReport,
}

/// A server's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateEntry {
    /// Its file.
    pub file: String,
    /// The SHA-256 of it, as clients show it.
    pub fingerprint: String,
    /// Whether it is the server's own, which clients pin when they are linked.
    pub self_signed: bool,
    /// The file of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub key: Option<String>,
    /// From when on it holds; not of the server's own, where that means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub from: Option<RfcTime>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "option_by_text")]
    #[schema(value_type = Option<schema::Timestamp>, nullable = false)]
    pub until: Option<RfcTime>,
}

/// What the server has seen of proxies since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForwardingReport {
    /// Requests of trusted proxies that did not say for whom they ask.
    pub silent: u64,
    /// Requests that said so, from others.
    pub disbelieved: u64,
    /// Who said so last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disbelieved_from: Option<String>,
}

/// A password on its way; never shown by `{:?}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_and_refuses_unknown_fields() {
        let request = AdminRequest::UserAdd {
            user: "alice".into(),
            password: Secret("a\nb".into()),
            administrator: true,
            home: true,
        };
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<AdminRequest>(&line).unwrap(), request);
        assert!(!format!("{request:?}").contains("a\\nb"));
        let extra = r#"{"request":"group_add","group":"g","administrator":true}"#;
        assert!(serde_json::from_str::<AdminRequest>(extra).is_err());
    }
}
