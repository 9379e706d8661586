//! Any history of appends, restarts, torn tails and removals.

use crate::OnDisk;
use content::conformance::{append, block, expect_readable, noise, single, text};
use content::{ChunkStore, Located, StoredRecord};
use proptest::prelude::*;
use std::fs::File;
use std::os::unix::fs::FileExt;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(bool, usize)>),
    Block(Vec<usize>),
    Restart,
    /// A restart after a crash that left so many bytes of garbage at the end of the newest pack.
    Crash(usize),
    RemoveOldest,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![4 => 1..2000_usize, 1 => 50_000..200_000_usize];
    let step = prop_oneof![
        5 => prop::collection::vec((any::<bool>(), length), 1..6).prop_map(Step::Append),
        3 => prop::collection::vec(1..3000_usize, 1..30).prop_map(Step::Block),
        2 => Just(Step::Restart),
        2 => (1..5000_usize).prop_map(Step::Crash),
        1 => Just(Step::RemoveOldest),
    ];
    prop::collection::vec(step, 1..25)
}

fn bytes(seed: u64, compresses: bool, length: usize) -> Vec<u8> {
    if compresses { text(seed, length) } else { noise(seed, length) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_append_returned_is_readable_after_any_history(steps in steps()) {
        let disk = OnDisk::new();
        let mut store = disk.store();
        let mut located: Vec<Located> = Vec::new();
        for (seed, step) in (0_u64..).map(|number| number * 1000).zip(steps) {
            let records: Vec<StoredRecord> = match step {
                Step::Append(chunks) => (seed..)
                    .zip(chunks)
                    .map(|(seed, (compresses, length))| single(&bytes(seed, compresses, length)))
                    .collect(),
                Step::Block(chunks) => {
                    let chunks = (seed..).zip(chunks).map(|(seed, length)| bytes(seed, seed % 3 > 0, length));
                    vec![block(&chunks.collect::<Vec<_>>())]
                }
                Step::Restart => {
                    drop(store);
                    store = disk.store();
                    vec![]
                }
                Step::Crash(garbage) => {
                    drop(store);
                    if let Some(newest) = disk.pack_files().last() {
                        let file = File::options().write(true).open(newest).unwrap();
                        file.write_all_at(&noise(seed, garbage), file.metadata().unwrap().len()).unwrap();
                    }
                    store = disk.store();
                    vec![]
                }
                Step::RemoveOldest => {
                    let oldest = store.packs().unwrap().first().map(|info| info.pack);
                    if let Some(oldest) = oldest.filter(|pack| store.remove_pack(*pack).is_ok()) {
                        located.retain(|place| place.location.pack != oldest);
                    }
                    vec![]
                }
            };
            let newest = located.iter().map(|place| place.location.pack).max();
            let fresh = append(&store, &records).unwrap();
            for place in &fresh {
                prop_assert!(Some(place.location.pack) >= newest, "packs are never gone back to");
                prop_assert!(!located.contains(place), "no place is given out twice");
            }
            located.extend(fresh);
        }
        expect_readable(&store, &located);
        drop(store);
        expect_readable(&disk.store(), &located);
    }
}
