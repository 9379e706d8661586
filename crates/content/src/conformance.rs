//! What every chunk store must do, as checks that an adapter's tests run against it.
//!
//! Each check panics with the reason. [`run`] makes a fresh store for each of them; a [`Rig`] also tells how the
//! store is closed and opened again.

use crate::record::chunk_id;
use crate::{
    BadRecord, BlockBuilder, ChunkStore, Codec, Depth, Entry, Error, ErrorKind, Located, PackId,
    RECORD_BYTES_MAX, RECORD_CHUNKS_MAX, Record, Scanned, StoredRecord, codec,
};
use model::ChunkId;
use std::sync::Arc;

/// A store under test. Dropping it may remove what it holds.
pub trait Rig {
    /// The store, opened on what it held before; empty the first time.
    fn open(&mut self) -> Arc<dyn ChunkStore>;
}

/// Packs of a store under test are closed at about this size.
pub const PACK_BYTES: u64 = 256 << 10;

type Check = fn(&mut dyn Rig);

/// The checks, by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("records_of_every_form_are_read_back", records_of_every_form_are_read_back),
    ("what_was_appended_survives_reopening", what_was_appended_survives_reopening),
    ("the_largest_records_are_taken", the_largest_records_are_taken),
    ("a_wrong_chunk_refuses_the_whole_batch", a_wrong_chunk_refuses_the_whole_batch),
    ("records_out_of_bounds_are_refused", records_out_of_bounds_are_refused),
    ("a_wrong_place_is_told_from_a_missing_pack", a_wrong_place_is_told_from_a_missing_pack),
    ("a_record_can_be_passed_on_as_it_is", a_record_can_be_passed_on_as_it_is),
    ("a_scan_finds_every_chunk_where_it_lies", a_scan_finds_every_chunk_where_it_lies),
    ("full_packs_are_followed_by_new_ones", full_packs_are_followed_by_new_ones),
    (
        "a_removed_pack_is_gone_and_its_id_never_used_again",
        a_removed_pack_is_gone_and_its_id_never_used_again,
    ),
    ("a_sealed_pack_can_be_removed_once_nobody_holds", a_sealed_pack_can_be_removed_once_nobody_holds),
    ("appends_from_many_threads_all_arrive", appends_from_many_threads_all_arrive),
];

/// Runs every check, each on a fresh rig.
pub fn run<R: Rig>(mut make: impl FnMut() -> R) {
    for (_, check) in CHECKS {
        check(&mut make());
    }
}

/// Bytes that do not compress, the same for the same seed.
#[must_use]
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Bytes that compress well, the same for the same seed.
#[must_use]
pub fn text(seed: u64, length: usize) -> Vec<u8> {
    let line = format!("line {seed} of a text that says the same over and over\n");
    line.bytes().cycle().take(length).collect()
}

/// A record of one chunk, not compressed.
#[must_use]
pub fn single(bytes: &[u8]) -> StoredRecord {
    let entry = Entry { chunk: chunk_id(bytes), length: length_of(bytes) };
    StoredRecord { entries: vec![entry], codec: Codec::Raw, bytes: bytes.to_vec() }
}

/// A record of several chunks, not compressed.
#[must_use]
pub fn block(chunks: &[Vec<u8>]) -> StoredRecord {
    let mut builder = BlockBuilder::new();
    for chunk in chunks {
        let (_, full) = builder.push(chunk);
        assert!(full.is_none(), "the chunks of one test block fit into one");
    }
    builder.finish().expect("a test block has chunks")
}

/// The same record, compressed.
#[must_use]
pub fn compressed(record: &StoredRecord) -> StoredRecord {
    let bytes = codec::compress(&record.bytes).expect("the bytes of this test compress");
    StoredRecord { entries: record.entries.clone(), codec: Codec::Zstd, bytes }
}

/// Appends the records and checks that the answer names their chunks in order.
///
/// # Errors
/// Those of the store.
pub fn append(store: &dyn ChunkStore, records: &[StoredRecord]) -> Result<Vec<Located>, Error> {
    let borrowed: Vec<Record<'_>> = records.iter().map(StoredRecord::as_record).collect();
    let located = store.append(&borrowed)?;
    let entries = || records.iter().flat_map(|record| &record.entries);
    assert_eq!(located.len(), entries().count(), "one place a chunk");
    for (place, entry) in located.iter().zip(entries()) {
        assert_eq!((place.chunk, place.location.length), (entry.chunk, entry.length), "in the order given");
    }
    Ok(located)
}

