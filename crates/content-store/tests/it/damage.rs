//! Torn tails and flipped bits, in real files.

use crate::{OnDisk, open};
use content::conformance::{append, block, expect_damage_is_seen, expect_readable, noise, single, text};
use content::pack::RECORD_HEAD_BYTES;
use content::{ChunkStore, Depth, Located, Scanned};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a pack looks like when its last record was torn off, or overwritten with garbage, from this offset on.
fn tear(file: &Path, whole: &[u8], at: usize, garbage: bool) {
    let mut bytes = whole[..at].to_vec();
    if garbage {
        bytes.extend(noise(at as u64, whole.len() - at));
    }
    fs::write(file, bytes).expect("the pack of the test is writable");
}

#[test]
fn a_tail_torn_at_any_byte_costs_nothing_that_was_acknowledged() {
    let disk = OnDisk::new();
    let store = disk.store();
    let acknowledged =
        append(&store, &[single(&noise(1, 200)), block(&[text(2, 90), noise(3, 50)])]).unwrap();
    let last = append(&store, &[block(&[noise(4, 60), noise(5, 70)])]).unwrap();
    drop(store);
    let file = disk.pack_files().remove(0);
    let whole = fs::read(&file).unwrap();
    let from = last[0].location.offset as usize;
    assert!(whole.len() > from + 200);

    for at in from..whole.len() {
        for garbage in [false, true] {
            tear(&file, &whole, at, garbage);
            let store = disk.store();
            expect_readable(&store, &acknowledged);
            let mut found = Vec::new();
            let summary = store.scan(acknowledged[0].location.pack, Depth::AllBytes, &mut |scanned| {
                if let Scanned::Record(chunks) = scanned {
                    found.extend(chunks);
                }
            });
            let summary = summary.unwrap();
            assert_eq!(found, acknowledged, "torn at {at}");
            let left = fs::metadata(&file).unwrap().len() - from as u64;
            let broken = summary.broken_records > 0;
            assert!(broken || summary.tail_bytes == left, "torn at {at}: {summary:?}");
            // A place leads to the bytes even where only the record's table is torn off.
            let whole_bytes = at >= from + RECORD_HEAD_BYTES + last[0].location.stored_length as usize;
            assert!(last.iter().all(|place| store.read_chunk(place).is_ok() == whole_bytes), "torn at {at}");
        }
    }

    tear(&file, &whole, from + 77, true);
    let torn = fs::read(&file).unwrap();
    let store = disk.store();
    let fresh = append(&store, &[single(&noise(6, 200))]).unwrap();
    assert!(fresh[0].location.pack > acknowledged[0].location.pack);
    assert_eq!(fs::read(&file).unwrap(), torn, "what an earlier process left is not touched");
    expect_readable(&store, &[acknowledged, fresh].concat());
}

#[test]
fn a_flipped_bit_is_seen_by_read_and_scan() {
    let disk = OnDisk::new();
    let store = disk.store();
    let located = append(&store, &[single(&noise(1, 3000)), single(&text(2, 3000))]).unwrap();
    let file = disk.pack_files().remove(0);
    for place in &located {
        expect_damage_is_seen(&store, place, |_, offset| {
            let file = File::options().read(true).write(true).open(&file).unwrap();
            let mut byte = [0];
            file.read_exact_at(&mut byte, offset + 11).unwrap();
            byte[0] ^= 4;
            file.write_all_at(&byte, offset + 11).unwrap();
        });
    }
}

#[test]
fn an_index_is_rebuilt_from_packs_alone() {
    let disk = OnDisk::new();
    let mut located: Vec<Located> = Vec::new();
    for round in 0..4 {
        let store = disk.store();
        for batch in 0..3 {
            let seed = round * 10 + batch;
            let records = [single(&noise(seed, 90_000)), block(&[text(seed, 300), text(seed + 100, 500)])];
            located.extend(append(&store, &records).unwrap());
        }
    }
    let copy = OnDisk::new();
    for file in disk.pack_files() {
        let to = copy.0.path().join(file.strip_prefix(disk.0.path()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&file, to).unwrap();
    }
    fs::write(copy.0.path().join("notes.txt"), "not ours").unwrap();
    fs::write(copy.0.path().join("000000/000000000007.pack.part"), "nor this").unwrap();
    fs::write(copy.0.path().join("000000/9.pack"), "nor this").unwrap();
    let store = open(copy.0.path());
    let mut found = Vec::new();
    for info in store.packs().unwrap() {
        let mut sink = |scanned| match scanned {
            Scanned::Record(chunks) => found.extend(chunks),
            other => panic!("{other:?}"),
        };
        store.scan(info.pack, Depth::Index, &mut sink).unwrap();
    }
    assert_eq!(found, located);
    expect_readable(&store, &found);
}
