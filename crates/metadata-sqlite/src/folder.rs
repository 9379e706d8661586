//! Folders.

use crate::session::{Columns, Session};
use metadata::folder::{
    Folder, FolderCounters, FolderKind, FolderSettings, NewFolder, ReadFolders, WriteFolders,
};
use metadata::{Error, ErrorKind, Result};
use model::{FolderId, NameKey, NameRule, NodeId, Seq, Timestamp, UserId};
use rusqlite::{Row, params};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, name_key, kind, name_rule, owner, quota_bytes, keep_versions, keep_days, \
             plain_directory, head_seq, next_node, used_bytes, nodes, journal_floor, created_at FROM folder ",
            $rest
        )
    };
}

fn folder(row: &Row<'_>) -> rusqlite::Result<Folder> {
    Ok(Folder {
        id: FolderId(row.number(0)?),
        kind: if row.get(3)? { FolderKind::Home } else { FolderKind::Shared },
        names: if row.get(4)? { NameRule::Exact } else { NameRule::Portable },
        settings: FolderSettings {
            name: row.get(1)?,
            name_key: NameKey(row.get(2)?),
            owner: row.maybe_number(5)?.map(UserId),
            quota_bytes: row.maybe_number(6)?,
            keep_versions: row.small(7)?,
            keep_days: row.get(8)?,
            plain_directory: row.get(9)?,
        },
        counters: FolderCounters {
            head: Seq(row.number(10)?),
            next_node: NodeId(row.number(11)?),
            used_bytes: row.number(12)?,
            nodes: row.number(13)?,
        },
        journal_floor: Seq(row.number(14)?),
        created_at: Timestamp(row.get(15)?),
    })
}

impl ReadFolders for Session {
    fn folder(&self, id: FolderId) -> Result<Option<Folder>> {
        self.query_one("folder", select!("WHERE id = ?1"), [id.0.cast_signed()], folder)
    }

    fn folder_named(&self, key: &NameKey) -> Result<Option<Folder>> {
        self.query_one("folder_named", select!("WHERE name_key = ?1"), [&key.0], folder)
    }

    fn folders(&self) -> Result<Vec<Folder>> {
        self.query("folders", select!("ORDER BY id"), [], folder)
    }
}

impl WriteFolders for Session {
    fn create_folder(&self, new: &NewFolder) -> Result<FolderId> {
        let settings = &new.settings;
        self.execute(
            "create_folder",
            "INSERT INTO folder (name, name_key, kind, name_rule, owner, quota_bytes, keep_versions, keep_days,
                 plain_directory, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                settings.name,
                &settings.name_key.0,
                new.kind == FolderKind::Home,
                new.names == NameRule::Exact,
                settings.owner.map(|id| id.0.cast_signed()),
                settings.quota_bytes.map(u64::cast_signed),
                settings.keep_versions,
                settings.keep_days,
                settings.plain_directory,
                new.at.0
            ],
        )?;
        let id = self.connection.last_insert_rowid();
        self.execute(
            "create_folder",
            "INSERT INTO node (folder, id, parent, name, name_key, kind, size, executable, mtime, version,
                 placement_seq, version_seq, seq, subtree_seq, deleted)
             VALUES (?1, 1, 1, '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
            [id],
        )?;
        Ok(FolderId(id.cast_unsigned()))
    }

    fn set_folder(&self, id: FolderId, settings: &FolderSettings) -> Result<()> {
        let folder = id.0.cast_signed();
        let owner = settings.owner.map(|id| id.0.cast_signed());
        self.execute(
            "set_folder",
            "UPDATE user SET used_bytes = used_bytes
                 + (SELECT used_bytes FROM folder WHERE folder.id = ?1)
                 * ((user.id IS ?2) - (user.id IS (SELECT owner FROM folder WHERE folder.id = ?1)))
             WHERE user.id IS ?2 OR user.id IS (SELECT owner FROM folder WHERE folder.id = ?1)",
            params![folder, owner],
        )?;
        let changed = self.execute(
            "set_folder",
            "UPDATE folder SET name = ?2, name_key = ?3, owner = ?4, quota_bytes = ?5, keep_versions = ?6,
                 keep_days = ?7, plain_directory = ?8 WHERE id = ?1",
            params![
                folder,
                settings.name,
                &settings.name_key.0,
                owner,
                settings.quota_bytes.map(u64::cast_signed),
                settings.keep_versions,
                settings.keep_days,
                settings.plain_directory
            ],
        )?;
        found(changed, "set_folder")
    }

    fn set_folder_counters(&self, id: FolderId, counters: &FolderCounters) -> Result<()> {
        let folder = id.0.cast_signed();
        self.execute(
            "set_folder_counters",
            "UPDATE user SET used_bytes = user.used_bytes + ?2 - folder.used_bytes
             FROM folder WHERE folder.id = ?1 AND user.id = folder.owner AND folder.used_bytes <> ?2",
            params![folder, counters.used_bytes.cast_signed()],
        )?;
        let changed = self.execute(
            "set_folder_counters",
            "UPDATE folder SET head_seq = ?2, next_node = ?3, used_bytes = ?4, nodes = ?5 WHERE id = ?1",
            params![
                folder,
                counters.head.0.cast_signed(),
                counters.next_node.0.cast_signed(),
                counters.used_bytes.cast_signed(),
                counters.nodes.cast_signed()
            ],
        )?;
        found(changed, "set_folder_counters")
    }

    fn skip_folder_ids(&self, count: u64) -> Result<()> {
        let count = count.cast_signed();
        let raise = "UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'folder'";
        if self.execute("skip_folder_ids", raise, [count])? == 0 {
            // No folder was ever made.
            let begin = "INSERT INTO sqlite_sequence (name, seq) VALUES ('folder', ?1)";
            self.execute("skip_folder_ids", begin, [count])?;
        }
        Ok(())
    }

    fn raise_journal_floor(&self, id: FolderId, floor: Seq) -> Result<()> {
        let changed = self.execute(
            "raise_journal_floor",
            "UPDATE folder SET journal_floor = max(journal_floor, ?2) WHERE id = ?1",
            [id.0.cast_signed(), floor.0.cast_signed()],
        )?;
        found(changed, "raise_journal_floor")
    }
}

/// An update that had to change a row.
pub(crate) fn found(changed: usize, operation: &'static str) -> Result<()> {
    if changed == 0 { Err(Error::new(ErrorKind::NotFound, operation, "no such row")) } else { Ok(()) }
}
