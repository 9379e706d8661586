//! Contents, chunks, and which folder holds which. Batches are sorted by hash before they meet a hash index.

use crate::error::corrupt;
use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::content::{ChunkRow, ContentRow, PackRow, ReadContents, WriteContents};
use model::location::{Codec, Location, PackId};
use model::{ChunkId, ContentId, FolderId, Timestamp};
use rusqlite::{Row, params};
use std::collections::BTreeMap;

/// A manifest's bytes for each chunk: its id and its length.
const ENTRY_BYTES: usize = 36;

/// Hashes as a batch, each once and in order.
pub(crate) fn hash_rows(hashes: impl IntoIterator<Item = [u8; 32]>) -> Rows {
    let mut hashes: Vec<[u8; 32]> = hashes.into_iter().collect();
    hashes.sort_unstable();
    hashes.dedup();
    Rows::column(hashes.into_iter().map(Cell::Hash))
}

fn content(row: &Row<'_>) -> rusqlite::Result<ContentRow> {
    let bytes = row.get_ref(2)?.as_blob()?;
    if bytes.len() % ENTRY_BYTES != 0 {
        return Err(corrupt(2, "not a manifest"));
    }
    let entry = |entry: &[u8]| {
        let (id, length) = entry.split_at(32);
        let id = id.try_into().expect("an entry's first 32 bytes");
        let length = length.try_into().expect("an entry's last 4 bytes");
        (ChunkId(id), u32::from_le_bytes(length))
    };
    Ok(ContentRow {
        id: ContentId(row.array(0)?),
        size: row.number(1)?,
        manifest: bytes.chunks_exact(ENTRY_BYTES).map(entry).collect(),
    })
}

fn manifest_cell(manifest: &[(ChunkId, u32)]) -> Cell {
    let mut bytes = Vec::with_capacity(manifest.len() * ENTRY_BYTES);
    for (id, length) in manifest {
        bytes.extend_from_slice(&id.0);
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    Cell::Bytes(bytes.into())
}

macro_rules! chunk_columns {
    () => {
        "c.id, c.pack, c.record, c.stored_length, c.codec, c.checksum, c.plain_length, c.start, c.length, c.folder"
    };
}

/// The chunks of a pack.
pub(crate) const CHUNKS_IN_PACK: &str =
    concat!("SELECT ", chunk_columns!(), " FROM chunk c INDEXED BY chunk_by_pack WHERE c.pack = ?1 LIMIT ?2");

/// Where a chunk lies, in the columns from `first` on.
pub(crate) fn location(row: &Row<'_>, first: usize) -> rusqlite::Result<Location> {
    let codec = first + 3;
    Ok(Location {
        pack: PackId(row.number(first)?),
        offset: row.number(first + 1)?,
        stored_length: row.small(first + 2)?,
        codec: Codec::from_number(row.get(codec)?).ok_or_else(|| corrupt(codec, "not a codec"))?,
        checksum: row.small(first + 4)?,
        plain_length: row.small(first + 5)?,
        start: row.small(first + 6)?,
        length: row.small(first + 7)?,
    })
}

pub(crate) fn chunk(row: &Row<'_>) -> rusqlite::Result<ChunkRow> {
    Ok(ChunkRow {
        id: ChunkId(row.array(0)?),
        location: location(row, 1)?,
        folder: row.maybe_number(9)?.map(FolderId),
    })
}

impl ReadContents for Session {
    fn contents(&self, ids: &[ContentId]) -> Result<Vec<ContentRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "contents",
            "SELECT c.id, c.size, c.manifest FROM rows(?1) r CROSS JOIN content c ON c.id = r.c0",
            [hash_rows(ids.iter().map(|id| id.0))],
            content,
        )
    }

    fn content_sizes(&self, ids: &[ContentId]) -> Result<Vec<(ContentId, u64)>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "content_sizes",
            "SELECT c.id, c.size FROM rows(?1) r CROSS JOIN content c ON c.id = r.c0",
            [hash_rows(ids.iter().map(|id| id.0))],
            |row| Ok((ContentId(row.array(0)?), row.number(1)?)),
        )
    }

    fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<ChunkRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "chunks",
            concat!("SELECT ", chunk_columns!(), " FROM rows(?1) r CROSS JOIN chunk c ON c.id = r.c0"),
            [hash_rows(ids.iter().map(|id| id.0))],
            chunk,
        )
    }

    fn folder_chunks(&self, folder: FolderId, chunks: &[ChunkId]) -> Result<Vec<ChunkId>> {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "folder_chunks",
            "SELECT c.chunk FROM rows(?2) r CROSS JOIN folder_chunk c ON c.folder = ?1 AND c.chunk = r.c0",
            params![folder.0.cast_signed(), hash_rows(chunks.iter().map(|id| id.0))],
            |row| Ok(ChunkId(row.array(0)?)),
        )
    }

    fn scan_chunks(&self, after: Option<ChunkId>, limit: usize) -> Result<Vec<ChunkRow>> {
        self.query(
            "scan_chunks",
            concat!(
                "SELECT ",
                chunk_columns!(),
                " FROM chunk c WHERE c.id > coalesce(?1, x'') ORDER BY c.id LIMIT ?2"
            ),
            params![after.map(|id| id.0), limit as i64],
            chunk,
        )
    }

    fn scan_contents(&self, after: Option<ContentId>, limit: usize) -> Result<Vec<ContentRow>> {
        self.query(
            "scan_contents",
            "SELECT id, size, manifest FROM content WHERE id > coalesce(?1, x'') ORDER BY id LIMIT ?2",
            params![after.map(|id| id.0), limit as i64],
            content,
        )
    }

    fn scan_content_ids(&self, after: Option<ContentId>, limit: usize) -> Result<Vec<ContentId>> {
        self.query(
            "scan_content_ids",
            "SELECT id FROM content WHERE id > coalesce(?1, x'') ORDER BY id LIMIT ?2",
            params![after.map(|id| id.0), limit as i64],
            |row| Ok(ContentId(row.array(0)?)),
        )
    }

    fn packs(&self) -> Result<Vec<PackRow>> {
        self.query("packs", "SELECT id, chunks, live_bytes, condemned_at FROM pack ORDER BY id", [], |row| {
            Ok(PackRow {
                id: PackId(row.number(0)?),
                chunks: row.number(1)?,
                live_bytes: row.number(2)?,
                condemned_at: row.get::<_, Option<i64>>(3)?.map(Timestamp),
            })
        })
    }
}

