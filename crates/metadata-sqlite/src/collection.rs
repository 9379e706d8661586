//! What collection reads and changes.

use crate::content::{CHUNKS_IN_PACK, chunk, hash_rows, location};
use crate::error::corrupt;
use crate::rows::{Cell, Rows};
use crate::session::{Columns, Session};
use metadata::Result;
use metadata::collection::{Claim, Condemned, Move, NamedPage, ReadCollection, WriteCollection};
use metadata::content::ChunkRow;
use model::location::{Location, PackId};
use model::{ChunkId, ContentId, FolderId, Seq, Timestamp};
use rusqlite::{Row, params};
use std::collections::BTreeMap;

/// A claim's key in the table: hash, number, folder.
fn key(claim: &Claim) -> [Cell; 3] {
    let (number, folder) = match claim {
        Claim::Holding(folder, _) => (0, folder.0),
        Claim::Owner(folder, _) => (1, folder.0),
        Claim::Manifest(_) => (2, 0),
        Claim::Chunk(_) => (3, 0),
    };
    [Cell::Hash(claim.hash()), Cell::Number(number), Cell::number(folder)]
}

/// Keys as a batch, in the order of the table.
fn keys(claims: &[Claim]) -> Rows {
    let mut claims: Vec<&Claim> = claims.iter().collect();
    claims.sort_unstable_by_key(|claim| claim.hash());
    Rows::table(claims.into_iter().map(key))
}

fn condemned(row: &Row<'_>) -> rusqlite::Result<Condemned> {
    let hash = row.array(0)?;
    let folder = FolderId(row.number(2)?);
    let claim = match row.get::<_, i64>(1)? {
        0 => Claim::Holding(folder, ChunkId(hash)),
        1 => Claim::Owner(folder, ChunkId(hash)),
        2 => Claim::Manifest(ContentId(hash)),
        3 => Claim::Chunk(ChunkId(hash)),
        _ => return Err(corrupt(1, "not a claim")),
    };
    Ok(Condemned { claim, at: Timestamp(row.get(3)?) })
}

impl ReadCollection for Session {
    fn contents_named_since(&self, folder: FolderId, after: Seq, limit: usize) -> Result<NamedPage> {
        let folder = folder.0.cast_signed();
        let nodes = self.query(
            "contents_named_since",
            "SELECT id, seq FROM node INDEXED BY node_by_seq WHERE folder = ?1 AND seq > ?2 AND id <> 1
             ORDER BY seq LIMIT ?3",
            params![folder, after.0.cast_signed(), limit as i64],
            |row| Ok((row.number(0)?, Seq(row.number(1)?))),
        )?;
        let last = nodes.last().filter(|_| nodes.len() == limit).map(|(_, seq)| *seq);
        let mut ids: Vec<u64> = nodes.into_iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        // A node's own content beside its versions': should they ever disagree, both are kept.
        let named = self.query(
            "contents_named_since",
            "SELECT v.content, v.size FROM rows(?2) r CROSS JOIN version v ON v.folder = ?1 AND v.node = r.c0
             WHERE v.content IS NOT NULL
             UNION
             SELECT n.content, n.size FROM rows(?2) r CROSS JOIN node n ON n.folder = ?1 AND n.id = r.c0
             WHERE n.content IS NOT NULL AND n.purged = 0",
            params![folder, Rows::column(ids.into_iter().map(Cell::number))],
            |row| Ok((ContentId(row.array(0)?), row.number(1)?)),
        )?;
        Ok((named, last))
    }

    fn uploaded_chunks(&self, chunks: &[ChunkId]) -> Result<Vec<ChunkId>> {
        if chunks.is_empty() {
            return Ok(Vec::new());
        }
        self.query(
            "uploaded_chunks",
            "SELECT r.c0 FROM rows(?1) r
             WHERE EXISTS (SELECT 1 FROM upload_chunk u INDEXED BY upload_chunk_by_chunk WHERE u.chunk = r.c0)",
            [hash_rows(chunks.iter().map(|chunk| chunk.0))],
            |row| Ok(ChunkId(row.array(0)?)),
        )
    }

