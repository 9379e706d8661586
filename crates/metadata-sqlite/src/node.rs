//! Nodes.

use crate::error::corrupt;
use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::node::{NamePlace, NameSearch, NamesFound, NodeRow, ReadNodes, WriteNodes};
use model::{
    Content, ContentId, FolderId, Kind, Name, NameKey, NodeId, Revision, Seq, Timestamp, VersionNumber,
};
use rusqlite::{Row, params};

/// A node's columns, in the order that [`node`] reads them.
macro_rules! columns {
    () => {
        "n.id, n.parent, n.name, n.name_key, n.kind, n.content, n.size, n.target, n.executable, n.mtime, n.version, \
         n.placement_seq, n.version_seq, n.seq, n.subtree_seq, n.deleted, n.purged"
    };
}

pub(crate) use columns;

macro_rules! insert {
    () => {
        "INSERT INTO node (folder, id, parent, name, name_key, kind, content, size, target, executable, mtime, version, \
         placement_seq, version_seq, seq, subtree_seq, deleted, purged) \
         SELECT ?1, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16 FROM rows(?2)"
    };
}

pub(crate) fn node(row: &Row<'_>) -> rusqlite::Result<NodeRow> {
    Ok(NodeRow {
        id: NodeId(row.number(0)?),
        parent: NodeId(row.number(1)?),
        name: name(row, 2)?,
        name_key: NameKey(row.get(3)?),
        content: content(row, 4)?,
        executable: row.get(8)?,
        mtime: Timestamp(row.get(9)?),
        version: VersionNumber(row.number(10)?),
        revision: Revision { placement: Seq(row.number(11)?), version: Seq(row.number(12)?) },
        seq: Seq(row.number(13)?),
        subtree_seq: Seq(row.number(14)?),
        deleted: row.get(15)?,
        purged: row.get(16)?,
    })
}

/// A name; the empty text is a root's.
pub(crate) fn name(row: &Row<'_>, column: usize) -> rusqlite::Result<Name> {
    let text = row.get_ref(column)?.as_str()?;
    if text.is_empty() {
        return Ok(Name::root());
    }
    Name::new(text).map_err(|_| corrupt(column, "not a name"))
}

/// A content from the four columns that begin with the kind: kind, content, size, target.
pub(crate) fn content(row: &Row<'_>, column: usize) -> rusqlite::Result<Content> {
    match row.get::<_, i64>(column)? {
        0 => Ok(Content::Directory),
        1 => Ok(Content::File { id: ContentId(row.array(column + 1)?), size: row.number(column + 2)? }),
        2 => Ok(Content::Link { target: row.get::<_, Vec<u8>>(column + 3)?.into() }),
        _ => Err(corrupt(column, "not a kind of node")),
    }
}

/// The four columns of a content.
pub(crate) fn kind_number(kind: Kind) -> i64 {
    match kind {
        Kind::Directory => 0,
        Kind::File => 1,
        Kind::Link => 2,
    }
}

pub(crate) fn content_cells(content: &Content) -> [Cell; 4] {
    let kind = Cell::Number(kind_number(content.kind()));
    match content {
        Content::Directory => [kind, Cell::Null, Cell::Number(0), Cell::Null],
        Content::File { id, size } => [kind, Cell::Hash(id.0), Cell::number(*size), Cell::Null],
        Content::Link { target } => [kind, Cell::Null, Cell::Number(0), Cell::Bytes(target.clone())],
    }
}

/// Ids as a batch, each once and in order.
pub(crate) fn id_rows(ids: &[NodeId]) -> Rows {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    Rows::column(ids.into_iter().map(|id| Cell::number(id.0)))
}

fn folder_number(folder: FolderId) -> i64 {
    folder.0.cast_signed()
}

