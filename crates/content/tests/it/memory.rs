//! The store in memory keeps the port's promises, and its faults are those of a disk.

use content::conformance::{self, PACK_BYTES, Rig, append, expect_readable, noise, single};
use content::{ChunkStore, Depth, ErrorKind, Fault, MemoryStore, Retry};
use std::sync::Arc;

struct Memory(MemoryStore);

impl Rig for Memory {
    fn open(&mut self) -> Arc<dyn ChunkStore> {
        self.0.restart();
        Arc::new(self.0.clone())
    }
}

#[test]
fn the_store_in_memory_keeps_the_ports_promises() {
    conformance::run(|| Memory(MemoryStore::with_pack_bytes(PACK_BYTES)));
}

#[test]
fn a_full_disk_is_told_as_such_and_passes() {
    let store = MemoryStore::new();
    store.fail_next_append(Fault::NoSpace);
    let error = append(&store, &[single(b"one")]).unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::NoSpace, Retry::AfterSpaceIsFreed));
    let located = append(&store, &[single(b"one")]).unwrap();
    expect_readable(&store, &located);
}

#[test]
fn a_refused_or_torn_write_gives_the_pack_up_and_loses_nothing() {
    let store = MemoryStore::new();
    let mut located = append(&store, &[single(&noise(1, 1000))]).unwrap();
    for (fault, tail) in [(Fault::Io, 0), (Fault::Torn(0), 0), (Fault::Torn(30), 30), (Fault::Torn(700), 700)]
    {
        let pack = located.last().unwrap().location.pack;
        store.fail_next_append(fault);
        let error = append(&store, &[single(&noise(2, 1000))]).unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Io, Retry::Later));
        let summary = store.scan(pack, Depth::AllBytes, &mut |_| ()).unwrap();
        assert!(summary.is_clean());
        assert_eq!((summary.records, summary.tail_bytes), (1, tail));

        located.extend(append(&store, &[single(&noise(3, 1000))]).unwrap());
        assert!(located.last().unwrap().location.pack > pack, "a pack that failed is not written to again");
        expect_readable(&store, &located);
    }
    assert_eq!(store.counters().failed_packs, 4);
}