    fn scan_folder_chunks(
        &self,
        folder: FolderId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<ChunkId>> {
        self.query(
            "scan_folder_chunks",
            "SELECT chunk FROM folder_chunk WHERE folder = ?1 AND chunk > coalesce(?2, x'') ORDER BY chunk LIMIT ?3",
            params![folder.0.cast_signed(), after.map(|id| id.0), limit as i64],
            |row| Ok(ChunkId(row.array(0)?)),
        )
    }

    fn condemned(&self, hashes: &[[u8; 32]]) -> Result<Vec<Condemned>> {
        if hashes.is_empty() || !self.is_anything_condemned()? {
            return Ok(Vec::new());
        }
        self.query(
            "condemned",
            "SELECT c.id, c.claim, c.folder, c.at FROM rows(?1) r CROSS JOIN condemned c ON c.id = r.c0",
            [hash_rows(hashes.iter().copied())],
            condemned,
        )
    }

    fn condemned_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Condemned>> {
        self.query(
            "condemned_until",
            "SELECT id, claim, folder, at FROM condemned INDEXED BY condemned_by_time
             WHERE at <= ?1 ORDER BY at, id, claim, folder LIMIT ?2",
            params![until.0, limit as i64],
            condemned,
        )
    }

    fn condemned_sums(&self, until: Timestamp) -> Result<(u64, u64)> {
        let sums = self.query_one(
            "condemned_sums",
            "SELECT count(*), coalesce(sum(c.stored_length * c.length / c.plain_length), 0)
             FROM condemned d CROSS JOIN chunk c ON c.id = d.id WHERE d.at <= ?1 AND d.claim = 3",
            [until.0],
            |row| Ok((row.number(0)?, row.number(1)?)),
        )?;
        Ok(sums.unwrap_or_default())
    }

    fn chunks_in_pack(&self, pack: PackId, limit: usize) -> Result<Vec<ChunkRow>> {
        self.query("chunks_in_pack", CHUNKS_IN_PACK, params![pack.0.cast_signed(), limit as i64], chunk)
    }
}

impl Session {
    /// Most of the time nothing is, and then nobody need look for anything.
    fn is_anything_condemned(&self) -> Result<bool> {
        let found =
            self.query_one("condemned", "SELECT 1 FROM condemned LIMIT 1", [], |row| row.get::<_, i64>(0))?;
        Ok(found.is_some())
    }

    /// Takes chunks, each with its pack and length, off their packs' counts.
    fn uncount_chunks(&self, gone: impl Iterator<Item = (u64, u64)>) -> Result<()> {
        let mut packs: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for (pack, length) in gone {
            let count = packs.entry(pack).or_default();
            *count = (count.0 + 1, count.1 + length);
        }
        if packs.is_empty() {
            return Ok(());
        }
        let cells = packs
            .into_iter()
            .map(|(pack, (chunks, bytes))| [Cell::number(pack), Cell::number(chunks), Cell::number(bytes)]);
        self.execute(
            "uncount_chunks",
            "UPDATE pack SET chunks = chunks - r.c1, live_bytes = live_bytes - r.c2 FROM rows(?1) r WHERE id = r.c0",
            [Rows::table(cells)],
        )
        .map(drop)
    }
}

impl WriteCollection for Session {
    fn condemn(&self, claims: &[Claim], at: Timestamp) -> Result<()> {
        if claims.is_empty() {
            return Ok(());
        }
        self.execute(
            "condemn",
            "INSERT INTO condemned (id, claim, folder, at) SELECT c0, c1, c2, ?2 FROM rows(?1) WHERE true
             ON CONFLICT DO NOTHING",
            params![keys(claims), at.0],
        )
        .map(drop)
    }

