//! Uploads.

use crate::content::hash_rows;
use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::upload::{ReadUploads, UploadRow, WriteUploads};
use model::{ChunkId, DeviceId, FolderId, NodeId, Seq, Timestamp, UploadId, UserId};
use rusqlite::{Row, params};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, folder, user, device, node, base, size, created_at, expires_at FROM upload ",
            $rest
        )
    };
}

fn upload(row: &Row<'_>) -> rusqlite::Result<UploadRow> {
    Ok(UploadRow {
        id: UploadId(row.array(0)?),
        folder: FolderId(row.number(1)?),
        user: UserId(row.number(2)?),
        device: row.maybe_number(3)?.map(DeviceId),
        node: row.maybe_number(4)?.map(NodeId),
        base: row.maybe_number(5)?.map(Seq),
        size: row.number(6)?,
        created_at: Timestamp(row.get(7)?),
        expires_at: Timestamp(row.get(8)?),
    })
}

impl ReadUploads for Session {
    fn upload(&self, id: UploadId) -> Result<Option<UploadRow>> {
        self.query_one("upload", select!("WHERE id = ?1"), [id.0], upload)
    }

    fn uploads(&self, folder: FolderId, user: UserId, device: Option<DeviceId>) -> Result<Vec<UploadRow>> {
        self.query(
            "uploads",
            select!(
                "WHERE folder = ?1 AND user = ?2 AND (?3 IS NULL OR device = ?3) ORDER BY created_at, id"
            ),
            params![folder.0.cast_signed(), user.0.cast_signed(), device.map(|id| id.0.cast_signed())],
            upload,
        )
    }

    fn upload_chunks(&self, id: UploadId) -> Result<Vec<ChunkId>> {
        self.query(
            "upload_chunks",
            "SELECT chunk FROM upload_chunk WHERE upload = ?1 ORDER BY chunk",
            [id.0],
            |row| Ok(ChunkId(row.array(0)?)),
        )
    }

    fn arrived_chunks(
        &self,
        folder: FolderId,
        user: UserId,
        now: Timestamp,
        chunks: &[ChunkId],
    ) -> Result<Vec<ChunkId>> {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "arrived_chunks",
            "SELECT DISTINCT c.chunk FROM upload u CROSS JOIN rows(?4) r
             CROSS JOIN upload_chunk c ON c.upload = u.id AND c.chunk = r.c0
             WHERE u.folder = ?1 AND u.user = ?2 AND u.expires_at > ?3 ORDER BY c.chunk",
            params![
                folder.0.cast_signed(),
                user.0.cast_signed(),
                now.0,
                hash_rows(chunks.iter().map(|id| id.0))
            ],
            |row| Ok(ChunkId(row.array(0)?)),
        )
    }

    fn expired_uploads(&self, now: Timestamp, limit: usize) -> Result<Vec<UploadId>> {
        self.query(
            "expired_uploads",
            "SELECT id FROM upload WHERE expires_at <= ?1 ORDER BY expires_at, id LIMIT ?2",
            params![now.0, limit as i64],
            |row| Ok(UploadId(row.array(0)?)),
        )
    }
}

impl WriteUploads for Session {
    fn put_upload(&self, row: &UploadRow) -> Result<()> {
        self.execute(
            "put_upload",
            "INSERT INTO upload (id, folder, user, device, node, base, size, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                row.id.0,
                row.folder.0.cast_signed(),
                row.user.0.cast_signed(),
                row.device.map(|id| id.0.cast_signed()),
                row.node.map(|id| id.0.cast_signed()),
                row.base.map(|seq| seq.0.cast_signed()),
                row.size.cast_signed(),
                row.created_at.0,
                row.expires_at.0
            ],
        )
        .map(drop)
    }

    fn extend_upload(&self, id: UploadId, expires_at: Timestamp) -> Result<()> {
        let changed = self.execute(
            "extend_upload",
            "UPDATE upload SET expires_at = ?2 WHERE id = ?1",
            params![id.0, expires_at.0],
        )?;
        crate::folder::found(changed, "extend_upload")
    }

    fn put_upload_chunks(&self, id: UploadId, chunks: &[ChunkId]) -> Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        self.execute(
            "put_upload_chunks",
            "INSERT INTO upload_chunk (upload, chunk) SELECT ?1, c0 FROM rows(?2) WHERE true
             ON CONFLICT DO NOTHING",
            params![id.0, hash_rows(chunks.iter().map(|chunk| chunk.0))],
        )
        .map(drop)
    }

    fn delete_uploads(&self, ids: &[UploadId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let batch = Rows::column(ids.iter().map(|id| Cell::Bytes(id.0.into())));
        self.execute("delete_uploads", "DELETE FROM upload WHERE id IN (SELECT c0 FROM rows(?1))", [batch])
            .map(drop)
    }
}
