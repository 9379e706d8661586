//! Views.

use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::view::{ReadViews, ViewRow, WriteViews};
use model::{DeviceId, FolderId, Timestamp, UserId, ViewId};
use rusqlite::{Row, params};

fn view(row: &Row<'_>) -> rusqlite::Result<ViewRow> {
    Ok(ViewRow {
        folder: FolderId(row.number(0)?),
        id: ViewId(row.array(1)?),
        user: UserId(row.number(2)?),
        device: row.maybe_number(3)?.map(DeviceId),
        spelling: row.get(4)?,
        used_at: Timestamp(row.get(5)?),
    })
}

impl ReadViews for Session {
    fn view(&self, folder: FolderId, id: ViewId) -> Result<Option<ViewRow>> {
        self.query_one(
            "view",
            "SELECT folder, id, user, device, spelling, used_at FROM view WHERE folder = ?1 AND id = ?2",
            params![folder.0.cast_signed(), id.0],
            view,
        )
    }

    fn views_of(&self, folder: FolderId, user: UserId, device: Option<DeviceId>) -> Result<Vec<ViewId>> {
        self.query(
            "views_of",
            "SELECT id FROM view WHERE folder = ?1 AND user = ?2 AND device IS ?3 ORDER BY used_at DESC, id",
            params![folder.0.cast_signed(), user.0.cast_signed(), device.map(|id| id.0.cast_signed())],
            |row| Ok(ViewId(row.array(0)?)),
        )
    }
}

impl WriteViews for Session {
    fn put_view(&self, row: &ViewRow) -> Result<()> {
        self.execute(
            "put_view",
            "INSERT INTO view (folder, id, user, device, spelling, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (folder, id) DO UPDATE SET user = excluded.user, device = excluded.device,
             used_at = excluded.used_at",
            params![
                row.folder.0.cast_signed(),
                row.id.0,
                row.user.0.cast_signed(),
                row.device.map(|id| id.0.cast_signed()),
                row.spelling,
                row.used_at.0
            ],
        )
        .map(drop)
    }

    fn delete_views(&self, folder: FolderId, ids: &[ViewId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let batch = Rows::column(ids.iter().map(|id| Cell::Bytes(id.0.into())));
        self.execute(
            "delete_views",
            "DELETE FROM view WHERE folder = ?1 AND id IN (SELECT c0 FROM rows(?2))",
            params![folder.0.cast_signed(), batch],
        )
        .map(drop)
    }

    fn delete_views_before(&self, before: Timestamp) -> Result<u64> {
        let gone =
            self.execute("delete_views_before", "DELETE FROM view WHERE used_at < ?1", params![before.0])?;
        Ok(gone as u64)
    }
}