    fn rescue(&self, claims: &[Claim]) -> Result<()> {
        if claims.is_empty() || !self.is_anything_condemned()? {
            return Ok(());
        }
        self.execute(
            "rescue",
            "DELETE FROM condemned WHERE (id, claim, folder) IN (SELECT c0, c1, c2 FROM rows(?1))",
            [keys(claims)],
        )
        .map(drop)
    }

    fn drop_claims(&self, claims: &[Claim]) -> Result<Vec<Location>> {
        let of = |number: i64| {
            let rows = claims.iter().map(key).filter(move |[_, found, _]| *found == Cell::Number(number));
            Rows::table(rows)
        };
        for (number, sql) in [
            (0, "DELETE FROM folder_chunk WHERE (folder, chunk) IN (SELECT c2, c0 FROM rows(?1))"),
            (
                1,
                "UPDATE chunk SET folder = NULL FROM rows(?1) r WHERE chunk.id = r.c0 AND chunk.folder = r.c2",
            ),
            (2, "DELETE FROM content WHERE id IN (SELECT c0 FROM rows(?1))"),
        ] {
            self.execute("drop_claims", sql, [of(number)])?;
        }
        let gone = self.query(
            "drop_claims",
            "DELETE FROM chunk WHERE id IN (SELECT c0 FROM rows(?1))
             RETURNING pack, record, stored_length, codec, checksum, plain_length, start, length",
            [of(3)],
            |row| location(row, 0),
        )?;
        self.uncount_chunks(gone.iter().map(|location| (location.pack.0, location.length.into())))?;
        Ok(gone)
    }

    fn move_chunks(&self, moves: &[Move]) -> Result<()> {
        if moves.is_empty() {
            return Ok(());
        }
        let cells = |moved: &Move| {
            let (from, to) = (&moved.from, &moved.to);
            [
                Cell::Hash(moved.chunk.0),
                Cell::number(from.pack.0),
                Cell::number(from.offset),
                Cell::Number(from.start.into()),
                Cell::number(to.pack.0),
                Cell::number(to.offset),
                Cell::Number(to.stored_length.into()),
                Cell::Number(to.codec.number().into()),
                Cell::Number(to.checksum.into()),
                Cell::Number(to.plain_length.into()),
                Cell::Number(to.start.into()),
            ]
        };
        let moved = self.query(
            "move_chunks",
            "UPDATE chunk SET pack = r.c4, record = r.c5, stored_length = r.c6, codec = r.c7, checksum = r.c8,
                 plain_length = r.c9, start = r.c10
             FROM rows(?1) r
             WHERE chunk.id = r.c0 AND chunk.pack = r.c1 AND chunk.record = r.c2 AND chunk.start = r.c3
             RETURNING id, pack, length",
            [Rows::table(moves.iter().map(cells))],
            |row| Ok((ChunkId(row.array(0)?), row.number(1)?, row.number(2)?)),
        )?;
        let from: BTreeMap<ChunkId, u64> =
            moves.iter().map(|moved| (moved.chunk, moved.from.pack.0)).collect();
        let left = moved.iter().filter_map(|(chunk, _, length)| Some((*from.get(chunk)?, *length)));
        self.uncount_chunks(left)?;
        self.count_chunks(&moved.iter().map(|(_, pack, length)| (*pack, *length)).collect::<Vec<_>>())
    }

    fn condemn_pack(&self, pack: PackId, at: Option<Timestamp>) -> Result<()> {
        self.execute(
            "condemn_pack",
            "INSERT INTO pack (id, chunks, live_bytes, state, condemned_at) VALUES (?1, 0, 0, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET state = excluded.state, condemned_at = excluded.condemned_at",
            params![pack.0.cast_signed(), i64::from(at.is_some()), at.map(|at| at.0)],
        )
        .map(drop)
    }

    fn forget_pack(&self, pack: PackId) -> Result<()> {
        self.execute("forget_pack", "DELETE FROM pack WHERE id = ?1 AND chunks = 0", [pack.0.cast_signed()])
            .map(drop)
    }
}
