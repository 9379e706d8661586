//! Retention.

use crate::node::id_rows;
use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::retention::{
    BusyHour, DueNode, KeptRow, MassChangeRow, PinRow, ReadRetention, RetentionRow, WriteRetention,
};
use model::{DeviceId, FolderId, NodeId, Seq, Timestamp, UserId, VersionNumber};
use rusqlite::{Row, params};

const HOUR_NS: i64 = 3_600_000_000_000;

macro_rules! due_columns {
    () => {
        "n.id, n.seq, n.deleted, n.purged, n.kind,
         CASE n.deleted WHEN 1 THEN (SELECT p.at FROM placement p
             WHERE p.folder = ?1 AND p.node = n.id AND p.seq = n.placement_seq) END,
         n.purged AND EXISTS (SELECT 1 FROM node c INDEXED BY node_removed
             WHERE c.folder = ?1 AND c.parent = n.id AND c.deleted = 1)"
    };
}

fn due_node(row: &Row<'_>) -> rusqlite::Result<DueNode> {
    Ok(DueNode {
        node: NodeId(row.number(0)?),
        seq: Seq(row.number(1)?),
        removed_at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        purged: row.get(3)?,
        is_directory: row.get::<_, i64>(4)? == 0,
        has_removed_children: row.get(6)?,
    })
}

fn kept_row(row: &Row<'_>) -> rusqlite::Result<KeptRow> {
    Ok(KeptRow {
        node: NodeId(row.number(0)?),
        seq: Seq(row.number(1)?),
        number: VersionNumber(row.number(2)?),
        at: Timestamp(row.get(3)?),
        user: UserId(row.number(4)?),
        device: row.maybe_number(5)?.map(DeviceId),
        is_attributes: row.get::<_, i64>(6)? == 3,
        size: row.number(7)?,
        thinned_from: row.maybe_number(8)?.map(Seq),
        is_pinned: row.get(9)?,
    })
}

fn pin(row: &Row<'_>) -> rusqlite::Result<PinRow> {
    Ok(PinRow {
        node: NodeId(row.number(0)?),
        number: VersionNumber(row.number(1)?),
        pinned: row.get(2)?,
        label: row.get(3)?,
        user: UserId(row.number(4)?),
        at: Timestamp(row.get(5)?),
    })
}

fn mass_change(row: &Row<'_>) -> rusqlite::Result<MassChangeRow> {
    Ok(MassChangeRow {
        hour: BusyHour {
            begins: Timestamp(row.get(0)?),
            user: UserId(row.number(1)?),
            device: Some(row.get::<_, i64>(2)?).filter(|id| *id >= 0).map(|id| DeviceId(id.cast_unsigned())),
            nodes: row.number(3)?,
            removed: row.number(4)?,
            first: Seq(row.number(5)?),
            last: Seq(row.number(6)?),
            first_at: Timestamp(row.get(7)?),
            last_at: Timestamp(row.get(8)?),
        },
        acknowledged_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
    })
}

impl ReadRetention for Session {
    fn retention(&self, folder: FolderId) -> Result<RetentionRow> {
        let row = self.query_one(
            "retention",
            "SELECT safe_days, queued_to, watched_to, covered_since FROM retention WHERE folder = ?1",
            [folder.0.cast_signed()],
            |row| {
                Ok(RetentionRow {
                    safe_days: row.small(0)?,
                    queued_to: Seq(row.number(1)?),
                    watched_to: Seq(row.number(2)?),
                    covered_since: Seq(row.number(3)?),
                })
            },
        )?;
        Ok(row.unwrap_or_default())
    }

    fn due_nodes(&self, folder: FolderId, now: Timestamp, limit: usize) -> Result<Vec<DueNode>> {
        self.query(
            "due_nodes",
            concat!(
                "SELECT ",
                due_columns!(),
                " FROM retention_due d INDEXED BY retention_due_by_time CROSS JOIN node n
                 ON n.folder = ?1 AND n.id = d.node WHERE d.folder = ?1 AND d.at <= ?2 ORDER BY d.at LIMIT ?3"
            ),
            params![folder.0.cast_signed(), now.0, limit as i64],
            due_node,
        )
    }

