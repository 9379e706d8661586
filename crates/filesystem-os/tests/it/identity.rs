//! Which replica a directory is, and what becomes of one that is not there.

use crate::ground::{Ground, MARKER, path};
use filesystem::{Disk as _, ErrorKind};
use filesystem_os::OsDisk;
use std::fs;

#[test]
fn a_replica_is_made_once_and_opened_by_its_marker_by_one_program_at_a_time() {
    let ground = Ground::new();
    let root = ground.root();
    OsDisk::create(&root, MARKER).unwrap();
    assert_eq!(OsDisk::create(&root, "pair 2").unwrap_err().kind, ErrorKind::Exists);
    assert_eq!(OsDisk::open(&root, "pair 2").unwrap_err().kind, ErrorKind::Offline);
    assert_eq!(OsDisk::open(&root, MARKER).unwrap_err().kind, ErrorKind::Busy);
    assert_eq!(&*ground.disk.check().unwrap().marker, MARKER);
}

#[test]
fn a_directory_without_marker_is_offline() {
    let ground = Ground::new();
    let bare = ground.outside().join("bare");
    fs::create_dir(&bare).unwrap();
    assert_eq!(OsDisk::open(&bare, MARKER).unwrap_err().kind, ErrorKind::Offline);
    assert_eq!(OsDisk::open(&bare.join("none"), MARKER).unwrap_err().kind, ErrorKind::Offline);
    assert_eq!(OsDisk::create(&bare.join("none"), MARKER).unwrap_err().kind, ErrorKind::Offline);
}

#[test]
fn a_root_that_is_gone_or_replaced_is_offline() {
    let ground = Ground::new();
    ground.disk.check().unwrap();
    let (root, aside) = (ground.root(), ground.outside().join("aside"));
    fs::rename(&root, &aside).unwrap();
    assert_eq!(ground.disk.check().unwrap_err().kind, ErrorKind::Offline);
    fs::create_dir(&root).unwrap();
    assert_eq!(ground.disk.check().unwrap_err().kind, ErrorKind::Offline);
    OsDisk::create(&root, MARKER).unwrap();
    assert_eq!(
        ground.disk.check().unwrap_err().kind,
        ErrorKind::Offline,
        "another directory with the same marker"
    );
    fs::remove_dir_all(&root).unwrap();
    fs::rename(&aside, &root).unwrap();
    ground.disk.check().unwrap();
    fs::write(ground.at(".driftless/marker"), "pair 2").unwrap();
    assert_eq!(ground.disk.check().unwrap_err().kind, ErrorKind::Offline);
    fs::remove_dir_all(ground.at(".driftless")).unwrap();
    assert_eq!(ground.disk.check().unwrap_err().kind, ErrorKind::Offline);
}

#[test]
fn ids_are_not_given_twice_after_a_restart() {
    let ground = Ground::new();
    let first = ground.disk.stage_file().unwrap().id();
    let (root, disk) = (ground.root(), ground.disk.clone());
    let ground = ground.close();
    drop(disk);
    let disk = OsDisk::open(&root, MARKER).unwrap();
    assert_eq!(disk.staged().unwrap(), [first]);
    assert_ne!(disk.stage_file().unwrap().id(), first);
    drop(ground);
}

#[test]
fn two_hundred_files_that_reuse_an_inode_number_have_two_hundred_handles() {
    let ground = Ground::new();
    let mut handles = std::collections::BTreeSet::new();
    for _ in 0..200 {
        fs::write(ground.at("a"), b"1").unwrap();
        handles.insert(ground.disk.look(&path("a").into()).unwrap().unwrap().fingerprint.handle.0);
        fs::remove_file(ground.at("a")).unwrap();
    }
    assert_eq!(handles.len(), 200);
}
