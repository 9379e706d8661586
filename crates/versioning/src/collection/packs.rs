//! The packs' part of a run: which are worth a rewrite, moving what is something's, and taking files away.
//!
//! Moving is an append (durable on return), then a transaction that changes the rows' places; a crash between leaves bytes
//! that no row leads to. A file goes when its pack has been condemned long enough, when nobody holds any more who held
//! then, and when, after that, no row leads to it: in this order.

use super::plan::{self, PackPlan};
use super::{Collection, Phase, Round};
use crate::Error;
use content::block::SMALL_CHUNK_BYTES;
use content::{BlockBuilder, ChunkStore, Entry, ErrorKind, Record, StoredRecord};
use metadata::collection::Move;
use metadata::content::ChunkRow;
use metadata::{Database, read, write};
use model::ChunkId;
use model::Timestamp;
use model::location::{Codec, Located, Location, PackId};
use std::collections::{HashMap, VecDeque};

/// More than a pack has room for: a chunk takes at least its entry in a table.
const CHUNKS_IN_PACK_MAX: usize = 8 << 20;

/// A pack that is rewritten, and what of it is still to be moved, by place.
#[derive(Debug)]
pub(super) struct Rewriting {
    pack: PackId,
    rows: VecDeque<ChunkRow>,
}

impl Collection {
    /// What is to become of the packs now.
    pub(super) fn plan_packs(
        &self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        now: Timestamp,
    ) -> Result<PackPlan, Error> {
        // Rows before files: each row has had its file by then.
        let rows = read::<_, Error>(database, |snapshot| Ok(snapshot.packs()?))?;
        let plan = plan::packs(&self.shares, &rows, &store.packs()?, &self.rules, now);
        match plan.missing.first() {
            Some(pack) => {
                Err(content::Error::new(ErrorKind::NotFound, content::Operation::List).in_pack(*pack).into())
            }
            None => Ok(plan),
        }
    }

    /// Brings the rows of packs up to date.
    pub(super) fn settle_packs(
        &mut self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        now: Timestamp,
    ) -> Result<Phase, Error> {
        let plan = self.plan_packs(database, store, now)?;
        if self.rules.dry_run {
            self.done.waiting_bytes = plan.wait.iter().map(|(_, bytes)| bytes).sum();
            self.done.rewritten_packs = plan.rewrite.len() as u64;
            self.done.removed_packs = plan.remove.len() as u64;
            self.done.freed_bytes = plan.remove.iter().map(|(_, bytes)| bytes).sum();
            return Ok(Phase::Over);
        }
        let PackPlan { reinstate, forget, .. } = plan;
        for pack in &reinstate {
            store.holds().forget(*pack);
        }
        write::<_, Error>(database, move |transaction| {
            for pack in reinstate {
                transaction.condemn_pack(pack, None)?;
            }
            for pack in forget {
                transaction.forget_pack(pack)?;
            }
            Ok(())
        })?;
        Ok(Phase::Empty(Round::BeforeRewriting))
    }

    /// What follows when nothing is left to be taken away: the newest pack is ended if most of it is nothing's, and packs
    /// are rewritten.
    pub(super) fn end_round(
        &self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        round: Round,
        now: Timestamp,
    ) -> Result<Phase, Error> {
        if round == Round::AfterRewriting {
            return Ok(Phase::Over);
        }
        if self.plan_packs(database, store, now)?.seal {
            store.seal()?;
        }
        Ok(Phase::Rewrite(self.plan_packs(database, store, now)?.rewrite.into()))
    }

    /// Loads what of the next pack is to be moved.
    pub(super) fn begin_rewrite(
        &self,
        database: &dyn Database,
        mut packs: VecDeque<PackId>,
    ) -> Result<Phase, Error> {
        let Some(pack) = packs.pop_front() else { return Ok(Phase::Empty(Round::AfterRewriting)) };
        let mut rows = read::<_, Error>(database, move |snapshot| {
            Ok(snapshot.chunks_in_pack(pack, CHUNKS_IN_PACK_MAX)?)
        })?;
        rows.sort_unstable_by_key(|row| (row.location.offset, row.location.start));
        Ok(Phase::Move(Box::new(Rewriting { pack, rows: rows.into() }), packs))
    }

    /// Moves some records of a pack.
    pub(super) fn move_some(
        &mut self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        mut rewriting: Box<Rewriting>,
        packs: VecDeque<PackId>,
        now: Timestamp,
    ) -> Result<Phase, Error> {
        let records = rewriting.take(self.rules.move_bytes);
        if records.is_empty() {
            self.done.rewritten_packs += 1;
            self.condemn_pack(database, store, rewriting.pack, now)?;
            return Ok(Phase::Rewrite(packs));
        }
        let moves = copy(store, &records)?;
        self.done.moved_bytes += moves.iter().map(|moved| plan::stored_bytes(&moved.to)).sum::<u64>();
        for moved in &moves {
            self.shares.take(&moved.from);
            self.shares.add(&moved.to);
        }
        write::<_, Error>(database, move |transaction| Ok(transaction.move_chunks(&moves)?))?;
        Ok(Phase::Move(rewriting, packs))
    }

