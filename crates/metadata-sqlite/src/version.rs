//! Versions.

use crate::error::corrupt;
use crate::node::{content_cells, id_rows};
use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::version::{ReadVersions, VersionOrigin, VersionRow, WriteVersions};
use model::{Content, ContentId, DeviceId, Epoch, FolderId, NodeId, Seq, Timestamp, UserId, VersionNumber};
use rusqlite::{Row, params};

macro_rules! columns {
    () => {
        "v.node, v.number, v.seq, v.content, v.size, v.target, v.executable, v.mtime, v.user, v.device, v.origin, \
         v.of_number, v.epoch, v.at"
    };
}

fn version(row: &Row<'_>) -> rusqlite::Result<VersionRow> {
    let content = match (row.get::<_, Option<[u8; 32]>>(3)?, row.get::<_, Option<Vec<u8>>>(5)?) {
        (Some(id), None) => Content::File { id: ContentId(id), size: row.number(4)? },
        (None, Some(target)) => Content::Link { target: target.into() },
        _ => return Err(corrupt(3, "neither a file's nor a link's version")),
    };
    Ok(VersionRow {
        node: NodeId(row.number(0)?),
        number: VersionNumber(row.number(1)?),
        seq: Seq(row.number(2)?),
        content,
        executable: row.get(6)?,
        mtime: Timestamp(row.get(7)?),
        user: UserId(row.number(8)?),
        device: row.maybe_number(9)?.map(DeviceId),
        origin: origin_of(row.get(10)?, 10)?,
        of: row.maybe_number(11)?.map(VersionNumber),
        epoch: Epoch(row.array(12)?),
        at: Timestamp(row.get(13)?),
    })
}

/// The origin that a number in a column means.
pub(crate) fn origin_of(number: i64, column: usize) -> rusqlite::Result<VersionOrigin> {
    Ok(match number {
        0 => VersionOrigin::Commit,
        1 => VersionOrigin::Copy,
        2 => VersionOrigin::Restore,
        3 => VersionOrigin::Attributes,
        4 => VersionOrigin::Outside,
        _ => return Err(corrupt(column, "not an origin of versions")),
    })
}

fn origin_number(origin: VersionOrigin) -> i64 {
    match origin {
        VersionOrigin::Commit => 0,
        VersionOrigin::Copy => 1,
        VersionOrigin::Restore => 2,
        VersionOrigin::Attributes => 3,
        VersionOrigin::Outside => 4,
    }
}

impl ReadVersions for Session {
    fn versions(&self, folder: FolderId, node: NodeId, after: Seq, limit: usize) -> Result<Vec<VersionRow>> {
        self.query(
            "versions",
            concat!(
                "SELECT ",
                columns!(),
                " FROM version v WHERE v.folder = ?1 AND v.node = ?2 AND v.seq > ?3 ORDER BY v.seq LIMIT ?4"
            ),
            params![folder.0.cast_signed(), node.0.cast_signed(), after.0.cast_signed(), limit as i64],
            version,
        )
    }

    fn versions_numbered(
        &self,
        folder: FolderId,
        wanted: &[(NodeId, VersionNumber)],
    ) -> Result<Vec<VersionRow>> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let batch = wanted.into_iter().map(|(node, number)| [Cell::number(node.0), Cell::number(number.0)]);
        let rows = self.query(
            "versions_numbered",
            concat!(
                "SELECT ",
                columns!(),
                " FROM rows(?2) r CROSS JOIN version v
                 ON v.folder = ?1 AND v.node = r.c0 AND v.number = r.c1 ORDER BY v.node, v.number, v.seq"
            ),
            params![folder.0.cast_signed(), Rows::table(batch)],
            version,
        )?;
        let mut newest: Vec<VersionRow> = Vec::with_capacity(rows.len());
        for row in rows {
            match newest.last_mut() {
                Some(last) if (last.node, last.number) == (row.node, row.number) => *last = row,
                _ => newest.push(row),
            }
        }
        Ok(newest)
    }

    fn versions_after(&self, folder: FolderId, ids: &[NodeId], seq: Seq) -> Result<Vec<VersionRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "versions_after",
            concat!(
                "SELECT ",
                columns!(),
                " FROM rows(?2) r CROSS JOIN version v ON v.folder = ?1 AND v.node = r.c0 AND v.seq > ?3
                 ORDER BY v.node, v.seq"
            ),
            params![folder.0.cast_signed(), id_rows(ids), seq.0.cast_signed()],
            version,
        )
    }

    fn versions_holding(
        &self,
        folder: FolderId,
        pairs: &[(NodeId, ContentId)],
    ) -> Result<Vec<(NodeId, ContentId)>> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        pairs.dedup();
        let batch = pairs.into_iter().map(|(node, content)| [Cell::number(node.0), Cell::Hash(content.0)]);
        self.query(
            "versions_holding",
            "SELECT r.c0, r.c1 FROM rows(?2) r WHERE EXISTS
                 (SELECT 1 FROM version v WHERE v.folder = ?1 AND v.node = r.c0 AND v.content = r.c1)",
            params![folder.0.cast_signed(), Rows::table(batch)],
            |row| Ok((NodeId(row.number(0)?), ContentId(row.array(1)?))),
        )
    }

    fn scan_versions(
        &self,
        folder: FolderId,
        after: Option<(NodeId, Seq)>,
        limit: usize,
    ) -> Result<Vec<VersionRow>> {
        let (node, seq) = after.unwrap_or((NodeId(0), Seq(0)));
        self.query(
            "scan_versions",
            concat!(
                "SELECT ",
                columns!(),
                " FROM version v WHERE v.folder = ?1 AND (v.node, v.seq) > (?2, ?3)
                 ORDER BY v.node, v.seq LIMIT ?4"
            ),
            params![folder.0.cast_signed(), node.0.cast_signed(), seq.0.cast_signed(), limit as i64],
            version,
        )
    }
}

impl WriteVersions for Session {
    fn put_versions(&self, folder: FolderId, rows: &[VersionRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        // Every row of a commit has the same epoch: a parameter, not a column.
        let mut start = 0;
        while let Some(first) = rows.get(start) {
            let length = rows[start..].iter().take_while(|row| row.epoch == first.epoch).count();
            self.put_versions_of_epoch(folder, first.epoch, &rows[start..start + length])?;
            start += length;
        }
        Ok(())
    }
}

impl Session {
    fn put_versions_of_epoch(&self, folder: FolderId, epoch: Epoch, rows: &[VersionRow]) -> Result<()> {
        let batch = Rows::table(rows.iter().map(|row| {
            let [_, content, size, target] = content_cells(&row.content);
            [
                Cell::number(row.node.0),
                Cell::number(row.number.0),
                Cell::number(row.seq.0),
                content,
                size,
                target,
                Cell::from(row.executable),
                Cell::Number(row.mtime.0),
                Cell::number(row.user.0),
                Cell::from(row.device.map(|id| Cell::number(id.0))),
                Cell::Number(origin_number(row.origin)),
                Cell::from(row.of.map(|number| Cell::number(number.0))),
                Cell::Number(row.at.0),
            ]
        }));
        self.execute(
            "put_versions",
            "INSERT INTO version (folder, epoch, node, number, seq, content, size, target, executable, mtime, user,
                 device, origin, of_number, at)
             SELECT ?1, ?2, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12 FROM rows(?3)",
            params![folder.0.cast_signed(), epoch.0, batch],
        )
        .map(drop)
    }
}
