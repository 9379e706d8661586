//! What is named, what may go, and which packs are worth a rewrite: decided without database or store.

use content::PackInfo;
use metadata::collection::Claim;
use metadata::content::PackRow;
use model::location::{Location, PackId};
use model::{ChunkId, ContentId, FolderId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Bytes that a record takes beside its stored bytes, and a chunk's entry in its table.
const RECORD_BYTES: u64 = content::pack::RECORD_HEAD_BYTES as u64;
const ENTRY_BYTES: u64 = content::pack::TABLE_ENTRY_BYTES as u64;

/// When things go, and how much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long what nothing names any more waits, in nanoseconds; and a pack that holds nothing any more.
    pub grace_ns: i64,
    /// The largest part of the store, in per cent of its bytes, that may go in one run; none: any.
    pub most_percent: Option<u32>,
    /// So many bytes may go whatever part of the store they are.
    pub always_bytes: u64,
    /// A newest pack is ended when so many bytes of it, and more than half, are nothing's.
    pub seal_bytes: u64,
    /// How many bytes of packs are rewritten in one run.
    pub rewrite_bytes: u64,
    /// Rows looked at in one step.
    pub rows: usize,
    /// Stored bytes moved in one step.
    pub move_bytes: u64,
    /// Whether it is only told what would go.
    pub dry_run: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            grace_ns: 72 * 3_600_000_000_000,
            most_percent: Some(25),
            always_bytes: 64 << 20,
            seal_bytes: 1 << 20,
            rewrite_bytes: 4 << 30,
            rows: 2000,
            move_bytes: 8 << 20,
            dry_run: false,
        }
    }
}

impl Rules {
    /// So many hours as a grace, however many.
    #[must_use]
    pub fn grace_of_hours(hours: u32) -> i64 {
        i64::from(hours).saturating_mul(3_600_000_000_000)
    }

    /// The latest moment of what has waited long enough by now.
    pub(super) fn cutoff(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub(self.grace_ns))
    }

    /// Whether so many bytes of so many may go in one run.
    pub(super) fn allow(&self, due_bytes: u64, stored_bytes: u64) -> bool {
        let fits =
            |percent: u32| u128::from(due_bytes) * 100 <= u128::from(stored_bytes) * u128::from(percent);
        due_bytes <= self.always_bytes || self.most_percent.is_none_or(fits)
    }
}

/// Everything that is named, as 64 bits a claim: two that are taken for each other are both kept.
#[derive(Debug, Clone, Default)]
pub struct Live(HashSet<u64>);

impl Live {
    /// Notes what a content that a version in this folder names makes true; `manifest` if it has several chunks.
    pub fn name(&mut self, folder: FolderId, content: ContentId, manifest: Option<&[(ChunkId, u32)]>) {
        match manifest {
            None => {
                let chunk = content.as_single_chunk();
                self.0.extend([short(&Claim::Chunk(chunk)), short(&Claim::Owner(folder, chunk))]);
            }
            Some(chunks) => {
                self.0.insert(short(&Claim::Manifest(content)));
                for (chunk, _) in chunks {
                    self.0.extend([short(&Claim::Chunk(*chunk)), short(&Claim::Holding(folder, *chunk))]);
                }
            }
        }
    }

    /// Whether a claim is still true, as far as is known.
    #[must_use]
    pub fn holds(&self, claim: &Claim) -> bool {
        self.0.contains(&short(claim))
    }
}

/// Hashes are even in all their bits; the number of what is claimed, and of the folder, tells claims about one apart.
fn short(claim: &Claim) -> u64 {
    let (number, folder) = match claim {
        Claim::Chunk(_) => (0, 0),
        Claim::Manifest(_) => (1, 0),
        Claim::Holding(folder, _) => (2, folder.0),
        Claim::Owner(folder, _) => (3, folder.0),
    };
    let hash = claim.hash();
    let first = u64::from_le_bytes(hash[..8].try_into().expect("a hash has 32 bytes"));
    first ^ folder.wrapping_mul(4).wrapping_add(number).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// What rows lead to in each pack.
#[derive(Debug, Clone, Default)]
pub struct Shares(BTreeMap<PackId, Share>);

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    chunks: u64,
    bytes: u64,
}

impl Shares {
    /// Counts a chunk that has a row.
    pub fn add(&mut self, location: &Location) {
        let share = self.0.entry(location.pack).or_default();
        share.chunks += 1;
        share.bytes += pack_bytes(location);
    }

    /// Counts one that has none any more.
    pub fn take(&mut self, location: &Location) {
        if let Some(share) = self.0.get_mut(&location.pack) {
            share.chunks = share.chunks.saturating_sub(1);
            share.bytes = share.bytes.saturating_sub(pack_bytes(location));
        }
    }

