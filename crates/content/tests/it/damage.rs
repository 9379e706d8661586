//! Packs that a disk has damaged.

use content::conformance::{append, block, expect_damage_is_seen, noise, single, text};
use content::pack::{PACK_HEAD_BYTES, RECORD_HEAD_BYTES};
use content::{ChunkStore, Depth, Located, MemoryStore, PackId, Scanned};
use proptest::prelude::*;

const PACK: PackId = PackId(1);

fn three_records() -> (MemoryStore, Vec<Located>) {
    let store = MemoryStore::new();
    let records = [single(&noise(1, 300)), block(&[text(2, 80), noise(3, 90)]), single(&noise(4, 300))];
    let located = append(&store, &records).expect("a good batch is taken");
    (store, located)
}

fn found(store: &MemoryStore, depth: Depth) -> Vec<Scanned> {
    let mut found = Vec::new();
    store.scan(PACK, depth, &mut |scanned| found.push(scanned)).expect("damage is no error");
    found
}

fn intact(found: &[Scanned]) -> Vec<Located> {
    let records = found.iter().filter_map(|scanned| match scanned {
        Scanned::Record(chunks) => Some(chunks.clone()),
        _ => None,
    });
    records.flatten().collect()
}

#[test]
fn a_flipped_bit_in_the_stored_bytes_is_seen_by_read_and_scan() {
    let (store, located) = three_records();
    expect_damage_is_seen(&store, &located[1], |pack, offset| {
        store.damage(pack, |bytes| bytes[offset as usize + 5] ^= 0x10);
    });
    assert_eq!(intact(&found(&store, Depth::AllBytes)), [located[0], located[3]]);
    assert!(store.read_chunk(&located[0]).is_ok() && store.read_chunk(&located[3]).is_ok());
}

#[test]
fn a_damaged_head_hides_its_own_record_from_a_scan_and_no_other() {
    let (store, located) = three_records();
    let offset = located[1].location.offset;
    store.damage(PACK, |bytes| bytes[offset as usize + 9] ^= 1);
    for depth in [Depth::Index, Depth::AllBytes] {
        let found = found(&store, depth);
        assert_eq!(intact(&found), [located[0], located[3]]);
        let bytes = located[3].location.offset - offset;
        assert!(found.contains(&Scanned::Gap { offset, bytes }), "{found:?}");
    }
    assert!(store.read_chunk(&located[1]).is_ok(), "the database's place is enough to read it");
}

#[test]
fn a_damaged_pack_head_hides_no_record() {
    let (store, located) = three_records();
    store.damage(PACK, |bytes| bytes[3] ^= 1);
    let found = found(&store, Depth::AllBytes);
    assert_eq!(intact(&found), located);
    assert!(found.contains(&Scanned::Gap { offset: 0, bytes: PACK_HEAD_BYTES as u64 }));
}

#[test]
fn records_of_another_pack_are_not_taken_for_ours() {
    let (store, located) = three_records();
    let bytes = store.pack_bytes(PACK).unwrap();
    let other = MemoryStore::new();
    append(&other, &[single(b"first")]).unwrap();
    other.restart();
    let second = append(&other, &[single(b"second")]).unwrap()[0].location.pack;
    let stray = bytes[located[0].location.offset as usize..].to_vec();
    other.damage(second, |ours| ours.extend(&stray));
    let summary = other.scan(second, Depth::Index, &mut |_| ()).unwrap();
    assert_eq!((summary.records, summary.tail_bytes), (1, stray.len() as u64));
}

#[test]
fn every_flipped_bit_is_seen_and_costs_its_own_record_only() {
    let (store, located) = three_records();
    let clean = store.pack_bytes(PACK).unwrap();
    let mut flipped = 0;
    for at in PACK_HEAD_BYTES..clean.len() {
        let bit = 1 << (at % 8);
        store.damage(PACK, |bytes| bytes[at] ^= bit);
        let found = found(&store, Depth::AllBytes);
        let damaged = located.iter().filter(|place| {
            let end = |other: &&Located| other.location.offset > place.location.offset;
            let end = located.iter().find(end).map_or(clean.len() as u64, |next| next.location.offset);
            (place.location.offset..end).contains(&(at as u64))
        });
        let damaged: Vec<Located> = damaged.copied().collect();
        let kept: Vec<Located> = located.iter().filter(|place| !damaged.contains(place)).copied().collect();
        assert_eq!(intact(&found), kept, "a bit of byte {at}");
        store.damage(PACK, |bytes| bytes[at] ^= bit);
        flipped += 1;
    }
    assert!(flipped > 3 * RECORD_HEAD_BYTES);
    assert_eq!(intact(&found(&store, Depth::AllBytes)), located);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_can_be_scanned_and_read(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        at in 0..2000_usize,
        magic: bool,
    ) {
        let (store, located) = three_records();
        store.damage(PACK, |bytes| {
            let at = at.min(bytes.len());
            bytes.splice(at..at, noise);
            if magic {
                bytes.splice(at..at, *b"DLR1");
            }
        });
        let total = store.pack_bytes(PACK).unwrap().len() as u64;
        for depth in [Depth::Index, Depth::AllBytes] {
            let summary = store.scan(PACK, depth, &mut |_| ()).unwrap();
            prop_assert!(summary.gap_bytes + summary.tail_bytes <= total);
        }
        for place in &located {
            let _ = store.read_chunk(place);
            let _ = store.read_record(&place.location);
        }
    }
}
