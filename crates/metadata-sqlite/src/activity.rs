//! What was done in a folder last.

use crate::node::{columns, name, node};
use crate::session::{Columns, Session};
use crate::version::origin_of;
use metadata::Result;
use metadata::activity::{ActivityRow, ReadActivity};
use metadata::node::NodeRow;
use model::{DeviceId, FolderId, NodeId, Seq, Timestamp, UserId};
use rusqlite::{Row, params};

/// How many columns a node has.
const NODE: usize = 17;

fn activity(row: &Row<'_>) -> rusqlite::Result<ActivityRow> {
    let before = row.maybe_number(NODE + 3)?.map(NodeId);
    let origin = row.get::<_, Option<i64>>(NODE + 6)?;
    Ok(ActivityRow {
        node: node(row)?,
        user: row.maybe_number(NODE)?.map(UserId),
        device: row.maybe_number(NODE + 1)?.map(DeviceId),
        at: row.get::<_, Option<i64>>(NODE + 2)?.map(Timestamp),
        before: before.map(|parent| Ok::<_, rusqlite::Error>((parent, name(row, NODE + 4)?))).transpose()?,
        placed: row.get(NODE + 5)?,
        origin: origin.map(|number| origin_of(number, NODE + 6)).transpose()?,
    })
}

impl ReadActivity for Session {
    fn activity(&self, folder: FolderId, before: Option<Seq>, limit: usize) -> Result<Vec<ActivityRow>> {
        let before = before.map_or(i64::MAX, |seq| i64::try_from(seq.0).unwrap_or(i64::MAX));
        self.query(
            "activity",
            concat!(
                "SELECT ",
                columns!(),
                ", coalesce(v.user, p.user), coalesce(v.device, p.device), coalesce(v.at, p.at), b.parent, b.name,
                     p.seq IS NOT NULL, v.origin
                 FROM node n
                 LEFT JOIN placement p ON p.folder = n.folder AND p.node = n.id AND p.seq = n.seq
                 LEFT JOIN version v ON v.folder = n.folder AND v.node = n.id AND v.seq = n.seq
                 LEFT JOIN placement b ON p.seq IS NOT NULL AND b.folder = n.folder AND b.node = n.id AND b.seq =
                     (SELECT max(q.seq) FROM placement q
                      WHERE q.folder = n.folder AND q.node = n.id AND q.seq < n.seq)
                 WHERE n.folder = ?1 AND n.id <> 1 AND n.seq < ?2 ORDER BY n.seq DESC LIMIT ?3"
            ),
            params![folder.0.cast_signed(), before, limit as i64],
            activity,
        )
    }

    fn nodes_with(
        &self,
        folder: FolderId,
        text: &str,
        after: NodeId,
        to: NodeId,
        limit: usize,
    ) -> Result<Vec<NodeRow>> {
        let number = |id: NodeId| i64::try_from(id.0).unwrap_or(i64::MAX);
        self.query(
            "nodes_with",
            concat!(
                "SELECT ",
                columns!(),
                " FROM node n WHERE n.folder = ?1 AND n.id > ?2 AND n.id <= ?3 AND n.deleted = 0
                      AND instr(n.name, ?4) > 0 ORDER BY n.id LIMIT ?5"
            ),
            params![folder.0.cast_signed(), number(after), number(to), text, limit as i64],
            node,
        )
    }
}