    /// Bytes in all packs that rows lead to.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.values().map(|share| share.bytes).sum()
    }

    /// Whether rows led to a pack in this run, if only at its beginning.
    fn knew(&self, pack: PackId) -> bool {
        self.0.contains_key(&pack)
    }

    fn of(&self, pack: PackId) -> Share {
        self.0.get(&pack).copied().unwrap_or_default()
    }
}

/// A chunk's part of its record's stored bytes.
#[must_use]
pub fn stored_bytes(location: &Location) -> u64 {
    let plain = u64::from(location.plain_length).max(1);
    u64::from(location.stored_length) * u64::from(location.length) / plain
}

/// The same with what a pack holds for it beside.
fn pack_bytes(location: &Location) -> u64 {
    let head = if location.is_whole_record() { RECORD_BYTES } else { 0 };
    stored_bytes(location) + ENTRY_BYTES + head
}

/// What is to become of the packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackPlan {
    /// Files that are missing though rows lead to them: nothing may be done then.
    pub missing: Vec<PackId>,
    /// The newest pack is mostly nothing's: end it.
    pub seal: bool,
    /// Nothing lies in them: they wait from now on.
    pub condemn: Vec<PackId>,
    /// Bytes of those among them that the catalog has never heard of.
    pub unheard_bytes: u64,
    /// Condemned, and in use again.
    pub reinstate: Vec<PackId>,
    /// Less than half of them is something's, the least first.
    pub rewrite: Vec<PackId>,
    /// They have waited long enough; with their bytes.
    pub remove: Vec<(PackId, u64)>,
    /// They wait, with their bytes.
    pub wait: Vec<(PackId, u64)>,
    /// Rows of packs that are gone.
    pub forget: Vec<PackId>,
}

