//! Taking away what nothing names any more: rows first, then the packs' bytes.
//!
//! Truth is what versions and uploads name, read from their rows each time (`collection/mark.rs`), never a counter. What
//! nothing names is *condemned*: it stays usable, and is rescued by whoever wants it again ([`rescue`]). When it has
//! waited out the grace it goes, in the same transaction that finds once more that nothing names it. Packs of which
//! less than half is something's are rewritten; an emptied pack waits out the grace and everybody who held
//! ([`content::Hold`]) when the last row left it.
//!
//! Two things keep what is wanted, each alone enough: the rescue, in the transaction that wants it, and the second look, in
//! the transaction that takes away. A crash between any two steps leaves what the next run finds again: claims that are
//! condemned, bytes that no row leads to, a condemned pack with or without its file.
//!
//! It stops, and changes nothing more, at any error; before a catalog that contradicts itself; before a pack that is
//! missing; and before too large a part of the store (the brake). Each [`step`](Collection::step) is one short transaction
//! or one portion of bytes, so that commits wait for none of them long.
//!
//! Memory: some 40 bytes for each chunk and folder that has it. Whoever calls sees to it that one collection runs at a time.
//! Start with [`Collection::step`]; what is decided without database and store is in [`plan`].

mod mark;
mod packs;
pub mod plan;

use crate::Error;
use content::ChunkStore;
use mark::Mark;
use metadata::collection::Claim;
use metadata::{Database, Transaction, read, write};
use model::location::{Location, PackId};
use model::{ChunkId, ContentId, FolderId, Timestamp};
use packs::Rewriting;
use plan::{Rules, Shares, stored_bytes};
use std::collections::{HashSet, VecDeque};
use std::mem::take;

/// The most pages of a journal that are followed within a transaction that takes away.
const PAGES_IN_TRANSACTION: usize = 4;

/// What a run has found and done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Chunks that have a row.
    pub chunks: u64,
    /// Bytes that they take in their packs.
    pub stored_bytes: u64,
    /// Chunks that nothing names.
    pub unnamed_chunks: u64,
    /// Bytes that they take.
    pub unnamed_bytes: u64,
    /// Of these, bytes that have waited out the grace. If the brake held for packs that the catalog has never heard of,
    /// their bytes are counted here and as stored.
    pub due_bytes: u64,
    /// Claims that were condemned.
    pub condemned: u64,
    /// Claims that were condemned and are named again.
    pub rescued: u64,
    /// Chunks that went.
    pub deleted_chunks: u64,
    /// Bytes that they took.
    pub deleted_bytes: u64,
    /// Packs rewritten.
    pub rewritten_packs: u64,
    /// Stored bytes that were moved for it.
    pub moved_bytes: u64,
    /// Packs that went.
    pub removed_packs: u64,
    /// Bytes of the disk that were freed.
    pub freed_bytes: u64,
    /// Bytes of packs that hold nothing and wait for the grace to end, or for those who still read.
    pub waiting_bytes: u64,
    /// The brake held: more is due than may go in one run.
    pub braked: bool,
}

/// Where a run stands.
#[derive(Debug)]
enum Phase {
    /// No pack is missing.
    Look,
    /// What is named.
    Mark,
    Holdings(VecDeque<FolderId>, Option<ChunkId>),
    Manifests(Option<ContentId>),
    Chunks(Option<ChunkId>),
    Brake,
    Sweep,
    Packs,
    Empty(Round),
    Remove(VecDeque<(PackId, u64)>, Round),
    Rewrite(VecDeque<PackId>),
    Move(Box<Rewriting>, VecDeque<PackId>),
    Over,
}

/// Packs are taken away before some are rewritten, so that a full disk has room for that, and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    BeforeRewriting,
    AfterRewriting,
}

/// One run of collection.
#[derive(Debug)]
pub struct Collection {
    rules: Rules,
    phase: Phase,
    mark: Mark,
    shares: Shares,
    done: Done,
}

