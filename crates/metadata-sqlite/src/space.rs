//! What versions take.

use crate::session::{Columns, Session};
use metadata::Result;
use metadata::space::{ContentCursor, ReadSpace, VersionSums};
use model::{ContentId, FolderId, NodeId, Seq};
use rusqlite::params;

impl ReadSpace for Session {
    fn version_sums(&self, folder: FolderId) -> Result<VersionSums> {
        let folder = folder.0.cast_signed();
        // Conditional sums, not groups: a group would sort a million rows in memory.
        let sums = self.query_one(
            "version_sums",
            "SELECT count(*),
                 coalesce(sum(CASE WHEN n.deleted = 0 AND v.number = n.version THEN v.size END), 0),
                 coalesce(sum(CASE WHEN n.deleted = 0 AND v.number <> n.version THEN v.size END), 0),
                 coalesce(sum(CASE WHEN n.deleted = 1 THEN v.size END), 0)
             FROM node n CROSS JOIN version v ON v.folder = ?1 AND v.node = n.id
             WHERE n.folder = ?1 AND v.origin <> 3",
            [folder],
            |row| {
                Ok(VersionSums {
                    versions: row.number(0)?,
                    current_bytes: row.number(1)?,
                    history_bytes: row.number(2)?,
                    trash_bytes: row.number(3)?,
                    trash_nodes: 0,
                })
            },
        )?;
        let trash_nodes = self.query_one(
            "version_sums",
            "SELECT count(*) FROM node n INDEXED BY node_trash WHERE n.folder = ?1 AND n.deleted = 1 AND n.purged = 0",
            [folder],
            |row| row.number(0),
        )?;
        Ok(VersionSums { trash_nodes: trash_nodes.unwrap_or(0), ..sums.unwrap_or_default() })
    }

    fn scan_named_contents(
        &self,
        folder: FolderId,
        after: ContentCursor,
        limit: usize,
    ) -> Result<(Vec<(ContentId, u64)>, ContentCursor)> {
        let (node, seq) = after.unwrap_or((NodeId(0), Seq(0)));
        let rows = self.query(
            "scan_named_contents",
            "SELECT v.content, v.size, v.node, v.seq FROM version v
             WHERE v.folder = ?1 AND (v.node, v.seq) > (?2, ?3) AND v.content IS NOT NULL
             ORDER BY v.node, v.seq LIMIT ?4",
            params![folder.0.cast_signed(), node.0.cast_signed(), seq.0.cast_signed(), limit as i64],
            |row| Ok((ContentId(row.array(0)?), row.number(1)?, NodeId(row.number(2)?), Seq(row.number(3)?))),
        )?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|last| (last.2, last.3));
        Ok((rows.into_iter().map(|(content, size, _, _)| (content, size)).collect(), next))
    }
}