/// Decides about every pack: what rows lead to, what the database says of it, and its file. The files are looked at after
/// the rows, so that each row has had its file by then.
#[must_use]
pub fn packs(
    shares: &Shares,
    rows: &[PackRow],
    files: &[PackInfo],
    rules: &Rules,
    now: Timestamp,
) -> PackPlan {
    let mut plan = PackPlan::default();
    let there: BTreeSet<PackId> = files.iter().map(|file| file.pack).collect();
    let rows: BTreeMap<PackId, &PackRow> = rows.iter().map(|row| (row.id, row)).collect();
    let newest = there.last().copied();
    for row in rows.values().filter(|row| !there.contains(&row.id)) {
        if row.chunks > 0 || shares.of(row.id).chunks > 0 {
            plan.missing.push(row.id);
        } else if row.condemned_at.is_some() {
            plan.forget.push(row.id);
        }
    }
    let mut rewrite = Vec::new();
    for file in files {
        let row = rows.get(&file.pack);
        let share = shares.of(file.pack);
        let chunks = share.chunks.max(row.map_or(0, |row| row.chunks));
        let is_mostly_nothing = share.bytes.saturating_mul(2) < file.bytes;
        if newest == Some(file.pack) {
            plan.seal = is_mostly_nothing && file.bytes - share.bytes >= rules.seal_bytes;
        }
        if file.open {
            continue;
        }
        match row.and_then(|row| row.condemned_at) {
            Some(_) if chunks > 0 => plan.reinstate.push(file.pack),
            // The newest stays, for its number's sake.
            Some(_) if newest == Some(file.pack) => {}
            // It had come into use again, and whoever read the rows meanwhile came after it was retired.
            Some(at) if at != now && shares.knew(file.pack) => plan.condemn.push(file.pack),
            Some(at) if at <= rules.cutoff(now) => plan.remove.push((file.pack, file.bytes)),
            Some(_) => plan.wait.push((file.pack, file.bytes)),
            None if chunks == 0 => {
                plan.condemn.push(file.pack);
                plan.unheard_bytes += if row.is_none() { file.bytes } else { 0 };
            }
            None if is_mostly_nothing => rewrite.push((share.bytes, file.pack, file.bytes)),
            None => {}
        }
    }
    rewrite.sort_unstable();
    let mut room = rules.rewrite_bytes;
    for (live, pack, _) in rewrite {
        if live > room {
            break;
        }
        room -= live;
        plan.rewrite.push(pack);
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::location::Codec;

    const HOUR: i64 = 3_600_000_000_000;

    fn location(pack: u64, length: u32) -> Location {
        Location {
            pack: PackId(pack),
            offset: 24,
            stored_length: length,
            codec: Codec::Raw,
            checksum: 0,
            plain_length: length,
            start: 0,
            length,
        }
    }

    fn row(pack: u64, chunks: u64, condemned_at: Option<i64>) -> PackRow {
        PackRow { id: PackId(pack), chunks, live_bytes: 0, condemned_at: condemned_at.map(Timestamp) }
    }

    fn file(pack: u64, bytes: u64, open: bool) -> PackInfo {
        PackInfo { pack: PackId(pack), bytes, open }
    }

    #[test]
    fn each_pack_gets_what_it_has_come_to() {
        let mut shares = Shares::default();
        for (pack, length) in [(1, 1000), (2, 9000), (5, 10), (8, 500)] {
            shares.add(&location(pack, length));
        }
        let rows = [
            row(1, 1, None),
            row(2, 1, None),
            row(3, 0, None),
            row(4, 0, Some(0)),
            row(5, 1, Some(0)),
            row(6, 0, Some(3 * HOUR)),
            row(7, 0, Some(0)),
            row(8, 1, None),
        ];
        let files: Vec<PackInfo> =
            [1, 2, 3, 4, 5, 6, 8, 9].into_iter().map(|pack| file(pack, 10_000, pack == 9)).collect();
        let rules = Rules { grace_ns: 2 * HOUR, seal_bytes: 9000, ..Rules::default() };
        let plan = packs(&shares, &rows, &files, &rules, Timestamp(4 * HOUR));
        let ids = |ids: &[u64]| ids.iter().copied().map(PackId).collect::<Vec<_>>();
        assert_eq!(plan.missing, ids(&[]));
        assert!(plan.seal, "the newest is all nothing's");
        assert_eq!(plan.rewrite, ids(&[8, 1]), "the least first");
        assert_eq!(plan.condemn, ids(&[3]));
        assert_eq!(plan.reinstate, ids(&[5]));
        assert_eq!(plan.remove, [(PackId(4), 10_000)]);
        assert_eq!(plan.wait, [(PackId(6), 10_000)]);
        assert_eq!(plan.forget, ids(&[7]));
    }

    #[test]
    fn a_pack_that_was_in_use_since_it_was_condemned_waits_from_now_on() {
        let mut shares = Shares::default();
        shares.add(&location(1, 1000));
        shares.take(&location(1, 1000));
        let files = [file(1, 10_000, false), file(2, 100, true)];
        let rules = Rules { grace_ns: 0, ..Rules::default() };
        let plan =
            |condemned_at| packs(&shares, &[row(1, 0, Some(condemned_at))], &files, &rules, Timestamp(9));
        assert_eq!((plan(3).condemn, plan(3).remove), (vec![PackId(1)], vec![]));
        assert_eq!((plan(9).condemn, plan(9).remove), (vec![], vec![(PackId(1), 10_000)]));
    }

    #[test]
    fn a_pack_that_rows_lead_to_and_that_has_no_file_stops_everything() {
        let mut shares = Shares::default();
        shares.add(&location(1, 1000));
        let files = [file(2, 10_000, false)];
        for rows in [vec![row(1, 1, None)], vec![row(1, 0, None)]] {
            let plan = packs(&shares, &rows, &files, &Rules::default(), Timestamp(0));
            assert_eq!(plan.missing, [PackId(1)]);
        }
    }

    #[test]
    fn the_newest_pack_stays_however_long_it_has_waited() {
        let rows = [row(1, 0, Some(0)), row(2, 0, Some(0))];
        let files = [file(1, 100, false), file(2, 100, false)];
        let rules = Rules { grace_ns: 0, ..Rules::default() };
        let plan = packs(&Shares::default(), &rows, &files, &rules, Timestamp(1));
        assert_eq!(plan.remove, [(PackId(1), 100)]);
    }

    #[test]
    fn a_large_part_of_the_store_does_not_go_unless_somebody_says_so() {
        let rules = Rules { most_percent: Some(25), always_bytes: 10, ..Rules::default() };
        assert!(rules.allow(10, 10), "little goes in any case");
        assert!(rules.allow(25, 100));
        assert!(!rules.allow(26, 100));
        assert!(!rules.allow(11, 0));
        assert!(Rules { most_percent: None, ..rules }.allow(100, 100));
    }

    #[test]
    fn a_grace_of_any_length_lets_nothing_go_early() {
        for hours in [3, 72, 3_000_000, u32::MAX] {
            let rules = Rules { grace_ns: Rules::grace_of_hours(hours), ..Rules::default() };
            let now = Timestamp(1_800_000_000_000_000_000);
            assert!(rules.cutoff(now) <= Timestamp(now.0 - 3 * HOUR), "{hours}");
        }
    }

    #[test]
    fn claims_about_one_hash_are_told_apart() {
        let (folder, other) = (FolderId(1), FolderId(2));
        let (chunk, content) = (ChunkId([7; 32]), ContentId([7; 32]));
        let mut live = Live::default();
        live.name(folder, content, None);
        assert!(live.holds(&Claim::Chunk(chunk)) && live.holds(&Claim::Owner(folder, chunk)));
        for claim in [Claim::Owner(other, chunk), Claim::Holding(folder, chunk), Claim::Manifest(content)] {
            assert!(!live.holds(&claim), "{claim:?}");
        }
        live.name(other, ContentId([9; 32]), Some(&[(chunk, 1)]));
        assert!(live.holds(&Claim::Holding(other, chunk)) && !live.holds(&Claim::Holding(folder, chunk)));
    }
}
