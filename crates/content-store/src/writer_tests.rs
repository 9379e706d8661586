//! A disk that refuses: writes and flushes that fail on demand of the thread that makes them.

use super::{OpenPack, write_all_at};
use crate::PackStore;
use content::conformance::{append, expect_readable, noise, single};
use content::{ChunkStore, Depth, ErrorKind, Located};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The write fails after this many bytes.
    Write(usize),
    /// The flush fails.
    Flush,
    /// The disk is full after this many bytes.
    Full(usize),
    /// The disk turns out to be full when it is flushed (delayed allocation, quota, network file systems).
    FullAtFlush,
}

thread_local! {
    /// What this thread does between taking the measure of a flush and making it.
    static PAUSE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    static COMING: RefCell<VecDeque<Fault>> = const { RefCell::new(VecDeque::new()) };
}

fn coming(fits: impl Fn(Fault) -> bool) -> Option<Fault> {
    COMING.with_borrow_mut(|coming| {
        coming.front().copied().filter(|fault| fits(*fault)).and_then(|_| coming.pop_front())
    })
}

fn fail_next(faults: &[Fault]) {
    COMING.with_borrow_mut(|coming| coming.extend(faults));
}

pub(super) fn before_write(pack: &OpenPack, start: u64) -> io::Result<()> {
    let torn = |bytes| write_all_at(&pack.file, &mut [IoSlice::new(&vec![0xAA; bytes])], start);
    match coming(|fault| matches!(fault, Fault::Write(_) | Fault::Full(_))) {
        Some(Fault::Write(bytes)) => torn(bytes).and(Err(rustix::io::Errno::IO.into())),
        Some(Fault::Full(bytes)) => torn(bytes).and(Err(rustix::io::Errno::NOSPC.into())),
        _ => Ok(()),
    }
}

pub(super) fn before_flush() -> io::Result<()> {
    if let Some(pause) = PAUSE.take() {
        pause();
    }
    match coming(|fault| matches!(fault, Fault::Flush | Fault::FullAtFlush)) {
        Some(Fault::Flush) => Err(rustix::io::Errno::IO.into()),
        Some(_) => Err(rustix::io::Errno::DQUOT.into()),
        None => Ok(()),
    }
}

fn one(store: &PackStore, seed: u64) -> Located {
    append(store, &[single(&noise(seed, 2000))]).unwrap()[0]
}

/// As a client does: tries again until it is told that its bytes are on disk.
fn persistently(store: &PackStore, seed: u64) -> Located {
    loop {
        match append(store, &[single(&noise(seed, 2000))]) {
            Ok(located) => return located[0],
            Err(error) => assert_eq!(error.kind(), ErrorKind::Io),
        }
    }
}

#[test]
fn a_failed_write_or_flush_ends_its_pack_and_the_batch_goes_to_a_new_one() {
    for fault in [Fault::Write(0), Fault::Write(700), Fault::Flush] {
        let directory = tempfile::tempdir().unwrap();
        let store = PackStore::open(directory.path()).unwrap();
        let before = one(&store, 1);
        fail_next(&[fault]);
        let during = one(&store, 2);
        let after = one(&store, 3);
        assert!(during.location.pack > before.location.pack, "{fault:?}");
        assert_eq!(after.location.pack, during.location.pack, "the new pack goes on");
        assert_eq!(store.counters().failed_packs, 1);
        expect_readable(&store, &[before, during, after]);
        expect_readable(&PackStore::open(directory.path()).unwrap(), &[before, during, after]);
    }
}

#[test]
fn a_disk_that_keeps_failing_is_believed_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = PackStore::open(directory.path()).unwrap();
    let before = one(&store, 1);
    fail_next(&[Fault::Flush, Fault::Write(10), Fault::Flush]);
    let error = append(&store, &[single(&noise(2, 2000))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(store.counters().failed_packs, 3);
    let after = one(&store, 2);
    expect_readable(&store, &[before, after]);
    for pack in store.packs().unwrap() {
        assert!(store.scan(pack.pack, Depth::AllBytes, &mut |_| ()).unwrap().is_clean());
    }
}

#[test]
fn a_full_disk_leaves_nothing_of_the_batch_and_the_pack_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = PackStore::open(directory.path()).unwrap();
    let before = one(&store, 1);
    let bytes = store.packs().unwrap()[0].bytes;
    fail_next(&[Fault::Full(1500)]);
    let error = append(&store, &[single(&noise(2, 2000))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert_eq!(store.packs().unwrap()[0].bytes, bytes, "the half batch is cut off again");
    let after = one(&store, 3);
    assert_eq!(after.location.pack, before.location.pack);
    assert_eq!(store.counters().failed_packs, 0);
    expect_readable(&store, &[before, after]);
}

#[test]
fn a_disk_found_full_at_the_flush_ends_the_pack() {
    let directory = tempfile::tempdir().unwrap();
    let store = PackStore::open(directory.path()).unwrap();
    let before = one(&store, 1);
    fail_next(&[Fault::FullAtFlush]);
    let error = append(&store, &[single(&noise(2, 2000))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    let after = one(&store, 3);
    assert!(
        after.location.pack > before.location.pack,
        "what a failed flush leaves in a pack is not trusted"
    );
    expect_readable(&store, &[before, after]);
}

/// Its number would be given out twice.
#[test]
fn the_newest_pack_stays_when_the_next_cannot_be_made() {
    let directory = tempfile::tempdir().unwrap();
    let store = PackStore::open(directory.path()).unwrap();
    let before = one(&store, 1);
    let in_the_way = directory.path().join(content::pack::relative_path(content::PackId(2)));
    std::fs::write(&in_the_way, "").unwrap();
    assert!(store.seal().is_err());
    std::fs::remove_file(&in_the_way).unwrap();
    assert_eq!(store.remove_pack(before.location.pack).unwrap_err().kind(), ErrorKind::Busy);
    let after = one(&store, 3);
    expect_readable(&store, &[before, after]);
}

/// Everybody who waits for the flush that fails writes again; nobody is told of success.
#[test]
fn a_failed_flush_is_shared_by_all_who_waited_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = PackStore::open(directory.path()).unwrap();
    let located: Vec<Located> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    (0..20)
                        .map(|batch| {
                            if batch % 5 == thread % 5 {
                                fail_next(&[Fault::Flush]);
                            }
                            persistently(store, thread * 100 + batch)
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert!(store.counters().failed_packs > 0);
    expect_readable(&PackStore::open(directory.path()).unwrap(), &located);
}

#[test]
fn callers_who_wait_for_a_flush_share_the_next() {
    const WAITING: u64 = 8;
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(PackStore::open(directory.path()).unwrap());
    one(&store, 0);
    let batch = store.counters().written_bytes;
    let before = store.counters();

    std::thread::scope(|scope| {
        let (flushing, flushes) = std::sync::mpsc::channel();
        let first = Arc::clone(&store);
        scope.spawn(move || {
            let watched = Arc::clone(&first);
            PAUSE.set(Some(Box::new(move || {
                flushing.send(()).unwrap();
                while watched.counters().written_bytes < (2 + WAITING) * batch {
                    std::thread::yield_now();
                }
            })));
            one(&first, 1);
        });
        flushes.recv().unwrap();
        for seed in 0..WAITING {
            let store = &store;
            scope.spawn(move || one(store, 2 + seed));
        }
    });
    let after = store.counters();
    assert_eq!(after.appends - before.appends, 1 + WAITING);
    assert_eq!(after.fsyncs - before.fsyncs, 2, "one for the first, one for all who came meanwhile");
}