    fn nodes_with_history(&self, folder: FolderId, after: NodeId, limit: usize) -> Result<Vec<DueNode>> {
        self.query(
            "nodes_with_history",
            concat!(
                "SELECT ",
                due_columns!(),
                " FROM node n WHERE n.folder = ?1 AND n.id > max(?2, 1)
                 AND (n.version > 1 OR n.deleted = 1 OR n.version_seq <> n.placement_seq) ORDER BY n.id LIMIT ?3"
            ),
            params![folder.0.cast_signed(), after.0.cast_signed(), limit as i64],
            due_node,
        )
    }

    fn kept_rows(&self, folder: FolderId, nodes: &[NodeId], limit: usize) -> Result<Vec<KeptRow>> {
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "kept_rows",
            "SELECT v.node, v.seq, v.number, v.at, v.user, v.device, v.origin, v.size, v.thinned_from,
                 p.node IS NOT NULL
             FROM rows(?2) r CROSS JOIN version v ON v.folder = ?1 AND v.node = r.c0
             LEFT JOIN pin p ON p.folder = ?1 AND p.node = v.node AND p.number = v.number LIMIT ?3",
            params![folder.0.cast_signed(), id_rows(nodes), limit as i64],
            kept_row,
        )
    }

    fn busy_hours(&self, folder: FolderId, since: Seq, shift_ns: i64) -> Result<Vec<BusyHour>> {
        self.query(
            "busy_hours",
            "WITH change (user, device, at, node, seq, removed) AS (
                 SELECT v.user, v.device, v.at, v.node, v.seq, 0
                 FROM node n INDEXED BY node_by_seq CROSS JOIN version v
                 ON v.folder = ?1 AND v.node = n.id AND v.seq > ?2 AND v.number > 1 AND v.origin <> 3
                 WHERE n.folder = ?1 AND n.seq > ?2 AND n.id <> 1
                 UNION ALL
                 SELECT p.user, p.device, p.at, p.node, p.seq, 1
                 FROM node n INDEXED BY node_by_seq CROSS JOIN placement p
                 ON p.folder = ?1 AND p.node = n.id AND p.seq > ?2 AND p.deleted = 1
                 WHERE n.folder = ?1 AND n.seq > ?2 AND n.id <> 1)
             SELECT user, device, (at - ?3) / ?4 * ?4 + ?3 AS begins, count(DISTINCT node), sum(removed),
                 min(seq), max(seq), min(at), max(at)
             FROM change GROUP BY user, device, begins ORDER BY begins, user, device",
            params![folder.0.cast_signed(), since.0.cast_signed(), shift_ns, HOUR_NS],
            |row| {
                Ok(BusyHour {
                    user: UserId(row.number(0)?),
                    device: row.maybe_number(1)?.map(DeviceId),
                    begins: Timestamp(row.get(2)?),
                    nodes: row.number(3)?,
                    removed: row.number(4)?,
                    first: Seq(row.number(5)?),
                    last: Seq(row.number(6)?),
                    first_at: Timestamp(row.get(7)?),
                    last_at: Timestamp(row.get(8)?),
                })
            },
        )
    }

    fn mass_changes(&self, folder: FolderId) -> Result<Vec<MassChangeRow>> {
        self.query(
            "mass_changes",
            "SELECT begins, user, device, nodes, removed, first_seq, last_seq, first_at, last_at, acknowledged_at
             FROM mass_change WHERE folder = ?1 ORDER BY begins, user, device",
            [folder.0.cast_signed()],
            mass_change,
        )
    }

    fn pins(&self, folder: FolderId, nodes: &[NodeId]) -> Result<Vec<PinRow>> {
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "pins",
            "SELECT p.node, p.number, p.pinned, p.label, p.user, p.at FROM rows(?2) r CROSS JOIN pin p
             ON p.folder = ?1 AND p.node = r.c0",
            params![folder.0.cast_signed(), id_rows(nodes)],
            pin,
        )
    }
}

