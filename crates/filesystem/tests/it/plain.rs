//! What procedures refuse, and how the fake disk behaves.

use crate::world::{MTIME, aside, bytes_at, contents, fingerprint, look, name, path, stage, tend};
use filesystem::change::{self, Expected, Outcome};
use filesystem::fake::{FakeDisk, FakeOptions, WatchFaults};
use filesystem::{Disk as _, ErrorKind, Place, WatchEvent, Watcher as _};
use model::{RelativePath, Timestamp};
use std::ops::ControlFlow;

fn disk() -> FakeDisk {
    FakeDisk::new(FakeOptions::default())
}

#[test]
fn a_new_file_never_replaces_one_that_is_there() {
    let disk = disk();
    disk.user(|user| user.write(&path("a"), b"theirs")).unwrap();
    let staged = stage(&disk, b"ours");
    let outcome = change::install(&disk, &staged, &path("a"), Expected::Absent, &aside).unwrap();
    assert!(matches!(outcome, Outcome::Refused { found: Some(_), kept: None }));
    assert_eq!(bytes_at(&disk, "a").unwrap(), "theirs");
    assert!(disk.look(&Place::Staged(staged.id)).unwrap().is_some());
}

#[test]
fn a_proof_that_fails_refuses() {
    let disk = disk();
    disk.user(|user| user.write(&path("a"), b"1")).unwrap();
    let fingerprint = fingerprint(&disk, "a");
    let staged = stage(&disk, b"2");
    let proof = |_: &mut dyn filesystem::ReadFile| Ok(false);
    let expected = Expected::Present { fingerprint: &fingerprint, proof: Some(&proof) };
    let outcome = change::install(&disk, &staged, &path("a"), expected, &aside).unwrap();
    assert!(matches!(outcome, Outcome::Refused { .. }));
    let outcome = change::remove(&disk, &path("a"), &fingerprint, Some(&proof), &aside).unwrap();
    assert!(matches!(outcome, Outcome::Refused { .. }));
    assert_eq!(bytes_at(&disk, "a").unwrap(), "1");
}

#[test]
fn a_file_being_written_to_is_busy() {
    let disk = disk();
    let writer = disk.user(|user| {
        user.write(&path("a"), b"1").unwrap();
        user.open(&path("a")).unwrap()
    });
    let fingerprint = fingerprint(&disk, "a");
    let staged = stage(&disk, b"2");
    let expected = Expected::Present { fingerprint: &fingerprint, proof: None };
    let error = change::install(&disk, &staged, &path("a"), expected, &aside).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    disk.user(|user| user.close(writer));
    assert!(matches!(
        change::install(&disk, &staged, &path("a"), expected, &aside).unwrap(),
        Outcome::Done { trashed: Some(_), .. }
    ));
    assert_eq!(bytes_at(&disk, "a").unwrap(), "2");
}

#[test]
fn a_directory_with_something_in_it_is_not_removed_but_one_with_ignored_names_is() {
    let disk = disk();
    disk.user(|user| {
        user.make_directory(&path("d")).unwrap();
        user.write(&path("d/.DS_Store"), b"x").unwrap();
        user.write(&path("d/mine"), b"x").unwrap();
    });
    let fingerprint = fingerprint(&disk, "d");
    let remove = || change::remove(&disk, &path("d"), &fingerprint, None, &aside).unwrap();
    assert!(matches!(remove(), Outcome::Refused { found: Some(_), .. }));
    disk.user(|user| user.remove(&path("d/mine"))).unwrap();
    assert!(matches!(remove(), Outcome::Done { trashed: Some(_), .. }));
    assert_eq!(tend(&disk).emptied, 1);
    assert!(disk.user(|user| user.trash()).is_empty());
}

#[test]
fn a_directory_filled_after_it_was_trashed_comes_back() {
    let disk = disk();
    disk.user(|user| user.make_directory(&path("d"))).unwrap();
    let fingerprint = fingerprint(&disk, "d");
    let Outcome::Done { trashed: Some(trashed), .. } =
        change::remove(&disk, &path("d"), &fingerprint, None, &aside).unwrap()
    else {
        panic!("not removed")
    };
    // A program whose working directory it was writes on.
    let late = Place::Trashed(trashed);
    assert!(disk.look(&late).unwrap().is_some());
    disk.user(|user| user.write_into_trash("late", b"late"));
    let tended = tend(&disk);
    assert_eq!(tended.rescued, [path("d (rescued 0)")]);
    assert_eq!(bytes_at(&disk, "d (rescued 0)/late").unwrap(), "late");
}