impl Collection {
    /// A run that has not begun.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let (mark, shares) = (Mark::default(), Shares::default());
        Self { rules, phase: Phase::Look, mark, shares, done: Done::default() }
    }

    /// What has been done so far.
    #[must_use]
    pub fn done(&self) -> Done {
        self.done
    }

    /// Goes one step on. Says whether there is more to do. After an error there is not.
    ///
    /// # Errors
    /// `Database`, `Content`.
    pub fn step(
        &mut self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        self.phase = match phase {
            Phase::Look => {
                self.plan_packs(database, store, now)?;
                Phase::Mark
            }
            Phase::Mark if self.follow(database)? => Phase::Holdings(folders(database)?, None),
            Phase::Mark => Phase::Mark,
            Phase::Holdings(folders, after) => self.holdings(database, folders, after, now)?,
            Phase::Manifests(after) => self.manifests(database, after, now)?,
            Phase::Chunks(after) => self.chunks(database, after, now)?,
            Phase::Brake => self.brake(database, store, now)?,
            Phase::Sweep if self.sweep(database, now)? => Phase::Sweep,
            Phase::Sweep => Phase::Packs,
            Phase::Packs => self.settle_packs(database, store, now)?,
            Phase::Empty(round) => self.empty_packs(database, store, round, now)?,
            Phase::Remove(packs, round) if packs.is_empty() => self.end_round(database, store, round, now)?,
            Phase::Remove(packs, round) => Phase::Remove(self.remove_pack(database, store, packs)?, round),
            Phase::Rewrite(packs) => self.begin_rewrite(database, packs)?,
            Phase::Move(rewriting, packs) => self.move_some(database, store, rewriting, packs, now)?,
            Phase::Over => Phase::Over,
        };
        Ok(!matches!(self.phase, Phase::Over))
    }

    /// Follows the journals by a page; says whether they have been followed to their ends.
    fn follow(&mut self, database: &dyn Database) -> Result<bool, Error> {
        let (mut mark, rows) = (take(&mut self.mark), self.rules.rows);
        let (mark, is_current) = read::<_, Error>(database, move |snapshot| {
            let is_current = mark.follow(snapshot, rows)?;
            Ok((mark, is_current))
        })?;
        self.mark = mark;
        Ok(is_current)
    }

    /// The chunks that folders hold, a page of one folder at a time. They come before the chunks themselves, so that no
    /// chunk is condemned before those who hold it.
    fn holdings(
        &mut self,
        database: &dyn Database,
        mut folders: VecDeque<FolderId>,
        after: Option<ChunkId>,
        now: Timestamp,
    ) -> Result<Phase, Error> {
        let Some(folder) = folders.front().copied() else { return Ok(Phase::Manifests(None)) };
        let rows = self.rules.rows;
        let page =
            read::<_, Error>(
                database,
                move |snapshot| Ok(snapshot.scan_folder_chunks(folder, after, rows)?),
            )?;
        let claims: Vec<Claim> = page.iter().map(|chunk| Claim::Holding(folder, *chunk)).collect();
        self.judge(database, claims, now)?;
        let after = page.last().copied().filter(|_| page.len() == rows);
        if after.is_none() {
            folders.pop_front();
        }
        Ok(Phase::Holdings(folders, after))
    }

    fn manifests(
        &mut self,
        database: &dyn Database,
        after: Option<ContentId>,
        now: Timestamp,
    ) -> Result<Phase, Error> {
        let rows = self.rules.rows;
        let page = read::<_, Error>(database, move |snapshot| Ok(snapshot.scan_content_ids(after, rows)?))?;
        self.judge(database, page.iter().map(|content| Claim::Manifest(*content)).collect(), now)?;
        let after = page.last().copied().filter(|_| page.len() == rows);
        Ok(after.map_or(Phase::Chunks(None), |after| Phase::Manifests(Some(after))))
    }

    fn chunks(
        &mut self,
        database: &dyn Database,
        after: Option<ChunkId>,
        now: Timestamp,
    ) -> Result<Phase, Error> {
        let rows = self.rules.rows;
        let page = read::<_, Error>(database, move |snapshot| Ok(snapshot.scan_chunks(after, rows)?))?;
        let mut claims = Vec::with_capacity(2 * page.len());
        for row in &page {
            self.shares.add(&row.location);
            self.done.chunks += 1;
            self.done.stored_bytes += stored_bytes(&row.location);
            claims.push(Claim::Chunk(row.id));
            claims.extend(row.folder.map(|folder| Claim::Owner(folder, row.id)));
        }
        let unnamed = self.judge(database, claims, now)?;
        for row in page.iter().filter(|row| unnamed.contains(&Claim::Chunk(row.id))) {
            self.done.unnamed_chunks += 1;
            self.done.unnamed_bytes += stored_bytes(&row.location);
        }
        let after = page.last().map(|row| row.id).filter(|_| page.len() == rows);
        Ok(after.map_or(Phase::Brake, |after| Phase::Chunks(Some(after))))
    }

    /// Condemns those of the claims that nothing names, and takes back what is named again. Gives what nothing names.
    ///
    /// What is named between the mark and this is condemned all the same; that harms nobody, for it is looked at once more
    /// before it goes.
    fn judge(
        &mut self,
        database: &dyn Database,
        claims: Vec<Claim>,
        now: Timestamp,
    ) -> Result<HashSet<Claim>, Error> {
        let unnamed: Vec<Claim> =
            claims.iter().copied().filter(|claim| !self.mark.live.holds(claim)).collect();
        let asked = unnamed.clone();
        let (uploaded, condemned) = read::<_, Error>(database, move |snapshot| {
            let hashes: Vec<[u8; 32]> = claims.iter().map(Claim::hash).collect();
            let about: HashSet<Claim> = claims.into_iter().collect();
            let condemned = snapshot.condemned(&hashes)?.into_iter().map(|row| row.claim);
            let condemned: HashSet<Claim> = condemned.filter(|claim| about.contains(claim)).collect();
            Ok((uploaded(&asked, |chunks| snapshot.uploaded_chunks(chunks))?, condemned))
        })?;
        let unnamed: HashSet<Claim> = unnamed.into_iter().filter(|claim| !uploaded.contains(claim)).collect();
        let fresh: Vec<Claim> = unnamed.difference(&condemned).copied().collect();
        let named: Vec<Claim> = condemned.difference(&unnamed).copied().collect();
        let is_news = !fresh.is_empty() || !named.is_empty();
        if is_news && !self.rules.dry_run {
            self.done.condemned += fresh.len() as u64;
            self.done.rescued += named.len() as u64;
            write::<_, Error>(database, move |transaction| {
                transaction.rescue(&named)?;
                Ok(transaction.condemn(&fresh, now)?)
            })?;
        }
        Ok(unnamed)
    }

    /// Whether what is due may go; and whether packs that this catalog has never heard of may begin to wait. Those are what
    /// crashes leave, or all that people have, if the catalog is an older or another one than the packs' own.
    fn brake(
        &mut self,
        database: &dyn Database,
        store: &dyn ChunkStore,
        now: Timestamp,
    ) -> Result<Phase, Error> {
        let cutoff = self.rules.cutoff(now);
        let (_, due) = read::<_, Error>(database, move |snapshot| Ok(snapshot.condemned_sums(cutoff)?))?;
        let unheard = self.plan_packs(database, store, now)?.unheard_bytes;
        let is_too_much_unheard = !self.rules.allow(unheard, self.done.stored_bytes.saturating_add(unheard));
        self.done.due_bytes = due;
        self.done.braked = is_too_much_unheard || !self.rules.allow(due, self.done.stored_bytes);
        if is_too_much_unheard {
            self.done.due_bytes += unheard;
            self.done.stored_bytes += unheard;
        }
        Ok(match self.done.braked {
            true => Phase::Over,
            false if self.rules.dry_run => Phase::Packs,
            false => Phase::Sweep,
        })
    }

    /// Takes away some of what is due, if nothing names it in the transaction that does so. Says whether there is more.
    fn sweep(&mut self, database: &dyn Database, now: Timestamp) -> Result<bool, Error> {
        while !self.follow(database)? {}
        let (mut mark, rows, cutoff) = (take(&mut self.mark), self.rules.rows, self.rules.cutoff(now));
        let (mark, swept) = write::<_, Error>(database, move |transaction| {
            for _ in 0..PAGES_IN_TRANSACTION {
                if mark.follow(transaction.as_snapshot(), rows)? {
                    let swept = sweep(transaction, &mark, cutoff, rows)?;
                    return Ok((mark, Some(swept)));
                }
            }
            // So many commits came in between that it would hold others up.
            Ok((mark, None))
        })?;
        self.mark = mark;
        let Some(swept) = swept else { return Ok(true) };
        self.done.rescued += swept.rescued;
        self.done.deleted_chunks += swept.gone.len() as u64;
        for location in &swept.gone {
            self.done.deleted_bytes += stored_bytes(location);
            self.shares.take(location);
        }
        Ok(swept.more)
    }
}