impl WriteRetention for Session {
    fn put_retention(&self, folder: FolderId, row: &RetentionRow) -> Result<()> {
        self.execute(
            "put_retention",
            "INSERT INTO retention (folder, safe_days, queued_to, watched_to, covered_since)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (folder) DO UPDATE SET safe_days = excluded.safe_days,
                 queued_to = excluded.queued_to, watched_to = excluded.watched_to,
                 covered_since = max(covered_since, excluded.covered_since)",
            params![
                folder.0.cast_signed(),
                row.safe_days,
                row.queued_to.0.cast_signed(),
                row.watched_to.0.cast_signed(),
                row.covered_since.0.cast_signed()
            ],
        )
        .map(drop)
    }

    fn queue_changed(
        &self,
        folder: FolderId,
        after: Seq,
        limit: usize,
        at: Timestamp,
    ) -> Result<Option<Seq>> {
        let folder = folder.0.cast_signed();
        let end = self.query_one(
            "queue_changed",
            "SELECT max(seq) FROM (SELECT n.seq FROM node n INDEXED BY node_by_seq
                 WHERE n.folder = ?1 AND n.seq > ?2 AND n.id <> 1 ORDER BY n.seq LIMIT ?3)",
            params![folder, after.0.cast_signed(), limit as i64],
            |row| row.maybe_number(0),
        )?;
        let Some(end) = end.flatten() else { return Ok(None) };
        self.execute(
            "queue_changed",
            "INSERT INTO retention_due (folder, node, at)
             SELECT ?1, n.id, ?4 FROM node n INDEXED BY node_by_seq
             WHERE n.folder = ?1 AND n.seq > ?2 AND n.seq <= ?3 AND n.id <> 1
                 AND (n.version > 1 OR n.deleted = 1 OR n.version_seq <> n.placement_seq)
             ON CONFLICT (folder, node) DO UPDATE SET at = min(at, excluded.at)",
            params![folder, after.0.cast_signed(), end.cast_signed(), at.0],
        )?;
        Ok(Some(Seq(end)))
    }

    fn put_due(&self, folder: FolderId, nodes: &[(NodeId, Option<Timestamp>)]) -> Result<()> {
        let folder = folder.0.cast_signed();
        let (later, done): (Vec<_>, Vec<_>) = nodes.iter().partition(|(_, at)| at.is_some());
        if !later.is_empty() {
            let cells = later
                .into_iter()
                .map(|(node, at)| [Cell::number(node.0), Cell::from(at.map(|at| Cell::Number(at.0)))]);
            self.execute(
                "put_due",
                "INSERT INTO retention_due (folder, node, at) SELECT ?1, c0, c1 FROM rows(?2) WHERE true
                 ON CONFLICT (folder, node) DO UPDATE SET at = excluded.at",
                params![folder, Rows::table(cells)],
            )?;
        }
        if !done.is_empty() {
            let done: Vec<NodeId> = done.into_iter().map(|(node, _)| node).collect();
            self.execute(
                "put_due",
                "DELETE FROM retention_due WHERE folder = ?1 AND node IN (SELECT c0 FROM rows(?2))",
                params![folder, id_rows(&done)],
            )?;
        }
        Ok(())
    }

    fn drop_versions(&self, folder: FolderId, rows: &[(NodeId, Seq)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let cells = rows.iter().map(|(node, seq)| [Cell::number(node.0), Cell::number(seq.0)]);
        self.execute(
            "drop_versions",
            "DELETE FROM version WHERE folder = ?1 AND (node, seq) IN (SELECT c0, c1 FROM rows(?2))",
            params![folder.0.cast_signed(), Rows::table(cells)],
        )
        .map(drop)
    }

    fn mark_thinned(&self, folder: FolderId, rows: &[(NodeId, Seq, Seq)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let cells = rows
            .iter()
            .map(|(node, seq, from)| [Cell::number(node.0), Cell::number(seq.0), Cell::number(from.0)]);
        self.execute(
            "mark_thinned",
            "UPDATE version SET thinned_from = coalesce(thinned_from, r.c2) FROM rows(?2) r
             WHERE version.folder = ?1 AND version.node = r.c0 AND version.seq = r.c1",
            params![folder.0.cast_signed(), Rows::table(cells)],
        )
        .map(drop)
    }

    fn purge_nodes(&self, folder: FolderId, nodes: &[NodeId]) -> Result<()> {
        if nodes.is_empty() {
            return Ok(());
        }
        self.execute(
            "purge_nodes",
            "UPDATE node SET purged = 1 WHERE folder = ?1 AND id IN (SELECT c0 FROM rows(?2)) AND deleted = 1",
            params![folder.0.cast_signed(), id_rows(nodes)],
        )
        .map(drop)
    }

    fn drop_tombstones(&self, folder: FolderId, nodes: &[NodeId]) -> Result<()> {
        if nodes.is_empty() {
            return Ok(());
        }
        let (folder, nodes) = (folder.0.cast_signed(), id_rows(nodes));
        for sql in [
            "DELETE FROM departure WHERE folder = ?1 AND (parent, node) IN
                 (SELECT p.parent, p.node FROM rows(?2) r CROSS JOIN placement p ON p.folder = ?1 AND p.node = r.c0)",
            "DELETE FROM departure WHERE folder = ?1 AND parent IN (SELECT c0 FROM rows(?2))",
            "DELETE FROM node WHERE folder = ?1 AND id IN (SELECT c0 FROM rows(?2)) AND purged = 1",
            "DELETE FROM placement WHERE folder = ?1 AND node IN (SELECT c0 FROM rows(?2))",
            "DELETE FROM retention_due WHERE folder = ?1 AND node IN (SELECT c0 FROM rows(?2))",
        ] {
            self.execute("drop_tombstones", sql, params![folder, nodes.clone()])?;
        }
        Ok(())
    }

    fn put_mass_change(&self, folder: FolderId, hour: &BusyHour) -> Result<()> {
        self.execute(
            "put_mass_change",
            "INSERT INTO mass_change (folder, begins, user, device, nodes, removed, first_seq, last_seq, first_at, last_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (folder, begins, user, device) DO UPDATE SET nodes = max(nodes, excluded.nodes),
                 removed = max(removed, excluded.removed), first_seq = min(first_seq, excluded.first_seq),
                 last_seq = max(last_seq, excluded.last_seq), first_at = min(first_at, excluded.first_at),
                 last_at = max(last_at, excluded.last_at)",
            params![
                folder.0.cast_signed(),
                hour.begins.0,
                hour.user.0.cast_signed(),
                hour.device.map_or(-1, |id| id.0.cast_signed()),
                hour.nodes.cast_signed(),
                hour.removed.cast_signed(),
                hour.first.0.cast_signed(),
                hour.last.0.cast_signed(),
                hour.first_at.0,
                hour.last_at.0
            ],
        )
        .map(drop)
    }

    fn acknowledge_mass_changes(&self, folder: FolderId, at: Timestamp) -> Result<u64> {
        self.execute(
            "acknowledge_mass_changes",
            "UPDATE mass_change SET acknowledged_at = ?2 WHERE folder = ?1 AND acknowledged_at IS NULL",
            params![folder.0.cast_signed(), at.0],
        )
        .map(|changed| changed as u64)
    }

    fn put_pin(&self, folder: FolderId, pin: &PinRow) -> Result<()> {
        let (folder, node, number) =
            (folder.0.cast_signed(), pin.node.0.cast_signed(), pin.number.0.cast_signed());
        if !pin.pinned && pin.label.is_none() {
            let sql = "DELETE FROM pin WHERE folder = ?1 AND node = ?2 AND number = ?3";
            return self.execute("put_pin", sql, params![folder, node, number]).map(drop);
        }
        self.execute(
            "put_pin",
            "INSERT INTO pin (folder, node, number, pinned, label, user, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (folder, node, number) DO UPDATE SET pinned = excluded.pinned, label = excluded.label,
                 user = excluded.user, at = excluded.at",
            params![folder, node, number, pin.pinned, pin.label, pin.user.0.cast_signed(), pin.at.0],
        )
        .map(drop)
    }
}