#[test]
fn a_move_takes_the_node_whatever_its_content_but_no_other_node() {
    let disk = disk();
    disk.user(|user| user.write(&path("a"), b"1")).unwrap();
    let before = fingerprint(&disk, "a");
    disk.user(|user| user.append(&path("a"), b"2")).unwrap();
    assert!(matches!(
        change::move_node(&disk, &path("a"), &path("b"), &before, &aside).unwrap(),
        Outcome::Done { trashed: None, .. }
    ));
    assert_eq!(bytes_at(&disk, "b").unwrap(), "12");
    disk.user(|user| user.save(&path("b"), b"3")).unwrap();
    assert!(matches!(
        change::move_node(&disk, &path("b"), &path("c"), &before, &aside).unwrap(),
        Outcome::Refused { found: Some(_), kept: None }
    ));
    disk.user(|user| user.write(&path("c"), b"4")).unwrap();
    let fingerprint = fingerprint(&disk, "b");
    assert!(matches!(
        change::move_node(&disk, &path("b"), &path("c"), &fingerprint, &aside).unwrap(),
        Outcome::Refused { found: Some(_), kept: None }
    ));
    assert_eq!((bytes_at(&disk, "b").unwrap(), bytes_at(&disk, "c").unwrap()), ("3".into(), "4".into()));
}

#[test]
fn a_name_is_respelt_on_a_disk_that_does_not_tell_spellings_apart() {
    let disk = FakeDisk::new(FakeOptions { insensitive: true, ..FakeOptions::default() });
    disk.user(|user| user.write(&path("readme"), b"1")).unwrap();
    assert_eq!(look(&disk, "README").unwrap().name, name("readme"));
    let fingerprint = fingerprint(&disk, "readme");
    let outcome = change::move_node(&disk, &path("readme"), &path("README"), &fingerprint, &aside).unwrap();
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!(look(&disk, "readme").unwrap().name, name("README"));
    assert_eq!(contents(&disk), ["1"]);
}

#[test]
fn a_hard_link_to_itself_in_the_way_of_a_move_is_refused() {
    let disk = disk();
    disk.user(|user| {
        user.write(&path("a"), b"1").unwrap();
        user.make_hard_link(&path("A"), &path("a")).unwrap();
    });
    let fingerprint = fingerprint(&disk, "a");
    let outcome = change::move_node(&disk, &path("a"), &path("A"), &fingerprint, &aside).unwrap();
    assert!(matches!(outcome, Outcome::Refused { found: Some(_), .. }));
}

#[test]
fn attributes_are_set_on_the_expected_state_only() {
    let disk = disk();
    disk.user(|user| user.write(&path("a"), b"1")).unwrap();
    let before = fingerprint(&disk, "a");
    let Outcome::Done { fingerprint: after, .. } =
        change::set_attributes(&disk, &path("a"), &before, MTIME, true).unwrap()
    else {
        panic!("refused")
    };
    assert_eq!((after.mtime, after.executable), (MTIME, true));
    disk.user(|user| user.append(&path("a"), b"2")).unwrap();
    let outcome = change::set_attributes(&disk, &path("a"), &after, Timestamp(0), false).unwrap();
    assert!(matches!(outcome, Outcome::Refused { .. }));
    assert_ne!(fingerprint(&disk, "a").mtime, Timestamp(0));
}