/// Checks that every chunk is read where it lies (the store has hashed it), in the order wanted.
pub fn expect_readable(store: &dyn ChunkStore, wanted: &[Located]) {
    let mut seen = 0;
    let result = store.read(wanted, &mut |index, bytes| {
        assert_eq!(index, seen, "in the order wanted");
        assert_eq!(chunk_id(bytes), wanted[index].chunk);
        seen += 1;
    });
    result.expect("what append returned is readable");
    assert_eq!(seen, wanted.len());
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn must_append(store: &dyn ChunkStore, records: &[StoredRecord]) -> Vec<Located> {
    append(store, records).expect("a good batch is taken")
}

fn kind_of<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("this is refused").kind()
}

fn every_form() -> Vec<StoredRecord> {
    let texts: Vec<Vec<u8>> = (0..40).map(|seed| text(seed, 100 + 37 * seed as usize)).collect();
    let noises: Vec<Vec<u8>> = (0..5).map(|seed| noise(seed, 900)).collect();
    vec![
        single(&noise(100, 5000)),
        single(&text(101, 90_000)),
        compressed(&single(&text(102, 70_000))),
        block(&texts),
        compressed(&block(&texts[5..])),
        block(&noises),
        single(b"x"),
    ]
}

fn records_of_every_form_are_read_back(rig: &mut dyn Rig) {
    let store = rig.open();
    let records = every_form();
    let located = must_append(&*store, &records);
    expect_readable(&*store, &located);

    let mut backwards = located.clone();
    backwards.reverse();
    expect_readable(&*store, &backwards);
    for wanted in &located {
        let bytes = store.read_chunk(wanted).expect("each chunk is readable alone");
        assert_eq!(chunk_id(&bytes), wanted.chunk);
    }
    assert!(store.append(&[]).expect("an empty batch is no error").is_empty());
    let counters = store.counters();
    assert_eq!((counters.appends, counters.records), (1, records.len() as u64));
}

fn what_was_appended_survives_reopening(rig: &mut dyn Rig) {
    let mut located = Vec::new();
    for round in 0..3 {
        let store = rig.open();
        expect_readable(&*store, &located);
        located.extend(must_append(&*store, &[single(&noise(round, 3000)), single(&text(round, 3000))]));
        expect_readable(&*store, &located);
    }
}

fn the_largest_records_are_taken(rig: &mut dyn Rig) {
    let store = rig.open();
    let most_bytes = single(&noise(1, RECORD_BYTES_MAX as usize));
    let bytes = noise(2, RECORD_CHUNKS_MAX);
    let chunks: Vec<Vec<u8>> = bytes.iter().map(|byte| vec![*byte]).collect();
    let located = must_append(&*store, &[most_bytes, block(&chunks)]);
    expect_readable(&*store, &located);
}

fn a_wrong_chunk_refuses_the_whole_batch(rig: &mut dyn Rig) {
    let store = rig.open();
    let good = single(&text(1, 500));
    let mut lying = block(&[text(2, 500), text(3, 500), text(4, 500)]);
    let claimed = ChunkId([9; 32]);
    lying.entries[1].chunk = claimed;
    for bad in [lying.clone(), compressed(&lying)] {
        let error = append(&*store, &[good.clone(), bad]).expect_err("the bytes are hashed");
        assert_eq!((error.kind(), error.chunk()), (ErrorKind::Invalid, Some(claimed)));
    }
    assert_eq!(store.counters().records, 0, "the good record went with the bad one");
    let located = must_append(&*store, &[good]);
    expect_readable(&*store, &located);
}

fn records_out_of_bounds_are_refused(rig: &mut dyn Rig) {
    let store = rig.open();
    let long = noise(1, RECORD_BYTES_MAX as usize + 1);
    let entry = Entry { chunk: chunk_id(b"a"), length: 1 };
    let with = |change: &dyn Fn(&mut StoredRecord)| {
        let mut record = compressed(&single(&text(5, 4000)));
        change(&mut record);
        record
    };
    let bad = [
        StoredRecord { entries: vec![], codec: Codec::Raw, bytes: vec![] },
        single(b""),
        single(&long),
        StoredRecord {
            entries: vec![entry; RECORD_CHUNKS_MAX + 1],
            codec: Codec::Raw,
            bytes: vec![b'a'; RECORD_CHUNKS_MAX + 1],
        },
        StoredRecord { entries: vec![Entry { length: 2, ..entry }], codec: Codec::Raw, bytes: b"a".to_vec() },
        StoredRecord { entries: vec![entry], codec: Codec::Raw, bytes: b"ab".to_vec() },
        StoredRecord { entries: vec![Entry { length: u32::MAX, ..entry }; 2], ..single(b"a") },
        with(&|record| record.entries[0].length += 1),
        with(&|record| record.entries[0].length -= 1),
        with(&|record| record.bytes.truncate(20)),
        with(&|record| record.bytes.push(0)),
        with(&|record| record.codec = Codec::Raw),
    ];
    for record in bad {
        let kind = kind_of(store.append(&[record.as_record()]));
        assert_eq!(kind, ErrorKind::Invalid, "{:?}", record.entries.first());
    }
    assert_eq!(store.counters().records, 0);
}