fn chunk_cells(row: &ChunkRow) -> [Cell; 10] {
    let location = &row.location;
    [
        Cell::Hash(row.id.0),
        Cell::number(location.pack.0),
        Cell::number(location.offset),
        Cell::Number(location.stored_length.into()),
        Cell::Number(location.codec.number().into()),
        Cell::Number(location.checksum.into()),
        Cell::Number(location.plain_length.into()),
        Cell::Number(location.start.into()),
        Cell::Number(location.length.into()),
        Cell::from(row.folder.map(|id| Cell::number(id.0))),
    ]
}

impl Session {
    /// Counts chunks, each with its length, to their packs.
    pub(crate) fn count_chunks(&self, added: &[(u64, u64)]) -> Result<()> {
        let mut packs: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for (pack, length) in added {
            let count = packs.entry(*pack).or_default();
            *count = (count.0 + 1, count.1 + length);
        }
        if packs.is_empty() {
            return Ok(());
        }
        let cells = packs
            .into_iter()
            .map(|(pack, (chunks, bytes))| [Cell::number(pack), Cell::number(chunks), Cell::number(bytes)]);
        self.execute(
            "put_chunks",
            "INSERT INTO pack (id, chunks, live_bytes) SELECT c0, c1, c2 FROM rows(?1) WHERE true
             ON CONFLICT (id) DO UPDATE SET chunks = chunks + excluded.chunks,
                 live_bytes = live_bytes + excluded.live_bytes",
            [Rows::table(cells)],
        )
        .map(drop)
    }
}

impl WriteContents for Session {
    fn put_contents(&self, rows: &[ContentRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut rows: Vec<&ContentRow> = rows.iter().collect();
        rows.sort_unstable_by_key(|row| row.id);
        let cells =
            |row: &ContentRow| [Cell::Hash(row.id.0), Cell::number(row.size), manifest_cell(&row.manifest)];
        self.execute(
            "put_contents",
            "INSERT INTO content (id, size, manifest) SELECT c0, c1, c2 FROM rows(?1) WHERE true
             ON CONFLICT (id) DO NOTHING",
            [Rows::table(rows.into_iter().map(cells))],
        )
        .map(drop)
    }

    fn put_chunks(&self, rows: &[ChunkRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut rows: Vec<&ChunkRow> = rows.iter().collect();
        // Of equal ids the one that has a folder comes first and stays.
        rows.sort_unstable_by_key(|row| (row.id, row.folder.is_none()));
        rows.dedup_by_key(|row| row.id);
        // What is there already gives back nothing: it is neither counted nor moved.
        let added = self.query(
            "put_chunks",
            "INSERT INTO chunk (id, pack, record, stored_length, codec, checksum, plain_length, start, length, folder)
             SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 FROM rows(?1) WHERE true
             ON CONFLICT (id) DO NOTHING RETURNING pack, length",
            [Rows::table(rows.iter().map(|row| chunk_cells(row)))],
            |row| Ok((row.number(0)?, row.number(1)?)),
        )?;
        self.count_chunks(&added)?;
        if added.len() < rows.len() {
            let mut owned: BTreeMap<FolderId, Vec<ChunkId>> = BTreeMap::new();
            for row in rows {
                if let Some(folder) = row.folder {
                    owned.entry(folder).or_default().push(row.id);
                }
            }
            for (folder, chunks) in owned {
                self.own_chunks(folder, &chunks)?;
            }
        }
        Ok(())
    }

    fn own_chunks(&self, folder: FolderId, chunks: &[ChunkId]) -> Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        self.execute(
            "own_chunks",
            "UPDATE chunk SET folder = ?1 WHERE id IN (SELECT c0 FROM rows(?2)) AND folder IS NULL",
            params![folder.0.cast_signed(), hash_rows(chunks.iter().map(|id| id.0))],
        )
        .map(drop)
    }

    fn put_folder_chunks(&self, folder: FolderId, chunks: &[ChunkId]) -> Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        self.execute(
            "put_folder_chunks",
            "INSERT INTO folder_chunk (folder, chunk) SELECT ?1, c0 FROM rows(?2) WHERE true
             ON CONFLICT DO NOTHING",
            params![folder.0.cast_signed(), hash_rows(chunks.iter().map(|id| id.0))],
        )
        .map(drop)
    }
}
