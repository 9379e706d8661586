//! What appending costs: counted, not timed.

use crate::OnDisk;
use content::ChunkStore;
use content::conformance::{append, block, expect_readable, noise, single, text};
use content_store::PackStore;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn twenty_thousand_small_chunks_in_one_batch_cost_one_flush_of_the_pack() {
    let disk = OnDisk::new();
    let store = PackStore::open(disk.0.path()).unwrap();
    let before = store.counters().fsyncs;
    let blocks: Vec<_> = (0..100)
        .map(|number| block(&(0..200).map(|file| noise(number * 200 + file, 400)).collect::<Vec<_>>()))
        .collect();
    let located = append(&store, &blocks).unwrap();
    assert_eq!(located.len(), 20_000);
    // The pack, its directory, and the directory of directories.
    assert_eq!(store.counters().fsyncs - before, 3);
    append(&store, &blocks[..1]).unwrap();
    assert_eq!(store.counters().fsyncs - before, 4);

    expect_readable(&store, &located);
    assert_eq!(store.counters().reads, 100, "a block is read once for all its chunks");
}

#[test]
fn text_is_stored_compressed_and_noise_as_it_is() {
    let disk = OnDisk::new();
    let store = disk.store();
    let files = (0..100).map(|seed| text(seed, 4096)).collect::<Vec<_>>();
    let located = append(&store, &[block(&files), single(&noise(1, 100_000))]).unwrap();
    assert!(located[0].location.stored_length < 409_600 / 10);
    assert_eq!(located[100].location.stored_length, 100_000);
    expect_readable(&store, &located);
}

#[test]
fn opening_and_reading_create_nothing() {
    let disk = OnDisk::new();
    for _ in 0..3 {
        assert!(disk.store().packs().unwrap().is_empty());
    }
    append(&disk.store(), &[single(b"one")]).unwrap();
    for _ in 0..3 {
        assert_eq!(disk.store().packs().unwrap().len(), 1);
    }
}

#[test]
fn packs_are_nobody_elses_to_read() {
    let disk = OnDisk::new();
    append(&disk.store(), &[single(b"private")]).unwrap();
    let file = disk.pack_files().remove(0);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
}
