//! What each folder took, day by day.

use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::growth::{GrowthDay, GrowthRow, ReadGrowth, WriteGrowth};
use model::{FolderId, Seq, Timestamp};
use rusqlite::{Row, params};

fn day(row: &Row<'_>) -> rusqlite::Result<GrowthDay> {
    Ok(GrowthDay {
        day: row.small(0)?,
        current_bytes: row.number(1)?,
        history_bytes: row.number(2)?,
        trash_bytes: row.number(3)?,
    })
}

impl ReadGrowth for Session {
    fn growth(&self, folder: Option<FolderId>, since_day: u32) -> Result<Vec<GrowthDay>> {
        match folder {
            Some(folder) => self.query(
                "growth",
                "SELECT day, current_bytes, history_bytes, trash_bytes FROM growth
                 WHERE folder = ?1 AND day >= ?2 ORDER BY day",
                params![folder.0.cast_signed(), since_day],
                day,
            ),
            None => self.query(
                "growth",
                "SELECT day, sum(current_bytes), sum(history_bytes), sum(trash_bytes) FROM growth
                 WHERE day >= ?1 GROUP BY day ORDER BY day",
                [since_day],
                day,
            ),
        }
    }

    fn newest_growth(&self) -> Result<Vec<GrowthRow>> {
        self.query(
            "newest_growth",
            "SELECT g.folder, g.day, g.at, g.head_seq, g.current_bytes, g.history_bytes, g.trash_bytes, g.versions
             FROM folder f JOIN growth g ON g.folder = f.id
                 AND g.day = (SELECT max(day) FROM growth h WHERE h.folder = f.id)
             ORDER BY g.folder",
            [],
            |row| {
                Ok(GrowthRow {
                    folder: FolderId(row.number(0)?),
                    day: row.small(1)?,
                    at: Timestamp(row.get(2)?),
                    head: Seq(row.number(3)?),
                    current_bytes: row.number(4)?,
                    history_bytes: row.number(5)?,
                    trash_bytes: row.number(6)?,
                    versions: row.number(7)?,
                })
            },
        )
    }
}

impl WriteGrowth for Session {
    fn put_growth(&self, rows: &[GrowthRow]) -> Result<()> {
        let rows = Rows::table(rows.iter().map(|row| {
            [
                Cell::number(row.folder.0),
                Cell::Number(row.day.into()),
                Cell::Number(row.at.0),
                Cell::number(row.head.0),
                Cell::number(row.current_bytes),
                Cell::number(row.history_bytes),
                Cell::number(row.trash_bytes),
                Cell::number(row.versions),
            ]
        }));
        self.execute(
            "put_growth",
            "INSERT OR REPLACE INTO growth
                 (folder, day, at, head_seq, current_bytes, history_bytes, trash_bytes, versions)
             SELECT c0, c1, c2, c3, c4, c5, c6, c7 FROM rows(?1)",
            [rows],
        )
        .map(drop)
    }

    fn forget_growth(&self, before_day: u32) -> Result<u64> {
        let gone = self.execute("forget_growth", "DELETE FROM growth WHERE day < ?1", [before_day])?;
        Ok(gone as u64)
    }
}
