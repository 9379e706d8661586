//! Placements.

use crate::node::{content, id_rows, name};
use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::placement::{PastNode, PlacementRow, ReadPlacements, WritePlacements};
use model::{DeviceId, FolderId, NodeId, Seq, Timestamp, UserId, VersionNumber};
use rusqlite::{Row, params};

fn placement(row: &Row<'_>) -> rusqlite::Result<PlacementRow> {
    Ok(PlacementRow {
        node: NodeId(row.number(0)?),
        seq: Seq(row.number(1)?),
        parent: NodeId(row.number(2)?),
        name: name(row, 3)?,
        deleted: row.get(4)?,
        user: UserId(row.number(5)?),
        device: row.maybe_number(6)?.map(DeviceId),
        at: Timestamp(row.get(7)?),
    })
}

/// Nodes `$from` as they were at number `?2`: those that lived then, as far as what they held is kept.
macro_rules! past_nodes {
    ($from:literal, $where:literal) => {
        concat!(
            "SELECT n.id, p.parent, p.name, n.kind, v.content, coalesce(v.size, 0), v.target,
                 coalesce(v.executable, 0), coalesce(v.mtime, 0), coalesce(v.number, 0),
                 coalesce(v.thinned_from <= ?2, 0)
             FROM ",
            $from,
            " CROSS JOIN placement p ON p.folder = ?1 AND p.node = n.id AND p.seq =
                 (SELECT max(q.seq) FROM placement q WHERE q.folder = ?1 AND q.node = n.id AND q.seq <= ?2)
             LEFT JOIN version v ON v.folder = ?1 AND v.node = n.id AND v.seq =
                 (SELECT max(w.seq) FROM version w WHERE w.folder = ?1 AND w.node = n.id AND w.seq <= ?2)
             WHERE p.deleted = 0 AND (n.kind = 0 OR v.seq IS NOT NULL) AND ",
            $where
        )
    };
}

fn past_node(row: &Row<'_>) -> rusqlite::Result<PastNode> {
    Ok(PastNode {
        id: NodeId(row.number(0)?),
        parent: NodeId(row.number(1)?),
        name: name(row, 2)?,
        content: content(row, 3)?,
        executable: row.get(7)?,
        mtime: Timestamp(row.get(8)?),
        version: VersionNumber(row.number(9)?),
        thinned: row.get(10)?,
    })
}

impl ReadPlacements for Session {
    fn placements(&self, folder: FolderId, node: NodeId) -> Result<Vec<PlacementRow>> {
        self.query(
            "placements",
            "SELECT node, seq, parent, name, deleted, user, device, at FROM placement
             WHERE folder = ?1 AND node = ?2 ORDER BY seq",
            [folder.0.cast_signed(), node.0.cast_signed()],
            placement,
        )
    }