    /// Condemns what nothing lies in, and lists what may go.
    pub(super) fn empty_packs(
        &mut self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        round: Round,
        now: Timestamp,
    ) -> Result<Phase, Error> {
        for pack in self.plan_packs(database, store, now)?.condemn {
            self.condemn_pack(database, store, pack, now)?;
        }
        let plan = self.plan_packs(database, store, now)?;
        self.done.waiting_bytes = plan.wait.iter().map(|(_, bytes)| bytes).sum();
        Ok(Phase::Remove(plan.remove.into(), round))
    }

    /// Condemns a pack, if no row leads to it.
    fn condemn_pack(
        &self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        pack: PackId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let is_empty = write::<_, Error>(database, move |transaction| {
            let is_empty = transaction.chunks_in_pack(pack, 1)?.is_empty();
            if is_empty {
                transaction.condemn_pack(pack, Some(now))?;
            }
            Ok(is_empty)
        })?;
        if is_empty {
            store.holds().retire(pack);
        }
        Ok(())
    }

    /// Takes the next file away; gives those that are left.
    pub(super) fn remove_pack(
        &mut self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        mut packs: VecDeque<(PackId, u64)>,
    ) -> Result<VecDeque<(PackId, u64)>, Error> {
        let Some((pack, bytes)) = packs.pop_front() else { return Ok(packs) };
        // Whoever held may have written rows until the end of the hold, so that rows are looked at after it.
        let is_free = store.holds().is_free(pack);
        let is_empty =
            read::<_, Error>(database, move |snapshot| Ok(snapshot.chunks_in_pack(pack, 1)?.is_empty()))?;
        if !is_free || !is_empty {
            self.done.waiting_bytes += bytes;
            return Ok(packs);
        }
        match store.remove_pack(pack) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Busy => {
                self.done.waiting_bytes += bytes;
                return Ok(packs);
            }
            Err(error) => return Err(error.into()),
        }
        self.done.removed_packs += 1;
        self.done.freed_bytes += bytes;
        write::<_, Error>(database, move |transaction| Ok(transaction.forget_pack(pack)?))?;
        Ok(packs)
    }
}

impl Rewriting {
    /// The chunks of the next records, record by record, together of about so many stored bytes.
    fn take(&mut self, bytes: u64) -> Vec<Vec<ChunkRow>> {
        let (mut records, mut taken): (Vec<Vec<ChunkRow>>, u64) = (Vec::new(), 0);
        while let Some(next) = self.rows.front() {
            let place = next.location;
            let is_same =
                |record: &Vec<ChunkRow>| record.iter().all(|row| row.location.shares_record_with(&place));
            let same = records.last().is_some_and(is_same);
            if !same && taken >= bytes {
                break;
            }
            let Some(row) = self.rows.pop_front() else { break };
            match records.last_mut() {
                Some(record) if same => record.push(row),
                _ => {
                    taken += u64::from(place.stored_length);
                    records.push(vec![row]);
                }
            }
        }
        records
    }
}

/// Appends what of these records is something's, each chunk proven by its hash; gives where it lies.
fn copy(store: &dyn ChunkStore, records: &[Vec<ChunkRow>]) -> Result<Vec<Move>, Error> {
    let mut copies: Vec<StoredRecord> = Vec::new();
    let mut blocks = BlockBuilder::new();
    for rows in records {
        let Some(place) = rows.first().map(|row| row.location) else { continue };
        let live: u64 = rows.iter().map(|row| u64::from(row.location.length)).sum();
        if live == u64::from(place.plain_length) {
            copies.push(store.read_record(&place)?);
            continue;
        }
        let wanted: Vec<Located> =
            rows.iter().map(|row| Located { chunk: row.id, location: row.location }).collect();
        store.read(&wanted, &mut |index, bytes| {
            if bytes.len() <= SMALL_CHUNK_BYTES {
                copies.extend(blocks.push(bytes).1);
            } else {
                let location = &wanted[index].location;
                let entries = vec![Entry { chunk: wanted[index].chunk, length: location.length }];
                copies.push(StoredRecord { entries, codec: Codec::Raw, bytes: bytes.to_vec() });
            }
        })?;
    }
    copies.extend(blocks.finish());
    let copies: Vec<Record<'_>> = copies.iter().map(StoredRecord::as_record).collect();
    let places: HashMap<ChunkId, Location> =
        store.append(&copies)?.into_iter().map(|located| (located.chunk, located.location)).collect();
    let moved = |row: &ChunkRow| Some(Move { chunk: row.id, from: row.location, to: *places.get(&row.id)? });
    Ok(records.iter().flatten().filter_map(moved).collect())
}