fn a_wrong_place_is_told_from_a_missing_pack(rig: &mut dyn Rig) {
    let store = rig.open();
    let located = must_append(&*store, &[single(&text(1, 500)), single(&noise(2, 500))]);
    let change = |change: &dyn Fn(&mut Located)| {
        let mut place = located[1];
        change(&mut place);
        place
    };
    let corrupt = [
        change(&|place| place.chunk = ChunkId([1; 32])),
        change(&|place| place.location.offset += 1),
        change(&|place| place.location.offset = u64::MAX - 8),
        change(&|place| place.location.offset = 1 << 40),
        change(&|place| place.location.stored_length = u32::MAX),
        change(&|place| place.location.length -= 1),
        change(&|place| place.location.start = u32::MAX),
        change(&|place| place.location.checksum ^= 1),
        change(&|place| place.location.codec = Codec::Zstd),
    ];
    for place in corrupt {
        let error = store.read_chunk(&place).expect_err("the bytes there are not the chunk's");
        assert_eq!((error.kind(), error.chunk()), (ErrorKind::Corrupt, Some(place.chunk)), "{place:?}");
    }
    let elsewhere = change(&|place| place.location.pack = PackId(999_999));
    assert_eq!(kind_of(store.read_chunk(&elsewhere)), ErrorKind::NotFound);
    assert_eq!(kind_of(store.read_record(&elsewhere.location)), ErrorKind::NotFound);
    assert_eq!(kind_of(store.scan(PackId(999_999), Depth::Index, &mut |_| ())), ErrorKind::NotFound);
    assert_eq!(kind_of(store.remove_pack(PackId(999_999))), ErrorKind::NotFound);

    let mut before = 0;
    let error = store.read(&[located[0], elsewhere, located[1]], &mut |_, _| before += 1);
    assert_eq!(kind_of(error), ErrorKind::NotFound);
    assert_eq!(before, 1, "what came before the failure has been handed over");
}

fn a_record_can_be_passed_on_as_it_is(rig: &mut dyn Rig) {
    let store = rig.open();
    let records = every_form();
    let located = must_append(&*store, &records);
    let mut scratch = Vec::new();
    for place in &located {
        let record = store.read_record(&place.location).expect("every place leads to its record");
        let entry = Entry { chunk: place.chunk, length: place.location.length };
        assert!(record.entries.contains(&entry));
        assert_eq!(record.bytes.len(), place.location.stored_length as usize);
        record.as_record().verify(&mut scratch).expect("a record that was passed on proves itself");
    }
    let mut inside = located[0].location;
    inside.offset += 3;
    assert_eq!(kind_of(store.read_record(&inside)), ErrorKind::Corrupt);
}

fn a_scan_finds_every_chunk_where_it_lies(rig: &mut dyn Rig) {
    let mut located = must_append(&*rig.open(), &every_form());
    let store = rig.open();
    located.extend(must_append(&*store, &[single(&noise(7, 200_000)), single(&noise(8, 200_000))]));
    for depth in [Depth::Index, Depth::AllBytes] {
        let mut found = Vec::new();
        for pack in store.packs().expect("packs are listed") {
            let mut sink = |scanned| match scanned {
                Scanned::Record(chunks) => found.extend(chunks),
                other => panic!("nothing is broken here: {other:?}"),
            };
            let summary = store.scan(pack.pack, depth, &mut sink).expect("a pack is scanned");
            assert!(summary.is_clean() && summary.tail_bytes == 0, "{summary:?}");
        }
        assert_eq!(found, located);
    }
}

fn full_packs_are_followed_by_new_ones(rig: &mut dyn Rig) {
    let store = rig.open();
    let mut located = Vec::new();
    for seed in 0..20 {
        located.extend(must_append(&*store, &[single(&noise(seed, 60_000))]));
    }
    expect_readable(&*store, &located);
    let packs = store.packs().expect("packs are listed");
    assert!((5..=20).contains(&packs.len()), "{packs:?}");
    assert!(packs.windows(2).all(|pair| pair[0].pack < pair[1].pack), "listed by id");
    assert!(packs.iter().all(|pack| pack.bytes <= PACK_BYTES), "{packs:?}");
    assert!(packs.iter().filter(|pack| pack.open).count() <= 1);
}