    fn placements_at(&self, folder: FolderId, wanted: &[(NodeId, Seq)]) -> Result<Vec<PlacementRow>> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let batch = wanted.into_iter().map(|(node, seq)| [Cell::number(node.0), Cell::number(seq.0)]);
        self.query(
            "placements_at",
            "SELECT p.node, p.seq, p.parent, p.name, p.deleted, p.user, p.device, p.at
             FROM rows(?2) r CROSS JOIN placement p ON p.folder = ?1 AND p.node = r.c0 AND p.seq = r.c1",
            params![folder.0.cast_signed(), Rows::table(batch)],
            placement,
        )
    }

    fn scan_placements(
        &self,
        folder: FolderId,
        after: Option<(NodeId, Seq)>,
        limit: usize,
    ) -> Result<Vec<PlacementRow>> {
        let (node, seq) = after.unwrap_or((NodeId(0), Seq(0)));
        self.query(
            "scan_placements",
            "SELECT node, seq, parent, name, deleted, user, device, at FROM placement
             WHERE folder = ?1 AND (node, seq) > (?2, ?3) ORDER BY node, seq LIMIT ?4",
            params![folder.0.cast_signed(), node.0.cast_signed(), seq.0.cast_signed(), limit as i64],
            placement,
        )
    }

    fn tree_at(&self, folder: FolderId, seq: Seq, after: NodeId, limit: usize) -> Result<Vec<PastNode>> {
        self.query(
            "tree_at",
            past_nodes!("node n", "n.folder = ?1 AND n.id > max(?3, 1) ORDER BY n.id LIMIT ?4"),
            params![folder.0.cast_signed(), seq.0.cast_signed(), after.0.cast_signed(), limit as i64],
            past_node,
        )
    }

    fn nodes_at(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<Vec<PastNode>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "nodes_at",
            past_nodes!("rows(?3) r CROSS JOIN node n ON n.folder = ?1 AND n.id = r.c0", "n.id <> 1"),
            params![folder.0.cast_signed(), seq.0.cast_signed(), id_rows(ids)],
            past_node,
        )
    }

    fn places_at(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<Vec<PlacementRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "places_at",
            "SELECT p.node, p.seq, p.parent, p.name, p.deleted, p.user, p.device, p.at
             FROM rows(?2) r CROSS JOIN placement p ON p.folder = ?1 AND p.node = r.c0 AND p.seq =
                 (SELECT max(q.seq) FROM placement q WHERE q.folder = ?1 AND q.node = r.c0 AND q.seq <= ?3)
             WHERE p.deleted = 0",
            params![folder.0.cast_signed(), id_rows(ids), seq.0.cast_signed()],
            placement,
        )
    }

    fn once_children(
        &self,
        folder: FolderId,
        parent: NodeId,
        after: NodeId,
        limit: usize,
    ) -> Result<Vec<NodeId>> {
        self.query(
            "once_children",
            "SELECT id FROM node INDEXED BY node_by_name
                 WHERE folder = ?1 AND parent = ?2 AND deleted = 0 AND id > max(?3, 1)
             UNION SELECT id FROM node INDEXED BY node_removed
                 WHERE folder = ?1 AND parent = ?2 AND deleted = 1 AND id > ?3
             UNION SELECT node FROM departure WHERE folder = ?1 AND parent = ?2 AND node > ?3
             ORDER BY 1 LIMIT ?4",
            params![folder.0.cast_signed(), parent.0.cast_signed(), after.0.cast_signed(), limit as i64],
            |row| row.number(0).map(NodeId),
        )
    }

    fn placements_after(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<Vec<PlacementRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "placements_after",
            "SELECT p.node, p.seq, p.parent, p.name, p.deleted, p.user, p.device, p.at
             FROM rows(?2) r CROSS JOIN placement p ON p.folder = ?1 AND p.node = r.c0 AND p.seq > ?3
             ORDER BY p.node, p.seq",
            params![folder.0.cast_signed(), id_rows(ids), seq.0.cast_signed()],
            placement,
        )
    }
}

impl WritePlacements for Session {
    fn put_placements(&self, folder: FolderId, rows: &[PlacementRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let batch = Rows::table(rows.iter().map(|row| {
            [
                Cell::number(row.node.0),
                Cell::number(row.seq.0),
                Cell::number(row.parent.0),
                Cell::from(row.name.as_str()),
                Cell::from(row.deleted),
                Cell::number(row.user.0),
                Cell::from(row.device.map(|id| Cell::number(id.0))),
                Cell::Number(row.at.0),
            ]
        }));
        self.execute(
            "put_placements",
            "INSERT INTO placement (folder, node, seq, parent, name, deleted, user, device, at)
             SELECT ?1, c0, c1, c2, c3, c4, c5, c6, c7 FROM rows(?2)",
            params![folder.0.cast_signed(), batch],
        )
        .map(drop)
    }

    fn put_departures(&self, folder: FolderId, departures: &[(NodeId, NodeId)]) -> Result<()> {
        if departures.is_empty() {
            return Ok(());
        }
        let batch = departures.iter().map(|(parent, node)| [Cell::number(parent.0), Cell::number(node.0)]);
        self.execute(
            "put_departures",
            "INSERT INTO departure (folder, parent, node) SELECT ?1, c0, c1 FROM rows(?2)
             WHERE true ON CONFLICT DO NOTHING",
            params![folder.0.cast_signed(), Rows::table(batch)],
        )
        .map(drop)
    }
}
