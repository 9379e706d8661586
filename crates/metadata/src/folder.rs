//! Shared folders and their counters.

use crate::error::Result;
use model::{FolderId, NameKey, NameRule, NodeId, Seq, Timestamp, UserId};

/// Whose a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FolderKind {
    /// Several people's, by privileges.
    Shared,
    /// One person's own.
    Home,
}

/// What can be set on a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSettings {
    /// Its name, unique on the server by [`FolderSettings::name_key`].
    pub name: String,
    /// The portable key of the name.
    pub name_key: NameKey,
    /// The account that its bytes count for; none: only the folder's own quota counts.
    pub owner: Option<UserId>,
    /// The most bytes its current versions may have; none: no limit.
    pub quota_bytes: Option<u64>,
    /// How many versions of a file are kept.
    pub keep_versions: u32,
    /// For how many days old versions and deleted nodes are kept; none: no limit.
    pub keep_days: Option<u32>,
    /// The plain directory on the server that mirrors it, as the host's bytes.
    pub plain_directory: Option<Vec<u8>>,
}

/// A folder to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFolder {
    /// Shared or home; never changes.
    pub kind: FolderKind,
    /// Which names clash; never changes.
    pub names: NameRule,
    /// The rest.
    pub settings: FolderSettings,
    /// Now.
    pub at: Timestamp,
}

/// What commits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderCounters {
    /// The newest number of the journal.
    pub head: Seq,
    /// The id that the next new node gets. Ids are never used again.
    pub next_node: NodeId,
    /// Bytes of the current versions of living files.
    pub used_bytes: u64,
    /// Living nodes, without the root.
    pub nodes: u64,
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its id, never used again.
    pub id: FolderId,
    /// Shared or home.
    pub kind: FolderKind,
    /// Which names clash.
    pub names: NameRule,
    /// What can be set.
    pub settings: FolderSettings,
    /// What commits count.
    pub counters: FolderCounters,
    /// Tombstones up to this number may be gone: an older cursor has expired.
    pub journal_floor: Seq,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Reads of folders.
pub trait ReadFolders {
    /// One folder.
    fn folder(&self, id: FolderId) -> Result<Option<Folder>>;

    /// The folder whose name has this key.
    fn folder_named(&self, key: &NameKey) -> Result<Option<Folder>>;

    /// All folders by id.
    fn folders(&self) -> Result<Vec<Folder>>;
}

/// Changes of folders.
pub trait WriteFolders {
    /// Makes a folder and its root node; `Conflict` if the name is taken.
    fn create_folder(&self, folder: &NewFolder) -> Result<FolderId>;

    /// Sets what can be set; `NotFound` without the folder, `Conflict` if the name is taken. The used bytes move
    /// with the folder from the old owner's account to the new one's.
    fn set_folder(&self, id: FolderId, settings: &FolderSettings) -> Result<()>;

    /// Sets what commits count, and adds the difference of the used bytes to the owner's account.
    fn set_folder_counters(&self, id: FolderId, counters: &FolderCounters) -> Result<()>;

    /// Folders made from now on have ids by so much higher than they would have had.
    fn skip_folder_ids(&self, count: u64) -> Result<()>;

    /// Raises the journal's floor: tombstones up to `floor` may go.
    fn raise_journal_floor(&self, id: FolderId, floor: Seq) -> Result<()>;
}