/// Everything that is due, step by step; `go_on` is asked before each.
///
/// # Errors
/// `Database`, `Content`. What was done before stays done.
pub fn collect(
    database: &dyn Database,
    store: &dyn ChunkStore,
    rules: Rules,
    now: Timestamp,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Done, Error> {
    let mut collection = Collection::new(rules);
    while go_on() && collection.step(database, store, now)? {}
    Ok(collection.done())
}

/// Takes claims on these chunks back from what is condemned, for the transaction that wants them.
pub(crate) fn rescue(
    transaction: &dyn Transaction,
    folder: FolderId,
    contents: &[ContentId],
    chunks: &[ChunkId],
) -> Result<(), Error> {
    let of_chunk = |chunk: &ChunkId| {
        [Claim::Chunk(*chunk), Claim::Owner(folder, *chunk), Claim::Holding(folder, *chunk)]
    };
    let mut claims: Vec<Claim> = chunks.iter().flat_map(of_chunk).collect();
    claims.extend(contents.iter().map(|content| Claim::Manifest(*content)));
    Ok(transaction.rescue(&claims)?)
}

/// What one transaction took away.
struct Swept {
    gone: Vec<Location>,
    rescued: u64,
    more: bool,
}

fn sweep(transaction: &dyn Transaction, mark: &Mark, cutoff: Timestamp, rows: usize) -> Result<Swept, Error> {
    let due: Vec<Claim> =
        transaction.condemned_until(cutoff, rows)?.into_iter().map(|row| row.claim).collect();
    let uploaded = uploaded(&due, |chunks| transaction.uploaded_chunks(chunks))?;
    let is_kept = |claim: &Claim| mark.live.holds(claim) || uploaded.contains(claim);
    let goes: Vec<Claim> = due.iter().copied().filter(|claim| !is_kept(claim)).collect();
    let gone = transaction.drop_claims(&goes)?;
    transaction.rescue(&due)?;
    Ok(Swept { gone, rescued: (due.len() - goes.len()) as u64, more: due.len() == rows })
}

/// Those of the claims that are about chunks of uploads.
fn uploaded(
    claims: &[Claim],
    ask: impl FnOnce(&[ChunkId]) -> metadata::Result<Vec<ChunkId>>,
) -> Result<HashSet<Claim>, Error> {
    let chunks: Vec<ChunkId> = claims
        .iter()
        .filter_map(|claim| match claim {
            Claim::Chunk(chunk) => Some(*chunk),
            _ => None,
        })
        .collect();
    Ok(ask(&chunks)?.into_iter().map(Claim::Chunk).collect())
}

fn folders(database: &dyn Database) -> Result<VecDeque<FolderId>, Error> {
    read(database, |snapshot| Ok(snapshot.folders()?.into_iter().map(|folder| folder.id).collect()))
}