fn a_removed_pack_is_gone_and_its_id_never_used_again(rig: &mut dyn Rig) {
    let store = rig.open();
    let old = must_append(&*store, &[single(&noise(1, 200_000))]);
    let new = must_append(&*store, &[single(&noise(2, 200_000))]);
    let (gone, kept) = (old[0].location.pack, new[0].location.pack);
    assert_ne!(gone, kept);
    store.remove_pack(gone).expect("a pack that nothing refers to is removed");
    assert_eq!(kind_of(store.read_chunk(&old[0])), ErrorKind::NotFound);
    assert_eq!(kind_of(store.remove_pack(gone)), ErrorKind::NotFound);
    assert_eq!(kind_of(store.remove_pack(kept)), ErrorKind::Busy, "the newest id is remembered by its pack");
    expect_readable(&*store, &new);
    drop(store);

    let store = rig.open();
    assert_eq!(kind_of(store.remove_pack(kept)), ErrorKind::Busy);
    let newer = must_append(&*store, &[single(&noise(3, 200_000))]);
    assert!(newer[0].location.pack > kept);
}

fn a_sealed_pack_can_be_removed_once_nobody_holds(rig: &mut dyn Rig) {
    let store = rig.open();
    let old = must_append(&*store, &[single(&noise(1, 2_000))]);
    let pack = old[0].location.pack;
    assert_eq!(kind_of(store.remove_pack(pack)), ErrorKind::Busy, "it is the newest");
    store.seal().expect("a pack is ended at any time");
    let new = must_append(&*store, &[single(&noise(2, 2_000))]);
    assert!(new[0].location.pack > pack);
    let reader = store.hold();
    store.holds().retire(pack);
    let later = store.hold();
    assert_eq!(kind_of(store.remove_pack(pack)), ErrorKind::Busy, "somebody reads who came before");
    expect_readable(&*store, &old);
    drop(reader);
    store.remove_pack(pack).expect("who came later knows nothing of it");
    drop(later);
    expect_readable(&*store, &new);
    store.seal().expect("an empty pack can be ended, too");
    drop(store);

    let store = rig.open();
    let newer = must_append(&*store, &[single(&noise(3, 2_000))]);
    assert!(newer[0].location.pack.0 > new[0].location.pack.0 + 1, "an empty pack keeps its id for ever");
}

fn appends_from_many_threads_all_arrive(rig: &mut dyn Rig) {
    const THREADS: u64 = 8;
    const BATCHES: u64 = 20;
    let store = rig.open();
    let appended: Vec<Located> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let store = Arc::clone(&store);
                scope.spawn(move || {
                    let mut located = Vec::new();
                    for batch in 0..BATCHES {
                        let seed = thread * BATCHES + batch;
                        let fresh =
                            must_append(&*store, &[single(&noise(seed, 2000)), single(&text(seed, 900))]);
                        expect_readable(&*store, &fresh);
                        located.extend(fresh);
                    }
                    located
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().expect("no writer fails")).collect()
    });
    expect_readable(&*store, &appended);
    assert_eq!(store.counters().appends, THREADS * BATCHES);
    drop(store);
    expect_readable(&*rig.open(), &appended);
}

/// Damages a stored pack and checks that a read and both scans see it. `damage` changes the bytes of a pack.
pub fn expect_damage_is_seen(store: &dyn ChunkStore, place: &Located, damage: impl FnOnce(PackId, u64)) {
    let location = place.location;
    damage(location.pack, location.offset + crate::pack::RECORD_HEAD_BYTES as u64);
    let error = store.read_chunk(place).expect_err("a read checks the bytes");
    assert_eq!(
        (error.kind(), error.chunk(), error.pack()),
        (ErrorKind::Corrupt, Some(place.chunk), Some(location.pack))
    );
    let mut broken = Vec::new();
    let summary = store.scan(location.pack, Depth::AllBytes, &mut |found| {
        if let Scanned::BrokenRecord { chunks, reason } = found {
            assert_eq!(reason, BadRecord::Checksum);
            broken.extend(chunks);
        }
    });
    assert!(!summary.expect("damage does not end a scan").is_clean());
    assert!(broken.contains(place), "a scan names what is lost");
}