impl ReadNodes for Session {
    fn nodes(&self, folder: FolderId, ids: &[NodeId]) -> Result<Vec<NodeRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "nodes",
            concat!(
                "SELECT ",
                columns!(),
                " FROM rows(?2) r CROSS JOIN node n ON n.folder = ?1 AND n.id = r.c0"
            ),
            params![folder_number(folder), id_rows(ids)],
            node,
        )
    }

    fn nodes_and_ancestors(&self, folder: FolderId, ids: &[NodeId]) -> Result<Vec<NodeRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "nodes_and_ancestors",
            concat!(
                "WITH RECURSIVE up (id) AS (
                     SELECT c0 FROM rows(?2)
                     UNION SELECT p.parent FROM up CROSS JOIN node p ON p.folder = ?1 AND p.id = up.id)
                 SELECT ",
                columns!(),
                " FROM up CROSS JOIN node n ON n.folder = ?1 AND n.id = up.id ORDER BY n.id"
            ),
            params![folder_number(folder), id_rows(ids)],
            node,
        )
    }

    fn nodes_named(&self, folder: FolderId, places: &[(NodeId, NameKey)]) -> Result<Vec<NodeRow>> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let mut places: Vec<&(NodeId, NameKey)> = places.iter().collect();
        places.sort_unstable();
        places.dedup();
        let batch = Rows::table(
            places.into_iter().map(|(parent, key)| [Cell::number(parent.0), Cell::from(&*key.0)]),
        );
        let mut rows = self.query(
            "nodes_named",
            concat!(
                "SELECT ",
                columns!(),
                " FROM rows(?2) r CROSS JOIN node n INDEXED BY node_by_name
                 ON n.folder = ?1 AND n.parent = r.c0 AND n.name_key = r.c1 AND n.deleted = 0"
            ),
            params![folder_number(folder), batch],
            node,
        )?;
        rows.sort_unstable_by_key(|row| row.id);
        Ok(rows)
    }

    fn child_counts(&self, folder: FolderId, parents: &[NodeId]) -> Result<Vec<(NodeId, u64)>> {
        if parents.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "child_counts",
            "SELECT r.c0, count(*) FROM rows(?2) r CROSS JOIN node n INDEXED BY node_by_name
             ON n.folder = ?1 AND n.parent = r.c0 AND n.deleted = 0 AND n.id <> 1 GROUP BY r.c0 ORDER BY r.c0",
            params![folder_number(folder), id_rows(parents)],
            |row| Ok((NodeId(row.number(0)?), row.number(1)?)),
        )
    }

    fn children(
        &self,
        folder: FolderId,
        parent: NodeId,
        after: NodeId,
        limit: usize,
    ) -> Result<Vec<NodeRow>> {
        self.query(
            "children",
            concat!(
                "SELECT ",
                columns!(),
                " FROM node n INDEXED BY node_by_name WHERE n.folder = ?1 AND n.parent = ?2 AND n.deleted = 0
                 AND n.id > max(?3, 1) ORDER BY n.id LIMIT ?4"
            ),
            params![folder_number(folder), parent.0.cast_signed(), after.0.cast_signed(), limit as i64],
            node,
        )
    }

    fn children_by_name(
        &self,
        folder: FolderId,
        parent: NodeId,
        after: Option<&NameKey>,
        limit: usize,
    ) -> Result<Vec<NodeRow>> {
        self.query(
            "children_by_name",
            concat!(
                "SELECT ",
                columns!(),
                " FROM node n INDEXED BY node_by_name WHERE n.folder = ?1 AND n.parent = ?2 AND n.deleted = 0
                 AND n.id <> 1 AND n.name_key > ?3 ORDER BY n.name_key LIMIT ?4"
            ),
            params![
                folder_number(folder),
                parent.0.cast_signed(),
                after.map_or("", |key| &*key.0),
                limit as i64
            ],
            node,
        )
    }

    fn removed_children(
        &self,
        folder: FolderId,
        parent: NodeId,
        after: NodeId,
        limit: usize,
    ) -> Result<Vec<NodeRow>> {
        self.query(
            "removed_children",
            concat!(
                "SELECT ",
                columns!(),
                " FROM node n INDEXED BY node_removed WHERE n.folder = ?1 AND n.parent = ?2 AND n.deleted = 1
                 AND n.id > ?3 ORDER BY n.id LIMIT ?4"
            ),
            params![folder_number(folder), parent.0.cast_signed(), after.0.cast_signed(), limit as i64],
            node,
        )
    }

    fn removed_below(&self, folder: FolderId, directories: &[NodeId]) -> Result<Vec<(NodeId, u64, u64)>> {
        if directories.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "removed_below",
            "WITH RECURSIVE down (top, id, size, purged) AS (
                 SELECT c0, c0, 0, 1 FROM rows(?2)
                 UNION ALL
                 SELECT down.top, n.id, n.size, n.purged FROM down CROSS JOIN node n INDEXED BY node_removed
                 ON n.folder = ?1 AND n.parent = down.id AND n.deleted = 1)
             SELECT top, count(*), sum(size) FROM down WHERE purged = 0 AND id <> top GROUP BY top ORDER BY top",
            params![folder_number(folder), id_rows(directories)],
            |row| Ok((NodeId(row.number(0)?), row.number(1)?, row.number(2)?)),
        )
    }

    fn changed_nodes(
        &self,
        folder: FolderId,
        since: Seq,
        tombstones_since: Seq,
        limit: usize,
    ) -> Result<Vec<NodeRow>> {
        self.query(
            "changed_nodes",
            concat!(
                "SELECT ",
                columns!(),
                " FROM node n INDEXED BY node_by_seq WHERE n.folder = ?1 AND n.seq > ?2 AND n.id <> 1
                 AND (n.deleted = 0 OR n.seq > ?3) ORDER BY n.seq LIMIT ?4"
            ),
            params![
                folder_number(folder),
                since.0.cast_signed(),
                tombstones_since.0.cast_signed(),
                limit as i64
            ],
            node,
        )
    }

    fn removed_nodes(&self, folder: FolderId, before: Option<Seq>, limit: usize) -> Result<Vec<NodeRow>> {
        let before = before.map_or(i64::MAX, |seq| seq.0.cast_signed());
        self.query(
            "removed_nodes",
            concat!(
                "SELECT ",
                columns!(),
                " FROM node n INDEXED BY node_trash WHERE n.folder = ?1 AND n.seq < ?2 AND n.deleted = 1
                 AND n.purged = 0 ORDER BY n.seq DESC LIMIT ?3"
            ),
            params![folder_number(folder), before, limit as i64],
            node,
        )
    }

    fn scan_nodes(&self, folder: FolderId, after: Option<NodeId>, limit: usize) -> Result<Vec<NodeRow>> {
        let after = after.map_or(0, |id| id.0.cast_signed());
        self.query(
            "scan_nodes",
            concat!(
                "SELECT ",
                columns!(),
                " FROM node n WHERE n.folder = ?1 AND n.id > ?2 ORDER BY n.id LIMIT ?3"
            ),
            params![folder_number(folder), after, limit as i64],
            node,
        )
    }

    fn deepest_paths(&self, folder: FolderId, directories: &[NodeId]) -> Result<Vec<(NodeId, u64)>> {
        if directories.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "deepest_paths",
            "WITH RECURSIVE down (top, id, bytes) AS (
                 SELECT c0, c0, 0 FROM rows(?2)
                 UNION ALL
                 SELECT down.top, n.id, down.bytes + 1 + octet_length(n.name)
                 FROM down CROSS JOIN node n INDEXED BY node_by_name
                 ON n.folder = ?1 AND n.parent = down.id AND n.deleted = 0 AND n.id <> 1)
             SELECT top, max(bytes) FROM down WHERE id <> top GROUP BY top ORDER BY top",
            params![folder_number(folder), id_rows(directories)],
            |row| Ok((NodeId(row.number(0)?), row.number(1)?)),
        )
    }

    fn search_names(
        &self,
        folder: FolderId,
        search: &NameSearch,
        after: Option<&NamePlace>,
        look: u64,
        limit: usize,
    ) -> Result<NamesFound> {
        crate::search::names(self, folder, search, after, look, limit)
    }
}

