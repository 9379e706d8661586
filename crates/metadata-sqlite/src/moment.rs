//! Moments.

use crate::session::{Columns, Session};
use metadata::Result;
use metadata::moment::{Moment, ReadMoments, WriteMoments};
use model::{FolderId, Seq, Timestamp};
use rusqlite::params;

impl ReadMoments for Session {
    fn moment(&self, folder: FolderId, at: Timestamp) -> Result<Option<Moment>> {
        self.query_one(
            "moment",
            "SELECT at, seq FROM moment WHERE folder = ?1 AND at <= ?2 ORDER BY at DESC LIMIT 1",
            params![folder.0.cast_signed(), at.0],
            |row| Ok(Moment { at: Timestamp(row.get(0)?), seq: Seq(row.number(1)?) }),
        )
    }
}

impl WriteMoments for Session {
    fn put_moment(&self, folder: FolderId, moment: Moment) -> Result<()> {
        self.execute(
            "put_moment",
            "INSERT INTO moment (folder, at, seq)
             SELECT ?1, max(?2, coalesce((SELECT max(at) FROM moment WHERE folder = ?1), ?2)), ?3
             WHERE true ON CONFLICT (folder, at) DO UPDATE SET seq = max(seq, excluded.seq)",
            params![folder.0.cast_signed(), moment.at.0, moment.seq.0.cast_signed()],
        )
        .map(drop)
    }
}