#[test]
fn a_file_changed_while_it_is_read_is_not_stable() {
    let disk = disk();
    disk.user(|user| user.write(&path("a"), &vec![7; 3 << 20])).unwrap();
    let place = Place::from(path("a"));
    let mut read = 0;
    let stable = change::read_stable(&disk, &place, None, &mut |piece| {
        read += piece.len();
        ControlFlow::Continue(())
    });
    assert_eq!(stable.unwrap(), Some(fingerprint(&disk, "a")));
    assert_eq!(read, 3 << 20);
    type Disturb = fn(&mut filesystem::fake::User<'_>);
    let disturbances: [Disturb; 3] = [
        |user| user.append(&path("a"), b"x").unwrap(),
        |user| user.save(&path("a"), b"other").unwrap(),
        |user| user.remove(&path("a")).unwrap(),
    ];
    for disturb in disturbances {
        let disk = disk.fork();
        let error = change::read_stable(&disk, &place, None, &mut |_| {
            // Once is enough; afterwards it may be gone.
            if disk.user(|user| user.sees(&path("a"))) {
                disk.user(disturb);
            }
            ControlFlow::Continue(())
        })
        .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Changed);
    }
}

#[test]
fn an_inode_number_used_again_is_another_handle() {
    let disk = disk();
    disk.user(|user| user.write(&path("a"), b"1")).unwrap();
    let before = fingerprint(&disk, "a");
    disk.user(|user| {
        user.remove(&path("a")).unwrap();
        user.write(&path("a"), b"1").unwrap();
    });
    let after = fingerprint(&disk, "a");
    assert_eq!(before.handle.0[..8], after.handle.0[..8], "the number is used again");
    assert_ne!(before.handle, after.handle);
}

#[test]
fn what_was_not_synced_may_be_lost_and_what_was_may_not() {
    let mut survived = 0;
    for seed in 0..100 {
        let disk = disk();
        let synced = stage(&disk, b"synced");
        change::install(&disk, &synced, &path("a"), Expected::Absent, &aside).unwrap();
        disk.sync_directories(&[RelativePath::root()]).unwrap();
        disk.user(|user| user.write(&path("b"), b"unsynced")).unwrap();
        disk.restart_machine(seed);
        assert_eq!(bytes_at(&disk, "a").unwrap(), "synced");
        survived += u32::from(bytes_at(&disk, "b").as_deref() == Some("unsynced"));
    }
    assert!((1..100).contains(&survived), "{survived} of 100");
}

#[test]
fn a_full_disk_says_so() {
    let disk = FakeDisk::new(FakeOptions { capacity: 10, ..FakeOptions::default() });
    let mut file = disk.stage_file().unwrap();
    assert_eq!(file.reserve(11).unwrap_err().kind, ErrorKind::NoSpace);
    file.write_at(0, &[0; 10]).unwrap();
    assert_eq!(file.write_at(10, &[0]).unwrap_err().kind, ErrorKind::NoSpace);
    assert_eq!(disk.free_bytes().unwrap(), 0);
}

#[test]
fn a_watcher_tells_where_to_look_and_a_barrier_comes_last() {
    let disk = disk();
    let watcher = disk.watch(WatchFaults { late: 500, seed: 3, ..WatchFaults::default() }, None);
    assert_eq!(watcher.take(), [WatchEvent::Lost(RelativePath::root())]);
    disk.user(|user| {
        user.make_directory(&path("d")).unwrap();
        for index in 0..20 {
            user.write(&path(&format!("d/{index}")), b"x").unwrap();
        }
    });
    let barrier = watcher.barrier().unwrap();
    let events = watcher.take();
    assert_eq!(events.last(), Some(&WatchEvent::Passed(barrier)));
    for index in 0..20 {
        let told = events.iter().any(|event| match event {
            WatchEvent::Entry(at) => *at == path(&format!("d/{index}")),
            WatchEvent::Dirty(at) | WatchEvent::Lost(at) => *at == path("d"),
            _ => false,
        });
        assert!(told, "{index}");
    }
}

#[test]
fn a_missing_mount_is_offline_and_never_empty() {
    let disk = disk();
    disk.user(|user| user.write(&path("a"), b"1")).unwrap();
    disk.set_offline(true);
    assert_eq!(disk.check().unwrap_err().kind, ErrorKind::Offline);
    assert_eq!(disk.list(&RelativePath::root().into()).unwrap_err().kind, ErrorKind::Offline);
    assert_eq!(disk.look(&path("a").into()).unwrap_err().kind, ErrorKind::Offline);
    disk.set_offline(false);
    disk.set_marker("another");
    assert_eq!(disk.check().unwrap_err().kind, ErrorKind::Offline);
}