fn cells(row: &NodeRow) -> [Cell; 17] {
    let [kind, content, size, target] = content_cells(&row.content);
    [
        Cell::number(row.id.0),
        Cell::number(row.parent.0),
        Cell::from(row.name.as_str()),
        Cell::from(&*row.name_key.0),
        kind,
        content,
        size,
        target,
        Cell::from(row.executable),
        Cell::Number(row.mtime.0),
        Cell::number(row.version.0),
        Cell::number(row.revision.placement.0),
        Cell::number(row.revision.version.0),
        Cell::number(row.seq.0),
        Cell::number(row.subtree_seq.0),
        Cell::from(row.deleted),
        Cell::from(row.purged),
    ]
}

impl WriteNodes for Session {
    fn put_nodes(&self, folder: FolderId, changed: &[NodeRow], new: &[NodeRow]) -> Result<()> {
        let folder = folder_number(folder);
        if !changed.is_empty() {
            let ids: Vec<NodeId> = changed.iter().map(|row| row.id).collect();
            // Out of the way first: names may be exchanged, and places in the journal too.
            let found = self.execute(
                "put_nodes",
                "UPDATE node SET name_key = NULL, seq = -id
                 WHERE folder = ?1 AND id IN (SELECT c0 FROM rows(?2))",
                params![folder, id_rows(&ids)],
            )?;
            crate::folder::found(usize::from(found == changed.len()), "put_nodes")?;
            // An upsert, not UPDATE … FROM: there the planner may read the whole folder for each row.
            self.execute(
                "put_nodes",
                concat!(
                    insert!(),
                    " WHERE true ON CONFLICT (folder, id) DO UPDATE SET parent = excluded.parent, name = excluded.name,
                     name_key = excluded.name_key, kind = excluded.kind, content = excluded.content,
                     size = excluded.size, target = excluded.target, executable = excluded.executable,
                     mtime = excluded.mtime, version = excluded.version, placement_seq = excluded.placement_seq,
                     version_seq = excluded.version_seq, seq = excluded.seq, subtree_seq = excluded.subtree_seq,
                     deleted = excluded.deleted, purged = excluded.purged"
                ),
                params![folder, Rows::table(changed.iter().map(cells))],
            )?;
        }
        if !new.is_empty() {
            self.execute("put_nodes", insert!(), params![folder, Rows::table(new.iter().map(cells))])?;
        }
        Ok(())
    }

    fn raise_subtree_seq(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.execute(
            "raise_subtree_seq",
            "UPDATE node SET subtree_seq = max(subtree_seq, ?3)
             WHERE folder = ?1 AND id IN (SELECT c0 FROM rows(?2))",
            params![folder_number(folder), id_rows(ids), seq.0.cast_signed()],
        )
        .map(drop)
    }
}
